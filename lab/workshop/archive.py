"""The archive that the registry gives to users, as comfy-cli packs it: all of git but what .comfyignore names."""

import subprocess
import zipfile
from pathlib import Path

from .comfyui import REPO

NEW = "--others", "--exclude-standard"
"""What is not in git yet but would be, so that work in progress is tried as it will be shipped."""


def archive_names() -> list[str]:
    """The files of the archive, relative to the repository."""
    kept = _listed("--cached", *NEW)
    ignored = _listed("--cached", "--ignored", "--exclude-from=.comfyignore")
    ignored |= _listed("--others", "--ignored", "--exclude-from=.comfyignore")
    return sorted(name for name in kept - ignored if (REPO / name).is_file())


def pack(archive: Path) -> Path:
    """Write the archive; returns its path."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in archive_names():
            packed.write(REPO / name, name)
    return archive


def unpacked(folder: Path) -> Path:
    """Unpack a fresh archive into a new folder, as ComfyUI-Manager does; returns the folder."""
    folder.mkdir(parents=True)
    archive = pack(folder.with_suffix(".zip"))
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    archive.unlink()
    return folder


def _listed(*options: str) -> set[str]:
    command = ["git", "-c", "core.quotePath=false", "ls-files", "-z", *options]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    return set(filter(None, done.stdout.split("\0")))
