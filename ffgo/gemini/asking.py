"""How Gemini is asked: what every question shares, and what it cost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import FFGOError
from .answer import Answer
from .ask import Desk
from .ledger import cost
from .models import ONE_SIZE_MODELS, PRICES_FROM, nearest_aspect_ratio
from .request import Request, SentPicture

MODEL_ID = re.compile(r"[A-Za-z0-9][\w.@-]*(/[A-Za-z0-9][\w.@-]*)*", re.ASCII)
"""With slashes for tuned models and those of Vertex AI; nothing that would lead to another address."""
LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Asking:
    """How to ask: the same for every task."""

    model: str
    template: str = ""
    """The task's own template where empty."""
    seed: int = 0
    resolution: str = "1K"
    """Of pictures: 1K, 2K or 4K."""


def picture_request(task: str, subject: str, photo: np.ndarray, asking: Asking, prompt: str) -> Request:
    """A question about a photo (H, W, 3) uint8, for a picture of the nearest aspect.

    Raises: FFGOError where no model is chosen.
    """
    height, width = photo.shape[:2]
    model = model_id(asking.model)
    resolution = "" if model in ONE_SIZE_MODELS else asking.resolution
    ratio = nearest_aspect_ratio(width, height)
    return Request(task, subject, model, prompt, (SentPicture(photo),), "picture", ratio, resolution, asking.seed)


def model_id(name: str) -> str:
    """The id of a chosen model. Raises: FFGOError where none is chosen."""
    if not name.strip():
        raise FFGOError("No model is chosen. Pick one, or write its id into custom_model.")
    model = name.strip().removeprefix("models/")
    if len(model) > LONGEST_ID or not MODEL_ID.fullmatch(model):
        raise FFGOError(
            f"{model[:60]!r} is no model's id. It is like gemini-3-pro-image: letters, digits, '-' and '.'."
        )
    return model


def bill(requests: Sequence[Request], answers: Sequence[Answer], desk: Desk) -> list[str]:
    """What it took, and all that the ledger knows."""
    asked = [(r, a) for r, a in zip(requests, answers, strict=True) if not a.cached]
    known = len(answers) - len(asked)
    prices = [cost(request.model, answer.usage) for request, answer in asked]
    tokens = sum(answer.usage.total for _, answer in asked)
    price = "price not known" if None in prices else f"about ${sum(p for p in prices if p is not None):.4f}"
    now = f"asked {len(asked)} ({tokens} tokens, {price}), {known} from the cache"
    total = desk.ledger.sum()
    unpriced = f" without {total.unpriced} of unknown price" if total.unpriced else ""
    return [now, f"so far {total.calls} calls, about ${total.dollars:.2f}{unpriced} ({PRICES_FROM})"]
