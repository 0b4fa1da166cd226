"""Putting a LoRA onto a loaded expert: merged into its weights, or beside them (bypass)."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Literal, cast

import comfy.lora
import comfy.weight_adapter
import torch
from comfy.model_patcher import ModelPatcher
from comfy.quant_ops import QuantizedTensor

from ...ffgo.bases.base import Base
from ...ffgo.bases.catalogue import DEFAULT, known, recognise
from ...ffgo.errors import FFGOError
from ...ffgo.lora.file import HOST_PREFIX
from ...ffgo.lora.keys import ExpertLoRA
from ...ffgo.lora.noise import TrainedFor, trained_for
from ._beside import put_beside
from ._proof import TURNS, prove, shape_of

Mode = Literal["auto", "merge", "bypass"]
UNQUANTISED, QUANTISED, GGUF = "unquantised", "quantised", "GGUF"
TRAINED_FOR = "ffgo_trained_for"
"""Key of what a patched model says of its LoRAs' schedules; clones keep it."""
A_WEIGHT_OF_EVERY_WAN = "blocks.0.self_attn.q.weight"
THE_OTHER_LOADER = "Wan2.2 MoE LoRA Loader"

# The host computes these beside a layer exactly as it merges them; the others, and DoRA, need the weight itself.
BESIDE_A_LAYER = (
    comfy.weight_adapter.LoRAAdapter,
    comfy.weight_adapter.LoHaAdapter,
    comfy.weight_adapter.LoKrAdapter,
)
NEED_THE_WEIGHT = {"dora_scale", "reshape_weight", "lora_mid.weight", "hada_t1", "lokr_t2"}


def require_pair(model: ModelPatcher, slot: str) -> None:
    """Raises: FFGOError where a model is none of Wan, or that of another base."""
    weights = expert_weights(model)
    if A_WEIGHT_OF_EVERY_WAN not in weights:
        kind = type(model.model).__name__
        raise FFGOError(f"{slot} is not a Wan model ({kind}). Connect the Load Diffusion Model of a Wan2.2 expert.")
    # Other Wan models have the same layers, as those of text to video: whether a LoRA fits them is seen by its keys.
    base = known(type(model.model.diffusion_model).__name__, weights)
    if base not in (None, DEFAULT):
        raise FFGOError(
            f"{slot} is {base.title}, and this node puts LoRAs onto the two experts of {DEFAULT.title}. Use FFGo LoRA "
            f"Loader for {base.title}, or connect the Load Diffusion Model of a Wan2.2 expert."
        )


def require_single(model: ModelPatcher, slot: str) -> Base:
    """The base of a model. Raises: FFGOError where it is none that is known, or one of a pair of experts."""
    base = recognise(type(model.model.diffusion_model).__name__, expert_weights(model))
    if base.is_pair:
        raise FFGOError(
            f"{slot} is one of the two experts of {base.title}, which need a LoRA each. Use {THE_OTHER_LOADER} for "
            "both."
        )
    return base


def expert_weights(model: ModelPatcher) -> dict[str, tuple[int, ...]]:
    """The expert's parameters by native name, with their shapes."""
    return {
        name.removeprefix(HOST_PREFIX): tuple(parameter.shape)
        for name, parameter in model.model.named_parameters()
        if name.startswith(HOST_PREFIX)
    }


def expert_file(model: ModelPatcher) -> str | None:
    """Name of the file that the expert was loaded from, where the host knows it."""
    _loader, arguments, *_ = model.cached_patcher_init or (None, ())
    return next((Path(argument).name for argument in arguments if isinstance(argument, str)), None)


def weights_kind(model: ModelPatcher) -> str:
    """UNQUANTISED, QUANTISED where any weight is kept in less than 16 bits, or GGUF."""
    parameters = list(model.model.parameters())
    if any(hasattr(p, "tensor_type") for p in parameters):  # ComfyUI-GGUF's own tensors
        return GGUF
    return (
        QUANTISED if any(isinstance(p, QuantizedTensor) or p.dtype.itemsize == 1 for p in parameters) else UNQUANTISED
    )


