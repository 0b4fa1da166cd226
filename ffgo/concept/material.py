"""What a user gives of a concept, in a folder: its clips with their masks, plates, and words, listed in concept.json.

<folder>/concept.json                   the list
<folder>/<clip>/clip.mp4, mask/*.png    a clip, and one mask for each of its frames (white: the concept)
<folder>/<clip>/plate.png               its scene without the concept, where there is one
<folder>/plates/*.png                   other scenes
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import FFGOError
from ..files import complete_file
from ..names import path_below
from ..plain import Source, Value
from .words import check_text, check_word

CONCEPT_FILE = "concept.json"
VERSION = 1
MOST_CLIPS, MOST_PLATES = 50, 500
_TEXTS = ("appearance", "motion", "word_v", "word_u")


@dataclass(frozen=True, slots=True)
class ConceptClip:
    """One clip of a concept."""

    clip: Path
    mask: Path
    """Folder with one PNG for each frame; white is the concept."""
    plate: Path | None
    """Picture of its scene without the concept; None = what of the scene can be seen in the clip."""
    appearance: str
    motion: str
    word_v: str
    """Calls who it is."""
    word_u: str
    """Calls how it moves."""

    @property
    def words(self) -> str:
        return f"{self.word_v} {self.word_u}"


@dataclass(frozen=True, slots=True)
class ConceptMaterial:
    """All that is given of one concept, or of several that are learned together."""

    folder: Path
    clips: tuple[ConceptClip, ...]
    plates: tuple[Path, ...] = ()

    @property
    def words(self) -> str:
        """Those that call its concepts in a prompt."""
        return "; ".join(dict.fromkeys(clip.words for clip in self.clips))

    @property
    def concepts(self) -> list[list[ConceptClip]]:
        """The clips, those of one concept together."""
        found: dict[str, list[ConceptClip]] = {}
        for clip in self.clips:
            found.setdefault(clip.word_v, []).append(clip)
        return list(found.values())


def read_material(path: Path) -> ConceptMaterial:
    """Read a folder, or its list. Raises: FFGOError that says what in it cannot be."""
    file = path / CONCEPT_FILE if path.is_dir() else path
    source = Source(file.name, "FFGo Concept Dataset writes such folders.", whole=f"The concept {file}")
    values = source.json(source.file(file)).object(["version", "clips"], {"plates": []})
    if values["version"].value != VERSION:
        values["version"].refuse(f"is {values['version'].shown}", f"this version of the pack reads {VERSION}")
    clips = tuple(_clip(one, file.parent) for one in values["clips"].list("clips", MOST_CLIPS))
    if not clips:
        values["clips"].refuse("is empty", "there is nothing to learn")
    plates = tuple(_file(one, file.parent) for one in values["plates"].list("file names", MOST_PLATES))
    return ConceptMaterial(file.parent, clips, plates)


def write_material(material: ConceptMaterial) -> None:
    """Write the list of a folder whose files are there. Raises: OSError."""

    def below(path: Path) -> str:
        return path.relative_to(material.folder).as_posix()

    clips = [
        {
            "clip": below(clip.clip), "mask": below(clip.mask), "plate": below(clip.plate) if clip.plate else None,
            **{name: getattr(clip, name) for name in _TEXTS},
        }
        for clip in material.clips
    ]  # fmt: skip
    listed = {"version": VERSION, "clips": clips, "plates": [below(plate) for plate in material.plates]}
    with complete_file(material.folder / CONCEPT_FILE) as partial:
        partial.write_text(json.dumps(listed, indent=1, ensure_ascii=False), encoding="utf-8")


def check_words_of(material: ConceptMaterial) -> ConceptMaterial:
    """The material. Raises: FFGOError where one word calls two things."""
    for clips in material.concepts:
        if len({clip.word_u for clip in clips}) > 1:
            told = " and ".join(sorted({clip.word_u for clip in clips}))
            raise FFGOError(f"The concept {clips[0].word_v} has two words for its motion, {told}. Give it one.")
    who, how = ({getattr(clip, word) for clip in material.clips} for word in ("word_v", "word_u"))
    if both := who & how:
        raise FFGOError(f"{min(both)} calls both who something is and how something moves. Take two words.")
    return material


def _clip(value: Value, folder: Path) -> ConceptClip:
    told = value.object(["clip", "mask", *_TEXTS], {"plate": None})
    plate = None if told["plate"].value is None else _file(told["plate"], folder)
    who, how = (check_word(told[name].string(), told[name].where) for name in ("word_v", "word_u"))
    texts = [check_text(told[name].string(), told[name].where) for name in ("appearance", "motion")]
    return ConceptClip(_file(told["clip"], folder), _file(told["mask"], folder), plate, texts[0], texts[1], who, how)


def _file(value: Value, folder: Path) -> Path:
    path = path_below(folder, value.string(), value.where)
    if not path.exists():
        value.refuse(f"is {value.shown}, which is not there", "mend the name, or make the folder anew")
    return path


def mask_files(clip: ConceptClip, frames: int) -> Sequence[Path]:
    """The masks of a clip, one for each frame. Raises: FFGOError where there are others."""
    found = sorted(clip.mask.glob("*.png"))
    if len(found) != frames:
        raise FFGOError(
            f"{clip.mask} holds {len(found)} masks, and {clip.clip.name} has {frames} frames. Give one for each."
        )
    return found
