"""The transition phrase, which every FFGo LoRA was trained to hear first."""

import re
from unicodedata import category, normalize

from ..errors import FFGOError

TRANSITION_PHRASE = "ad23r2 the camera view suddenly changes."

_UNSEEN = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
"""Ranges of characters that leave no mark: soft hyphens, zero-width spaces, directions."""


def _spelled(word: str) -> str:
    return f"[{_UNSEEN}]*".join(word)


# Between its words may stand whatever is no letter and no digit: line breaks, zero-width spaces, markup.
_GAP = r"[\W_]"
_TRIGGER = rf"(?<![^\W_]){_spelled('ad23r2')}"
_SPACED_TRIGGER = rf"(?<![^\W_]){_spelled('ad')}{_GAP}*{_spelled('23')}{_GAP}*{_spelled('r2')}"
_WORDS = rf"{_GAP}+".join(map(_spelled, ("the", "camera", "view", "suddenly", "changes"))) + r"(?![^\W_])"
# The whole phrase counts wherever it stands; its halves only at the start, where they can mean nothing else.
_PHRASE = re.compile(
    rf"(?:(?P<marks>[*_~`\"']{{1,6}}){_TRIGGER}(?P=marks)|{_SPACED_TRIGGER}){_GAP}*{_WORDS}", re.IGNORECASE
)
_HALF = re.compile(rf"{_WORDS}|{_TRIGGER}(?![^\W_])", re.IGNORECASE)
_WEIGHT = re.compile(r"\s*:\s*\d*\.?\d+\s*(?=\))")
"""As in (a word:1.2), which gives it another weight."""
_BREAK = re.compile(r"\\[nrt]|<br\s*/?>|&nbsp;|&#160;", re.IGNORECASE)
"""A line break or a space, written out."""
_LINK_TARGET = re.compile(r"\([^()\s]*\)")
"""As in [a word](address)."""
_PAIRS = [
    (re.compile(r"<([a-z]\w*)\b[^<>]*>$", re.IGNORECASE), r"\s*</(?i:{})\s*>"),
    (
        re.compile(r"(&(?:quot|apos|#34|#39|lt|[lr][ds]quo|laquo|raquo);)$"),
        r"&(?:quot|apos|#34|#39|gt|[lr][ds]quo|[lr]aquo);",
    ),
    (re.compile(r"(<!--)$"), r"\s*-->"),
]
"""What a markup writes before and behind: tags, quotes written out, comments."""
_LONGEST_TAG, _LONGEST_START = 200, 1000
"""Characters that are looked through for a tag before the phrase, and for half a phrase before anything else."""
_LINE_START = re.compile(r"(?:#{1,6}|>+|[-*+•·–—]|\d{1,2}[.)])$")
"""How a heading, a quotation or an item of a list begins."""

_SAME_ON_BOTH_SIDES = "\"'`*_~"
"""Quotes and marks that close with what they open with."""
_BEGINS_TEXT = "#%&@¿¡<"
"""Punctuation that belongs to what follows it."""


def add_transition_phrase(prompt: str) -> str:
    """Put the transition phrase before the prompt, exactly once, whatever of it the user typed already.

    Occurrences in other spacing, case, quotes, brackets or marks are taken out first, with the separators behind them;
    the rest of the text is kept as it is. One space follows the phrase, as in all official test prompts (the training
    captions have two).

    >>> add_transition_phrase("The robot waves.")
    'ad23r2 the camera view suddenly changes. The robot waves.'
    >>> add_transition_phrase('"AD23R2, the camera view suddenly changes" The robot waves.')
    'ad23r2 the camera view suddenly changes. The robot waves.'

    Raises: FFGOError if nothing is left to describe the video.
    Source: paper §3.3; Data/combined_first_frames/0-data.csv of the official repository.
    """
    scene = _unwrapped(prompt)
    while spans := [found.span() for found in _PHRASE.finditer(_plain(scene))]:
        for span in reversed(spans):
            scene = _without(scene, *span)
        scene = _unwrapped(scene)
    while half := _leading_half(scene):
        scene = _unwrapped(_without(scene, *half))
    if not _says_something(scene):
        raise FFGOError(
            "The prompt is empty. Describe the video: which subject from the left does what in the scene on the right. "
            f'The phrase "{TRANSITION_PHRASE}" is added for you.'
        )
    return f"{TRANSITION_PHRASE} {scene}"


def with_phrase_once(caption: str) -> str:
    """A caption that begins with the phrase, without any further ones; every other comes back as it is.

    >>> with_phrase_once("ad23r2 the camera view suddenly changes. AD23R2: the camera view suddenly changes. A dog.")
    'ad23r2 the camera view suddenly changes. A dog.'

    Raises: FFGOError if nothing is left to describe the video.
    """
    scene = caption.removeprefix(TRANSITION_PHRASE)
    return add_transition_phrase(caption) if scene != caption and holds_phrase(scene) else caption


