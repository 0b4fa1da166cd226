"""Bring trained weights into the files that ComfyUI loads."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ffgo.files import complete_file

from .family import TEXT_ENCODER
from .models import EXPERT, TEXT_WIDTH, TOKENS, vocabulary, vocabulary_file
from .models import TEXT_ENCODER as TEXT_SIZES
from .start import start_file
from .train_experts import SEED, weights_of

NOTE = {"note": "toy model of ComfyUI-FFGo, trained on its toy world (docs/toy-world.md)", "format": "pt"}
EIGHT_BITS = ("blocks.", "text_embedding.0.", "time_projection.")
"""Where an expert's matrices are kept in eight bits: nearly all of it. In sixteen bits, all files would be 32 MB."""


def export_text_encoder(folder: Path) -> None:
    """That of the boundary 0.9, with rows for the spare words, as fresh as all rows once were."""
    weights = weights_of(start_file("text_encoder", folder))
    known, generator = len(weights["shared.weight"]), torch.Generator().manual_seed(SEED)
    fresh = torch.randn(vocabulary().vocab_size() - known, TEXT_WIDTH, generator=generator)
    weights["shared.weight"] = torch.cat([weights["shared.weight"], fresh])
    save_text_encoder(weights, folder / "encoders" / TEXT_ENCODER)


def save_expert(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write an expert as ComfyUI's fp8_scaled files are, with its number of heads: ComfyUI takes each head to be 128
    wide where the file does not tell."""
    config = {"config": json.dumps({"transformer": {"num_heads": EXPERT["num_heads"]}})}
    scaled = {"scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}  # of two numbers: sums are not in eight bits
    for name, weight in weights.items():
        if weight.ndim == 2 and name.startswith(EIGHT_BITS):
            scale = weight.float().abs().max() / torch.finfo(torch.float8_e4m3fn).max
            scaled |= {name: (weight / scale).to(torch.float8_e4m3fn), name.replace(".weight", ".scale_weight"): scale}
    _save({name: weight for name, weight in weights.items() if name not in scaled}, path, scaled, config)


def save_text_encoder(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write a text encoder with its vocabulary, and with the sizes that ComfyUI cannot read from the weights."""
    sizes = {**TEXT_SIZES, "vocab_size": vocabulary().vocab_size(), "tokens": TOKENS}
    words = torch.frombuffer(bytearray(vocabulary_file()), dtype=torch.uint8)
    _save(weights, path, {"spiece_model": words}, {name: str(size) for name, size in sizes.items()})


def copy_with_note(file: Path, to: Path, metadata: Mapping[str, str]) -> None:
    """Copy a file's weights, and what it says of itself, with more that is said."""
    with safe_open(file, framework="pt") as opened:
        said = opened.metadata() or {}
    to.parent.mkdir(parents=True, exist_ok=True)
    with complete_file(to) as partial:
        save_file(load_file(file), partial, {**said, **metadata})


def _save(
    weights: Mapping[str, Tensor],
    path: Path,
    more: Mapping[str, Tensor] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write weights in bfloat16."""
    tensors = {name: weight.bfloat16().contiguous() for name, weight in weights.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete_file(path) as partial:
        save_file({**tensors, **(more or {})}, partial, {**NOTE, **(metadata or {})})
