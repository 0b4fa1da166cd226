"""Proof that the host makes each patch of a LoRA: it logs an error where it cannot, and goes on without it."""

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
    """Have the host make each patch once, without its numbers: shapes alone, one of each kind and size.

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
    turns = isinstance(patch, TURNS)
    weight = torch.rand(shape[0], 1) if turns else torch.empty(shape, device="meta")
    before, patch = weight.clone(), patch if turns else _without_numbers(patch)
    made = comfy.lora.calculate_weight([(1.0, patch, 1.0, None, None)], weight, key)
    if turns:
        return shape if made.shape == before.shape else tuple(made.shape)
    enlarged = isinstance(patch, comfy.weight_adapter.WeightAdapterBase) and patch.calculate_shape(key)
    return shape if enlarged and tuple(made.shape) == enlarged else tuple(made.shape)


def _call(key: str, adapter: comfy.weight_adapter.WeightAdapterBase, shape: Shape, model: ModelPatcher) -> Shape:
    """The shape of the weight as the adapter's outputs show it, for inputs of one token or of one kernel."""
    adapter = _without_numbers(adapter)
    comfy.weight_adapter.BypassForwardHook(model.model.get_submodule(key.removesuffix(".weight")), adapter)
    inputs = torch.empty(1, *shape[1:], device="meta")
    outputs = torch.empty(1, shape[0], *(1 for _ in shape[2:]), device="meta")
    made = adapter.h(inputs, outputs)
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
