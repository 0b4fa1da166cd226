"""Plain values that users write as JSON or TOML: one way to read them, and to say what is wrong, where, in their words.

A `Source` is the thing that holds them, such as an arrangement; a `Value` is one of them, with its place in it:

    size = Source("arrangement").json(text).object(["width", "height"])["width"].whole(16, 8192)
"""

import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from errno import EFBIG, EINVAL
from math import inf
from pathlib import Path
from stat import S_ISREG
from sys import float_info
from types import MappingProxyType
from typing import Any, NoReturn, TypeGuard, TypeVar

from .errors import FFGOError

Choice = TypeVar("Choice", bound=str)
Kind = TypeVar("Kind", dict, list, str)
Item = TypeVar("Item")
_NOTHING: Mapping[str, Any] = MappingProxyType({})

MOST_BYTES = 16_000_000
"""Of a file or an answer that is read; as Python's own values it takes some 25 times as much."""
MOST_TOML = 1_000_000
"""Characters of TOML."""
MOST_DOTS = 2000
"""In TOML: what reading a dotted name costs grows with the square of its dots."""
DEEPEST = 100
"""Levels of values in values."""
_LONE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Source:
    """What the values stand in: how messages call it, and how they end."""

    name: str
    """Before a place in it: `recipe: rank is 0; ...`"""
    ending: str = ""
    """A sentence on what else helps, at the end of every message."""
    whole: str = ""
    """How it is called where all of it is meant; empty = "The" and its name."""
    error: type[FFGOError] = FFGOError

    def refuse(self, where: str, what: str, mend: str) -> NoReturn:
        """Raises: FFGOError that says what is wrong at a place (empty = the whole), and how to mend it."""
        subject = f"{self.name}: {where}" if where else self.whole or f"The {self.name}"
        raise self.error(f"{subject} {what}; {mend}. {self.ending}".rstrip())

    def value(self, value: Any, where: str = "") -> "Value":
        """A value that was read already."""
        return Value(value, where, self)

    def file(self, path: Path, most: int = MOST_BYTES) -> str:
        """The text of a file of at most so many bytes. Raises: FFGOError where it cannot be read, or is not UTF-8."""
        try:
            return read_limited(path, most).decode("utf-8-sig")
        except OSError as error:
            self.refuse("", f"cannot be read: {error.strerror or error}", "name a file that can")
        except UnicodeDecodeError as error:
            self.refuse("", f"cannot be read: {error}", "save it as UTF-8")
        except ValueError as error:  # a path that can be none
            self.refuse("", f"cannot be read: {error}", "name a file that can")

    def json(self, text: str, *, most: int | None = None, unique: bool = False) -> "Value":
        """Read JSON. most: characters; unique: no key may come twice in an object. Raises: FFGOError."""
        self._refuse_longer(text, most or MOST_BYTES)
        try:
            return self.value(parse_json(text, unique=unique))
        except ValueError as error:
            self.refuse("", str(error), "mend or delete it")

    def toml(self, text: str) -> "Value":
        """Read TOML. Raises: FFGOError that says in which line it is wrong."""
        self._refuse_longer(text, MOST_TOML)
        if text.count(".") > MOST_DOTS:
            self.refuse("", f"has more than {MOST_DOTS} dots", "write one `name = value` a line")
        try:
            value = tomllib.loads(text)
        except RecursionError:
            self.refuse("", "is nested too deeply", "write one `name = value` a line")
        except ValueError as error:
            self.refuse("", f"is not valid TOML: {error}", "write one `name = value` a line, strings in quotes")
        if _is_deep(value):
            self.refuse("", "is nested too deeply", "write one `name = value` a line")
        return self.value(value)

    def _refuse_longer(self, text: str, most: int) -> None:
        if len(text) > most:
            self.refuse("", f"is {len(text):,} characters long", f"{most:,} are the most")


