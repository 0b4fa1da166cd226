"""Fetch the files that a job made."""

import filecmp
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ..errors import FFGOError
from .client import Server
from .workflow import Workflow, title_of

Outputs = dict[str, dict[str, Any]]
"""Node id -> what the node shows, as the server's history has it."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the server names it; `folder` is "output" or "temp"."""

    name: str
    subfolder: str
    folder: str

    def query(self) -> dict[str, str]:
        return {"filename": self.name, "subfolder": self.subfolder, "type": self.folder}


async def fetch(
    server: Server, workflow: Workflow, outputs: Outputs, out: Path, *, previews: bool
) -> dict[str, list[Path]]:
    """Download the files of a finished job into `out`, all of them or, on an error, none; returns them by node title.

    previews: also what nodes only show (the server's temp folder). A local file of other content is never
    overwritten: the new one gets a number. Raises: FFGOError.
    """
    files = list(files_of(outputs, {"output", "temp"} if previews else {"output"}))
    for _, file in files:
        check_name(file.name)
    try:
        paths = await _fetch_all(server, list(dict.fromkeys(file for _, file in files)), out)
    except OSError as error:
        raise FFGOError(
            f"The results cannot be written to {out}: {error.strerror}. They are still in the server's output folder."
        ) from error
    by_title: dict[str, list[Path]] = {}
    for node_id, file in files:
        by_title.setdefault(title_of(workflow, node_id), []).append(paths[file])
    return by_title


async def _fetch_all(server: Server, files: list[RemoteFile], out: Path) -> dict[RemoteFile, Path]:
    """Download into a hidden folder, and move the files to their places when all are there."""
    with tempfile.TemporaryDirectory(prefix=".ffgo-", dir=out) as folder:
        temporary = {file: Path(folder) / str(number) for number, file in enumerate(files)}
        for file, path in temporary.items():
            await server.download(file.query(), path)
        return {file: _move(path, out / file.name) for file, path in temporary.items()}


def files_of(outputs: Outputs, folders: set[str]) -> Iterator[tuple[str, RemoteFile]]:
    """Every file under the outputs (images, gifs, video, audio ...) that lies in one of the server's `folders`."""
    for node_id, shown in outputs.items():
        for items in shown.values():
            for item in items if isinstance(items, list) else []:
                if isinstance(item, dict) and "filename" in item and item.get("type") in folders:
                    yield node_id, RemoteFile(str(item["filename"]), str(item.get("subfolder") or ""), item["type"])


def texts_of(outputs: Outputs) -> Iterator[tuple[str, str]]:
    """Every text that a node shows, with the node's id."""
    for node_id, shown in outputs.items():
        for text in shown.get("text") or []:
            if isinstance(text, str):
                yield node_id, text


def check_name(name: str) -> None:
    """Raises: FFGOError if a name from the server is more than the name of a file, on whatever system this runs."""
    plain = name == PurePosixPath(name).name == PureWindowsPath(name).name
    if not plain or name in ("", ".", "..") or not name.isprintable():
        raise FFGOError(f"The server names an output {name!r}, which is no plain file name. Nothing was fetched.")


def _move(source: Path, target: Path) -> Path:
    """Move a file to `target`, or beside it under a number if another file has that name."""
    path, number = target, 1
    while path.exists():
        if path.is_file() and filecmp.cmp(source, path, shallow=False):
            return path
        path = target.with_stem(f"{target.stem} ({number})")
        number += 1
    return source.rename(path)
