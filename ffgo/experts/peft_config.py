"""The LoRA's settings that diffusers and PEFT write into a file's metadata, in place of `alpha` tensors."""

import json
import re
from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

METADATA_KEY = "lora_adapter_metadata"

AlphaOf = Callable[[str, int], float | None]


def declared_alpha(metadata: Mapping[str, str]) -> AlphaOf:
    """Return a function that gives the alpha of a module, by its name in the file and its rank; None where none is set.

    Source: LoraConfig of PEFT (lora_alpha, alpha_pattern, use_rslora); diffusers puts the component's name before each.
    """
    config = _without_component(json.loads(metadata.get(METADATA_KEY, "{}")))
    default, patterns = config.get("lora_alpha"), config.get("alpha_pattern") or {}

    def alpha_of(module: str, rank: int) -> float | None:
        alpha = next((a for pattern, a in patterns.items() if re.fullmatch(rf"(.*\.)?({pattern})", module)), default)
        if alpha is None:
            return None
        return float(alpha) * (sqrt(rank) if config.get("use_rslora") else 1.0)

    return alpha_of


def _without_component(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name.rsplit(".", 1)[-1]: value for name, value in config.items()}
