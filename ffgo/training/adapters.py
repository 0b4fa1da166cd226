"""LoRA layers around the expert's own ones, whatever kind of weights these keep."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from torch.nn import functional

from ..bases.catalogue import BASES
from ..errors import FFGOError
from ..lora.saving import Factors
from .draws import generator
from .recipe import OFFICIAL_TARGETS, TIME_PROJECTION

ADAPTER = "default"
Matrix = Literal["A", "B"]
BOTH: frozenset[Matrix] = frozenset({"A", "B"})
"""A layer's LoRA adds scale * B A to its weight: A (rank, in), B (out, rank)."""
ReadWeight = Callable[[nn.Module, torch.dtype, torch.device], Tensor]
"""Gives a layer's weight (out, in) in a dtype on a device, however the layer keeps it."""


class _LoRALinear(torch.autograd.Function):
    """The layer's output plus scale * x A' B'. Keeps x and x A' only: the frozen weight is read again going back.

    So nothing of the base is held for the way back, where it may be offloaded, quantised, or made in inference mode.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 (autograd takes no keywords)
        ctx: Any, x: Tensor, a: Tensor, b: Tensor, scale: float, layer: nn.Module, read: ReadWeight
    ) -> Tensor:
        hidden = functional.linear(x, a.to(x.dtype))
        ctx.save_for_backward(x, hidden, a, b)
        ctx.scale, ctx.layer, ctx.read = scale, layer, read
        # The same operations in the same order as the host's bypass, so that both give the same to the last bit.
        return layer(x) + functional.linear(hidden, b.to(x.dtype)) * scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        x, hidden, a, b = ctx.saved_tensors
        needs_x, needs_a, needs_b = ctx.needs_input_grad[:3]
        scaled = grad * ctx.scale if ctx.scale != 1 else grad
        grad_x = grad_a = grad_b = None
        if needs_b:
            grad_b = (scaled.flatten(0, -2).T @ hidden.flatten(0, -2)).to(b.dtype)
        if needs_x or needs_a:
            grad_hidden = scaled @ b.to(grad.dtype)
            if needs_a:
                grad_a = (grad_hidden.flatten(0, -2).T @ x.flatten(0, -2)).to(a.dtype)
            if needs_x:
                grad_x = grad @ ctx.read(ctx.layer, grad.dtype, grad.device)
                grad_x += grad_hidden @ a.to(grad.dtype)
        return grad_x, grad_a, grad_b, None, None, None


class _FrozenLinear(torch.autograd.Function):
    """A layer without LoRA, of which nothing is kept for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.Module, run: Callable[[Tensor], Tensor], read: ReadWeight) -> Tensor:
        ctx.layer, ctx.read = layer, read
        return run(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        (grad,) = grads
        return grad @ ctx.read(ctx.layer, grad.dtype, grad.device), None, None, None


class LoRALinear(nn.Module, LoraLayer):
    """peft's LoRA layer around a linear layer of the host: float32 A and B, whatever dtype the base has."""

    read: ReadWeight

    def __init__(self, base_layer: nn.Module, adapter_name: str, *, config: LoraConfig, r: int, lora_alpha: int, **_):
        super().__init__()
        LoraLayer.__init__(self, base_layer)
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, r, lora_alpha, config=config)
        self.frozen_b: Tensor | None = None
        self.b_mask: Tensor | None = None

    @property
    def a(self) -> nn.Parameter:
        """(rank, in)."""
        return cast(nn.Parameter, self.lora_A[ADAPTER].weight)

    @property
    def b(self) -> nn.Parameter:
        """(out, rank): the B that is trained."""
        return cast(nn.Parameter, self.lora_B[ADAPTER].weight)

    @property
    def whole_b(self) -> Tensor:
        """(out, rank): what B counts in this step, dropped numbers left out, a frozen first B added."""
        b = self.b if self.b_mask is None else self.b * self.b_mask
        return b if self.frozen_b is None else b + self.frozen_b

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.disable_adapters:
            return self.base_layer(x, *args, **kwargs)
        return _LoRALinear.apply(x, self.a, self.whole_b, self.scaling[ADAPTER], self.base_layer, self.read)  # pyright: ignore[reportReturnType]

    def start(self, device: torch.device, *key: object) -> None:
        """A drawn, B zero, both float32: peft makes them in the base's dtype, which may have 8 bits."""
        bound = 1 / math.sqrt(self.a.shape[1])  # kaiming_uniform with a = sqrt(5), as everybody starts A
        drawn = torch.empty(self.a.shape).uniform_(-bound, bound, generator=generator("A", *key))
        self.lora_A[ADAPTER].weight = nn.Parameter(drawn.to(device))
        self.lora_B[ADAPTER].weight = nn.Parameter(torch.zeros(self.b.shape, device=device))


