"""The transition phrase, which every FFGo LoRA was trained to hear first."""

import re
from unicodedata import category

from ..errors import FFGOError

TRANSITION_PHRASE = "ad23r2 the camera view suddenly changes."

# Between its words may stand whatever is no letter and no digit: line breaks, zero-width spaces, markup.
_TRIGGER = r"(?<![^\W_])ad23r2"
_WORDS = r"the[\W_]+camera[\W_]+view[\W_]+suddenly[\W_]+changes(?![^\W_])"
# The whole phrase counts wherever it stands; its halves only at the start, where they can mean nothing else.
_PHRASE = re.compile(rf"(?:(?P<marks>[*_~`\"']+){_TRIGGER}(?P=marks)|{_TRIGGER})[\W_]*{_WORDS}", re.IGNORECASE)
_HALF = re.compile(rf"{_WORDS}|{_TRIGGER}(?![^\W_])", re.IGNORECASE)
_WEIGHT = re.compile(r"\s*:\s*\d*\.?\d+\s*(?=\))")
"""As in (a word:1.2), which gives it another weight."""

_SAME_ON_BOTH_SIDES = "\"'`*_~"
"""Quotes and marks that close with what they open with."""
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"
_BEGINS_TEXT = "#%&@¿¡"
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
    while found := _PHRASE.search(scene):
        scene = _unwrapped(_without(scene, *found.span()))
    while (found := _HALF.search(scene)) and not _says_something(scene[: found.start()]):
        scene = _unwrapped(_without(scene, *found.span()))
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
    half = _HALF.search(prompt)
    return bool(_PHRASE.search(prompt) or (half and not _says_something(prompt[: half.start()])))


def without_phrase(prompt: str) -> str:
    """The prompt without the phrase, whatever of it stands there. Raises: FFGOError if nothing is left."""
    return add_transition_phrase(prompt).removeprefix(TRANSITION_PHRASE).strip()


def _without(text: str, start: int, end: int) -> str:
    """The text without a part of it, the quotes and brackets around that part, and the separators behind it."""
    while end < len(text):
        opened = len(text[:start].rstrip()) - 1
        if opened >= 0 and _closes(text[opened], text[end]):
            start, end = opened, end + 1
        elif weight := _WEIGHT.match(text, end):
            end = weight.end()
        elif _separates(text[end]):
            end += 1
        else:
            break
    before, after = text[:start].rstrip(), text[end:].lstrip()
    opens = bool(before) and (category(before[-1]) in ("Ps", "Pi") or before[-1] in _SAME_ON_BOTH_SIDES)
    return before + after if opens or not before else f"{before} {after}".rstrip()


def _separates(letter: str) -> bool:
    """Whether it only stands between: spaces, marks that cannot be seen, punctuation and signs."""
    if letter in _SAME_ON_BOTH_SIDES or letter in _BEGINS_TEXT:
        return False
    return category(letter)[0] in "ZC" or category(letter) in ("Po", "Pd", "Sm", "Sk")


def _closes(opening: str, closing: str) -> bool:
    if opening in _SAME_ON_BOTH_SIDES or opening == "<":
        return closing == (">" if opening == "<" else opening)
    if category(opening) == "Ps":  # „ too, which closes with “
        return category(closing) == "Pe" or (opening in "„‚" and category(closing) in ("Pi", "Pf"))
    return category(opening) == "Pi" and category(closing) in ("Pf", "Pi")


def _unwrapped(text: str) -> str:
    """Take off quotes or marks around the whole text; those that belong to a part of it stay, and so do brackets."""
    text = text.strip().strip(_UNSEEN).strip()
    marks = re.fullmatch(r"([*_~`]+)(.*)\1", text, re.DOTALL)
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
