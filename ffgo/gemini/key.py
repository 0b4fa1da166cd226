"""Where the key to Gemini comes from: the environment or a private file, never a workflow."""

import base64
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import FFGOError
from ..plain import read_limited

KEY_FILE = "gemini_api_key"
"""Name of the private file in the folder that the host keeps for this pack."""

SHORT = 100_000
"""Bytes of a file that is looked through for every way of writing a key."""
SHORTEST_ENCODED = 8
"""Characters of a key that is looked for in hex and base64 too."""

HOW_TO = (
    "Set GEMINI_API_KEY in the environment that ComfyUI starts in, or write the key into {file} "
    "and make the file private (chmod 600). Keys are made at aistudio.google.com. "
    "Without one, set mode to offline."
)


class NoAccessError(FFGOError):
    """There is no way to Gemini here; nothing was asked and nothing was paid."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach Gemini."""

    key: str = field(default="", repr=False)
    """Empty for Vertex AI, which reads its own credentials."""
    vertex: bool = False

    def scrub(self, text: str) -> str:
        """`text` without the key, should a server repeat it: plain, quoted as in addresses, in hex or in base64."""
        return _written_ways(self.key).sub("[key]", text) if self.key else text

    def is_in(self, content: bytes) -> bool:
        """Whether the key stands in a file; a long one is looked through for the usual ways only, which is quick."""
        if len(content) < SHORT:
            return self.scrub(text := content.decode("latin-1")) != text
        key = self.key.encode()
        ways = [self.key, key.hex(), key.hex().upper(), *_in_base64(key), *_in_base64(key, b"-_")]
        return len(key) >= SHORTEST_ENCODED and any(way.encode() in content for way in ways)

    def cleaned(self, content: Any) -> Any:
        """Foreign JSON without the key. Files in it stay as they are."""
        if isinstance(content, str):
            return self.scrub(content)
        if isinstance(content, list):
            return [self.cleaned(entry) for entry in content]
        if isinstance(content, dict):
            is_file = isinstance(content.get("data"), str) and ("mimeType" in content or "mime_type" in content)
            cleaned = {self.scrub(key): self.cleaned(value) for key, value in content.items()}
            return cleaned | {"data": content["data"]} if is_file else cleaned
        return content


def find_access(environment: Mapping[str, str], folder: Path) -> Access:
    """Vertex AI where it is switched on, else a key from the environment, else the key file in `folder`.

    Raises: NoAccessError where there is no key, or one that others may read or that cannot be one.
    """
    if _is_on(environment.get("GOOGLE_GENAI_USE_ENTERPRISE", environment.get("GOOGLE_GENAI_USE_VERTEXAI", ""))):
        return Access(environment.get("GOOGLE_API_KEY") or environment.get("GEMINI_API_KEY") or "", vertex=True)
    # In the order of Google's own client.
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        if key := environment.get(name, "").strip():
            return Access(_checked(key, f"The environment variable {name}"))
    file = folder / KEY_FILE
    if not file.is_file():
        raise NoAccessError(f"There is no key to Gemini. {HOW_TO.format(file=file)}")
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise NoAccessError(f"Others on this machine may read the key in {file}. Make it private: chmod 600 {file}")
    return Access(_checked(_content(file).decode(errors="replace").strip(), f"The file {file}"))


@lru_cache(maxsize=4)
def _written_ways(key: str) -> re.Pattern[str]:
    """Finds a key however it is written."""
    ways = ["".join(rf"(?:{re.escape(c)}|%(?:25)*{ord(c):02x}|\\u00{ord(c):02x})" for c in key)]
    if len(key) >= SHORTEST_ENCODED:  # parts of a shorter one stand in any text
        ways.append("".join(rf"(?:0x|\\x)?{byte:02x}[ :,-]?" for byte in key.encode()))
        ways += ["".join({"+": "[+-]", "/": "[/_]"}.get(c, c) for c in way) for way in _in_base64(key.encode())]
    return re.compile("|".join(ways), re.IGNORECASE)


def _in_base64(key: bytes, last_two: bytes = b"+/") -> list[str]:
    """The three ways that base64 writes it in, by how many bytes stand before it, without what depends on others."""
    encoded = [base64.b64encode(b"0" * before + key, last_two).decode() for before in range(3)]
    return [text[(8 * n + 5) // 6 : (n + len(key)) * 8 // 6] for n, text in enumerate(encoded)]


def _content(file: Path) -> bytes:
    try:
        return read_limited(file, 10_000)
    except OSError as error:
        raise NoAccessError(f"The key in {file} cannot be read: {error.strerror}.") from None


def _is_on(switch: str) -> bool:
    return switch.strip().lower() in ("1", "true")


def _checked(key: str, where: str) -> str:
    """The key, if it can travel in a header; the text of the error never shows it."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise NoAccessError(f"{where} holds no key to Gemini: a key is one word of letters, digits, - and _.")
    return key
