"""The one error type that users see."""


class FFGOError(ValueError):
    """Says what is wrong, where, and how to mend it, in the user's words."""


# The host titles an error with its module, and loads this pack under its absolute path:
# without this line the user reads "/home/me/.../comfyui-ffgo.ffgo.errors.FFGOError".
FFGOError.__module__ = "ffgo"