def apply_lora(model: ModelPatcher, lora: ExpertLoRA | None, strength: float, mode: Mode) -> tuple[ModelPatcher, str]:
    """Return a clone of the expert with the LoRA on it, and how it was applied, in words for the report.

    Raises: FFGOError if the host would leave any of its patches out.
    """
    if lora is None:
        return model, ""
    if not isfinite(strength):
        raise FFGOError(
            f"The strength of '{lora.file.name}' is {strength}. Set it to a number, 1 for the LoRA as trained."
        )
    if not lora.patches:
        return model, "without effect: the expert is left as it is"
    kind = weights_kind(model)
    bypass = mode == "bypass" or (mode == "auto" and kind != UNQUANTISED)
    merged = _host_patches(lora)
    beside = {key: merged.pop(key) for key in _bypassable(lora, merged, model)} if bypass else {}
    prove(model, merged, beside, lora.file.name)
    bare = {key: merged.pop(key) for key in list(merged) if not key.endswith((".weight", ".bias"))}
    clone = model.clone()
    for key, patch in bare.items():
        # The host never applies weight patches to parameters of modules that hold other modules.
        weight = cast(torch.Tensor, clone.get_model_object(key)).to(torch.float32, copy=True)
        weight = comfy.lora.calculate_weight([(strength, patch, 1.0, None, None)], weight, key)
        clone.add_object_patch(key, torch.nn.Parameter(weight, requires_grad=False))
    if len(clone.add_patches(merged, strength)) != len(merged):
        raise FFGOError("ComfyUI did not take all patches of the LoRA. Please report this with the name of the file.")
    if beside:
        put_beside(clone, beside, strength, lora.file.name)
    clone.set_attachments(TRAINED_FOR, [*trained_for_of(clone), trained_for(lora.file.name, lora.file.metadata)])
    turned = strength != 1.0 and any(isinstance(patch, TURNS) for patch in merged.values())
    return clone, _how(len(merged) + len(bare), len(beside), kind, turned=turned)


def trained_for_of(model: ModelPatcher) -> list[TrainedFor]:
    """The schedules that the LoRAs on a model were trained for."""
    return model.get_attachment(TRAINED_FOR) or []


def _host_patches(lora: ExpertLoRA) -> dict:
    """Load the patches with the host's own loader, by the keys of the weights that they are for."""
    key_map = {f"{HOST_PREFIX}{p.module}": f"{HOST_PREFIX}{p.weight_name}" for p in lora.patches}
    patches = comfy.lora.load_lora(lora.host_tensors(), key_map)
    wanted = [f"{HOST_PREFIX}{name}" for p in lora.patches for name in p.patched_names()]
    if sorted(patches) != sorted(wanted):
        left = ", ".join([key for key in wanted if key not in patches][:3]) or "a weight that is patched twice"
        raise FFGOError(f"ComfyUI did not load the patches of {left}. Please report this with the name of the file.")
    return patches


def _bypassable(lora: ExpertLoRA, patches: dict, model: ModelPatcher) -> list[str]:
    return [
        key
        for patch in lora.patches
        if isinstance(patches.get(key := f"{HOST_PREFIX}{patch.weight_name}"), BESIDE_A_LAYER)
        if not NEED_THE_WEIGHT & patch.parts.keys()
        if not isinstance(patches[key], comfy.weight_adapter.LoKrAdapter) or _is_plain_lokr(patch.parts, key, model)
    ]


def _is_plain_lokr(parts: Mapping[str, torch.Tensor], key: str, model: ModelPatcher) -> bool:
    """Whether the host computes it beside a layer as it merges it.

    Merging divides alpha by one rank, bypass by the other; and beside a convolution it has no kernel.
    """
    ranks = {parts[name].shape[0] for name in ("lokr_w1_b", "lokr_w2_b") if name in parts}
    return (len(ranks) < 2 or "alpha" not in parts) and len(shape_of(model, key)) == 2


def _how(merged: int, beside: int, kind: str, *, turned: bool) -> str:
    square = "; ComfyUI applies OFT at about the square of its strength" if turned else ""
    if not beside:
        rounded = {
            QUANTISED: ", which rounds them anew",
            GGUF: ", each time that they are unpacked; nothing is rounded",
        }
        return f"merged into {kind} weights{rounded.get(kind, '')}{square}"
    rest = f"; {merged} patches that cannot lie beside a layer are merged" if merged else ""
    stay = "" if kind == UNQUANTISED else ", which stay as they are"
    return f"bypass: added beside {kind} weights{stay}{rest}{square}"
