"""Where the key to Gemini comes from: the environment or a private file, never a workflow."""

import base64
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FFGOError

KEY_FILE = "gemini_api_key"
"""Name of the private file in the folder that the host keeps for this pack."""

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
        """`text` without the key, plain or in base64, should a server repeat it."""
        if not self.key:
            return text
        encoded = base64.b64encode(self.key.encode()).decode().rstrip("=")
        return text.replace(self.key, "[key]").replace(encoded, "[key]")


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
    return Access(_checked(file.read_text(encoding="utf-8", errors="replace").strip(), f"The file {file}"))


def _is_on(switch: str) -> bool:
    return switch.strip().lower() in ("1", "true")


def _checked(key: str, where: str) -> str:
    """The key, if it can travel in a header; the text of the error never shows it."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise NoAccessError(f"{where} holds no key to Gemini: a key is one word of letters, digits, - and _.")
    return key
