"""ComfyUI-FFGo: the door through which ComfyUI loads the pack."""

import logging
import sys

OLDEST_PYTHON = (3, 11)
OLDEST_COMFYUI = (0, 30)


def _too_old():
    """Say which of Python and ComfyUI is too old for the pack; nothing where both are new enough.

    This file is all of the pack that an old Python reads, so it holds to what Python 3.6 understands.
    """
    try:
        from comfyui_version import __version__ as comfyui
    except ImportError:  # before 0.3
        comfyui = "0 (no version told)"
    numbers = [int(part) if part.isdigit() else 0 for part in comfyui.split(".")[:2]]
    if sys.version_info[:2] >= OLDEST_PYTHON and tuple(numbers) >= OLDEST_COMFYUI:
        return ""
    needed = "ComfyUI {}.{} and Python {}.{} or newer".format(*OLDEST_COMFYUI, *OLDEST_PYTHON)
    found = "ComfyUI {} on Python {}.{}".format(comfyui, *sys.version_info[:2])
    return f"ComfyUI-FFGo needs {needed}; this is {found}. Update what is older; until then no FFGo node is loaded."


TOO_OLD = _too_old()
if TOO_OLD:
    logging.getLogger("ffgo").error(TOO_OLD)
    NODE_CLASS_MAPPINGS = {}  # what an old host looks for, so that it has nothing to complain of
else:
    WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """Hand the host our extension; imported here so that nothing is loaded before it is asked for."""
    try:
        from .nodes import FFGOExtension
    except Exception:
        # The host would log str(error) alone, without the traceback.
        logging.getLogger("ffgo").exception("FFGo: the nodes failed to import")
        raise
    return FFGOExtension()