@dataclass(frozen=True, slots=True)
class Adapters:
    """The LoRA layers of one network, by the layer's name in it."""

    network: nn.Module
    layers: Mapping[str, LoRALinear]
    alpha: float
    frozen: Sequence[tuple[nn.Module, Callable]] = ()
    """The layers without LoRA that gradients go through, with their own forward."""

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """What is trained, by name."""
        every = {f"{name}.A": layer.a for name, layer in self.layers.items()}
        every |= {f"{name}.B": layer.b for name, layer in self.layers.items()}
        return {name: parameter for name, parameter in every.items() if parameter.requires_grad}

    def factors(self) -> dict[str, Factors]:
        """The LoRA of every layer as it is now, nothing left out, copied to the CPU; a frozen first B is not in it."""
        return {n: Factors(_copy(layer.a), _copy(layer.b), self.alpha) for n, layer in self.layers.items()}

    def load(self, factors: Mapping[str, Factors]) -> None:
        """Take over A and B. Raises: FFGOError where a layer or a size differs."""
        self._check(factors)
        with torch.no_grad():
            for name, layer in self.layers.items():
                layer.a.copy_(factors[name].a)
                layer.b.copy_(factors[name].b)

    def add_second_b(self, first: Mapping[str, Factors]) -> None:
        """Freeze A and B of `first`, and train a second B, zero at the start, on the same A."""
        self._check(first)
        with torch.no_grad():
            for name, layer in self.layers.items():
                layer.a.copy_(first[name].a)
                # The first LoRA may count otherwise than this one will.
                ratio = first[name].alpha / len(first[name].a) / layer.scaling[ADAPTER]
                layer.frozen_b = first[name].b.to(layer.b) * ratio
                layer.a.requires_grad_(False)

    def freeze(self, part: Matrix) -> None:
        """Leave A or B of every layer as it is."""
        for layer in self.layers.values():
            (layer.a if part == "A" else layer.b).requires_grad_(False)

    def drop_from_b(self, share: float, *key: object) -> None:
        """Leave out a share of B's numbers and scale up the others, until the next call; 0 leaves out none."""
        for name, layer in self.layers.items():
            if share == 0:
                layer.b_mask = None
                continue
            draw = generator("B", name, *key, device=layer.b.device)
            kept = torch.rand(layer.b.shape, generator=draw, device=layer.b.device) >= share
            layer.b_mask = kept / (1 - share)

    def remove(self) -> None:
        """Give the network its own layers back."""
        for name, layer in self.layers.items():
            parent, _, child = name.rpartition(".")
            setattr(self.network.get_submodule(parent), child, layer.base_layer)
        for module, forward in self.frozen:
            module.forward = forward
        del self.network.peft_config

    def _check(self, factors: Mapping[str, Factors]) -> None:
        for name, layer in self.layers.items():
            if name not in factors:
                raise FFGOError(f"The LoRA to start from has no {name}. Train with the targets that it was made with.")
            found, wanted = factors[name], (tuple(layer.a.shape), tuple(layer.b.shape))
            if (tuple(found.a.shape), tuple(found.b.shape)) != wanted:
                raise FFGOError(
                    f"The LoRA to start from does not fit the expert or the rank: {name} has A {tuple(found.a.shape)} "
                    f"and B {tuple(found.b.shape)}, and here A {wanted[0]} and B {wanted[1]} are wanted."
                )
        if extra := [name for name in factors if name not in self.layers]:
            raise FFGOError(
                f"The LoRA to start from has {len(extra)} layers that would not be trained, such as {extra[0]}. "
                "Add them to the recipe's targets."
            )


