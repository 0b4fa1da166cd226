"""The finished LoRA: tensors in the host's own dialect, and what the file says of itself."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..lora.file import EXPERT_KEY, Expert
from .adapters import Factors
from .recipe import Recipe

HOST_PREFIX = "diffusion_model."


class LoRAWeights(dict[str, Tensor]):
    """A LoRA as the host's LORA_MODEL socket takes it, a dict of tensors, with what its file says of itself."""

    def __init__(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]):
        super().__init__(tensors)
        self.metadata = dict(metadata)


def lora_tensors(factors: Mapping[str, Factors], dtype: str = "float32") -> dict[str, Tensor]:
    """A LoRA as the host names its tensors. dtype: of A and B; alpha stays float32."""
    kind = getattr(torch, dtype)
    tensors = {}
    for name, factor in factors.items():
        tensors[f"{HOST_PREFIX}{name}.lora_A.weight"] = factor.a.to(kind)
        tensors[f"{HOST_PREFIX}{name}.lora_B.weight"] = factor.b.to(kind)
        tensors[f"{HOST_PREFIX}{name}.alpha"] = torch.tensor(factor.alpha)
    return tensors


def factors_of(tensors: Mapping[str, Tensor]) -> dict[str, Factors]:
    """The layers of a LoRA in the host's own dialect; a missing alpha is the rank, as the host takes it."""
    suffix = ".lora_A.weight"
    names = [key.removeprefix(HOST_PREFIX).removesuffix(suffix) for key in tensors if key.endswith(suffix)]
    factors = {}
    for name in names:
        a, b = (tensors[f"{HOST_PREFIX}{name}.lora_{part}.weight"].float() for part in "AB")
        factors[name] = Factors(a, b, float(tensors.get(f"{HOST_PREFIX}{name}.alpha", torch.tensor(float(len(a))))))
    return factors


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
