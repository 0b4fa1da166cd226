"""What was asked of Gemini and what it cost: one line of JSON for each question that went out."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import FFGOError
from ..plain import is_number, parse_json
from .answer import Usage, count
from .models import PRICES, Price

LEDGER_FILE = "gemini_ledger.jsonl"
LONGEST_LINE = 10_000
"""Bytes; a line has some 300."""
MOST_DOLLARS = 10_000
"""Of one call."""


@dataclass(frozen=True, slots=True)
class Sum:
    """All of a ledger."""

    calls: int
    tokens: int
    dollars: float
    unpriced: int
    """Calls to models whose price is not known here; they are not in `dollars`."""
    at_most: float
    """Dollars, with those calls at the dearest price that is known."""


def cost(model: str, usage: Usage) -> float | None:
    """An estimate in US dollars; None where the model's price is not known here.

    >>> cost("gemini-2.5-flash-image", Usage(input=1000, text=0, picture=1290))
    0.039
    """
    price = PRICES.get(model)
    if price is None:
        return None
    return _dollars(price, usage)


def cost_at_most(model: str, usage: Usage) -> float:
    """The same; the dearest price that is known where the model's is not."""
    price = cost(model, usage)
    return max(_dollars(each, usage) for each in PRICES.values()) if price is None else price


def typical(wants: str) -> Usage:
    """About what a question takes, for one whose answer is not there yet, or was lost on its way."""
    return Usage(2000, 500, 2000) if wants == "picture" else Usage(5000, 2000)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A file that grows by one line for each question; it holds neither pictures, nor prompts, nor answers."""

    path: Path

    def add(self, task: str, model: str, usage: Usage, result: str, seconds: float) -> None:
        """Write one line, in one go, so that lines of several processes do not mix. Raises: OSError."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "task": task,
            "model": model,
            "result": result,
            "input_tokens": usage.input,
            "text_tokens": usage.text,
            "picture_tokens": usage.picture,
            "dollars": cost(model, usage),
            "seconds": round(seconds, 2),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o600)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            os.lseek(descriptor, max(0, end - 1), os.SEEK_SET)
            whole = os.read(descriptor, 1) in (b"", b"\n")  # or a disk was full in the middle of the line before
            os.write(descriptor, f"{'' if whole else chr(10)}{json.dumps(line)}\n".encode())
        finally:
            os.close(descriptor)

    def prepare(self) -> None:
        """Make sure that lines can be written. Raises: OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600))

    def sum(self) -> Sum:
        """Add up the lines; what is no line of a ledger, such as one that a dying process left, is passed over."""
        calls = tokens = unpriced = 0
        dollars = dearest = 0.0
        for usage, price in self._lines():
            calls, tokens, dollars = calls + 1, tokens + usage.total, dollars + (price or 0.0)
            if price is None:
                unpriced, dearest = unpriced + 1, dearest + cost_at_most("", usage)
        return Sum(calls, tokens, dollars, unpriced, dollars + dearest)

    def _lines(self) -> Iterator[tuple[Usage, float | None]]:
        """Tokens and dollars of each line, read one at a time. Raises: FFGOError where the file cannot be read."""
        try:
            with self.path.open("rb") as file:
                while text := file.readline(LONGEST_LINE):
                    if line := _parsed(text):
                        yield line
        except FileNotFoundError:
            return
        except OSError as error:
            raise FFGOError(f"{self.path}, the list of what was asked, cannot be read: {error.strerror}.") from error


def _parsed(text: bytes) -> tuple[Usage, float | None] | None:
    try:
        line = parse_json(text.decode("utf-8", "replace"))
    except ValueError:
        return None
    if not isinstance(line, dict) or "dollars" not in line:
        return None
    usage = Usage(*(count(line.get(f"{kind}_tokens")) for kind in ("input", "text", "picture")))
    dollars = line["dollars"]
    if dollars is not None and not (is_number(dollars) and 0 <= dollars <= MOST_DOLLARS):
        dollars = 0.0
    return usage, None if dollars is None else float(dollars)


def _dollars(price: Price, usage: Usage) -> float:
    return (usage.input * price.input + usage.text * price.text + usage.picture * price.picture) / 1e6
