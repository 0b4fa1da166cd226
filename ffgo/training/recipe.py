"""The recipe of a training run: every number that shapes the result, and where it comes from."""

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Literal, Self, get_args, get_type_hints

from ..errors import FFGOError
from ..experts.schedule import WAN22_I2V_BOUNDARY, WAN22_SHIFT

OFFICIAL_TARGETS = ("q", "k", "v", "o", "ffn.0", "ffn.2")
"""Layers of every block, in self-attention, cross-attention and feed-forward."""

TIME_PROJECTION = "time_projection"
"""The official files hold this layer too, because the script looks for 'o' anywhere in a name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How one expert's LoRA is trained. Defaults: the official script, where the paper says no different."""

    steps: int = 600
    """Optimizer steps for each expert. The released LoRA is the official run's step 600."""
    batch_size: int = 1
    """Examples that go through the expert at once."""
    accumulation: int = 4
    """Batches that make one step. The paper's step has 4 examples."""
    seed: int = 42
    """Keys every random number of the run."""

    rank: int = 128
    """Rank of the LoRA."""
    alpha: float = 128.0
    """The LoRA counts alpha / rank times. A recipe that names only the rank gets an alpha of the same size."""
    targets: tuple[str, ...] = OFFICIAL_TARGETS
    """Layers of the blocks that get a LoRA, by the end of their names; `time_projection` adds that layer."""
    freeze: Literal["none", "A", "B"] = "none"
    """Which matrix of the LoRA is not trained."""
    start_lora: str = ""
    """A LoRA file of the same expert to start from; empty = a new LoRA."""
    second_b: bool = False
    """Keep A and B of `start_lora` as they are and train a second B on the same A (Set-and-Sequence, stage 2)."""
    b_dropout: float = 0.0
    """Share of B's numbers that every step leaves out (Set-and-Sequence: 0.8 in stage 1, 0.5 in stage 2)."""

    optimizer: Literal["adamw", "adamw8bit"] = "adamw"
    """`adamw8bit` needs the package bitsandbytes and a CUDA card; it takes 3.7 GB less at rank 128."""
    learning_rate: float = 1e-4
    """AdamW's learning rate."""
    beta1: float = 0.9
    """How long AdamW remembers the gradient."""
    beta2: float = 0.999
    """How long AdamW remembers the gradient's size."""
    epsilon: float = 1e-10
    """AdamW's epsilon, which keeps it from dividing by zero."""
    weight_decay: float = 3e-2
    """Share of itself, times the learning rate, that every weight loses in a step."""
    clip_norm: float = 0.05
    """The gradient's norm over all weights is cut to this; 0 = never."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Course of the learning rate after the warm-up; `cosine` ends at zero."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises from zero."""

    boundary: float = WAN22_I2V_BOUNDARY
    """Sigma at which the experts change: each is trained on its side only."""
    shift: float = WAN22_SHIFT
    """Shift of the sigmas, the same as in sampling."""
    timesteps: Literal["continuous", "official"] = "continuous"
    """`official` trains on the official thousand sigmas only."""
    outlier: float = 50.0
    """Errors of the velocity beyond this do not count."""
    token_drop: float = 0.0
    """Share of the caption's tokens that are blanked, anew for each example of each step."""
    prior_weight: float = 0.0
    """Weight of the loss on the prior examples, where there are some: they keep what the expert could do before."""

    checkpointing: Literal["blocks", "none"] = "blocks"
    """`blocks` computes each block twice and keeps its input only: a tenth of the memory, 1.4 times the time."""
    offload_block_inputs: bool = False
    """Keep those inputs in main memory."""

    save_every: int = 100
    """Steps between checkpoints."""
    keep: int = 3
    """How many checkpoints stay, besides the best."""
    preview_every: int = 0
    """Steps between preview clips; 0 = none."""
    preview_steps: int = 8
    """Sampling steps of a preview."""
    save_dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the finished file: `float32` is what was trained, to the last bit; `bfloat16` takes half of it, 1.2 GB."""

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            _check_type(name, getattr(self, name), kind)
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise FFGOError(f"recipe: {name} is {getattr(self, name)}; it must be from {low} to {high}.")
        if not self.targets:
            raise FFGOError(f"recipe: targets is empty. The official ones are {list(OFFICIAL_TARGETS)}.")
        if self.second_b and not self.start_lora:
            raise FFGOError("recipe: second_b trains on the A of another LoRA: name that file in start_lora.")
        if self.second_b and self.freeze != "none":
            raise FFGOError("recipe: second_b freezes A and the first B already; set freeze to none.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """A recipe from plain values. Raises: FFGOError for unknown keys and values that cannot be."""
        return cls(**_field_values(values))

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """A recipe from TOML, one `name = value` a line; what is not named keeps its default."""
        return cls.from_dict(parse_toml(text))

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values."""
        return asdict(self) | {"targets": list(self.targets)}

    def to_toml(self) -> str:
        """All fields as TOML."""
        import tomli_w

        return tomli_w.dumps(self.to_dict())

    @property
    def samples_per_step(self) -> int:
        return self.batch_size * self.accumulation

    def shaping(self) -> dict[str, Any]:
        """The fields that a run cannot change when it is resumed, because they shape its result."""
        values = {name: value for name, value in self.to_dict().items() if name not in _FREE}
        if self.schedule == "constant":
            del values["steps"]  # more of the same
        return values | {"samples_per_step": self.samples_per_step}

    @property
    def fingerprint(self) -> str:
        """Short hash of all that shapes the result."""
        return _hash(self.shaping() | {"steps": self.steps})

    @property
    def run_fingerprint(self) -> str:
        """Short hash of all that a resumed run keeps."""
        return _hash(self.shaping())

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step (from 0)."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        if self.schedule == "constant":
            return self.learning_rate
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def _hash(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


_FREE = {
    "batch_size", "accumulation", "checkpointing", "offload_block_inputs", "save_every", "keep", "preview_every",
    "preview_steps", "save_dtype",
}  # fmt: skip

_RANGES: dict[str, tuple[float, float]] = {
    "steps": (1, 10_000_000), "batch_size": (1, 1024), "accumulation": (1, 4096), "seed": (0, 2**64 - 1),
    "rank": (1, 4096), "alpha": (1e-6, 1e6), "b_dropout": (0, 0.99), "learning_rate": (0, 10), "beta1": (0, 0.99999),
    "beta2": (0, 0.9999999), "epsilon": (0, 1), "weight_decay": (0, 10), "clip_norm": (0, 1e9),
    "warmup_steps": (0, 10_000_000), "boundary": (0.001, 0.999), "shift": (1.0, 100.0), "outlier": (1e-3, 1e9),
    "token_drop": (0, 0.99), "prior_weight": (0, 1000), "save_every": (1, 10_000_000), "keep": (1, 10_000),
    "preview_every": (0, 10_000_000), "preview_steps": (1, 1000),
}  # fmt: skip

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "141 GB": MappingProxyType({}),
        "80 GB": MappingProxyType({"offload_block_inputs": True}),
        "48 GB": MappingProxyType({"offload_block_inputs": True, "optimizer": "adamw8bit"}),
        "24 GB": MappingProxyType({"offload_block_inputs": True, "optimizer": "adamw8bit"}),
    }
)
"""What to change for a card of this memory. Which clip sizes then fit: docs/training.md."""


