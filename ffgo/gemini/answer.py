"""What Gemini sends back: a picture, a text, or a reason why not. It is foreign JSON, whatever its types."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from PIL import Image, UnidentifiedImageError

from ..errors import FFGOError
from ..pixels import PICTURE_FORMATS
from ..plain import is_number, parse_json, part

REFUSALS = ("SAFETY", "PROHIBITED", "RECITATION", "BLOCKLIST", "SPII", "MODEL_ARMOR", "JAILBREAK", "ESCALATION", "PUP_")
"""Parts of the names of finish reasons by which the model refuses."""

UNREADABLE = (
    binascii.Error,
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
)
"""What opening a picture raises where it is none."""
MOST_PIXELS = 64_000_000
"""Of a picture that is taken; 4K has 17 million."""
MOST_BODY = 200_000_000
"""Characters of an answer; a picture of 4K takes some 30 million."""
MOST_TOKENS = 1_000_000_000
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
    """What was asked for, or what came instead and was paid."""

    kind: Literal["picture", "text", "body"]
    data: bytes
    """A picture file, text in UTF-8, or all that came, as JSON."""
    usage: Usage
    seconds: float = 0.0
    cached: bool = False


def read_body(body: str) -> dict[str, Any]:
    """The JSON of an answer. Raises: AnswerError for web pages and for answers that are cut off."""
    try:
        content = parse_json(body, most=MOST_BODY)
    except ValueError as error:
        start = body.lstrip()[:SHOWN]
        if start.startswith("<"):
            raise AnswerError(
                "a web page came back instead of an answer. A proxy or a sign-in page stands between this machine "
                f"and Gemini. It begins: {start!r}"
            ) from None
        if start.startswith("{") and not body.rstrip().endswith("}"):
            raise AnswerError(
                f"the answer is truncated: its {len(body)} characters end in the middle. "
                "Run again; if it happens again, look for a proxy that limits the size of answers."
            ) from None
        raise AnswerError(f"the answer {error}. It begins: {start!r}") from None
    if not isinstance(content, dict):
        raise AnswerError(f"the answer is not a JSON object. It begins: {body[:SHOWN]!r}")
    return content


def read_usage(content: dict[str, Any]) -> Usage:
    """The tokens that an answer is billed for, refusals too."""
    numbers = part(content, "usageMetadata", of=dict)
    pictures = sum(
        count(detail.get("tokenCount"))
        for detail in part(numbers, "candidatesTokensDetails", of=list)
        if part(detail, "modality", of=str) == "IMAGE"
    )
    out = count(numbers.get("candidatesTokenCount")) + count(numbers.get("thoughtsTokenCount"))
    return Usage(count(numbers.get("promptTokenCount")), max(0, out - pictures), pictures)


def count(value: Any) -> int:
    """A number of tokens of foreign JSON, also written as text; 0 for what can be none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MOST_TOKENS)):
        value = int(value)
    return int(value) if is_number(value) and 0 <= value <= MOST_TOKENS else 0


def is_paid(content: dict[str, Any]) -> bool:
    """Whether an answer has cost something."""
    return bool(read_usage(content).total or part(content, "candidates", of=list))


def read_answer(content: dict[str, Any], wants: Literal["picture", "text"]) -> bytes:
    """The picture file or the text (UTF-8) of an answer.

    Raises: AnswerError: refused, with the model's own reason; text or another file where a picture was wanted;
    nothing; cut short.
    """
    blocked = part(content, "promptFeedback", of=dict).get("blockReason")
    if blocked:
        said = part(content, "promptFeedback", "blockReasonMessage", of=str)
        raise AnswerError(
            f"Gemini blocked the question before answering it ({_name(blocked)}). {_quoted(said)}"
            "Change the picture, the element's name or the prompt."
        )
    candidate = part(content, "candidates", 0, of=dict)
    if not candidate:
        raise AnswerError("Gemini sent an empty answer without a reason. Run again with another variant.")
    finish = _name(candidate.get("finishReason") or "STOP")
    parts = [p for p in part(candidate, "content", "parts", of=list) if isinstance(p, dict) and not p.get("thought")]
    text = "".join(part(one, "text", of=str) for one in parts).strip()
    if any(word in finish for word in REFUSALS):
        said = part(candidate, "finishMessage", of=str) or text
        raise AnswerError(
            f"Gemini refused ({finish}{_harms(candidate)}). {_quoted(said)}"
            "Change the picture, the element's name or the prompt."
        )
    if wants == "text":
        return _text(text, finish)
    files = [file for one in parts if (file := _file(one))]
    if not files:
        raise AnswerError(_why_no_picture(text, candidate, finish))
    return _picture(files[-1])  # the ones before are drafts


