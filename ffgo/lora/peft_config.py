"""The LoRA's settings that diffusers and PEFT write into a file's metadata, in place of `alpha` tensors."""

import json
import re
from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

from ..errors import FFGOError

METADATA_KEY = "lora_adapter_metadata"

AlphaOf = Callable[[str, int], float | None]


def declared_alpha(metadata: Mapping[str, str], file: str) -> AlphaOf:
    """Return a function that gives the alpha of a module, by its name in the file and its rank; None where none is set.

    file: the name of the file, for messages. Raises: FFGOError if the settings cannot be read.
    Source: LoraConfig of PEFT (lora_alpha, alpha_pattern, use_rslora); diffusers puts the component's name before each.
    """
    config = _config(metadata.get(METADATA_KEY, "{}"), file)
    default, patterns = config.get("lora_alpha"), config.get("alpha_pattern") or {}
    if not _is_alpha(default) or not isinstance(patterns, dict) or not all(map(_is_alpha, patterns.values())):
        raise _unreadable(file, "lora_alpha and the values of alpha_pattern must be numbers")
    try:
        alphas = [(re.compile(rf"(.*\.)?({pattern})"), alpha) for pattern, alpha in patterns.items()]
    except (re.error, RecursionError) as error:
        raise _unreadable(file, f"a name in alpha_pattern is no regular expression ({error})") from error

    def alpha_of(module: str, rank: int) -> float | None:
        alpha = next((alpha for pattern, alpha in alphas if pattern.fullmatch(module)), default)
        if alpha is None:
            return None
        return float(alpha) * (sqrt(rank) if config.get("use_rslora") else 1.0)

    return alpha_of


def _config(text: str, file: str) -> dict[str, Any]:
    """The settings by name, without the component's name before each."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(file, f"they are not JSON ({error})") from error
    if not isinstance(config, dict):
        raise _unreadable(file, "they are not a JSON object")
    return {name.rsplit(".", 1)[-1]: value for name, value in config.items()}


def _is_alpha(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9)


def _unreadable(file: str, why: str) -> FFGOError:
    return FFGOError(
        f"'{file}' holds settings of its trainer ({METADATA_KEY} in its metadata) that cannot be read: {why}. "
        "Save the LoRA anew, or remove that entry from the file."
    )
