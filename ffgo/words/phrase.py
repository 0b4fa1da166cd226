"""The transition phrase, which every FFGo LoRA was trained to hear first."""

import re

from ..errors import FFGOError

TRANSITION_PHRASE = "ad23r2 the camera view suddenly changes."

_QUOTES = "\"'`“”„‘’«»"
_CLOSING = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»"}
_PUNCTUATION = r"[\s.,:;!…]*"


def _as_typed(words: str) -> str:
    """A pattern for the words with the quotes around them; a quote that opens what follows is not theirs."""
    return rf"\s*(?P<quote>[{_QUOTES}])?{words}{_PUNCTUATION}(?(quote)[{_QUOTES}]?){_PUNCTUATION}"


_TRIGGER, _WORDS = r"ad23r2\b", r"the\s+camera\s+view\s+suddenly\s+changes\b"
# The whole phrase counts wherever it stands; its halves only at the start, where they can mean nothing else.
_PHRASE = re.compile(_as_typed(rf"{_TRIGGER}[\s.,:;-]*{_WORDS}"), re.IGNORECASE)
_BROKEN_START = re.compile("^" + _as_typed(f"(?:{_WORDS}|{_TRIGGER})"), re.IGNORECASE)


def add_transition_phrase(prompt: str) -> str:
    """Put the transition phrase before the prompt, exactly once, whatever of it the user typed already.

    Occurrences in other spacing, case or quotes are taken out first; the rest of the text is kept as it is.
    One space follows the phrase, as in all official test prompts (the training captions have two).

    >>> add_transition_phrase("The robot waves.")
    'ad23r2 the camera view suddenly changes. The robot waves.'
    >>> add_transition_phrase('"AD23R2, the camera view suddenly changes" The robot waves.')
    'ad23r2 the camera view suddenly changes. The robot waves.'

    Raises: FFGOError if nothing is left to describe the video.
    Source: paper §3.3; Data/combined_first_frames/0-data.csv of the official repository.
    """
    scene = _unquoted(_PHRASE.sub(" ", _unquoted(prompt.strip())).strip())
    while (shorter := _BROKEN_START.sub("", scene)) != scene:
        scene = shorter
    if not scene.strip(_QUOTES + " \t\r\n.,:;!…"):
        raise FFGOError(
            "The prompt is empty. Describe the video: which subject from the left does what in the scene on the right. "
            f'The phrase "{TRANSITION_PHRASE}" is added for you.'
        )
    return f"{TRANSITION_PHRASE} {scene}"


def _unquoted(text: str) -> str:
    """Take off one pair of quotes around the whole text; quotes that belong to a part of it stay."""
    if len(text) >= 2 and _CLOSING.get(text[0]) == text[-1]:
        inside = text[1:-1]
        if text[0] not in inside and text[-1] not in inside:
            return inside.strip()
    return text
