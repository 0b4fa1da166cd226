"""Experts in sixteen bits: in eight, what a small LoRA adds would be lost in rounding."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ffgo.files import complete_file

from .family import HIGH, LOW, Family
from .precision import NUMBERS


def expert_in_sixteen_bits(shipped: Path, folder: Path) -> Path:
    """The expert's file in a folder, written where it is not there yet. shipped: in scaled eight bits."""
    done = folder / shipped.name
    if not done.exists():
        done.parent.mkdir(parents=True, exist_ok=True)
        with safe_open(shipped, framework="pt") as file:
            said = file.metadata()
        with complete_file(done) as partial_file:
            save_file(in_sixteen_bits(load_file(shipped)), partial_file, said)
    return done


def family_in_sixteen_bits(weights: Path, folder: Path) -> Family:
    """The base models, with experts that LoRAs are added to. weights: of the models that are shipped."""
    high, low = (load_sixteen_bits(expert_in_sixteen_bits(weights / name, folder)) for name in (HIGH, LOW))
    return replace(Family.load(weights), high=high, low=low)


def in_sixteen_bits(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An expert's weights without the scales of scaled eight bits."""
    plain = {}
    for name, weight in weights.items():
        if name == "scaled_fp8" or name.endswith(".scale_weight"):
            continue
        scale = weights.get(f"{name.removesuffix('.weight')}.scale_weight")
        plain[name] = weight if scale is None else (weight.float() * scale).bfloat16()
    return plain


def load_sixteen_bits(file: Path) -> Any:
    """An expert that computes in bfloat16, as large ones do, on a processor that has it: half of the time."""
    from comfy.sd import load_diffusion_model

    model = load_diffusion_model(str(file), model_options={"dtype": NUMBERS})
    model.model.manual_cast_dtype = NUMBERS  # the host lets processors compute in float32
    return model


@contextlib.contextmanager
def learning() -> Iterator[None]:
    """As the host runs nodes, and without torch's fused attention, which takes a processor longer on the way back."""
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH):
        yield
