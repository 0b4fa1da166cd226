"""The desk that Gemini is asked from, as the environment has it: where answers are kept, what may be spent."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import FFGOError
from .ask import BUDGET, Desk, read_budget
from .cache import DEFAULT_LIMIT, AnswerCache
from .client import Patience
from .key import Access
from .ledger import LEDGER_FILE, Ledger

# In the environment, because a workflow must not say where files go.
CACHE_FOLDER, CACHE_MB = "FFGO_GEMINI_CACHE", "FFGO_GEMINI_CACHE_MB"
MOST_CACHE_MB = 1_000_000_000
TIMEOUT_S = 180
"""Seconds to wait for one answer."""


def open_desk(
    folder: Path, find_access: Callable[[], Access], environment: Mapping[str, str], timeout_s: float = TIMEOUT_S
) -> Desk:
    """A desk whose ledger, and whose cache unless the environment names another, are in `folder`.

    Raises: FFGOError where the environment says what can not be.
    """
    cache = AnswerCache(Path(environment.get(CACHE_FOLDER) or folder / "gemini_cache"), _limit(environment))
    patience, budget = Patience(timeout_s=timeout_s), read_budget(environment.get(BUDGET, ""))
    return Desk(cache, Ledger(folder / LEDGER_FILE), find_access, patience, budget=budget)


def _limit(environment: Mapping[str, str]) -> int:
    text = environment.get(CACHE_MB, "")
    if not text:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_CACHE_MB))):
        raise FFGOError(f"The environment variable {CACHE_MB} is {text!r}; it is a number of megabytes, such as 2000.")
    return int(text) * 1_000_000
