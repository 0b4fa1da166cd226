"""The pictures of the shipped workflows, in ComfyUI's input folder: put there once, and never again after that."""

import threading
from pathlib import Path

import folder_paths

from ..ffgo.demo.pictures import not_put_yet, put_pictures
from ..ffgo.errors import FFGOError
from ._host import logger

PUT = "pictures.txt"
"""What was put, in the pack's own folder of the host."""


def put_pictures_once() -> None:
    """Put what was not put before, beside the start of the host: to draw it takes seconds."""
    known = Path(folder_paths.get_system_user_directory("ffgo")) / PUT
    try:
        if not_put_yet(known):
            threading.Thread(target=_put, args=(known,), name="FFGo's pictures", daemon=True).start()
    except OSError as error:
        _tell(error)


def _put(known: Path) -> None:
    try:
        put_pictures(Path(folder_paths.get_input_directory()), known)
    except (OSError, FFGOError) as error:
        _tell(error)


def _tell(error: Exception) -> None:
    logger.warning("FFGo: the pictures of its workflows are not in the input folder: %s", error)
