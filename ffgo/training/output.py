"""The finished LoRA: tensors in the host's own dialect, and what the file says of itself."""

from collections.abc import Mapping

from ..bases.base import EXPERT_KEY, Expert
from .recipe import Recipe


def lora_metadata(expert: Expert, recipe: Recipe, dataset: str, steps: int, more: Mapping[str, str]) -> dict[str, str]:
    """What the file says of itself; `ffgo.expert` is what our loader reads. dataset: its fingerprint."""
    return {
        "format": "pt",
        EXPERT_KEY: expert,
        "ffgo.boundary": f"{recipe.boundary:g}",
        "ffgo.shift": f"{recipe.shift:g}",
        "ffgo.rank": str(recipe.rank),
        "ffgo.alpha": f"{recipe.alpha:g}",
        "ffgo.steps": str(steps),
        "ffgo.recipe": recipe.fingerprint,
        "ffgo.run": recipe.run_fingerprint,
        "ffgo.dataset": dataset,
        **more,
    }