def _text(text: str, finish: str) -> bytes:
    if finish == "MAX_TOKENS":
        raise AnswerError("Gemini ran out of room in the middle of its text. Ask for a shorter one in the template.")
    if not text:
        raise AnswerError(f"Gemini sent no text (it finished with {finish}). Run again with another variant.")
    return text.encode(errors="replace")


def _why_no_picture(text: str, candidate: dict[str, Any], finish: str) -> str:
    if text:
        return (
            f"Gemini answered with text instead of a picture: {text[:SHOWN]!r}. "
            "Is this an image model? If so, name the element more clearly or try another variant."
        )
    said = part(candidate, "finishMessage", of=str)
    return f"Gemini sent no picture (it finished with {finish}). {_quoted(said)}Run again with another variant."


def _picture(file: dict[str, Any]) -> bytes:
    mime = (part(file, "mimeType", of=str) or part(file, "mime_type", of=str) or "no type")[:SHOWN]
    if not mime.startswith("image/"):
        raise AnswerError(f"Gemini sent a file of the type {mime} instead of a picture. Choose an image model.")
    try:
        data = _decoded(file)
        with Image.open(BytesIO(data), formats=PICTURE_FORMATS) as picture:
            size = picture.size
            if size[0] * size[1] <= MOST_PIXELS:
                picture.load()
    except UNREADABLE:
        raise AnswerError(
            f"the picture that Gemini sent cannot be read: its {len(part(file, 'data', of=str))} characters "
            f"of {mime} are damaged or cut off. Run again with another variant."
        ) from None
    if size[0] * size[1] > MOST_PIXELS:
        raise AnswerError(f"the picture that Gemini sent has {size[0]}x{size[1]} pixels, more than can be taken.")
    return data


def files_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of an answer, drafts too, as its JSON holds them."""
    candidates = part(content, "candidates", of=list)
    return [file for one in candidates for each in part(one, "content", "parts", of=list) if (file := _file(each))]


def clean_file(file: dict[str, Any], is_dirty: Callable[[bytes], bool]) -> None:
    """Leave of a dirty file of an answer its pixels alone, as PNG: nothing of what else is written into it."""
    try:
        data = _decoded(file)
    except ValueError:
        data = b""
    if not is_dirty(data) and not is_dirty(part(file, "data", of=str).encode(errors="replace")):
        return
    try:
        with Image.open(BytesIO(data), formats=PICTURE_FORMATS) as picture:
            pixels = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        pixels.info.clear()
        buffer = BytesIO()
        pixels.save(buffer, "PNG")
        file["data"] = base64.b64encode(buffer.getvalue()).decode()
        file["mimeType"] = "image/png"
    except UNREADABLE:
        file["data"] = ""


def _file(of: Any) -> dict[str, Any]:
    return part(of, "inlineData", of=dict) or part(of, "inline_data", of=dict)


def _decoded(file: dict[str, Any]) -> bytes:
    text = part(file, "data", of=str).replace("-", "+").replace("_", "/")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _name(value: Any) -> str:
    """The name of a reason, which is a number where the server is odd."""
    return str(value)[:SHOWN] if isinstance(value, str | int) else "no reason"


def _harms(candidate: dict[str, Any]) -> str:
    """What the safety filter saw, as in ", HARASSMENT: HIGH"."""
    ratings = [r for r in part(candidate, "safetyRatings", of=list) if isinstance(r, dict) and r.get("blocked")]
    harms = [part(rating, "category", of=str).removeprefix("HARM_CATEGORY_") for rating in ratings]
    names = [f"{harm}: {part(r, 'probability', of=str)}"[:SHOWN] for harm, r in zip(harms, ratings, strict=True)][:8]
    return f", {', '.join(names)}" if names else ""


def _quoted(said: str) -> str:
    return f"It says: {said.strip()[:SHOWN]!r} " if said.strip() else ""