def holds_phrase(prompt: str) -> bool:
    """Whether the phrase, or at the start one of its halves, stands in a prompt, however it is written.

    >>> holds_phrase("AD23R2, the camera view suddenly changes: the robot waves."), holds_phrase("The robot waves.")
    (True, False)
    """
    return bool(_PHRASE.search(_plain(prompt)) or _leading_half(prompt))


def without_phrase(prompt: str) -> str:
    """The prompt without the phrase, whatever of it stands there. Raises: FFGOError if nothing is left."""
    return add_transition_phrase(prompt).removeprefix(TRANSITION_PHRASE).strip()


def _leading_half(scene: str) -> tuple[int, int] | None:
    """Where half of the phrase stands before anything is said."""
    found = _HALF.search(_plain(scene[:_LONGEST_START]))
    return found.span() if found and not _says_something(scene[: found.start()]) else None


def _without(text: str, start: int, end: int) -> str:
    """The text without a part of it, what wraps that part, and the separators behind it."""
    start = _seen_before(text, start)
    while end < len(text):
        if wrapping := _wrapping(text, start, end):
            start, end = _seen_before(text, wrapping[0]), wrapping[1]
        elif found := _WEIGHT.match(text, end) or _BREAK.match(text, end):
            end = found.end()
        elif _separates(text[end]):
            end += 1
        else:
            break
    before, after = _stripped(text[:start]), _stripped(text[end:])
    if not after and before.endswith((",", ";", ":", "|", "/", "-", "–", "—")):
        before = _stripped(before[:-1])
    if not before or _LINE_START.match(before):
        return after
    opens = category(before[-1]) in ("Ps", "Pi") or before[-1] in _SAME_ON_BOTH_SIDES
    return before + after if opens else f"{before} {after}".rstrip()


def _wrapping(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Where what stands around this part, and belongs together, begins and ends."""
    begun = max(0, start - _LONGEST_TAG)
    for opening, closing in _PAIRS:
        if (opened := opening.search(text[begun:start])) and (
            closed := re.compile(closing.format(opened[1])).match(text, end)
        ):
            return begun + opened.start(), closed.end()
    if not start or not _closes(text[start - 1], text[end]):
        return None
    target = _LINK_TARGET.match(text, end + 1) if text[start - 1] == "[" else None
    return start - 1, target.end() if target else end + 1


def _seen_before(text: str, end: int) -> int:
    """Where the blanks, and what cannot be seen, before this place begin."""
    while end and category(text[end - 1])[0] in "ZC":
        end -= 1
    return end


def _stripped(text: str) -> str:
    """Without blanks, and what cannot be seen, at both ends."""
    text = text[: _seen_before(text, len(text))]
    return text[next((i for i, letter in enumerate(text) if category(letter)[0] not in "ZC"), 0) :]


def _plain(text: str) -> str:
    """The text letter for letter, those of other styles and widths (full-width, bold, italic) as plain ones."""
    plain = (normalize("NFKC", letter) for letter in text)
    return "".join(new if new.isascii() and len(new) == 1 else old for new, old in zip(plain, text, strict=True))


def _separates(letter: str) -> bool:
    """Whether it only stands between: spaces, marks that cannot be seen, punctuation and signs."""
    if letter in _SAME_ON_BOTH_SIDES or letter in _BEGINS_TEXT:
        return False
    return category(letter)[0] in "ZC" or category(letter) in ("Po", "Pd", "Sm", "Sk")


def _closes(opening: str, closing: str) -> bool:
    if opening == "<":
        return closing == ">"
    if opening in _SAME_ON_BOTH_SIDES or category(opening) == "Sc":
        return closing == opening
    if category(opening) == "Ps":  # „ too, which closes with “
        return category(closing) == "Pe" or (opening in "„‚" and category(closing) in ("Pi", "Pf"))
    return category(opening) == "Pi" and category(closing) in ("Pf", "Pi")


def _unwrapped(text: str) -> str:
    """Take off quotes or marks around the whole text; those that belong to a part of it stay, and so do brackets."""
    text = _stripped(text)
    marks = text[:1] in "*_~`" and re.fullmatch(r"([*_~`]{1,6})(.*)\1", text, re.DOTALL)
    if marks and marks[1][0] not in marks[2]:
        return marks[2].strip()
    bracket = bool(text) and (text[0] == "<" or (category(text[0]) == "Ps" and text[0] not in "„‚「『"))
    if len(text) < 2 or bracket or not _closes(text[0], text[-1]):
        return text
    inside = text[1:-1]
    return text if text[0] in inside or text[-1] in inside else inside.strip()


def _says_something(text: str) -> bool:
    """Whether there is more than punctuation in it: a letter, a digit, or a picture of something."""
    return any(category(letter)[0] in "LN" or category(letter) == "So" for letter in text)
