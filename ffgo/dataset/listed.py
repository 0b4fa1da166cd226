"""Where the files of an official list lie, also where the list was written on another machine."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from ..errors import FFGOError
from .matching import CLIP_SUFFIXES, folded


class Finder:
    """Finds the files of one column of the list below the dataset's folder, and remembers what it re-rooted.

    A path that was written on another machine is looked for by its end: the file below the folder that shares the most
    folder names with it. Where only the file's own name is left to go by, no other entry may have the same one. Case
    and the spelling of accents do not matter, as other systems change them.
    """

    def __init__(self, folder: Path, column: str, written: Iterable[str]):
        self.folder, self._column = folder.resolve(), column
        self._files: dict[str, list[PurePosixPath]] = defaultdict(list)
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.resolve().is_relative_to(self.folder):
                self._files[folded(path.name)].append(PurePosixPath(path.relative_to(self.folder).as_posix()))
        self._sharing: dict[str, set[str]] = defaultdict(set)
        for text in written:
            self._sharing[folded(PureWindowsPath(text).name)].add(text)
        self._moved: dict[tuple[str, str], int] = defaultdict(int)
        self._taken: dict[Path, str] = {}

    def find(self, written: str) -> Path:
        """The file that is meant. Raises: FFGOError if there is none, several, or one outside the folder."""
        parts = _parts(written)
        if not parts:
            raise FFGOError(f"{self._column} is empty.")
        direct = self._direct(written)
        found = direct or self._rerooted(written, parts)
        if self._taken.setdefault(found, written) != written:
            raise FFGOError(
                f"{self._column} {written} and {self._taken[found]} both lead to {found}. Put both files into "
                f"{self.folder}, under the paths that are written."
            )
        return found

    def notes(self) -> list[str]:
        """One line for every folder that was re-rooted."""
        return [
            f"{self._column}: {count} file(s) written below {old} were taken from {self.folder / new}."
            for (old, new), count in self._moved.items()
        ]

    def unlisted(self) -> list[str]:
        """Clips that lie there, but are not in the list."""
        every = (path for paths in self._files.values() for path in paths)
        clips = (path for path in every if path.suffix.lower() in CLIP_SUFFIXES and path.name[0] != ".")
        return sorted(str(path) for path in clips if (self.folder / path).resolve() not in self._taken)

    def _direct(self, written: str) -> Path | None:
        """The file, if it lies where it is written."""
        path = (self.folder / written).resolve()
        if path.is_relative_to(self.folder):
            try:
                return path if path.is_file() else None
            except OSError:  # the name is too long for any file
                return None
        if _is_absolute(written):
            return None
        raise FFGOError(f"{self._column} {written} leads out of {self.folder}. All files must lie in it.")

    def _rerooted(self, written: str, parts: tuple[str, ...]) -> Path:
        same_name = self._files.get(folded(parts[-1]), [])
        shared = max((_shared(parts, path.parts) for path in same_name), default=0)
        best = [path for path in same_name if _shared(parts, path.parts) == shared]
        if not best:
            raise FFGOError(
                f"{self._column} {written} was not found: neither there, nor as {parts[-1]} anywhere in {self.folder}."
            )
        if shared == 1 and len(self._sharing[folded(parts[-1])]) > 1:
            raise FFGOError(
                f"{self._column} {written} was not found: looked for {'/'.join(parts[-2:])} in {self.folder}. "
                f"{best[0]} is called so too, but so are other entries' files."
            )
        if len(best) > 1:
            raise FFGOError(f"{self._column} {written} could be {best[0]} or {best[1]} in {self.folder}. Keep one.")
        old, new = "".join(re.split(r"([/\\])", written)[: -2 * shared]), PurePosixPath(*best[0].parts[:-shared])
        if old or new.parts:
            self._moved[old, str(new)] += 1
        return self.folder / best[0]


def _is_absolute(written: str) -> bool:
    return written.startswith(("/", "\\")) or PureWindowsPath(written).is_absolute()


def _parts(written: str) -> tuple[str, ...]:
    """The names in a path of either kind of system, without its root and what cancels out."""
    path: PurePath = PureWindowsPath(written) if "\\" in written else PurePosixPath(written)
    parts = path.parts[1:] if path.anchor else path.parts
    return parts[len(parts) - parts[::-1].index("..") :] if ".." in parts else parts


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many names two paths share, counted from the end."""
    count = 0
    while count < min(len(one), len(other)) and folded(one[-1 - count]) == folded(other[-1 - count]):
        count += 1
    return count
