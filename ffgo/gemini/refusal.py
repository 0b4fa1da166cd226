"""What an error of Gemini's means: whether the same question may succeed now, tomorrow, or never.

The HTTP code alone does not tell: 429 stands for a minute that is full, for a day that is, and for an account that may
not ask at all. What tells is in the details (google.rpc.ErrorInfo, QuotaFailure, RetryInfo) and in the words.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from ..plain import part
from .answer import SHOWN

NOW = (408, 429, 500, 502, 503, 504)
"""HTTP codes after which the same question may succeed. Nothing is billed for them."""

NO_MONEY = re.compile(
    r"credits? (are|is|balance)|prepa(yment|id)|billing (account|is|has|must|needs)|(enable|require)s? billing|"
    r"spend(ing)? (cap|limit)|payment|account (is|has been) (suspended|closed)",
    re.I,
)
NO_FREE_TIER = re.compile(
    r"\blimit: ?0(?![\d.])|(have|has|not|no|without)[^.]{0,40} free (quota )?tier|free (quota )?tier[^.]{0,40} not|"
    r"location is not supported|not available in your (country|region)",
    re.I,
)
NO_KEY = re.compile(r"api[ _]key[^.]{0,40}(not valid|invalid|expired|not found|leaked|disabled|blocked)", re.I)
A_DAY = re.compile(r"per[ _]?day|daily", re.I)
ASKED_PAUSE = re.compile(r"retry in ([\d.]+) ?s", re.I)
HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong in one attempt."""

    message: str
    retry: bool = False
    delay_s: float | None = None
    """The pause that the server asks for."""
    may_be_billed: bool = False
    """The model may have worked on it, and nobody knows."""


def read_refusal(content: Any, http_code: int, retry_after: str = "") -> Trouble:
    """What an error means. content: what came, foreign JSON, without the key; retry_after: the header of this name."""
    problem = part(content, "error", of=dict) or part(content, of=dict)
    details = [detail for detail in part(problem, "details", of=list) if isinstance(detail, dict)]
    words = part(problem, "message", of=str) or part(content, "error", of=str)
    status = part(problem, "status", of=str)
    code = _code(problem.get("code"), http_code)
    said = f"HTTP {code}{f' {status[:SHOWN]}' if status else ''}: {(words or status or 'no reason')[:SHOWN]}"
    violations = [v for detail in details for v in part(detail, "violations", of=list) if isinstance(v, dict)]
    words = " ".join([words, *(part(violation, "description", of=str) for violation in violations)])
    reasons = {part(detail, "reason", of=str) for detail in details}
    delay = _delay(details, words, retry_after)
    never = _never(code, status, words, reasons, said) or _no_quota(words, violations, said)
    if never:
        return never
    quotas = [part(violation, "quotaId", of=str) + part(violation, "quotaMetric", of=str) for violation in violations]
    if code == 429 and any(map(A_DAY.search, [words, *quotas])):
        when = f"in {delay / HOUR_S:.1f} hours" if delay and delay > HOUR_S else "at midnight Pacific time"
        return Trouble(
            f"the quota for today is used up ({said}). It begins anew {when}: wait until then, or change the model."
        )
    if code in NOW or code > 504:
        asks = f" The server asks for a pause of {delay:g} s." if delay else ""
        return Trouble(f"the server cannot answer now ({said}).{asks} Run again later.", True, delay)
    return Trouble(f"the server refuses the request ({said}).")


def _never(code: int, status: str, words: str, reasons: set[str], said: str) -> Trouble | None:
    """Where asking again cannot help until the user changes something."""
    if any("BILLING" in reason for reason in reasons) or NO_MONEY.search(words.replace("plan and billing details", "")):
        return Trouble(f"the account has no means to pay ({said}). Mend its billing at aistudio.google.com.")
    if any(reason.startswith("API_KEY") for reason in reasons) or NO_KEY.search(words):
        return Trouble(f"the server does not accept the key ({said}). Check the key and what it may use.")
    if code == 429:
        return None
    if code in (401, 403) or status in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return Trouble(f"the server does not accept the key ({said}). Check the key and what it may use.")
    if code == 404 or status == "NOT_FOUND":
        return Trouble(f"there is no such model ({said}). Choose another model.")
    return None


def _no_quota(words: str, violations: list[dict[str, Any]], said: str) -> Trouble | None:
    """Where the account may ask nothing at all: a limit of 0, which is left out of a violation, or said in words."""
    free = [v for v in violations if "FreeTier" in part(v, "quotaId", of=str) and "quotaValue" not in v]
    per = {"Day" if A_DAY.search(part(v, "quotaId", of=str)) else "Minute" for v in free}
    if NO_FREE_TIER.search(words) or any(str(v.get("quotaValue")) == "0" for v in violations) or len(per) == 2:
        return Trouble(
            f"this account may not use the model at all ({said}). Asking again does not help: set up billing for the "
            "key's project at aistudio.google.com, or choose another model."
        )
    return None


def _code(written: Any, http_code: int) -> int:
    """The code of the error itself, where an error came as if it were an answer."""
    right = isinstance(written, int) and not isinstance(written, bool) and 400 <= written < 600
    return written if right and http_code == 200 else http_code


def _delay(details: list[dict[str, Any]], words: str, retry_after: str) -> float | None:
    """Seconds that the server asks to wait: of RetryInfo, as in "7.5s", else in words, else of the header."""
    asked = [part(detail, "retryDelay", of=str).rstrip("s") for detail in details]
    in_words = ASKED_PAUSE.search(words)
    for text in (*asked, in_words[1] if in_words else "", retry_after):
        try:
            seconds = float(text)
        except ValueError:  # nothing, or a date, which Gemini does not send
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None