BLOCKS, HEADS = (tuple(dict.fromkeys(f"{getattr(base, part)}." for base in BASES)) for part in ("blocks", "head"))


def target_layers(network: nn.Module, targets: Sequence[str]) -> list[str]:
    """Names of the network's linear layers that a recipe's targets mean.

    A target is the end of the name of a layer of the blocks; `time_projection` means that layer, outside the blocks.
    Raises: FFGOError for a target that is nowhere.
    """
    linear = [name for name, module in network.named_modules() if _is_linear(module)]
    found: dict[str, list[str]] = {}
    for target in targets:
        if target == TIME_PROJECTION:
            found[target] = [name for name in linear if name.startswith(f"{TIME_PROJECTION}.")]
        else:
            found[target] = [name for name in linear if name.startswith(BLOCKS) and name.endswith(f".{target}")]
    if missing := [target for target, names in found.items() if not names]:
        raise FFGOError(
            f"recipe: targets {missing} match no layer of the expert. The official ones are {OFFICIAL_TARGETS}."
        )
    wanted = {name for names in found.values() for name in names}
    return [name for name in linear if name in wanted]


def count_numbers(network: nn.Module, names: Sequence[str], rank: int, trained: frozenset[Matrix]) -> int:
    """How many numbers a LoRA of this rank around these layers trains, counted before it is there.

    trained: which of its matrices are.
    """
    layers = [network.get_submodule(name) for name in names]
    return rank * sum(
        cast(int, layer.in_features) * ("A" in trained) + cast(int, layer.out_features) * ("B" in trained)
        for layer in layers
    )


def add_adapters(
    network: nn.Module,
    targets: Sequence[str],
    *,
    rank: int,
    alpha: float,
    read: ReadWeight,
    device: torch.device,
    key: object,
) -> Adapters:
    """Put a LoRA of this rank around the target layers of a network, in place; `Adapters.remove` takes it off again.

    read: gives a layer's weight; device: of the LoRA's float32 weights; key: what A's numbers are drawn by.
    """
    names = target_layers(network, targets)
    through = (*BLOCKS, *HEADS)  # what gradients go through
    rest = [m for n, m in network.named_modules() if _is_linear(m) and n not in names and n.startswith(through)]
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=names, init_lora_weights=False)  # pyright: ignore[reportArgumentType]
    kind = type("ReadingLoRALinear", (LoRALinear,), {"read": staticmethod(read)})
    config._register_custom_module({type(network.get_submodule(name)): kind for name in names})
    inject_adapter_in_model(config, network, ADAPTER)
    layers = {name: cast(LoRALinear, network.get_submodule(name)) for name in names}
    for name, layer in layers.items():
        layer.start(device, name, key)
    frozen = [(module, module.forward) for module in rest]
    for module, forward in frozen:
        module.forward = functools.partial(_forward_frozen, module, forward, read)
    return Adapters(network, layers, alpha, frozen)


def _forward_frozen(module: nn.Module, forward: Callable[[Tensor], Tensor], read: ReadWeight, x: Tensor) -> Tensor:
    return _FrozenLinear.apply(x, module, forward, read)  # pyright: ignore[reportReturnType]


def _is_linear(module: nn.Module) -> bool:
    # A quantised layer of the host is no nn.Linear.
    return hasattr(module, "in_features") and hasattr(module, "out_features") and not isinstance(module, LoraLayer)


def _copy(parameter: Tensor) -> Tensor:
    return parameter.detach().to("cpu", torch.float32, copy=True)
