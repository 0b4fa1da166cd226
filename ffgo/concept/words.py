"""The words of a concept: which ones call it, and what the captions of its examples are."""

import re

from ..errors import FFGOError
from ..plain import Source
from ..words.phrase import TRANSITION_PHRASE, add_transition_phrase

WHO, HOW = "[v]", "[u]"
"""Where the two words go in a user's text; without them they come first."""
DEFAULT_WHO, DEFAULT_HOW = "sks1", "mvt1"
MOST_WORD, MOST_TEXT = 40, 4000
_SCENE = re.compile(r"\{([^{}]*)\}")
_WORD = re.compile(r"\w[\w-]*")


def check_word(word: str, what: str) -> str:
    """The word, without blanks around it. Raises: FFGOError where it can be none of a concept's."""
    text = Source("concept").value(word, what).string().strip()
    if not _WORD.fullmatch(text) or len(text) > MOST_WORD:
        raise FFGOError(f"{what} is {text[:60]!r}; it must be one word of letters and digits, such as {DEFAULT_WHO}.")
    if text.casefold() in _words_of(TRANSITION_PHRASE):
        raise FFGOError(
            f"{what} is {text!r}, a word of FFGo's own phrase: the concept could not be told from the phrase. "
            f"Take a rare word that means nothing else, such as {DEFAULT_WHO}."
        )
    return text


def check_text(text: str, what: str) -> str:
    """A description, without blanks around it. Raises: FFGOError where it is empty or too long."""
    text = Source("concept").value(text, what).string().strip()
    if not text or len(text) > MOST_TEXT:
        raise FFGOError(
            f"{what} is {'empty' if not text else f'longer than {MOST_TEXT} characters'}. Describe what can be seen in "
            "detail: what the caption tells can be changed by a prompt, what it does not becomes the concept's own."
        )
    return text


def with_word(text: str, place: str, word: str) -> str:
    """The text with the word at its place, or before it.

    >>> with_word("a [v] man on a bridge", WHO, "sks1"), with_word("He dances.", HOW, "mvt1")
    ('a sks1 man on a bridge', 'mvt1 He dances.')
    """
    return text.replace(place, word) if place in text else f"{word} {text}"


def in_its_scene(text: str) -> str:
    """A text without the braces around what tells of the scene.

    >>> in_its_scene("a man {on a bridge}, smiling")
    'a man on a bridge, smiling'
    """
    return _SCENE.sub(r"\1", text)


def elsewhere(text: str) -> str:
    """A text without what tells of the scene, for who stands in another one.

    >>> elsewhere("a man {on a bridge}, smiling")
    'a man, smiling'
    """
    return re.sub(r"\s*\{[^{}]*\}", "", text).strip()


def with_phrase(caption: str) -> str:
    """The caption of an example that begins with a composed frame."""
    return add_transition_phrase(caption)


def _words_of(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}