def preset(name: str) -> Recipe:
    """The recipe for a card of this memory; AdamW has 32 bits where bitsandbytes is missing.

    Raises: FFGOError for an unknown name.
    """
    if name not in PRESETS:
        raise FFGOError(f"There is no preset {name!r}. Presets: {', '.join(PRESETS)}.")
    values = dict(PRESETS[name])
    if find_spec("bitsandbytes") is None:
        values.pop("optimizer", None)
    return Recipe.from_dict(values)


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with these plain values in place of its own. Raises: FFGOError as `Recipe.from_dict`."""
    return replace(recipe, **_field_values(values))


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What changed between two sets of values, in words."""
    names = [*then, *(name for name in now if name not in then)]
    return [
        f"{name}: {then.get(name, 'nothing')} before, {now.get(name, 'nothing')} now"
        for name in names
        if then.get(name) != now.get(name)
    ]


def parse_toml(text: str) -> dict[str, Any]:
    """Read TOML. Raises: FFGOError that says in which line it is wrong."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FFGOError(
            f"The recipe is not valid TOML: {error}. Write one `name = value` a line, strings in quotes."
        ) from error


def _field_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values as the fields take them. Raises: FFGOError for unknown names."""
    kinds = {field.name: field.type for field in fields(Recipe)}
    if unknown := [name for name in values if name not in kinds]:
        raise FFGOError(f"recipe: unknown key(s) {', '.join(map(repr, unknown))}. Known: {', '.join(kinds)}.")
    if "rank" in values and "alpha" not in values:
        values = {**values, "alpha": values["rank"]}
    return {name: _field_value(value, kinds[name]) for name, value in values.items()}


def _field_value(value: Any, kind: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return float(value) if kind is float and type(value) is int else value


def _check_type(name: str, value: Any, kind: Any) -> None:
    if choices := [choice for choice in get_args(kind) if isinstance(choice, str)]:
        if value not in choices:
            raise FFGOError(f"recipe: {name} is {value!r}; it must be one of {', '.join(choices)}.")
    elif kind is int or kind is bool:
        if type(value) is not kind:
            wanted = "a whole number" if kind is int else "true or false"
            raise FFGOError(f"recipe: {name} is {value!r}; it must be {wanted}.")
    elif kind is float:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise FFGOError(f"recipe: {name} is {value!r}; it must be a number.")
    elif kind is str:
        if not isinstance(value, str):
            raise FFGOError(f"recipe: {name} is {value!r}; it must be a string in quotes.")
    elif not isinstance(value, tuple) or not all(isinstance(part, str) for part in value):
        raise FFGOError(f"recipe: {name} is {value!r}; it must be a list of strings.")
