"""The errors that users see.

    FFGOError                 what is wrong, where, and how to mend it
    +-- AnswerError           gemini/answer: Gemini answered, but not with what was asked for
    |   +-- AskError          gemini/client: Gemini did not answer at all
    +-- NoAccessError         gemini/key: there is no way to Gemini here
    +-- DamagedError          dataset/cache: a cached file is missing or not what was written
    +-- UsageError            remote/workflow: the request does not fit the workflow or the command
    +-- ServerGoneError       remote/client: the server went away

UnfitError (lora/kinds) and CancelledError (gemini/request) stay inside their wings and are no FFGOError.
"""


class FFGOError(ValueError):
    """Says what is wrong, where, and how to mend it, in the user's words."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls.__module__ = FFGOError.__module__


# The host titles an error with its module, and loads this pack under its absolute path:
# without this line the user reads "/home/me/.../comfyui-ffgo.ffgo.errors.FFGOError".
FFGOError.__module__ = "ffgo"
