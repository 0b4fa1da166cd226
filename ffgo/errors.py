"""The errors that users see.

    FFGOError                 what is wrong, where, and how to mend it
    +-- AnswerError           gemini/answer: Gemini answered, but not with what was asked for
    |   +-- AskError          gemini/client: Gemini did not answer at all
    +-- NoAccessError         gemini/key: there is no way to Gemini here
    +-- DamagedError          dataset/cache: a cached file is missing or not what was written
    +-- UsageError            remote/workflow: the request does not fit the workflow or the command
    +-- ServerLostError       remote/kinds: the server went away with a job; it may succeed elsewhere
    |   +-- ServerGoneError   remote/wire: it does not answer
    +-- JobRefusedError       remote/kinds: the server does not take a job
    +-- NodeFailedError       remote/kinds: a node of a job failed
    |   +-- NodeMemoryError   for want of memory
    +-- LocalDiskError        remote/kinds: the results cannot be written here
    |   +-- UnwritableError   the folder for them is no such folder; a UsageError, too

UnfitError (lora/kinds) and CancelledError (gemini/request) stay inside their wings and are no FFGOError.
"""

import unicodedata

_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
_BIDI = {*"\u061c\u200e\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
"""What turns the direction of writing, and with it what a reader believes to see."""


def printable(text: str) -> str:
    r"""Words of others as any terminal may show them: control characters are written out, line breaks and tabs stay.

    >>> printable("\x1b[2J")
    '\\x1b[2J'
    """
    return "".join(_written_out(c) if unicodedata.category(c) in _UNSEEN or c in _BIDI else c for c in text)


def _written_out(character: str) -> str:
    return character if character in "\n\t" else character.encode("unicode_escape").decode()


class FFGOError(ValueError):
    """Says what is wrong, where, and how to mend it, in the user's words, whoever else's words stand in it."""

    def __init__(self, message: str):
        super().__init__(printable(message))

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls.__module__ = FFGOError.__module__


# The host titles an error with its module, and loads this pack under its absolute path:
# without this line the user reads "/home/me/.../comfyui-ffgo.ffgo.errors.FFGOError".
FFGOError.__module__ = "ffgo"
