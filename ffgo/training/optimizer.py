"""AdamW as the recipe says, new or going on."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import FFGOError
from .recipe import Recipe


def make_optimizer(parameters: Any, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW as the recipe says. Raises: FFGOError where the package for it is missing."""
    options: dict[str, Any] = {
        "lr": recipe.learning_rate, "betas": (recipe.beta1, recipe.beta2), "eps": recipe.epsilon,
        "weight_decay": recipe.weight_decay,
    }  # fmt: skip
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, **options)
    try:
        from bitsandbytes.optim import AdamW8bit  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise FFGOError(
            "recipe: optimizer adamw8bit needs the package bitsandbytes (pip install bitsandbytes) and a CUDA card. "
            "Install it, or set optimizer to adamw."
        ) from error
    return AdamW8bit(parameters, **options)


def resume_optimizer(optimizer: torch.optim.Optimizer, state: Mapping[str, Any], folder: str) -> None:
    """Give an optimizer what one like it kept. folder: of the run. Raises: FFGOError where it does not fit."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    # What AdamW8bit keeps is its own matter.
    if isinstance(optimizer, torch.optim.AdamW) and not all(
        index < len(parameters) and _fits(values, parameters[index]) for index, values in state["state"].items()
    ):
        raise FFGOError(
            f"The last checkpoint in {folder} does not hold what AdamW needs. Remove it: training goes on from the "
            "one before."
        )
    optimizer.load_state_dict({**optimizer.state_dict(), **state})


def _fits(values: Mapping[str, Any], parameter: Tensor) -> bool:
    means = (values.get(name) for name in ("exp_avg", "exp_avg_sq"))
    return "step" in values and all(isinstance(mean, Tensor) and mean.shape == parameter.shape for mean in means)
