"""The answer of a language model, read: a caption of the first frame, and the motion after it.

Models think aloud, write Markdown, forget tags or stop in the middle. Nothing of that is guessed at in silence.
"""

import html
import re
from dataclasses import dataclass, field

from ..errors import FFGOError
from ..plain import parse_json

SHOWN = 160
"""Characters of an answer that a message shows."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A video in two."""

    caption: str
    """What is seen in its first frame."""
    motion: str
    """What changes after it; empty where the answer says nothing of it."""
    warnings: list[str] = field(default_factory=list)


_THOUGHT = re.compile(r"<(?P<end>/)?(?:think|thinking|thought|thoughts|reasoning|analysis|scratchpad)>", re.IGNORECASE)

_NAMES = r"(?P<frame>first[\s_\\-]*frame)|(?P<motion>motion)"
_TAG = re.compile(rf"[<\[]\s*(?P<end>/)?\s*(?:{_NAMES})\s*[>\]]", re.IGNORECASE)
_LABEL = re.compile(
    rf"^[\s>#*_\-\d.]*(?:the\s+)?(?:caption\s+of\s+the\s+)?(?:{_NAMES})(?:\s+caption)?[\s*_]*(?::[\s*_]*|\n)",
    re.IGNORECASE | re.MULTILINE,
)
_FENCE = re.compile(r"^\s*```[\w-]*\s*$", re.MULTILINE)


def read_scene(answer: str) -> Scene:
    """The caption and the motion in an answer, whatever stands around them; one paragraph each.

    They are found between <first_frame> and <motion> tags in any case, also unclosed; else behind headings of these
    names, or in JSON. Without any of them the whole answer is the caption, and a warning says so.
    Raises: FFGOError for an answer that is empty, that never leaves its thoughts, or that has tags and no caption.
    """
    if not answer.strip():
        raise FFGOError(
            "The language model answered nothing. Give it more room (max_length), another seed or variant, or another "
            "model."
        )
    text = _without_thoughts(answer)
    for read in (_tagged, _in_json, _labelled):
        found = read(text)
        if found is not None:
            return _checked(*found, text)
    caption = _paragraph(text)
    if not caption:
        raise FFGOError(f"The language model answered without a word in it: {answer.strip()[:SHOWN]!r}. Run it again.")
    return Scene(
        caption, "",
        [f"The answer has no <first_frame> in it, so all of it is the caption: {caption[:SHOWN]!r}."],
    )  # fmt: skip


def has_tags(text: str) -> bool:
    """Whether a text is the answer of a language model, and not a caption that was read already."""
    return _TAG.search(html.unescape(text)) is not None


def _without_thoughts(answer: str) -> str:
    """What stands behind the last thought, of which the model's template may have had the beginning; else before it."""
    text = html.unescape(answer)
    marks = list(_THOUGHT.finditer(text))
    ends = [mark.end() for mark in marks if mark["end"]]
    starts = [mark.start() for mark in marks if not mark["end"]]
    behind = text[ends[-1] :] if ends else ""
    before = text[: starts[0]] if starts else ""
    left = (behind if behind.strip() and not _THOUGHT.search(behind) else before) if marks else text
    if not left.strip():
        raise FFGOError(
            "The language model thought and never answered: "
            f"{' '.join(answer[: 2 * SHOWN].split())[:SHOWN]!r}. Give it more room (max_length), or switch thinking "
            "off."
        )
    return left


def _tagged(text: str) -> tuple[str, str, bool] | None:
    """Caption, motion, and whether the caption may be cut off. The last of several wins: the others are drafts."""
    tags = list(_TAG.finditer(text))
    opening = [n for n, tag in enumerate(tags) if tag["frame"] and not tag["end"]]
    if not opening:
        return None
    whole = [n for n in opening if n + 1 < len(tags) and _words(text, tags, n)]
    first = (whole or opening)[-1]
    motions = [n for n in range(first + 1, len(tags)) if tags[n]["motion"] and not tags[n]["end"]]
    caption = _paragraph(_words(text, tags, first))
    motion = _paragraph(_words(text, tags, motions[0])) if motions else ""
    return caption, motion, first + 1 == len(tags)


