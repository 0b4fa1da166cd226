"""The numbers in a patch: whether they can be used, and whether they change anything."""

from collections.abc import Mapping
from math import isfinite

import torch
from torch import Tensor

from ..errors import FFGOError
from .kinds import BIAS, DOWN, GLORA, LOKR, MID, OFT, UP, Kind, Parts, rank_of

USABLE = {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2}
NO_EFFECT = 1e-12
"""No weight of a trained model is so small that a change below this could be seen in what the model makes."""
ABSURD = 1e4
"""Weights are below 10; what is changed by more than this is noise to the last bit, and soon infinite in 16 bits."""
CANCELLED = 1e-5
"""Share of what its factors could make that is left of a product where they cancel each other out: rounding."""


def refuse_unusable(parts: Parts, keys: Mapping[str, str], subject: str) -> None:
    """keys: how the file spells the parts; subject: the file, for messages.

    Raises: FFGOError that names the key whose numbers are not finite, or of a kind that cannot be a patch.
    """
    for part, tensor in parts.items():
        key = keys.get(part, part)
        if part in ("alpha", "reshape_weight"):
            usable = tensor.dtype != torch.bool and not tensor.is_complex()
        else:
            usable = tensor.dtype in USABLE
        if not usable:
            raise FFGOError(
                f"{subject} holds '{key}' as {str(tensor.dtype).removeprefix('torch.')}, which is no number of a LoRA "
                "by itself: quantised files need their scales, which ComfyUI does not apply to LoRAs. "
                "Choose the file in bf16, fp16 or fp32."
            )
        if not isfinite(greatest(tensor)):
            raise FFGOError(
                f"{subject} holds NaN or infinite numbers in '{key}': its training failed, or the file is damaged. "
                "Download it again, or use an earlier checkpoint."
            )


def greatest(tensor: Tensor) -> float:
    """The greatest absolute value; NaN where there is one, and infinite beyond float32, which the host reckons in."""
    if not tensor.numel():
        return 0.0
    return float(_plain(tensor).abs().amax().float())


def most_change(kinds: list[Kind], parts: Parts) -> float:
    """No weight is changed by more than this by a patch that fits, in double precision; infinite where none can tell.

    What turns or rescales the weights is bounded by them, so all that can be told of it is whether it does nothing: 0.
    """
    return max(_change(kind, parts) for kind in kinds)


def _change(kind: Kind, parts: Parts) -> float:
    if kind is BIAS or kind.name == "difference":
        return max(greatest(parts[name]) for name in kind.own_parts & parts.keys())
    if kind is OFT:
        return _turn(parts)
    if kind.whole or "dora_scale" in parts:
        return float("inf")
    size = {name: greatest(parts[name]) for name in kind.own_parts | {MID} if name in parts}
    rank = rank_of(parts) or 1
    scale = abs(float(parts["alpha"])) / rank if "alpha" in parts else 1.0
    if kind is GLORA:
        beside, before = (size[f"{side}1.weight"] * size[f"{side}2.weight"] for side in "ba")
        return scale * rank * beside or (float("inf") if before else 0.0)
    if kind is LOKR:
        first, second = (_factor(size, f"lokr_w{n}", rank) for n in "12")
        return scale * first * second * size.get("lokr_t2", 1.0)
    if kind.name == "LoHa":
        return scale * rank**2 * torch.tensor(list(size.values()), dtype=torch.float64).prod().item()
    return scale * _product(parts) * size.get(MID, 1.0) * (rank if MID in size else 1)


def _product(parts: Parts) -> float:
    """Of a LoRA: the sum over its ranks, as where one factor is zero the other does nothing; 0 if they cancel out."""
    up, down = (_plain(parts[name]).flatten(1) for name in (UP, DOWN))
    most = float((up.abs().amax(0).double() * down.abs().amax(1).double()).sum())
    if MID in parts or not NO_EFFECT < most < ABSURD:
        return most
    chance = torch.Generator().manual_seed(0)
    inputs = (1 + torch.rand(down.shape[1], generator=chance)) * (
        torch.rand(down.shape[1], generator=chance) - 0.5
    ).sign()
    made = up.float() @ (down.float() @ inputs)
    return most if greatest(made) > CANCELLED * most else 0.0


def _factor(size: Mapping[str, float], name: str, rank: int) -> float:
    return size[name] if name in size else rank * size[f"{name}_a"] * size[f"{name}_b"]


def _turn(parts: Parts) -> float:
    blocks = _plain(parts["oft_blocks"]).float()
    turns = greatest(blocks - blocks.transpose(-1, -2))
    rescales = greatest(parts["rescale"].float() - 1) if "rescale" in parts else 0.0
    return float("inf") if turns > NO_EFFECT or rescales > NO_EFFECT else 0.0


def _plain(tensor: Tensor) -> Tensor:
    """In a type that the processor can compare."""
    return tensor.float() if tensor.dtype.itemsize == 1 or tensor.dtype == torch.float64 else tensor
