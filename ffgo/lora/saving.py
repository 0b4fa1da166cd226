"""Saving a trained LoRA under a name of the user's."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..errors import FFGOError
from .file import EXPERT_KEY, EXPERTS

AS_TRAINED = "as trained"
EXPERT_CHOICES = (AS_TRAINED, *EXPERTS)
DTYPES = ("bfloat16", "float32", "float16")


def save_lora(lora: Mapping[str, Tensor], folder: Path, prefix: str, expert: str, dtype: str) -> Path:
    """Write `<folder>/<prefix>_<expert>.safetensors`, or `<prefix>_2_<expert>...` where that exists; returns it.

    lora: tensors by the host's names, with `.metadata` where our trainer made it; expert: one of EXPERT_CHOICES;
    dtype: of the matrices, one of DTYPES; alphas stay as they are.
    Raises: FFGOError where the expert is unknown, contradicts the LoRA, or the file cannot be written.
    """
    from ..training.checkpoint import save_tensors  # a tenth of what the pack adds to the host's start

    metadata = dict(getattr(lora, "metadata", {}))
    metadata[EXPERT_KEY] = _expert(metadata.get(EXPERT_KEY), expert)
    kind = getattr(torch, dtype)
    tensors = {name: tensor.to(kind) if tensor.ndim > 1 else tensor for name, tensor in lora.items()}
    path = _free(_contained(folder, prefix), metadata[EXPERT_KEY])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(
            path, {name: tensor.detach().cpu() for name, tensor in tensors.items()}, {"format": "pt", **metadata}
        )
    except OSError as error:
        raise FFGOError(
            f"{path} could not be written ({error.strerror}). Make room, or choose another prefix."
        ) from error
    return path


def _expert(trained: str | None, chosen: str) -> str:
    if chosen == AS_TRAINED:
        if trained is None:
            raise FFGOError("The LoRA does not say which expert it was trained for. Set expert to high or low.")
        return trained
    if trained not in (None, chosen):
        raise FFGOError(
            f"The LoRA was trained for the {trained}-noise expert; set expert to {trained} or {AS_TRAINED}."
        )
    return chosen


def _contained(folder: Path, prefix: str) -> Path:
    path = (folder / prefix).resolve()
    if not prefix.strip() or not path.is_relative_to(folder.resolve()) or path == folder.resolve():
        raise FFGOError(f"filename_prefix is {prefix!r}; it must be a name below {folder}.")
    return path


def _free(stem: Path, expert: str) -> Path:
    """The first name that no file has."""
    number, path = 1, stem.with_name(f"{stem.name}_{expert}.safetensors")
    while path.exists():
        number += 1
        path = stem.with_name(f"{stem.name}_{number}_{expert}.safetensors")
    return path
