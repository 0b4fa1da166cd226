"""Writing LoRA files: tensors in the host's own dialect, whole files only, never over another one."""

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..bases.base import EXPERT_KEY, Expert, spoken
from ..bases.catalogue import expert_names
from ..errors import FFGOError
from ..files import complete_file
from ..locks import LOCK_FILE, sole_writer
from ..names import path_below
from .file import HOST_PREFIX
from .kinds import DOWN, UP, UnfitError, check_fit, kinds_in
from .values import refuse_unusable

AS_TRAINED = "as trained"
EXPERT_CHOICES = (AS_TRAINED, *expert_names())
PATIENCE_S = 300
"""For another LoRA of some gigabytes."""
DTYPES = ("bfloat16", "float32", "float16")


@dataclass(frozen=True, slots=True)
class Factors:
    """One layer's LoRA: a (rank, in), b (out, rank)."""

    a: Tensor
    b: Tensor
    alpha: float


class LoRAWeights(dict[str, Tensor]):
    """A LoRA as the host's LORA_MODEL socket takes it, a dict of tensors, with what its file says of itself."""

    def __init__(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]):
        super().__init__(tensors)
        self.metadata = dict(metadata)


def lora_tensors(factors: Mapping[str, Factors], dtype: str = "float32") -> dict[str, Tensor]:
    """A LoRA as the host names its tensors. dtype: of A and B; alpha stays float32."""
    kind = getattr(torch, dtype)
    tensors = {}
    for name, factor in factors.items():
        tensors[f"{HOST_PREFIX}{name}.lora_A.weight"] = factor.a.to(kind)
        tensors[f"{HOST_PREFIX}{name}.lora_B.weight"] = factor.b.to(kind)
        tensors[f"{HOST_PREFIX}{name}.alpha"] = torch.tensor(factor.alpha)
    return tensors


def factors_of(tensors: Mapping[str, Tensor], file: str) -> dict[str, Factors]:
    """The layers of a LoRA in the host's own dialect; a missing alpha is the rank, as the host takes it.

    file: what to call it. Raises: FFGOError where it holds anything else, half a LoRA, or numbers that are none.
    """
    spelled = {"lora_A.weight": DOWN, "lora_B.weight": UP, "alpha": "alpha"}
    layers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        part = next((part for part in spelled if key.endswith(f".{part}")), None)
        if part is None or not key.startswith(HOST_PREFIX):
            raise FFGOError(
                f"{file} holds no LoRA as this trainer writes them: '{key[:200]}' is none of its names. Name another."
            )
        name = key.removeprefix(HOST_PREFIX).removesuffix(f".{part}")
        layers.setdefault(name, {})[spelled[part]] = tensor
    return {name: _factors(name, parts, file) for name, parts in layers.items()}


def _factors(name: str, parts: dict[str, Tensor], file: str) -> Factors:
    try:
        (kind,) = kinds_in(parts)
        check_fit(kind, parts, (len(parts[UP]), parts[DOWN].shape[-1]) if parts[UP].ndim and parts[DOWN].ndim else ())
    except UnfitError as error:
        raise FFGOError(f"{file} is damaged: {name} {error}. Name another file.") from error
    refuse_unusable(parts, {part: f"{name}.{part}" for part in parts}, file)
    a, b = parts[DOWN].float(), parts[UP].float()
    return Factors(a, b, float(parts.get("alpha", torch.tensor(float(len(a))))))


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file under a temporary name and rename it. Raises: OSError."""
    with complete_file(path) as partial:
        write_tensors(partial, tensors, metadata)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file; the same content always makes the same bytes. Raises: OSError."""
    try:
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path, dict(metadata))
        _sort_metadata(path)
    except SafetensorError as error:  # its words for a full disk and the like
        raise OSError(errno.EIO, str(error)) from error


def _sort_metadata(path: Path) -> None:
    """Put a file's metadata in order: safetensors writes it in another one each time."""
    with path.open("rb+") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
        ordered = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(ordered) <= size:  # the same characters in another order
            file.seek(8)
            file.write(ordered.ljust(size))


def save_lora(lora: Mapping[str, Tensor], folder: Path, prefix: str, expert: str, dtype: str) -> Path:
    """Write `<folder>/<prefix>_<expert>.safetensors`, or `<prefix>_2_<expert>...` where that exists; returns it.

    lora: tensors by the host's names, with `.metadata` where our trainer made it; expert: one of EXPERT_CHOICES;
    dtype: of the matrices, one of DTYPES; alphas stay as they are.
    Raises: FFGOError where the expert is unknown, contradicts the LoRA, or the file cannot be written.
    """
    metadata = dict(getattr(lora, "metadata", {}))
    metadata[EXPERT_KEY] = _expert(metadata.get(EXPERT_KEY), expert)
    kind = getattr(torch, dtype)
    tensors = {name: tensor.to(kind) if tensor.ndim > 1 else tensor for name, tensor in lora.items()}
    stem = path_below(folder, prefix.strip(), "filename_prefix")
    try:
        with sole_lora_writer(stem.parent):
            path = _free(stem, metadata[EXPERT_KEY])
            save_tensors(
                path, {name: tensor.detach().cpu() for name, tensor in tensors.items()}, {"format": "pt", **metadata}
            )
    except OSError as error:
        raise FFGOError(
            f"{stem} could not be written ({error.strerror}). Make room, or choose another prefix."
        ) from error
    return path


@contextmanager
def sole_lora_writer(folder: Path) -> Iterator[None]:
    """Let nobody else write a LoRA into a folder, and remove what died half-written in it.

    Raises: BusyError; OSError where the folder cannot be written to.
    """
    with sole_writer(folder / LOCK_FILE, f"A LoRA is being written into {folder}", patience_s=PATIENCE_S) as hold:
        hold.sweep(folder)
        yield


def _expert(trained: str | None, chosen: str) -> str:
    if chosen == AS_TRAINED:
        if trained is None:
            raise FFGOError("The LoRA does not say which expert it was trained for. Set expert to high or low.")
        return trained
    if trained not in (None, chosen):
        raise FFGOError(
            f"The LoRA was trained for the {spoken(cast(Expert, trained))}; set expert to {trained} or {AS_TRAINED}."
        )
    return chosen


def _free(stem: Path, expert: str) -> Path:
    """The first name that no file has."""
    number, path = 1, stem.with_name(f"{stem.name}_{expert}.safetensors")
    while path.exists():
        number += 1
        path = stem.with_name(f"{stem.name}_{number}_{expert}.safetensors")
    return path
