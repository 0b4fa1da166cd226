"""Layers that a trainer has apart and the network has as one: query, key and value of Hunyuan's attention."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .kinds import DOWN, UP, Shape
from .peft_config import AlphaOf
from .spelling import split

_APART = re.compile(r"^(?P<before>.*?)transformer_blocks[._](?P<block>\d+)[._]attn[._](?P<part>[\w.]+)$")
_PARTS = {
    **{f"to_{letter}": ("img_attn.qkv", place) for place, letter in enumerate("qkv")},
    **{f"add_{letter}_proj": ("txt_attn.qkv", place) for place, letter in enumerate("qkv")},
}
"""What diffusers calls each: the layer that holds it, and its place there."""


@dataclass(slots=True)
class _Layer:
    """The three parts of one layer, by their places."""

    before: str
    rows: int
    """Outputs of each."""
    found: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)

    def matrices(self, alpha_of: AlphaOf) -> tuple[Tensor, Tensor]:
        """Down (ranks, in) and up (3 rows, ranks): each part's own, side by side, its alpha multiplied in."""
        downs, ups = [], []
        for place, parts in sorted(self.found.items()):
            down, up = parts[DOWN].float(), parts[UP].float()
            rank = len(down)
            given = float(parts["alpha"]) if "alpha" in parts else alpha_of(self.names[place], rank)
            scale = 1.0 if given is None else given / rank
            wide = torch.zeros(3 * self.rows, rank)
            wide[place * self.rows : (place + 1) * self.rows] = up * scale
            downs.append(down)
            ups.append(wide)
        return torch.cat(downs), torch.cat(ups, 1)


def fused(tensors: Mapping[str, Tensor], weights: Mapping[str, Shape], alpha_of: AlphaOf) -> Mapping[str, Tensor]:
    """The tensors of a file with such parts put together, under the network's own names; of others all as they are.

    weights: of the network; alpha_of: what the file's settings say of a module. A part that the file has not stays
    zero; what is no plain LoRA of the right size is left for the check that comes after.
    """
    layers: dict[str, _Layer] = {}
    for key, tensor in tensors.items():
        name, part = split(key)
        match = _APART.match(name)
        layer, place = _PARTS.get(match["part"].replace(".", "_"), ("", 0)) if match else ("", 0)
        if not match or not layer or not part:
            continue
        module = f"double_blocks.{match['block']}.{layer}"
        if f"{module}.weight" in weights:
            one = layers.setdefault(module, _Layer(match["before"], weights[f"{module}.weight"][0] // 3))
            one.found.setdefault(place, {})[part] = tensor
            one.names[place] = name
            one.keys.append(key)
    result = dict(tensors)
    for module, layer in layers.items():
        if all(_is_plain(parts, weights[f"{module}.weight"], layer.rows) for parts in layer.found.values()):
            down, up = layer.matrices(alpha_of)
            for key in layer.keys:
                del result[key]
            name = f"{layer.before}{module}"
            result |= {f"{name}.{DOWN}": down, f"{name}.{UP}": up, f"{name}.alpha": torch.tensor(float(len(down)))}
    return result


def _is_plain(parts: Mapping[str, Tensor], weight: Shape, rows: int) -> bool:
    if parts.keys() - {"alpha"} != {DOWN, UP} or any(parts[name].ndim != 2 for name in (DOWN, UP)):
        return False
    down, up = parts[DOWN], parts[UP]
    alpha = parts.get("alpha")
    return (
        down.shape[1] == weight[1]
        and up.shape == (rows, len(down))
        and len(down) > 0
        and (alpha is None or alpha.numel() == 1)
    )
