"""What the page shows after a run of FFGo Compose Canvas or Load Subject: the pictures as files, and where they are."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import folder_paths
from comfy_api.latest import io, ui
from PIL import Image

from ...ffgo.frame.compose import Composition
from ...ffgo.frame.pictures import FramePicture
from ...ffgo.frame.previews import describe_background, describe_subject, on_checks, preview

SUBFOLDER = "ffgo"


def editor_output(frame: Composition, node: type[io.ComfyNode]) -> dict[str, list[Any]]:
    """The output of the node for the page: the frame's preview, its layers and layout, and the warnings."""
    with ThreadPoolExecutor() as pool:
        background, *subjects = pool.map(layer_file, [frame.background, *frame.subjects])
    return {
        **ui.PreviewImage(frame.image, cls=node).as_dict(),
        "text": frame.warnings,
        "ffgo_layers": [file | describe_subject(s) for file, s in zip(subjects, frame.subjects, strict=True)],
        "ffgo_background": [background | describe_background(frame)],
        "ffgo_layout": [frame.plan.to_json()],
    }


def subject_output(subject: FramePicture, lines: list[str]) -> dict[str, list[Any]]:
    """The output of a node that gives one subject: it on checks, as a layer for the editor, and what is said of it."""
    return {
        "images": [temp_file(f"{subject.fingerprint}_on_checks", lambda: on_checks(subject))],
        "ffgo_subject": [layer_file(subject) | describe_subject(subject)],
        "text": lines,
    }


def layer_file(picture: FramePicture) -> dict[str, str]:
    """Save the preview of a picture; where the page finds it."""
    return temp_file(picture.fingerprint, lambda: preview(picture))


def temp_file(name: str, draw: Callable[[], Image.Image]) -> dict[str, str]:
    """Save what `draw` gives, unless an earlier run has; where the page finds it."""
    folder = Path(folder_paths.get_temp_directory()) / SUBFOLDER
    path = folder / f"{name}.png"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{uuid4().hex}")  # two equal pictures come here at once
        draw().save(unfinished, format="PNG", compress_level=1)
        unfinished.replace(path)
    return {"filename": path.name, "subfolder": SUBFOLDER, "type": "temp"}