@dataclass(frozen=True, slots=True)
class Value:
    """A plain value and its place. Whatever is not as asked for raises an FFGOError that says so."""

    value: Any
    where: str
    """Such as `subjects[2].width`; empty for the whole."""
    source: Source

    def refuse(self, what: str, mend: str) -> NoReturn:
        """Raises: FFGOError."""
        self.source.refuse(self.where, what, mend)

    @property
    def shown(self) -> str:
        """The value as JSON, short, and in characters that every console can show."""
        return _shown(self.value)

    def at(self, key: str, value: Any) -> "Value":
        """What stands under a key of this object."""
        return Value(value, f"{self.where}.{key}" if self.where else key, self.source)

    def object(
        self, required: Sequence[str] = (), optional: Mapping[str, Any] = _NOTHING, *, others: bool = False
    ) -> dict[str, "Value"]:
        """The values by key. optional: keys that may be missing, with their defaults; others: more may be there."""
        known = list(dict.fromkeys([*required, *optional]))
        if not isinstance(self.value, dict):
            self.refuse(f"is {_kind(self.value)}", f"it must be an object{' with ' if known else ''}{', '.join(known)}")
        if not others and (unknown := [key for key in self.value if key not in known]):
            near = get_close_matches(unknown[0], known, 1)
            meant = f"perhaps {near[0]} is meant" if near else f"there are {', '.join(known)}"
            self.refuse(f"has an unknown key {_shown(unknown[0])}", meant)
        if missing := [key for key in required if key not in self.value]:
            self.refuse(f"lacks {', '.join(missing)}", "add what is missing")
        return {key: self.at(key, value) for key, value in {**optional, **self.value}.items()}

    def list(self, of: str, most: float = inf) -> "list[Value]":
        """The entries. of: what they are, in words."""
        if not isinstance(self.value, list | tuple):
            self.refuse(f"is {_kind(self.value)}", f"it must be a list of {of}")
        if len(self.value) > most:
            self.refuse(f"has {len(self.value)} entries", f"{most} are the most")
        return [Value(entry, f"{self.where}[{i}]", self.source) for i, entry in enumerate(self.value)]

    def number(self, least: float, most: float) -> float:
        """A number in this range; NaN is none."""
        if not is_number(self.value):
            self.refuse(f"is {self.shown}", f"it must be a number from {least:,} to {most:,}")
        if not max(least, -float_info.max) <= self.value <= min(most, float_info.max):
            self.refuse(f"is {self.shown}", f"it must be from {least:,} to {most:,}")
        return float(self.value)

    def whole(self, least: int, most: int, *, exact: bool = False) -> int:
        """A whole number in this range. exact: 3.0 is none, as TOML knows both kinds and JSON does not."""
        if not is_number(self.value) or int(self.value) != self.value or (exact and isinstance(self.value, float)):
            self.refuse(f"is {self.shown}", f"it must be a whole number from {least:,} to {most:,}")
        if not least <= self.value <= most:
            self.refuse(f"is {self.shown}", f"it must be from {least:,} to {most:,}")
        return int(self.value)

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.refuse(f"is {self.shown}", "it must be true or false")
        return self.value

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """One of these strings."""
        if self.value not in choices:
            self.refuse(f"is {self.shown}", f"it must be one of {', '.join(choices)}")
        return self.value

    def string(self, *, least: int = 0, most: float = inf) -> str:
        """A string of so many characters."""
        if not isinstance(self.value, str):
            self.refuse(f"is {self.shown}", "it must be a string in quotes")
        if "\0" in self.value:
            self.refuse("holds a NUL character", "remove it")
        if not self.value.isascii() and _LONE.search(self.value):
            self.refuse("holds half of a character", "remove it")
        if len(self.value) < least:
            self.refuse("is empty", "it must be a string in quotes")
        if len(self.value) > most:
            self.refuse(f"is {len(self.value):,} characters long", f"{most:,} are the most")
        return self.value


def read_each(values: Iterable[Value], read: Callable[[Value], Item]) -> tuple[list[Item], list[str]]:
    """What `read` makes of each value, and what is wrong with those that it refuses: all of it, not the first alone."""
    found, wrong = [], []
    for value in values:
        try:
            found.append(read(value))
        except FFGOError as error:
            wrong.append(str(error))
    return found, wrong


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a plain value is a number: neither true or false, nor NaN, nor infinite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -inf < value < inf


def parse_json(text: str, *, unique: bool = False, most: int = MOST_BYTES) -> Any:
    """Read JSON. Raises: ValueError that says what is wrong, to follow the name of what was read ("is not JSON: ...").

    unique: no key may come twice in an object; most: characters.
    """
    if len(text) > most:
        raise ValueError(f"is {len(text):,} characters long, and {most:,} are the most")
    twice = []

    def noted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            twice.append(Counter(key for key, _ in pairs).most_common(1)[0][0])
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=noted if unique else None)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError:  # Python's limit for the digits of whole numbers
        raise ValueError("holds a number with thousands of digits") from None
    if twice:
        raise ValueError(f"has {_shown(twice[0])} twice in one object")
    if _is_deep(value):
        raise ValueError("is nested too deeply")
    return value


def read_limited(path: Path, most: int = MOST_BYTES) -> bytes:
    """A file of at most so many bytes. Raises: OSError, also for what is larger or no file; ValueError for such a path.

    What is read is counted: a pipe or a device says nothing of its size, and may never end.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(EINVAL, "it is no file")
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(EFBIG, f"it is larger than {most:,} bytes")
    return content


def _open_at_once(path: str, flags: int) -> int:
    """A pipe that nobody writes to would never open otherwise."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def part(value: Any, *path: str | int, of: type[Kind]) -> Kind:
    """What lies at a path in foreign JSON, where it is of this kind; else an empty one.

    >>> answer = {"candidates": [{"finishReason": 7}]}
    >>> part(answer, "candidates", 0, of=dict), part(answer, "candidates", 0, "finishReason", of=str)
    ({'finishReason': 7}, '')
    """
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return of()
    return value if isinstance(value, of) else of()


def _is_deep(value: Any) -> bool:
    """Whether there are more levels of lists and objects than `DEEPEST`: copying such a value would end in an error."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _shown(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        return _kind(value)
    if isinstance(value, int) and abs(value) >= 10**20:  # Python refuses to write out very long ones
        return "a number of more than 20 digits"
    text = json.dumps(value, default=str)  # TOML has dates
    return text if len(text) <= 40 else f"{text[:40]}..."


def _kind(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number"
    names = {dict: "an object", list: "a list", tuple: "a list", str: "a string", bool: "true or false"}
    return names.get(type(value), "null" if value is None else "a date or time")
