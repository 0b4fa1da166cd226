"""Fetch the files that a job made."""

import filecmp
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FFGOError
from ..files import leftovers, unfinished_name
from ..locks import LOCK_FILE, sole_writer, try_lock
from ..names import plain_name
from ..plain import part
from .client import Server
from .kinds import LocalDiskError
from .workflow import Workflow, title_of

PICTURES = frozenset(
    [".png", ".apng", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff", ".exr", ".hdr"]
)
CLIPS = frozenset([".mp4", ".m4v", ".webm", ".mkv", ".mov", ".avi"])
SOUNDS = frozenset([".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac"])
MEDIA = PICTURES | CLIPS | SOUNDS | {".latent", ".glb"}
"""Suffixes of what is fetched: nothing that a system starts, or that a program reads as its settings."""

_RIFF, _FTYP, _EBML = (0, (b"RIFF", b"RF64")), (4, (b"ftyp",)), (0, (b"\x1a\x45\xdf\xa3",))
_PNG, _JPEG, _OGG, _TIFF = (
    (0, (b"\x89PNG",)),
    (0, (b"\xff\xd8\xff",)),
    (0, (b"OggS",)),
    (0, (b"II*\0", b"MM\0*", b"II+\0")),
)
BEGINNINGS = {
    **{".png": _PNG, ".apng": _PNG, ".jpg": _JPEG, ".jpeg": _JPEG, ".webp": _RIFF, ".gif": (0, (b"GIF8",))},
    **{".bmp": (0, (b"BM",)), ".tif": _TIFF, ".tiff": _TIFF, ".avif": _FTYP, ".exr": (0, (b"\x76\x2f\x31\x01",))},
    **{".mp4": _FTYP, ".m4v": _FTYP, ".m4a": _FTYP, ".webm": _EBML, ".mkv": _EBML, ".avi": _RIFF, ".wav": _RIFF},
    **{".flac": (0, (b"fLaC",)), ".ogg": _OGG, ".opus": _OGG, ".glb": (0, (b"glTF",))},
}
"""How files of a suffix begin, and at which byte."""

MOST_FILES = 2000
MOST_OF_A_PICTURE, MOST_OF_A_CLIP = 512 * 2**20, 4 * 2**30

PATIENCE_S = 60
"""For another client that begins to download into the same folder."""

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
    overwritten: the new one gets a number. Raises: LocalDiskError, FFGOError.
    """
    files = list(files_of(outputs, {"output", "temp"} if previews else {"output"}))
    if len(files) > MOST_FILES:
        raise FFGOError(f"The job made {len(files):,} files; {MOST_FILES:,} are the most that are fetched.")
    for _, file in files:
        check_name(file.name)
    try:
        paths = await _fetch_all(server, list(dict.fromkeys(file for _, file in files)), out)
    except OSError as error:
        raise LocalDiskError(
            f"The results cannot be written to {out}: {error.strerror}. They are still in the server's output folder."
        ) from error
    by_title: dict[str, list[Path]] = {}
    for node_id, file in files:
        by_title.setdefault(title_of(workflow, node_id), []).append(paths[file])
    return by_title


async def _fetch_all(server: Server, files: list[RemoteFile], out: Path) -> dict[RemoteFile, Path]:
    """Download into a hidden folder, and move the files to their places when all are there."""
    with _download_folder(out) as folder:
        temporary = {file: folder / str(number) for number, file in enumerate(files)}
        for file, path in temporary.items():
            kind = await server.download(file.query(), path, most_bytes(file.name))
            check_content(path, file.name, kind)
        return {file: _move(path, out / file.name) for file, path in temporary.items()}


@contextmanager
def _download_folder(out: Path) -> Iterator[Path]:
    """A hidden folder in `out`, gone at the end. Those of clients that died go too; living ones hold theirs."""
    out.stat()  # one that is gone meanwhile is not made again
    finished = out / "download"
    folder = unfinished_name(finished)
    with ExitStack() as stack:
        with sole_writer(out / LOCK_FILE, f"{out} is being written to", patience_s=PATIENCE_S):
            for other in leftovers(out, finished):
                if other.is_dir() and (of_the_dead := try_lock(other / LOCK_FILE)):
                    of_the_dead.let_go()
                    if of_the_dead.is_sure:
                        shutil.rmtree(other, ignore_errors=True)
            folder.mkdir()
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(sole_writer(folder / LOCK_FILE, f"{folder} is being written to"))
        yield folder


def files_of(outputs: Outputs, folders: set[str]) -> Iterator[tuple[str, RemoteFile]]:
    """Every file under the outputs (images, gifs, video, audio ...) that lies in one of the server's `folders`."""
    for node_id, shown in outputs.items():
        for items in part(shown, of=dict).values():
            for item in part(items, of=list):
                if (folder := part(item, "type", of=str)) in folders and "filename" in item:
                    name, subfolder = part(item, "filename", of=str), part(item, "subfolder", of=str)
                    yield node_id, RemoteFile(name, subfolder, folder)


def texts_of(outputs: Outputs) -> Iterator[tuple[str, str]]:
    """Every text that a node shows, with the node's id."""
    for node_id, shown in outputs.items():
        for text in part(shown, "text", of=list):
            if isinstance(text, str):
                yield node_id, text


def check_name(name: str) -> None:
    """Raises: FFGOError if a name from the server is more than the name of a picture, clip or sound, on any system."""
    try:
        plain_name(name, "")
    except FFGOError:
        raise FFGOError(
            f"The server names an output {name[:60]!r}, which is no plain file name. Nothing was fetched."
        ) from None
    if _suffix(name) not in MEDIA:
        raise FFGOError(
            f"The server names an output {name!r}, which is no picture, clip or sound. Nothing was fetched; what "
            "the job made is still in the server's output folder."
        )


def check_content(path: Path, name: str, kind: str) -> None:
    """Raises: FFGOError if what came is not what its name promises. kind: its type, as the server says."""
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        raise FFGOError(f"What came for {name!r} is empty. Nothing was kept.")
    at, promised = BEGINNINGS.get(_suffix(name), (0, ()))
    is_text = start.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<", b"{"))
    if is_text or (promised and not start.startswith(promised, at)):
        raise FFGOError(
            f"What came for {name!r} is something else: {kind[:60]}, it begins with {start[:24]!r}. Nothing was kept."
        )


def most_bytes(name: str) -> int:
    """Of a file of this name."""
    return MOST_OF_A_PICTURE if _suffix(name) in PICTURES else MOST_OF_A_CLIP


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()


def _move(source: Path, target: Path) -> Path:
    """Move a file to `target`, or beside it under a number if another file has that name."""
    path, number = target, 1
    while not _reserve(path):
        if path.is_file() and filecmp.cmp(source, path, shallow=False):
            return path
        path = target.with_stem(f"{target.stem} ({number})")
        number += 1
    return source.replace(path)


def _reserve(path: Path) -> bool:
    """Whether a name is now ours: only one of several clients that write into a folder makes the file."""
    try:
        path.open("xb").close()
    except FileExistsError:
        return False
    return True
