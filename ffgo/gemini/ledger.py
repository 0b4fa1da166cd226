"""What was asked of Gemini and what it cost: one line of JSON for each question that went out."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from .answer import Usage
from .models import PRICES

LEDGER_FILE = "gemini_ledger.jsonl"


@dataclass(frozen=True, slots=True)
class Sum:
    """All of a ledger."""

    calls: int
    tokens: int
    dollars: float
    unpriced: int
    """Calls to models whose price is not known here; they are not in `dollars`."""


def cost(model: str, usage: Usage) -> float | None:
    """An estimate in US dollars; None where the model's price is not known here.

    >>> cost("gemini-2.5-flash-image", Usage(input=1000, text=0, picture=1290))
    0.039
    """
    price = PRICES.get(model)
    if price is None:
        return None
    return (usage.input * price.input + usage.text * price.text + usage.picture * price.picture) / 1e6


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
        descriptor = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.write(descriptor, f"{json.dumps(line)}\n".encode())
        finally:
            os.close(descriptor)

    def sum(self) -> Sum:
        """Add up the lines; a line that a dying process left unfinished is passed over."""
        lines = []
        if self.path.exists():
            for text in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    lines.append(json.loads(text))
                except json.JSONDecodeError:
                    continue
        tokens = sum(line["input_tokens"] + line["text_tokens"] + line["picture_tokens"] for line in lines)
        dollars = [line["dollars"] for line in lines]
        return Sum(len(lines), tokens, sum(d for d in dollars if d is not None), dollars.count(None))
