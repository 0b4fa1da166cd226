"""Putting a LoRA onto a loaded expert: merged into its weights, or beside them (bypass)."""

import copy
from pathlib import Path
from typing import Literal, cast

import comfy.lora
import comfy.weight_adapter
import torch
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import PatcherInjection
from comfy.quant_ops import QuantizedTensor
from torch.utils.hooks import RemovableHandle

from ...ffgo.errors import FFGOError
from ...ffgo.lora.file import HOST_PREFIX
from ...ffgo.lora.keys import ExpertLoRA

Mode = Literal["auto", "merge", "bypass"]
INJECTIONS = "ffgo_bypass_lora"
A_WEIGHT_OF_EVERY_WAN = "blocks.0.self_attn.q.weight"

# The host computes these beside a layer exactly as it merges them; the others, and DoRA, need the weight itself.
BESIDE_A_LAYER = (
    comfy.weight_adapter.LoRAAdapter,
    comfy.weight_adapter.LoHaAdapter,
    comfy.weight_adapter.LoKrAdapter,
)
NEED_THE_WEIGHT = {"dora_scale", "reshape_weight", "lora_mid.weight", "hada_t1", "lokr_t2"}


def expert_weights(model: ModelPatcher, slot: str) -> dict[str, tuple[int, ...]]:
    """The expert's parameters by native name, with their shapes. Raises: FFGOError if it is no Wan model."""
    weights = {
        name.removeprefix(HOST_PREFIX): tuple(parameter.shape)
        for name, parameter in model.model.named_parameters()
        if name.startswith(HOST_PREFIX)
    }
    if A_WEIGHT_OF_EVERY_WAN not in weights:
        kind = type(model.model).__name__
        raise FFGOError(f"{slot} is not a Wan model ({kind}). Connect the Load Diffusion Model of a Wan2.2 expert.")
    return weights


def expert_file(model: ModelPatcher) -> str | None:
    """Name of the file that the expert was loaded from, where the host knows it."""
    _loader, arguments, *_ = model.cached_patcher_init or (None, ())
    return next((Path(argument).name for argument in arguments if isinstance(argument, str)), None)


def is_quantised(model: ModelPatcher) -> bool:
    """Whether any weight is kept in less than 16 bits."""
    return any(isinstance(p, QuantizedTensor) or p.dtype.itemsize == 1 for p in model.model.parameters())


def apply_lora(model: ModelPatcher, lora: ExpertLoRA | None, strength: float, mode: Mode) -> tuple[ModelPatcher, str]:
    """Return a clone of the expert with the LoRA on it, and how it was applied, in words for the report."""
    if lora is None:
        return model, ""
    quantised = is_quantised(model)
    bypass = mode == "bypass" or (mode == "auto" and quantised)
    merged = _host_patches(lora)
    beside = {key: merged.pop(key) for key in _bypassable(lora, merged)} if bypass else {}
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
        injections = [*(clone.get_injections(INJECTIONS) or []), bypass_injection(beside, strength)]
        clone.set_injections(INJECTIONS, injections)
    return clone, _how(len(merged) + len(bare), len(beside), quantised=quantised)


def bypass_injection(adapters: dict[str, comfy.weight_adapter.WeightAdapterBase], strength: float) -> PatcherInjection:
    """An injection that adds the adapters' output to their layers' while the model is loaded.

    adapters: by weight key. The host's own bypass replaces each layer's `forward`: a second set under its key takes the
    first one's place, and two sets cannot be taken off in the order that the host does it. Forward hooks can.
    """
    attached: dict[int, tuple[torch.nn.Module, list[RemovableHandle]]] = {}  # by id: a dying patcher still ejects

    def inject(patcher: ModelPatcher) -> None:
        for other in [other for other, (model, _) in attached.items() if model is patcher.model]:
            _take_off(attached.pop(other)[1])
        handles = [
            _add_beside(patcher.model.get_submodule(key.removesuffix(".weight")), adapter, strength)
            for key, adapter in adapters.items()
        ]
        attached[id(patcher)] = (patcher.model, handles)

    def eject(patcher: ModelPatcher) -> None:
        # Clones of a loaded patcher eject too, when they die: only the one that injected may take the hooks off.
        if id(patcher) in attached:
            _take_off(attached.pop(id(patcher))[1])

    return PatcherInjection(inject=inject, eject=eject)


def _add_beside(
    layer: torch.nn.Module, adapter: comfy.weight_adapter.WeightAdapterBase, strength: float
) -> RemovableHandle:
    # The copy's weights move to the layer's device; they are freed with the hook.
    adapter = copy.copy(adapter)
    comfy.weight_adapter.BypassForwardHook(layer, adapter, strength)  # tells the adapter about its layer

    def add(_layer: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        adapter.weights = [w.to(output) if isinstance(w, torch.Tensor) else w for w in adapter.weights]
        return output + adapter.h(inputs[0], output)

    return layer.register_forward_hook(add)


def _take_off(handles: list[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()


def _host_patches(lora: ExpertLoRA) -> dict:
    """Load the patches with the host's own loader, by the keys of the weights that they are for."""
    key_map = {f"{HOST_PREFIX}{p.module}": f"{HOST_PREFIX}{p.weight_name}" for p in lora.patches}
    patches = comfy.lora.load_lora(lora.host_tensors(), key_map)
    wanted = [f"{HOST_PREFIX}{name}" for p in lora.patches for name in p.patched_names()]
    if sorted(patches) != sorted(wanted):
        left = ", ".join([key for key in wanted if key not in patches][:3]) or "a weight that is patched twice"
        raise FFGOError(f"ComfyUI did not load the patches of {left}. Please report this with the name of the file.")
    return patches


def _bypassable(lora: ExpertLoRA, patches: dict) -> list[str]:
    keys = [f"{HOST_PREFIX}{p.weight_name}" for p in lora.patches if not NEED_THE_WEIGHT & p.parts.keys()]
    return [key for key in keys if isinstance(patches.get(key), BESIDE_A_LAYER)]


def _how(merged: int, beside: int, *, quantised: bool) -> str:
    weights = "quantised weights" if quantised else "unquantised weights"
    if not beside:
        rounded = ", which rounds them anew" if quantised else ""
        return f"merged into {weights}{rounded}"
    rest = f"; {merged} patches that cannot lie beside a layer are merged" if merged else ""
    return f"bypass: added beside {weights}{', which stay as they are' if quantised else ''}{rest}"
