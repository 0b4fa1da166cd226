"""The finished LoRA: tensors in the host's own dialect, and what the file says of itself."""

from collections.abc import Mapping

from ..bases.base import BASE_KEY, EXPERT_KEY, Expert
from ..bases.memory import MEMORY_KEY
from ..dataset.encoded import EncodedDataset
from ..lora.noise import BOUNDARY_KEY, SHIFT_KEY
from .recipe import Recipe


def lora_metadata(
    expert: Expert, recipe: Recipe, dataset: EncodedDataset, steps: int, more: Mapping[str, str]
) -> dict[str, str]:
    """What the file says of itself; `ffgo.expert` is what our loader reads."""
    return {
        "format": "pt",
        BASE_KEY: dataset.base.id,
        EXPERT_KEY: expert,
        **({BOUNDARY_KEY: f"{recipe.boundary:g}"} if dataset.base.is_pair else {}),
        SHIFT_KEY: f"{recipe.shift:g}",
        "ffgo.rank": str(recipe.rank),
        "ffgo.alpha": f"{recipe.alpha:g}",
        "ffgo.steps": str(steps),
        "ffgo.recipe": recipe.fingerprint,
        "ffgo.run": recipe.run_fingerprint,
        "ffgo.dataset": dataset.fingerprint,
        MEMORY_KEY: str(dataset.memory),
        **more,
    }
