"""One member of the cast, as its file `cast.json` has it (docs/cast.md)."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..names import RESERVED, UNSEEN
from ..plain import Source, Value

VERSION = 1
FILE = "cast.json"
LONGEST_NAME, LONGEST_NOUN, LONGEST_TEXT, LONGEST_TAG = 80, 120, 2000, 40
"""Characters."""
MOST_PICTURES, MOST_TAGS = 16, 32
LONGEST_SLUG = 48
SLUG = re.compile(r"[a-z0-9-]{1,64}")
"""Names of members' folders."""
PICTURE_FILE = re.compile(r"[0-9]{2}\.png")
MOST_BYTES = 200_000
"""Of a member's file."""

_HEX = re.compile(r"[0-9a-f]*")
_ENDING = f"{FILE} is described in docs/cast.md."


@dataclass(frozen=True, slots=True)
class CastPicture:
    """One of a member's pictures."""

    file: str
    """Such as `01.png`."""
    fingerprint: str
    """Of the file's pixels (docs/arrangement.md)."""
    dhash: str
    """64 hexadecimal digits: see `twins`."""
    origin: str = ""
    """Fingerprint of the picture that came in, where the file holds a smaller one; else empty."""
    view: str = ""
    others: Mapping[str, Any] = field(default_factory=dict)
    """See `Member.others`."""

    def to_plain(self) -> dict[str, Any]:
        known = {name: getattr(self, name) for name in ("file", "fingerprint", "dhash", "origin", "view")}
        return {**known, **self.others}


@dataclass(frozen=True, slots=True)
class Concept:
    """The pair of LoRAs that was trained on it."""

    high: str = ""
    """Names as the host's list of LoRAs has them; empty = none."""
    low: str = ""
    identity: float = 1.0
    motion: float = 1.0
    """Strengths."""

    def __bool__(self) -> bool:
        return bool(self.high or self.low)


NO_CONCEPT = Concept()


@dataclass(frozen=True, slots=True)
class Member:
    """Who it is."""

    id: str
    """16 hexadecimal digits, drawn once."""
    name: str
    noun: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    created: str = ""
    pictures: tuple[CastPicture, ...] = ()
    source: str = ""
    lora: Concept = NO_CONCEPT
    licence: str = ""
    others: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the file that are not known here; they are kept."""

    @property
    def fingerprints(self) -> set[str]:
        """Of all its pictures, as they are and as they came."""
        return {one for picture in self.pictures for one in (picture.fingerprint, picture.origin) if one}

    def to_json(self) -> str:
        """The file's text."""
        lora = {"high": self.lora.high, "low": self.lora.low}
        lora |= {"identity": self.lora.identity, "motion": self.lora.motion}
        known = {
            "version": VERSION, "id": self.id, "name": self.name, "noun": self.noun, "description": self.description,
            "tags": list(self.tags), "created": self.created,
            "pictures": [picture.to_plain() for picture in self.pictures], "source": self.source,
            **({"lora": lora} if self.lora else {}), "licence": self.licence,
        }  # fmt: skip
        return json.dumps({**known, **self.others}, indent=1, ensure_ascii=False) + "\n"


def read_member(text: str, where: str) -> Member:
    """Read a `cast.json`; where: how messages call it. Raises: FFGOError that says what is wrong at which place."""
    required = ("version", "id", "name", "pictures")
    optional = {"noun": "", "description": "", "tags": [], "created": "", "source": "", "licence": "", "lora": {}}
    keys = Source(where, _ENDING, whole=where).json(text, most=MOST_BYTES).object(required, optional, others=True)
    keys["version"].whole(VERSION, VERSION)
    known = {*required, *optional}
    return Member(
        _hexadecimal(keys["id"], 16), shown_name(keys["name"], LONGEST_NAME),
        keys["noun"].string(most=LONGEST_NOUN), keys["description"].string(most=LONGEST_TEXT),
        tuple(tag.string(least=1, most=LONGEST_TAG) for tag in keys["tags"].list("tags", MOST_TAGS)),
        keys["created"].string(most=40),
        tuple(_picture(one) for one in keys["pictures"].list("pictures", MOST_PICTURES)),
        keys["source"].string(most=LONGEST_TEXT), _concept(keys["lora"]), keys["licence"].string(most=LONGEST_TEXT),
        {name: value.value for name, value in keys.items() if name not in known},
    )  # fmt: skip


def shown_name(value: Value, most: int) -> str:
    """A name of one line that can be seen."""
    name = value.string(most=most).strip()
    if not name:
        value.refuse("is empty", "give it a name")
    if any(unicodedata.category(character) in UNSEEN for character in name):
        value.refuse("holds a character that cannot be seen", "write it anew")
    return name


def slug_of(name: str) -> str:
    """The folder's name for a member's name, from the letters and digits that every system has.

    >>> [slug_of(name) for name in ("Red robot!", "Müller's Fähre", "红色机器人", "con")]
    ['red-robot', 'muller-s-fahre', 'member', 'con-member']
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-") or "member"
    return f"{slug}-member" if slug in RESERVED else slug


def _hexadecimal(value: Value, digits: int) -> str:
    text = value.string()
    if len(text) != digits or not _HEX.fullmatch(text):
        value.refuse(f"is {value.shown}", f"it must be {digits} hexadecimal digits")
    return text


def _picture(value: Value) -> CastPicture:
    required, optional = ("file", "fingerprint", "dhash"), {"origin": "", "view": ""}
    keys = value.object(required, optional, others=True)
    file = keys["file"].string()
    if not PICTURE_FILE.fullmatch(file):
        keys["file"].refuse(f"is {keys['file'].shown}", "pictures are called 01.png, 02.png and so on")
    origin = _hexadecimal(keys["origin"], 16) if keys["origin"].value else ""
    return CastPicture(
        file, _hexadecimal(keys["fingerprint"], 16), _hexadecimal(keys["dhash"], 64), origin,
        keys["view"].string(most=LONGEST_TAG),
        {name: one.value for name, one in keys.items() if name not in {*required, *optional}},
    )  # fmt: skip


def _concept(value: Value) -> Concept:
    keys = value.object((), {"high": "", "low": "", "identity": 1.0, "motion": 1.0}, others=True)
    return Concept(
        keys["high"].string(most=500), keys["low"].string(most=500),
        keys["identity"].number(-20, 20), keys["motion"].number(-20, 20),
    )  # fmt: skip
