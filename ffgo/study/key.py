"""The key of a study: which clip is of which method. It stays with who made the study, and is never served."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..plain import Source, Value
from .study_file import KEY_FILE, MOST_CLIPS

KEY_FORMAT, KEY_VERSION = "ffgo-study-key", 1


@dataclass(frozen=True, slots=True)
class StudyKey:
    """Which clip is of which method and case."""

    study: str
    methods: tuple[str, ...]
    clips: Mapping[str, tuple[str, str]]
    """Method and case by token."""


def write_key(key: StudyKey, path: Path) -> None:
    """Write a key that only its owner may read. Raises: OSError, also where there is one already."""
    content = {
        "format": KEY_FORMAT,
        "version": KEY_VERSION,
        "study": key.study,
        "methods": list(key.methods),
        "clips": {token: {"method": method, "case": case} for token, (method, case) in key.clips.items()},
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())


def read_key(path: Path) -> StudyKey:
    """Raises: FFGOError where there is no key, or it is damaged."""
    source = Source(KEY_FILE, "Put the file back that `build` made; there is no other way to it.", whole=str(path))
    keys = source.json(source.file(path)).object(["format", "version", "study", "methods", "clips"])
    if keys["format"].value != KEY_FORMAT or keys["version"].value != KEY_VERSION:
        source.refuse("", "is not of a kind that this version of the pack reads", "update the pack")
    clips = {token: _place(value) for token, value in keys["clips"].object(others=True).items()}
    methods = tuple(value.string(least=1) for value in keys["methods"].list("methods", MOST_CLIPS))
    if not {method for method, _ in clips.values()} <= set(methods) or len(set(methods)) < len(methods):
        keys["clips"].refuse("are of other methods than it lists", "it was changed by hand")
    return StudyKey(keys["study"].string(), methods, clips)


def _place(value: Value) -> tuple[str, str]:
    keys = value.object(["method", "case"])
    return keys["method"].string(least=1), keys["case"].string(least=1)
