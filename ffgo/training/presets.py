"""What to change in the recipe for a card of some memory."""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from ..bases.base import Base
from ..bases.catalogue import DEFAULT
from ..errors import FFGOError
from .recipe import Recipe

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "141 GB": MappingProxyType({}),
        "80 GB": MappingProxyType({"offload_block_inputs": True}),
        "48 GB": MappingProxyType({"offload_block_inputs": True, "optimizer": "adamw8bit"}),
        "24 GB": MappingProxyType({"offload_block_inputs": True, "optimizer": "adamw8bit"}),
        "16 GB": MappingProxyType({"offload_block_inputs": True, "optimizer": "adamw8bit"}),
        "12 GB": MappingProxyType({"offload_block_inputs": True, "optimizer": "adamw8bit"}),
    }
)
"""By the card's memory, the largest first. Which clip sizes then fit: docs/training.md."""

TOLERANCE = 1.1
"""A card has a little less than what it is sold as."""


def preset(name: str, base: Base = DEFAULT) -> Recipe:
    """The recipe for a base on a card of this memory; AdamW has 32 bits where bitsandbytes is missing.

    Raises: FFGOError for an unknown name.
    """
    if name not in PRESETS:
        raise FFGOError(f"There is no preset {name!r}. Presets: {', '.join(PRESETS)}.")
    values = dict(PRESETS[name]) | _of_base(base)
    if find_spec("bitsandbytes") is None:
        values.pop("optimizer", None)
    return Recipe.from_dict(values)


def _of_base(base: Base) -> dict[str, Any]:
    return {} if base == DEFAULT else {"shift": base.shift, "targets": base.targets}


def preset_for(memory: float) -> str:
    """The name of the largest preset that a card of so many bytes holds; the smallest one where it holds none."""
    held = (name for name in PRESETS if float(name.split()[0]) * 1e9 <= memory * TOLERANCE)
    return next(held, list(PRESETS)[-1])
