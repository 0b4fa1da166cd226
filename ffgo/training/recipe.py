"""The recipe of a training run: every number that shapes the result, and where it comes from."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, Literal, Self, TypeVar, cast, get_args

from ..bases.catalogue import DEFAULT
from ..plain import Source, Value

OFFICIAL_TARGETS = DEFAULT.targets
"""Layers of every block, in self-attention, cross-attention and feed-forward."""

TIME_PROJECTION = "time_projection"
"""The official files hold this layer too, because the script looks for 'o' anywhere in a name."""

MOST_TARGETS, MOST_TARGET = 1000, 200
"""Of `targets`, and characters of each."""

_SOURCE = Source("recipe")
MOST_WHOLE = 2**53
"""Whole numbers up to this are decimal ones too; of a larger one it is said that it is none."""
T = TypeVar("T")


def setting(default: T, *, shapes_result: bool, least: float = -math.inf, most: float = math.inf) -> T:
    """A field of the recipe: its default, its range where it is a number, and whether it shapes the result.

    What shapes the result cannot change when a run goes on; what does not, such as how often it saves, can.
    """
    return cast(T, field(default=default, metadata={"least": least, "most": most, "shapes_result": shapes_result}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How one expert's LoRA is trained. Defaults: the official script, where the paper says no different."""

    steps: int = setting(600, least=1, most=10_000_000, shapes_result=True)
    """Optimizer steps for each expert. The released LoRA is the official run's step 600."""
    batch_size: int = setting(1, least=1, most=1024, shapes_result=False)
    """Examples that go through the expert at once."""
    accumulation: int = setting(4, least=1, most=4096, shapes_result=False)
    """Batches that make one step. The paper's step has 4 examples."""
    seed: int = setting(42, least=0, most=2**64 - 1, shapes_result=True)
    """Keys every random number of the run."""

    rank: int = setting(128, least=1, most=4096, shapes_result=True)
    """Rank of the LoRA."""
    alpha: float = setting(128.0, least=1e-6, most=1e6, shapes_result=True)
    """The LoRA counts alpha / rank times. A recipe that names only the rank gets an alpha of the same size."""
    targets: tuple[str, ...] = setting(OFFICIAL_TARGETS, shapes_result=True)
    """Layers of the blocks that get a LoRA, by the end of their names; `time_projection` adds that layer."""
    freeze: Literal["none", "A", "B"] = setting("none", shapes_result=True)
    """Which matrix of the LoRA is not trained."""
    start_lora: str = setting("", shapes_result=True)
    """A LoRA file of the same expert to start from; empty = a new LoRA."""
    second_b: bool = setting(False, shapes_result=True)
    """Keep A and B of `start_lora` as they are and train a second B on the same A (Set-and-Sequence, stage 2)."""
    b_dropout: float = setting(0.0, least=0, most=0.99, shapes_result=True)
    """Share of B's numbers that every step leaves out (Set-and-Sequence: 0.8 in stage 1, 0.5 in stage 2)."""

    optimizer: Literal["adamw", "adamw8bit"] = setting("adamw", shapes_result=True)
    """`adamw8bit` needs the package bitsandbytes and a CUDA card; it takes 3.7 GB less at rank 128."""
    learning_rate: float = setting(1e-4, least=0, most=10, shapes_result=True)
    """AdamW's learning rate."""
    beta1: float = setting(0.9, least=0, most=0.99999, shapes_result=True)
    """How long AdamW remembers the gradient."""
    beta2: float = setting(0.999, least=0, most=0.9999999, shapes_result=True)
    """How long AdamW remembers the gradient's size."""
    epsilon: float = setting(1e-10, least=0, most=1, shapes_result=True)
    """AdamW's epsilon, which keeps it from dividing by zero."""
    weight_decay: float = setting(3e-2, least=0, most=10, shapes_result=True)
    """Share of itself, times the learning rate, that every weight loses in a step."""
    clip_norm: float = setting(0.05, least=0, most=1e9, shapes_result=True)
    """The gradient's norm over all weights is cut to this; 0 = never."""
    schedule: Literal["constant", "cosine"] = setting("constant", shapes_result=True)
    """Course of the learning rate after the warm-up; `cosine` ends at zero."""
    warmup_steps: int = setting(0, least=0, most=10_000_000, shapes_result=True)
    """Steps over which the learning rate rises from zero."""

    boundary: float = setting(DEFAULT.boundary, least=0.001, most=0.999, shapes_result=True)
    """Sigma at which the experts change: each is trained on its side only."""
    shift: float = setting(DEFAULT.shift, least=1.0, most=100.0, shapes_result=True)
    """Shift of the sigmas, the same as in sampling."""
    timesteps: Literal["continuous", "official"] = setting("continuous", shapes_result=True)
    """`official` trains on the official thousand sigmas only."""
    outlier: float = setting(50.0, least=1e-3, most=1e9, shapes_result=True)
    """Errors of the velocity beyond this do not count."""
    token_drop: float = setting(0.0, least=0, most=0.99, shapes_result=True)
    """Share of the caption's tokens that are blanked, anew for each example of each step."""
    prior_weight: float = setting(0.0, least=0, most=1000, shapes_result=True)
    """Weight of the loss on the prior examples, which keep what the expert could do before; 0 where there are none."""

    checkpointing: Literal["blocks", "none"] = setting("blocks", shapes_result=False)
    """`blocks` computes each block twice and keeps its input only: a tenth of the memory, 1.4 times the time."""
    offload_block_inputs: bool = setting(False, shapes_result=False)
    """Keep those inputs in main memory."""

    check_expert: bool = setting(True, shapes_result=False)
    """Refuse a model that is not the expert that it is said to be, by its file's name or its loss at little noise."""

    save_every: int = setting(100, least=1, most=10_000_000, shapes_result=False)
    """Steps between checkpoints."""
    keep: int = setting(3, least=1, most=10_000, shapes_result=False)
    """How many checkpoints stay, besides the best."""
    preview_every: int = setting(0, least=0, most=10_000_000, shapes_result=False)
    """Steps between preview clips; 0 = none."""
    preview_steps: int = setting(8, least=1, most=1000, shapes_result=False)
    """Sampling steps of a preview."""
    save_dtype: Literal["float32", "bfloat16"] = setting("float32", shapes_result=False)
    """Of the finished file: `float32` is what was trained, to the last bit; `bfloat16` takes half of it, 1.2 GB."""

    def __post_init__(self) -> None:
        for one in fields(self):
            _check(_SOURCE.value(getattr(self, one.name), one.name), one)
        if not self.targets:
            _SOURCE.refuse("targets", "is empty", f"the official ones are {list(OFFICIAL_TARGETS)}")
        if self.second_b and not self.start_lora:
            _SOURCE.refuse("second_b", "trains on the A of another LoRA", "name that file in start_lora")
        if self.second_b and self.freeze != "none":
            _SOURCE.refuse("second_b", "freezes A and the first B already", "set freeze to none")

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
        plain = self.to_dict()
        values = {one.name: plain[one.name] for one in fields(self) if one.metadata["shapes_result"]}
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
        """The learning rate of a step (from 0).

        >>> [Recipe(warmup_steps=4, learning_rate=1.0).learning_rate_at(step) for step in range(6)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
        """
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        if self.schedule == "constant":
            return self.learning_rate
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def _hash(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


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
    """A recipe's plain values. Raises: FFGOError that says in which line the text is not valid TOML."""
    return _SOURCE.toml(text).value


def _field_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values as the fields take them. Raises: FFGOError for unknown names."""
    kinds = {one.name: one.type for one in fields(Recipe)}
    _SOURCE.value(dict(values)).object(optional=kinds)
    if "rank" in values and "alpha" not in values:
        values = {**values, "alpha": values["rank"]}
    return {name: _field_value(value, kinds[name]) for name, value in values.items()}


def _field_value(value: Any, kind: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return float(value) if kind is float and type(value) is int and abs(value) <= MOST_WHOLE else value


def _check(value: Value, one: Field) -> None:
    """Raises: FFGOError where a field's value is not of its kind, or not in its range."""
    least, most = one.metadata["least"], one.metadata["most"]
    if choices := [choice for choice in get_args(one.type) if isinstance(choice, str)]:
        value.one_of(choices)
    elif one.type is bool:
        value.flag()
    elif one.type is int:
        value.whole(least, most, exact=True)
    elif one.type is float:
        value.number(least, most)
    elif one.type is str:
        value.string()
    else:
        for part in value.list("strings", most=MOST_TARGETS):
            part.string(least=1, most=MOST_TARGET)
