"""What Gemini sends back: a picture, a text, or a reason why not."""

import base64
import binascii
import json
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from PIL import Image, UnidentifiedImageError

from ..errors import FFGOError

REFUSALS = ("SAFETY", "PROHIBITED", "RECITATION", "BLOCKLIST", "SPII", "MODEL_ARMOR", "JAILBREAK", "ESCALATION", "PUP_")
"""Parts of the names of finish reasons by which the model refuses."""

PICTURE_FORMATS = ("PNG", "JPEG", "WEBP")
SHOWN = 300
"""Characters of a long text that an error shows."""


class AnswerError(FFGOError):
    """Gemini answered, but not with what was asked for; asking the same again would cost again."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer."""

    input: int = 0
    text: int = 0
    """That came back as text, thoughts included."""
    picture: int = 0
    """That came back as pictures."""

    @property
    def total(self) -> int:
        return self.input + self.text + self.picture


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked for."""

    kind: Literal["picture", "text"]
    data: bytes
    """A picture file, or text in UTF-8."""
    usage: Usage
    seconds: float = 0.0
    cached: bool = False


def read_body(body: str) -> dict[str, Any]:
    """The JSON of an answer. Raises: AnswerError for web pages and for answers that are cut off."""
    try:
        content = json.loads(body)
    except json.JSONDecodeError:
        start = body.lstrip()[:SHOWN]
        if start.startswith("<"):
            raise AnswerError(
                "a web page came back instead of an answer. A proxy or a sign-in page stands between this machine "
                f"and Gemini. It begins: {start!r}"
            ) from None
        if start.startswith("{"):
            raise AnswerError(
                f"the answer is truncated: its {len(body)} characters end in the middle. "
                "Run again; if it happens again, look for a proxy that limits the size of answers."
            ) from None
        raise AnswerError(f"the answer is not JSON. It begins: {start!r}") from None
    if not isinstance(content, dict):
        raise AnswerError(f"the answer is not a JSON object. It begins: {body[:SHOWN]!r}")
    return content


def read_usage(content: dict[str, Any]) -> Usage:
    """The tokens that an answer is billed for, refusals too."""
    numbers = content.get("usageMetadata") or {}
    pictures = sum(
        detail.get("tokenCount") or 0
        for detail in numbers.get("candidatesTokensDetails") or []
        if detail.get("modality") == "IMAGE"
    )
    out = (numbers.get("candidatesTokenCount") or 0) + (numbers.get("thoughtsTokenCount") or 0)
    return Usage(numbers.get("promptTokenCount") or 0, max(0, out - pictures), pictures)


def read_answer(content: dict[str, Any], wants: Literal["picture", "text"]) -> bytes:
    """The picture file or the text (UTF-8) of an answer.

    Raises: AnswerError: refused, with the model's own reason; text or another file where a picture was wanted;
    nothing; cut short.
    """
    blocked = (content.get("promptFeedback") or {}).get("blockReason")
    if blocked:
        said = (content.get("promptFeedback") or {}).get("blockReasonMessage") or ""
        raise AnswerError(
            f"Gemini blocked the question before answering it ({blocked}). {_quoted(said)}"
            "Change the picture, the element's name or the prompt."
        )
    candidate = next(iter(content.get("candidates") or []), None)
    if candidate is None:
        raise AnswerError("Gemini sent an empty answer without a reason. Run again with another seed.")
    finish = candidate.get("finishReason") or "STOP"
    parts = [p for p in (candidate.get("content") or {}).get("parts") or [] if not p.get("thought")]
    text = "".join(part.get("text") or "" for part in parts).strip()
    if any(word in finish for word in REFUSALS):
        said = candidate.get("finishMessage") or text
        raise AnswerError(
            f"Gemini refused ({finish}{_harms(candidate)}). {_quoted(said)}"
            "Change the picture, the element's name or the prompt."
        )
    if wants == "text":
        return _text(text, finish)
    files = [part["inlineData"] for part in parts if part.get("inlineData")]
    if not files:
        raise AnswerError(_why_no_picture(text, candidate, finish))
    return _picture(files[-1])  # the ones before are drafts


def _text(text: str, finish: str) -> bytes:
    if finish == "MAX_TOKENS":
        raise AnswerError("Gemini ran out of room in the middle of its text. Ask for a shorter one in the template.")
    if not text:
        raise AnswerError(f"Gemini sent no text (it finished with {finish}). Run again with another seed.")
    return text.encode()


def _why_no_picture(text: str, candidate: dict[str, Any], finish: str) -> str:
    if text:
        return (
            f"Gemini answered with text instead of a picture: {text[:SHOWN]!r}. "
            "Is this an image model? If so, name the element more clearly or try another seed."
        )
    said = candidate.get("finishMessage") or ""
    return f"Gemini sent no picture (it finished with {finish}). {_quoted(said)}Run again with another seed."


def _picture(file: dict[str, Any]) -> bytes:
    mime = str(file.get("mimeType") or "no type")
    if not mime.startswith("image/"):
        raise AnswerError(f"Gemini sent a file of the type {mime} instead of a picture. Choose an image model.")
    text = str(file.get("data") or "").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        with Image.open(BytesIO(data), formats=PICTURE_FORMATS) as picture:
            picture.load()
    except (binascii.Error, UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise AnswerError(
            f"the picture that Gemini sent cannot be read: its {len(text)} characters of {mime} are damaged or "
            "cut off. Run again."
        ) from None
    return data


def _harms(candidate: dict[str, Any]) -> str:
    """What the safety filter saw, as in ", HARASSMENT: HIGH"."""
    ratings = [rating for rating in candidate.get("safetyRatings") or [] if rating.get("blocked")]
    names = [f"{r.get('category', '').removeprefix('HARM_CATEGORY_')}: {r.get('probability', '')}" for r in ratings]
    return f", {', '.join(names)}" if names else ""


def _quoted(said: str) -> str:
    return f"It says: {said.strip()[:SHOWN]!r} " if said.strip() else ""
