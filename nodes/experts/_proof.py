"""Proof that the host makes each patch of a LoRA: it logs an error where it cannot, and goes on without it.

Only what shows it is made: one output of a LoRA, one column of what turns weights, of other kinds the shapes alone.
"""

import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import comfy.lora
import comfy.weight_adapter
import torch
from comfy.model_patcher import ModelPatcher

from ...ffgo.errors import FFGOError

TURNS = (comfy.weight_adapter.OFTAdapter, comfy.weight_adapter.BOFTAdapter)
"""They turn the weights' columns, each by itself, so that one column shows whether it can be done."""

Shape = tuple[int, ...]


def prove(model: ModelPatcher, merged: Mapping[str, Any], beside: Mapping[str, Any], lora: str) -> None:
    """Have the host make one patch of each kind and size: what shows that it can, not the whole weights.

    merged, beside: patches by weight key. Raises: FFGOError with the host's words for the patch that it cannot make.
    """
    proved: set[tuple] = set()
    for patches, make in ((merged, _make), (beside, _call)):
        for key, patch in patches.items():
            shape = shape_of(model, key)
            like = (make, shape, type(patch), *_sizes(patch))
            if like in proved:
                continue
            if fault := _fault(make, key, patch, shape, model):
                raise FFGOError(
                    f"ComfyUI cannot apply the patch of {key} in '{lora}': {fault}. Nothing of the file was applied. "
                    "Download or save it again, or choose another one."
                )
            proved.add(like)


def shape_of(model: ModelPatcher, key: str) -> Shape:
    """Of a parameter, by its key."""
    return tuple(cast(torch.Tensor, model.get_model_object(key)).shape)


def _fault(make: Any, key: str, patch: Any, shape: Shape, model: ModelPatcher) -> str:
    with _words_about(key) as words:
        try:
            made = make(key, patch, shape, model)
        except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, ArithmeticError) as error:
            return str(error).partition("\n")[0] or type(error).__name__
    if words:
        return words[0].partition("\n")[0]
    return (
        "" if made == shape else f"it makes {'x'.join(map(str, made))} where the expert has {'x'.join(map(str, shape))}"
    )


def _make(key: str, patch: Any, shape: Shape, _model: ModelPatcher) -> Shape:
    """The shape of the weight that the host merges; of an enlarged one that of the weight that is there."""
    if isinstance(patch, TURNS):
        return _merged(key, patch, torch.rand(shape[0], 1))[:1] + shape[1:]
    if first := _first_output(patch, shape):
        return shape[:1] + _merged(key, first, torch.zeros(1, *shape[1:]))[1:]
    made = _merged(key, _without_numbers(patch), torch.empty(shape, device="meta"))
    enlarged = isinstance(patch, comfy.weight_adapter.WeightAdapterBase) and patch.calculate_shape(key)
    return shape if enlarged and made == enlarged else made


def _merged(key: str, patch: Any, weight: torch.Tensor) -> Shape:
    return tuple(comfy.lora.calculate_weight([(1.0, patch, 1.0, None, None)], weight, key).shape)


def _first_output(patch: Any, shape: Shape) -> Any:
    """A patch of the first output alone, which shows the others; None of a kind that cannot be cut so simply."""
    if isinstance(patch, comfy.weight_adapter.LoRAAdapter):
        up, down, alpha, core, dora, reshape = patch.weights
        if core is not None or reshape is not None or up.ndim != 2 or up.shape[0] != shape[0]:
            return None
        dora = dora[:1] if dora is not None else None
        return type(patch)(set(), (up[:1], down, alpha, None, dora, None))
    if isinstance(patch, tuple) and patch[1][0].shape == shape:
        return (patch[0], (patch[1][0][:1],))
    return None


def _call(key: str, adapter: comfy.weight_adapter.WeightAdapterBase, shape: Shape, model: ModelPatcher) -> Shape:
    """The shape of the weight as the adapter's outputs show it, for inputs of one token or of one kernel."""
    # LoHa makes the whole weight on its way.
    whole = isinstance(adapter, comfy.weight_adapter.LoHaAdapter)
    adapter, device = (_without_numbers(adapter), "meta") if whole else (copy.copy(adapter), "cpu")
    comfy.weight_adapter.BypassForwardHook(model.model.get_submodule(key.removesuffix(".weight")), adapter)
    outputs = torch.zeros(1, shape[0], *(1 for _ in shape[2:]), device=device)
    made = adapter.h(torch.zeros(1, *shape[1:], device=device), outputs)
    return shape if made.shape == outputs.shape else (made.shape[1], *shape[1:])


def _without_numbers(patch: Any) -> Any:
    if isinstance(patch, comfy.weight_adapter.WeightAdapterBase):
        patch = copy.copy(patch)
        patch.weights = [_without_numbers(weight) for weight in patch.weights]
        return patch
    if isinstance(patch, tuple):
        return tuple(_without_numbers(part) for part in patch)
    return patch.to("meta", torch.float32) if isinstance(patch, torch.Tensor) else patch


def _sizes(patch: Any) -> Iterator[Any]:
    """What tells two patches of a kind apart but for their numbers."""
    parts = patch.weights if isinstance(patch, comfy.weight_adapter.WeightAdapterBase) else patch
    for part in parts:
        if isinstance(part, tuple):
            yield from _sizes(part)
        else:
            yield (
                tuple(part.shape)
                if isinstance(part, torch.Tensor)
                else str(part)
                if isinstance(part, str)
                else part is None
            )


@contextmanager
def _words_about(key: str) -> Iterator[list[str]]:
    """Collects what the host logs about a weight."""
    words: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if key in record.getMessage():
                words.append(record.getMessage())

    listener = Listener(logging.WARNING)
    logging.getLogger().addHandler(listener)
    try:
        yield words
    finally:
        logging.getLogger().removeHandler(listener)
