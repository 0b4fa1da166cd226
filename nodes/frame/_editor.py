"""What the editor on FFGo Compose Canvas shows after a run: the pictures as files, and where they are."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import folder_paths
from comfy_api.latest import io, ui

from ...ffgo.frame.compose import Composition
from ...ffgo.frame.pictures import FramePicture
from ...ffgo.frame.previews import describe_background, describe_subject, preview

SUBFOLDER = "ffgo"


def editor_output(frame: Composition, node: type[io.ComfyNode]) -> dict[str, list[Any]]:
    """The output of the node for the page: the frame's preview, its layers and layout, and the warnings."""
    with ThreadPoolExecutor() as pool:
        background, *subjects = pool.map(_saved, [frame.background, *frame.subjects])
    return {
        **ui.PreviewImage(frame.image, cls=node).as_dict(),
        "text": frame.warnings,
        "ffgo_layers": [file | describe_subject(s) for file, s in zip(subjects, frame.subjects, strict=True)],
        "ffgo_background": [background | describe_background(frame)],
        "ffgo_layout": [frame.plan.to_json()],
    }


def _saved(picture: FramePicture) -> dict[str, str]:
    """Save the preview of a picture, unless an earlier run has; where the page finds it."""
    folder = Path(folder_paths.get_temp_directory()) / SUBFOLDER
    path = folder / f"{picture.fingerprint}.png"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{uuid4().hex}")  # two equal pictures come here at once
        preview(picture).save(unfinished, format="PNG", compress_level=1)
        unfinished.replace(path)
    return {"filename": path.name, "subfolder": SUBFOLDER, "type": "temp"}