def _words(text: str, tags: list[re.Match[str]], number: int) -> str:
    """What stands between a tag and the next one, or the end."""
    end = tags[number + 1].start() if number + 1 < len(tags) else len(text)
    words = text[tags[number].end() : end]
    return words if len(words.split()) > 1 or number + 1 == len(tags) else words.strip(" \n.,;:`'\"…")


def _in_json(text: str) -> tuple[str, str, bool] | None:
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or '"' not in text[start : end + 1]:
        return None
    try:
        content = parse_json(text[start : end + 1])
    except ValueError:
        return None
    known = {re.sub(r"[\s_-]", "", str(key)).lower(): value for key, value in dict(content).items()}
    caption, motion = known.get("firstframe", known.get("caption")), known.get("motion", "")
    if not isinstance(caption, str) or not isinstance(motion, str):
        return None
    return _paragraph(caption), _paragraph(motion), False


def _labelled(text: str) -> tuple[str, str, bool] | None:
    labels = list(_LABEL.finditer(text))
    frame = next((n for n, label in enumerate(labels) if label["frame"]), None)
    if frame is None:
        return None
    motion = next((n for n in range(frame + 1, len(labels)) if labels[n]["motion"]), None)
    caption, moving = (_words(text, labels, n) if n is not None else "" for n in (frame, motion))
    return _paragraph(caption), _paragraph(moving), False


def _checked(caption: str, motion: str, may_be_cut: bool, text: str) -> Scene:
    if not caption:
        raise FFGOError(
            f"The answer has no caption in its <first_frame>: {' '.join(text.split())[:SHOWN]!r}. Run the language "
            "model again with another seed or variant."
        )
    warnings = []
    if may_be_cut:
        warnings.append(f"The answer ends inside the caption, ...{caption[-60:]!r}. Give it more room (max_length).")
    elif not motion:
        warnings.append("The answer says nothing of the motion, so your prompt stands for it.")
    return Scene(caption, motion, warnings)


def _paragraph(text: str) -> str:
    """Plain text in one line: without fences, headings, bold, bullets and quotes around it."""
    text = _FENCE.sub("", _TAG.sub(" ", text))
    text = re.sub(r"^\s*(?:#{1,6}|>|[*+-]|\d+\.)\s+", "", text, flags=re.MULTILINE)
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text, flags=re.DOTALL)
    text = re.sub(r"(?<!\w)([*_])(?=\S)([^*_]+?)(?<=\S)\1(?!\w)", r"\2", text)
    text = " ".join(text.replace("`", "").split()).strip("* ")
    quoted = len(text) > 1 and (text[0], text[-1]) in {('"', '"'), ("“", "”"), ("«", "»")}
    return text[1:-1].strip() if quoted and text[0] not in text[1:-1] else text


_CHANGES = re.compile(
    r"\b(?:then|gradual(?:ly)?|begins?|beginning to|starts? (?:to|\w+ing)|slowly (?:turn|chang|becom|transform)\w*|"
    r"(?:turn|chang|transform|morph|transition|fad|evolv)(?:s|es|ing)? (?:in)?to|becom(?:es|ing)|eventually|finally|"
    r"over time|until|"
    r"the camera (?:\w+ )?(?:pans?|zooms?|tilts?|moves?|dolli?e?s|tracks?|glides?|pulls?|pushes|follows?)|"
    r"camera (?:pans?|zooms?|tilts?)\w*)\b",
    re.IGNORECASE,
)


def told_changes(caption: str) -> list[str]:
    """What a caption of one instant must not have: words of change, of time, and of the camera's movement.

    >>> told_changes("A green rose in soft light, which gradually turns to blue. The camera pans left.")
    ['gradually', 'turns to', 'The camera pans']
    >>> told_changes("A closed green rosebud on a grey table.")
    []
    """
    return list(dict.fromkeys(found[0] for found in _CHANGES.finditer(caption)))


def change_warning(caption: str) -> list[str]:
    """A warning where the caption of the first frame tells what comes later; else nothing."""
    told = told_changes(caption)
    if not told:
        return []
    return [
        f"The caption of the first frame tells a change ({', '.join(told)}). The picture may show its end, and then "
        "nothing is left to happen: try another variant or seed, or mend the caption."
    ]
