"""Which files make up a dataset: the official JSON list, or a folder of clips with captions beside them."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

from ..bases.memory import MOST_MEMORY
from ..clip.video_io import ClipInfo
from ..errors import FFGOError
from ..files import complete_file
from ..plain import Source, Value, parse_json, read_each
from .listed import Finder
from .matching import ClipFolder, read_caption

NAMED = 12
"""Files that a note names at most."""

RECORDS_FILE = "train_data.json"
"""The official name of the list."""


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
    more_image_paths: tuple[str, ...] = ()
    """The further composed canvases of a memory; not in the official list."""


@dataclass(frozen=True, slots=True)
class Example:
    """One training example: where its files lie, and its caption."""

    name: str
    """What messages call it by: the clip's path below the dataset's folder."""
    clip: Path
    composite: Path
    caption: str
    more_composites: tuple[Path, ...] = field(default=(), kw_only=True)
    """The further canvases of a memory, in their order."""

    @property
    def composites(self) -> tuple[Path, ...]:
        """All canvases of the memory, in the order in which they are shown."""
        return self.composite, *self.more_composites

    @property
    def memory(self) -> int:
        """How many canvases the clip begins with."""
        return len(self.composites)


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
    records, wrong = read_each((source.value(entry, f"entry {i}") for i, entry in enumerate(entries, 1)), _record)
    if wrong:
        raise FFGOError(f"{path.name} has entries that are not of the official FFGo format:\n" + "\n".join(wrong))
    return records


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write the official list, as the official one is written; the file is there only when it is complete."""
    with complete_file(path) as partial:
        partial.write_text(json.dumps([_entry(record) for record in records], indent=2, ensure_ascii=False), "utf-8")


def _entry(record: Record) -> dict[str, Any]:
    entry = asdict(record)
    if not record.more_image_paths:
        del entry["more_image_paths"]
    return entry


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
    texts = [found for found in sorted(path.iterdir()) if found.suffix.lower() == ".json" and found.name[0] != "."]
    lists = [found for found in texts if _is_list(found)]
    if len(lists) > 1:
        names = ", ".join(found.name for found in lists)
        raise FFGOError(f"{path} holds several lists of examples ({names}). Choose one of them by its path.")
    return _from_records(lists[0]) if lists else _from_folder(path)


def memory_of(examples: Sequence[Example]) -> int:
    """How many canvases each example begins with. Raises: FFGOError where they differ, and names those that do."""
    memories = Counter(example.memory for example in examples)
    (usual, _), *others = memories.most_common() or [(1, 0)]
    if others:
        odd = [f"- {example.name}: {example.memory}" for example in examples if example.memory != usual]
        shown = odd[:NAMED] + ([f"and {len(odd) - NAMED} more"] if odd[NAMED:] else [])
        raise FFGOError(
            f"The examples have different numbers of composites: most have {usual}, but not these. A LoRA learns one "
            "memory; give all of them equally many, or make two datasets.\n" + "\n".join(shown)
        )
    return usual


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
    keys = entry.object(["file_path", "text", "image_path", "type"], {"more_image_paths": []}, others=True)
    if keys["type"].string() != "video":
        keys["type"].refuse(f"is {keys['type'].shown}", "FFGo trains on video only")
    more = keys["more_image_paths"].list("paths", most=MOST_MEMORY - 1)
    names = ("file_path", "text", "image_path", "type")
    written = (keys[name].string() for name in names)
    return Record(*written, more_image_paths=tuple(path.string() for path in more))


def _from_records(path: Path) -> Listing:
    records, listing = read_records(path), Listing()
    clips = Finder(path.parent, "file_path", [record.file_path for record in records])
    written = [path for record in records for path in (record.image_path, *record.more_image_paths)]
    composites = Finder(path.parent, "image_path", written)
    for number, record in enumerate(records, 1):
        called = f"example {number} ({PureWindowsPath(record.file_path).name})"
        try:
            clip, composite = clips.find(record.file_path), composites.find(record.image_path)
            more = tuple(composites.find(path) for path in record.more_image_paths)
        except FFGOError as error:
            listing.problems.append(f"{called}: {error}")
        else:
            name = clip.relative_to(clips.folder).as_posix()
            listing.examples.append(Example(name, clip, composite, record.text, more_composites=more))
    listing.notes = clips.notes() + composites.notes()
    if unlisted := clips.unlisted():
        shown = ", ".join(unlisted[:NAMED]) + (f" and {len(unlisted) - NAMED} more" if unlisted[NAMED:] else "")
        listing.notes.append(f"Not used, as {path.name} does not list them: {shown}.")
    return listing


def _from_folder(path: Path) -> Listing:
    """Clips in the folder, or else in its `videos` folder, each with a caption and a composite of its name."""
    folder, listing = ClipFolder(path), Listing()
    for clip in folder.clips:
        try:
            found = folder.beside(clip)
            caption = read_caption(found.caption)
            example = Example(folder.name(clip), clip, found.composite, caption, more_composites=found.more)
        except FFGOError as error:
            listing.problems.append(f"{folder.name(clip)}: {error}")
        else:
            listing.examples.append(example)
    listing.notes = folder.notes()
    return listing
