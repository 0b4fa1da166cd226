"""Muon for weight matrices, convolutions too, and AdamW for all else: about half the steps of AdamW alone."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

MUON_RATE = 0.02
ADAM_RATE = 2e-3


class Optimizer:
    """Steps all weights of some modules. skip: parts of the names of matrices that are AdamW's, as first layers."""

    def __init__(self, *modules: nn.Module, skip: Sequence[str] = (), muon: float = MUON_RATE, adam: float = ADAM_RATE):
        named = [pair for module in modules for pair in module.named_parameters() if pair[1].requires_grad]
        matrices = [w for name, w in named if w.ndim > 1 and _is_matrix(w) and not any(part in name for part in skip)]
        chosen = {id(weight) for weight in matrices}
        self.weights = [weight for _, weight in named]
        # Muon takes matrices only: a convolution is one, its filters flattened.
        self.views = [(weight, nn.Parameter(weight.data.view(len(weight), -1))) for weight in matrices]
        self.muon = torch.optim.Muon(
            [view for _, view in self.views], lr=muon, weight_decay=0.01, adjust_lr_fn="original"
        )
        others = [weight for weight in self.weights if id(weight) not in chosen]
        self.adam = torch.optim.AdamW(others, adam, betas=(0.9, 0.98), weight_decay=0.0)
        self.rates = (muon, adam)

    def step(self, factor: float) -> None:
        """Step with both learning rates times `factor`, and forget the gradients."""
        for weight, view in self.views:
            view.grad = None if weight.grad is None else weight.grad.view_as(view)
        for optimizer, rate in zip((self.muon, self.adam), self.rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
            optimizer.step()
        for weight in self.weights:
            weight.grad = None

    def state(self) -> list[Any]:
        return [optimizer.state_dict() for optimizer in (self.muon, self.adam)]

    def load_state(self, states: Sequence[Any]) -> None:
        for optimizer, state in zip((self.muon, self.adam), states, strict=True):
            optimizer.load_state_dict(state)


def _is_matrix(weight: Tensor) -> bool:
    return min(len(weight), weight[0].numel()) > 3
