"""The LoRA's settings that diffusers and PEFT write into a file's metadata, in place of `alpha` tensors."""

import re
from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

from ..bases.base import Expert
from ..errors import FFGOError
from ..plain import is_number, parse_json

METADATA_KEY = "lora_adapter_metadata"
COMPONENTS: dict[Expert, str] = {"high": "transformer", "low": "transformer_2"}
"""What diffusers' Wan pipeline calls the experts."""
MOST_CHARACTERS, MOST_PATTERNS, MOST_OF_A_PATTERN = 1_000_000, 5000, 300
MOST_REPEATS, MOST_REPEATS_IN_ALL = 3, 200
"""In a pattern, and in all: what comparing takes grows with the names' length to the power of the repeats."""

AlphaOf = Callable[[str, int], float | None]


def declared_alpha(metadata: Mapping[str, str], file: str, expert: Expert) -> AlphaOf:
    """Return a function that gives the alpha of a module, by its name in the file and its rank; None where none is set.

    file: the name of the file, for messages; expert: whose settings are meant where the file has those of both.
    Raises: FFGOError if the settings cannot be read.
    Source: LoraConfig of PEFT (lora_alpha, alpha_pattern, use_rslora); diffusers puts the component's name before each.
    """
    config = _config(metadata.get(METADATA_KEY, "{}"), file, expert)
    default, patterns, by_root = (config.get(name) for name in ("lora_alpha", "alpha_pattern", "use_rslora"))
    patterns = {} if patterns is None else patterns
    if not _is_alpha(default) or not isinstance(patterns, dict) or not all(map(_is_alpha, patterns.values())):
        raise _unreadable(file, "lora_alpha and the values of alpha_pattern must be numbers")
    if by_root not in (None, True, False) or (isinstance(by_root, int | float) and not isinstance(by_root, bool)):
        raise _unreadable(file, "use_rslora must be true or false")
    if len(patterns) > MOST_PATTERNS or _are_slow(patterns):
        raise _unreadable(file, "alpha_pattern is too large, or holds a name that would take for ever to compare")
    try:
        alphas = [(re.compile(rf"(.*\.)?({pattern})"), alpha) for pattern, alpha in patterns.items()]
    except (re.error, RecursionError, OverflowError) as error:
        raise _unreadable(file, f"a name in alpha_pattern is no regular expression ({error})") from error

    def alpha_of(module: str, rank: int) -> float | None:
        alpha = next((alpha for pattern, alpha in alphas if pattern.fullmatch(module)), default)
        if alpha is None:
            return None
        return float(alpha) * (sqrt(rank) if by_root else 1.0)

    return alpha_of


def _config(text: str, file: str, expert: Expert) -> dict[str, Any]:
    """The settings by name: those of the expert's component, or of the only one, and those of none."""
    try:
        if len(text) > MOST_CHARACTERS:
            raise ValueError(f"they are {len(text):,} characters long, and {MOST_CHARACTERS:,} are the most")
        config = parse_json(text)
    except ValueError as error:
        raise _unreadable(file, str(error)) from error
    if not isinstance(config, dict):
        raise _unreadable(file, "they are not a JSON object")
    by_component: dict[str, dict[str, Any]] = {}
    for name, value in config.items():
        component, _, setting = name.rpartition(".")
        by_component.setdefault(component, {})[setting] = value
    shared = by_component.pop("", {})
    wanted = (COMPONENTS.get(expert, ""), *COMPONENTS.values(), *(c for c in by_component if "text" not in c))
    return shared | next((by_component[component] for component in wanted if component in by_component), {})


def _are_slow(patterns: Mapping[str, Any]) -> bool:
    """Whether comparing a name with all these regular expressions could take for ever."""
    repeats = [sum(map(pattern.count, "*+?{")) for pattern in patterns]
    nested = any(re.search(r"\)[*+?{]", pattern) or len(pattern) > MOST_OF_A_PATTERN for pattern in patterns)
    return nested or max(repeats, default=0) > MOST_REPEATS or sum(repeats) > MOST_REPEATS_IN_ALL


def _is_alpha(value: Any) -> bool:
    return value is None or (is_number(value) and abs(value) < 1e9)


def _unreadable(file: str, why: str) -> FFGOError:
    return FFGOError(
        f"'{file}' holds settings of its trainer ({METADATA_KEY} in its metadata) that cannot be read: {why}. "
        "Save the LoRA anew, or remove that entry from the file."
    )
