"""LoRAs beside the layers of an expert (bypass): hooks that add to what a layer gives, and proof that they were called.

A forward hook runs only where the host calls the layer. ComfyUI 0.33 folds an activation into the layer behind it and
multiplies by that one's weight itself: so such containers are run layer by layer while hooks are in them, and each
sampling run counts the calls.
"""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import comfy.weight_adapter
import comfyui_version
import torch
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import PatcherInjection, WrappersMP

from ...ffgo.errors import FFGOError
from ...ffgo.lora.file import HOST_PREFIX

KEY = "ffgo_bypass_lora"
_USERS = "_ffgo_layer_by_layer"

Adapters = Mapping[str, comfy.weight_adapter.WeightAdapterBase]


class Handle(Protocol):
    """What can be taken off a module again."""

    def remove(self) -> None:
        """Take it off."""


def put_beside(model: ModelPatcher, adapters: Adapters, strength: float, lora: str) -> None:
    """Have the adapters lie beside their layers whenever the model is loaded, and prove in each run that they did.

    adapters: by weight key; lora: its name, for messages. Changes the patcher: hand in a clone.
    """
    calls = Calls(lora, [_layer_of(key) for key in adapters])
    injections = [*(model.get_injections(KEY) or []), _injection(adapters, strength, calls)]
    model.set_injections(KEY, injections)
    model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, KEY, calls.run)
    model.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, KEY, calls.step)


class Calls:
    """Which layers of a LoRA were not called yet in a sampling run."""

    def __init__(self, lora: str, layers: list[str]):
        self._lora, self._layers, self._waiting, self._proved = lora, layers, set(layers), False

    def called(self, layer: str) -> None:
        """Note a call of a layer's hook."""
        self._waiting.discard(layer)

    def run(self, executor: Callable[..., torch.Tensor], *args: Any, **kwargs: Any) -> torch.Tensor:
        """Wraps a sampling run."""
        self._waiting, self._proved = set(self._layers), False
        return executor(*args, **kwargs)

    def step(self, executor: Callable[..., torch.Tensor], *args: Any, **kwargs: Any) -> torch.Tensor:
        """Wraps a step. Raises: FFGOError after the first one of a run if it left a layer out, not an hour later."""
        result = executor(*args, **kwargs)
        if not self._proved and self._waiting:
            raise FFGOError(self._message())
        self._proved = True
        return result

    def _message(self) -> str:
        names = [layer.removeprefix(HOST_PREFIX) for layer in self._layers if layer in self._waiting]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        return (
            f"ComfyUI {comfyui_version.__version__} ran a step without calling {len(names)} of the {len(self._layers)} "
            f"layers that '{self._lora}' lies beside: {shown}. The video would have been made with a part of the LoRA, "
            "so the run was stopped. Set 'apply' of the LoRA loader to merge. If a node that leaves layers out is "
            "between the loader and the sampler, remove it; else report this with the versions of ComfyUI and the pack."
        )


def _injection(adapters: Adapters, strength: float, calls: Calls) -> PatcherInjection:
    """An injection that adds the adapters' output to their layers' while the model is loaded.

    The host's own bypass replaces each layer's `forward`: a second set under its key takes the first one's place, and
    two sets cannot be taken off in the order that the host does it. Forward hooks can.
    """
    attached: dict[int, tuple[torch.nn.Module, list[Handle]]] = {}  # by id: a dying patcher still ejects

    def inject(patcher: ModelPatcher) -> None:
        for other in [other for other, (model, _) in attached.items() if model is patcher.model]:
            _take_off(attached.pop(other)[1])
        handles: list[Handle] = []
        for key, adapter in adapters.items():
            layer = patcher.model.get_submodule(_layer_of(key))
            handles.append(_add_beside(layer, adapter, strength, partial(calls.called, _layer_of(key))))
            container = patcher.model.get_submodule(_layer_of(key).rpartition(".")[0])
            if (
                isinstance(container, torch.nn.Sequential)
                and type(container).forward is not torch.nn.Sequential.forward
            ):
                handles.append(LayerByLayer(container))
        attached[id(patcher)] = (patcher.model, handles)

    def eject(patcher: ModelPatcher) -> None:
        # Clones of a loaded patcher eject too, when they die: only the one that injected may take the hooks off.
        if id(patcher) in attached:
            _take_off(attached.pop(id(patcher))[1])

    return PatcherInjection(inject=inject, eject=eject)


class LayerByLayer:
    """Has a chain of layers call each of them, where its class does not, until the last one who asked is gone."""

    def __init__(self, container: torch.nn.Sequential):
        self._container = container
        container.__dict__.setdefault(_USERS, []).append(self)
        if "forward" not in container.__dict__:  # another pack's stays: the count of the calls tells if it calls all
            container.forward = _EachLayer(torch.nn.Sequential.forward, container)

    def remove(self) -> None:
        """Take it off; the chain runs as its class does when nobody else needs it."""
        users = self._container.__dict__[_USERS]
        users.remove(self)
        if not users:
            del self._container.__dict__[_USERS]
            if isinstance(self._container.__dict__.get("forward"), _EachLayer):
                del self._container.forward


class _EachLayer(partial):
    """Ours, and nobody else's."""


def _add_beside(
    layer: torch.nn.Module,
    adapter: comfy.weight_adapter.WeightAdapterBase,
    strength: float,
    called: Callable[[], None],
) -> Handle:
    # The copy's weights move to the layer's device; they are freed with the hook.
    adapter = copy.copy(adapter)
    comfy.weight_adapter.BypassForwardHook(layer, adapter, strength)  # tells the adapter about its layer

    def add(_layer: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        adapter.weights = [w.to(output) if isinstance(w, torch.Tensor) else w for w in adapter.weights]
        called()
        return output + adapter.h(inputs[0], output)

    return layer.register_forward_hook(add)


def _layer_of(key: str) -> str:
    return key.removesuffix(".weight")


def _take_off(handles: list[Handle]) -> None:
    for handle in handles:
        handle.remove()
