"""ComfyUI's modules in this process, without its server."""

import os
import sys
from importlib import import_module
from pathlib import Path

from ..errors import FFGOError


def find_comfyui(path: str | None) -> Path:
    """ComfyUI's folder: the one given (COMFYUI_PATH), else the one whose custom_nodes this pack lies in.

    Raises: FFGOError where there is none.
    """
    candidate = Path(path).expanduser() if path else Path(__file__).parents[4]
    if not (candidate / "comfy" / "sd.py").is_file():
        raise FFGOError(
            f"{candidate} is no ComfyUI folder. Set COMFYUI_PATH to the folder that holds ComfyUI's main.py; "
            "training uses its models and memory management."
        )
    return candidate


def boot(comfyui: Path, *flags: str) -> None:
    """Make ComfyUI's modules importable in this process, without its server. flags: of its command line."""
    # Behind all else: the pack's own folder has a `nodes` too.
    sys.path.append(str(comfyui))
    own, sys.argv = sys.argv, ["comfyui", *flags]
    try:
        import_module("comfy.options").enable_args_parsing()
        import_module("comfy.cli_args")  # reads the arguments, once
    finally:
        sys.argv = own


def boot_here(*flags: str) -> None:
    """Boot the ComfyUI that COMFYUI_PATH names, or the one that this pack lies in. flags: of its command line."""
    boot(find_comfyui(os.environ.get("COMFYUI_PATH")), *flags)
