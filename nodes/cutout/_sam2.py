"""SAM2 inside ComfyUI: its folder, its file, and its place in the host's memory management."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.model_patcher
import folder_paths
from comfy.utils import load_torch_file
from torch import nn

from ...ffgo.cutout.grid import Array
from ...ffgo.cutout.hints import Prompts
from ...ffgo.cutout.sam2 import FP16_FILES, MODEL_FILES, SUFFIXES, Variant, load, masks
from ...ffgo.errors import FFGOError

FOLDER = "sam2"
ACTIVATIONS = 3 * 1024**3
"""Bytes that encoding one picture of 1024x1024 takes beside the weights, at most."""

folder_paths.add_model_folder_path(FOLDER, str(Path(folder_paths.models_dir) / FOLDER))


class Held(nn.Module):
    """What the host manages: it writes `device` onto a model, which SAM2 has as a read-only property."""

    def __init__(self, sam2: nn.Module):
        super().__init__()
        self.sam2 = sam2


@dataclass(frozen=True, slots=True)
class SAM2:
    """A loaded model; the strong reference to the patcher keeps it alive for the host."""

    patcher: Any
    kind: Variant

    def masks(self, picture: Array, prompts: Sequence[Prompts]) -> Array:
        """As `ffgo.cutout.sam2.masks`, on the device that the host chooses."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        comfy.model_management.load_models_gpu([self.patcher], memory_required=ACTIVATIONS)
        return masks(self.patcher.model.sam2, picture, prompts)


def checkpoints() -> list[str]:
    """The files in models/sam2; the published names where there are none, so that one can be chosen and looked for."""
    return [name for name in folder_paths.get_filename_list(FOLDER) if name.endswith(SUFFIXES)] or list(MODEL_FILES)


def missing(name: str) -> str | None:
    """What to tell the user if the file is not there."""
    if folder_paths.get_full_path(FOLDER, name):
        return None
    link = MODEL_FILES.get(Path(name).name, f"{next(iter(MODEL_FILES.values()))} or {FP16_FILES}")
    return f"'{name}' is not in {folder_paths.get_folder_paths(FOLDER)[0]}. Put it there: {link}"


def load_sam2(name: str) -> SAM2:
    """Load a checkpoint. Raises: FFGOError where it is missing or is no SAM2."""
    path = folder_paths.get_full_path(FOLDER, name)
    if path is None:
        raise FFGOError(str(missing(name)))
    try:
        content: Any = load_torch_file(path, safe_load=True)
    except Exception as error:  # the host raises what its readers raise
        raise FFGOError(f"'{name}' cannot be read: {error}. Take it anew from where it was published.") from error
    model, kind = load(content, name)
    patcher = comfy.model_patcher.CoreModelPatcher(
        Held(model),
        load_device=comfy.model_management.get_torch_device(),
        offload_device=comfy.model_management.unet_offload_device(),
    )
    return SAM2(patcher, kind)
