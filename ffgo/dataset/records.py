"""Which files make up a dataset: the official JSON list, or a folder of clips with captions beside them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from ..clip.video_io import ClipInfo
from ..errors import FFGOError
from ..files import complete_file
from ..plain import Source, Value, parse_json

RECORDS_FILE = "train_data.json"
"""The official name of the list."""

CLIP_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
CLIP_FOLDER, COMPOSITE_FOLDER = "videos", "composites"


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the official list, as written."""

    file_path: str
    """The clip."""
    text: str
    """The caption, phrase first."""
    image_path: str
    """The composed first frame."""
    type: str = "video"


@dataclass(frozen=True, slots=True)
class Example:
    """One training example: where its files lie, and its caption."""

    name: str
    """What messages call it by: the clip's path below the dataset's folder."""
    clip: Path
    composite: Path
    caption: str


@dataclass(frozen=True, slots=True)
class LookedAt(Example):
    """A training example whose files were looked at once; nobody has to open them again to know what they are."""

    info: ClipInfo
    """Of the clip."""
    composite_size: tuple[int, int]
    """Width and height in pixels."""


@dataclass(slots=True)
class Listing:
    """The examples found, what the user should know, and what is wrong; nothing is left out silently."""

    examples: list[Example] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_records(path: Path) -> list[Record]:
    """The entries of an official list, as they are written.

    Raises: FFGOError if the file is not such a list; the message names every entry that is wrong.
    """
    source = Source(path.name, whole=path.name)
    entries = source.json(source.file(path)).value
    if not isinstance(entries, list) or not entries:
        raise FFGOError(
            f"{path.name} is not the official FFGo format: a list of entries with file_path, text, image_path and type."
        )
    records, wrong = [], []
    for i, entry in enumerate(entries, 1):
        try:
            records.append(_record(source.value(entry, f"entry {i}")))
        except FFGOError as error:
            wrong.append(str(error))
    if wrong:
        raise FFGOError(f"{path.name} has entries that are not of the official FFGo format:\n" + "\n".join(wrong))
    return records


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write the official list, as the official one is written; the file is there only when it is complete."""
    with complete_file(path) as partial:
        partial.write_text(json.dumps([asdict(record) for record in records], indent=2, ensure_ascii=False), "utf-8")


def list_examples(path: Path) -> Listing:
    """All examples of a JSON list, or of a folder that holds one or else clips with captions beside them.

    Raises: FFGOError if there is nothing that could be a dataset.
    """
    if path.is_file():
        return _from_records(path)
    if not path.is_dir():
        raise FFGOError(f"There is no folder and no file {path}.")
    if (path / RECORDS_FILE).is_file():
        return _from_records(path / RECORDS_FILE)
    lists = [found for found in sorted(path.glob("*.json")) if _is_list(found)]
    if len(lists) > 1:
        names = ", ".join(found.name for found in lists)
        raise FFGOError(f"{path} holds several lists of examples ({names}). Choose one of them by its path.")
    return _from_records(lists[0]) if lists else _from_folder(path)


def raise_all(problems: Sequence[str], count: int) -> None:
    """Raise one FFGOError for all problems, if there is any."""
    if problems:
        bad = len({problem.split(": ")[0] for problem in problems})
        raise FFGOError(f"{bad} of {count} examples cannot be used:\n" + "\n".join(f"- {p}" for p in problems))


def _is_list(path: Path) -> bool:
    """Whether a JSON file of any name means to be an official list; workflows and settings lie about too."""
    try:
        entries = parse_json(path.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return False
    return isinstance(entries, list) and any(isinstance(entry, dict) and "file_path" in entry for entry in entries)


def _record(entry: Value) -> Record:
    """One entry. Raises: FFGOError that says what is wrong with it."""
    keys = entry.object(["file_path", "text", "image_path", "type"], others=True)
    if keys["type"].string() != "video":
        keys["type"].refuse(f"is {keys['type'].shown}", "FFGo trains on video only")
    return Record(*(keys[name].string() for name in ("file_path", "text", "image_path", "type")))


def _from_records(path: Path) -> Listing:
    records, listing = read_records(path), Listing()
    clips = _Finder(path.parent, "file_path", [record.file_path for record in records])
    composites = _Finder(path.parent, "image_path", [record.image_path for record in records])
    for number, record in enumerate(records, 1):
        called = f"example {number} ({PureWindowsPath(record.file_path).name})"
        try:
            clip, composite = clips.find(record.file_path), composites.find(record.image_path)
        except FFGOError as error:
            listing.problems.append(f"{called}: {error}")
        else:
            name = clip.relative_to(clips.folder).as_posix()
            listing.examples.append(Example(name, clip, composite, record.text))
    listing.notes = clips.notes() + composites.notes()
    return listing


class _Finder:
    """Finds the files of one column of the list below the dataset's folder, and remembers what it re-rooted.

    A path that was written on another machine is looked for by its end: the file below the folder that shares the most
    folder names with it. Where only the file's own name is left to go by, no other entry may have the same one.
    """

    def __init__(self, folder: Path, column: str, written: Iterable[str]):
        self.folder, self._column = folder.resolve(), column
        self._files: dict[str, list[PurePosixPath]] = defaultdict(list)
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.resolve().is_relative_to(self.folder):
                self._files[path.name].append(PurePosixPath(path.relative_to(self.folder).as_posix()))
        self._sharing: dict[str, set[str]] = defaultdict(set)
        for text in written:
            self._sharing[PureWindowsPath(text).name].add(text)
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

    def _direct(self, written: str) -> Path | None:
        """The file, if it lies where it is written."""
        path = (self.folder / written).resolve()
        if path.is_relative_to(self.folder):
            return path if path.is_file() else None
        if _is_absolute(written):
            return None
        raise FFGOError(f"{self._column} {written} leads out of {self.folder}. All files must lie in it.")

    def _rerooted(self, written: str, parts: tuple[str, ...]) -> Path:
        same_name = self._files.get(parts[-1], [])
        shared = max((_shared(parts, path.parts) for path in same_name), default=0)
        best = [path for path in same_name if _shared(parts, path.parts) == shared]
        if not best:
            raise FFGOError(
                f"{self._column} {written} was not found: neither there, nor as {parts[-1]} anywhere in {self.folder}."
            )
        if shared == 1 and len(self._sharing[parts[-1]]) > 1:
            raise FFGOError(
                f"{self._column} {written} was not found: looked for {'/'.join(parts[-2:])} in {self.folder}. "
                f"{best[0]} is called so too, but so are other entries' files."
            )
        if len(best) > 1:
            raise FFGOError(f"{self._column} {written} could be {best[0]} or {best[1]} in {self.folder}. Keep one.")
        old, new = written[: -len("/".join(parts[-shared:])) - 1], PurePosixPath(*best[0].parts[:-shared])
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
    while count < min(len(one), len(other)) and one[-1 - count] == other[-1 - count]:
        count += 1
    return count


def _from_folder(folder: Path) -> Listing:
    """Clips in the folder, or else in its `videos` folder, each with <stem>.txt and a picture <stem>.png beside it."""
    folder, listing = folder.resolve(), Listing()
    place = folder if _clips(folder) or not _clips(folder / CLIP_FOLDER) else folder / CLIP_FOLDER
    if not _clips(place):
        raise FFGOError(
            f"{folder} holds no dataset: no JSON list, and no clip ({', '.join(CLIP_SUFFIXES)}) in it or in its folder "
            f"{CLIP_FOLDER}."
        )
    used: set[Path] = set()
    for clip in _clips(place):
        try:
            example = _beside(clip, folder)
        except FFGOError as error:
            listing.problems.append(f"{clip.relative_to(folder).as_posix()}: {error}")
        else:
            listing.examples.append(example)
            used |= {clip, clip.with_suffix(".txt"), example.composite}
    kinds = (".txt", ".json", *PICTURE_SUFFIXES, *CLIP_SUFFIXES)
    spare = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.suffix.lower() in kinds]
    if unused := [name for name in spare if folder / name not in used] if not listing.problems else []:
        listing.notes.append(f"Not used, as they belong to no clip: {', '.join(unused)}.")
    return listing


def _clips(folder: Path) -> list[Path]:
    found = (path for path in folder.glob("*") if path.suffix.lower() in CLIP_SUFFIXES and path.is_file())
    return sorted(found)


def _beside(clip: Path, folder: Path) -> Example:
    caption, places = clip.with_suffix(".txt"), (clip.parent, clip.parent / COMPOSITE_FOLDER, folder / COMPOSITE_FOLDER)
    pictures = [
        picture
        for place in dict.fromkeys(places)
        for suffix in PICTURE_SUFFIXES
        if (picture := place / f"{clip.stem}{suffix}").is_file()
    ]
    missing = [] if caption.is_file() else [f"has no caption; put it into {caption.name} beside the clip"]
    if not pictures:
        missing.append(f"has no composite; put {clip.stem}.png beside the clip or into the folder {COMPOSITE_FOLDER}")
    if len(pictures) > 1:
        missing.append(f"its composite could be {pictures[0]} or {pictures[1]}; keep one")
    for path in (clip, caption, *pictures):
        if not path.resolve().is_relative_to(folder):
            missing.append(f"{path.name} is a link that leads out of {folder}")
    if missing:
        raise FFGOError("; ".join(missing) + ".")
    try:
        text = caption.read_text("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise FFGOError(f"its caption {caption.name} is not UTF-8 text. Save it as UTF-8.") from error
    return Example(clip.relative_to(folder).as_posix(), clip, pictures[0], text)
