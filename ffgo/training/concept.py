"""A concept in two runs: who it is, then how it moves on what the first one learned (Set-and-Sequence).

Source: the paper's appendix on training; steps are those with regularisation. What it does not say is as for any LoRA.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..bases.base import Expert
from ..dataset.encoded import EncodedDataset
from ..errors import FFGOError
from ..lora.halves import PARTS, ConceptPart, Part, files_of
from ..names import plain_name
from ..plain import Source
from .recipe import Recipe, with_values

if TYPE_CHECKING:
    from ..host.loading import Model
    from .run import Finished, WatcherOf
    from .world import World

RANK = 32
STEPS: Mapping[Part, int] = MappingProxyType({"identity": 600, "motion": 900})
OF_BOTH: Mapping[str, Any] = MappingProxyType({"rank": RANK, "beta2": 0.99, "weight_decay": 0.01, "token_drop": 0.1})
OF_PARTS: Mapping[Part, Mapping[str, Any]] = MappingProxyType(
    {
        "identity": MappingProxyType({"steps": STEPS["identity"], "b_dropout": 0.8}),
        "motion": MappingProxyType({"steps": STEPS["motion"], "b_dropout": 0.5}),
    }
)
WITH_PRIOR = 1.0
"""`prior_weight` where there is a prior and the recipe says nothing."""
_OURS = ("start_lora", "second_b", "freeze")


def concept_recipes(
    base: Recipe, name: str, expert: Expert, values: Mapping[str, Any], *, has_prior: bool
) -> dict[Part, Recipe]:
    """The recipes of both runs.

    base: the preset; values: plain ones of the recipe, for both runs, and in tables `identity` and `motion` for one.
    Raises: FFGOError for unknown keys, values that cannot be, and what the two runs need themselves.
    """
    tables = {part: _table(values, part) for part in PARTS}
    shared = {key: value for key, value in values.items() if key not in PARTS}
    for where in (shared, *tables.values()):
        if taken := [key for key in _OURS if key in where]:
            Source("recipe").refuse(taken[0], "is set by the two runs of a concept", "leave it out")
    start = files_of(name, [expert])[PARTS[0], expert]
    recipes: dict[Part, Recipe] = {}
    for part in PARTS:
        prior_weight = WITH_PRIOR if has_prior else 0.0
        chosen = {**OF_BOTH, **OF_PARTS[part], "prior_weight": prior_weight, **shared, **tables[part]}
        second = {"start_lora": start, "second_b": True} if part == "motion" else {}
        recipes[part] = with_values(base, {**chosen, **second})
    one, two = recipes.values()
    if (one.rank, one.targets) != (two.rank, two.targets):
        raise FFGOError(
            f"recipe: both runs of a concept share one A, and rank and targets are {one.rank} and {list(one.targets)} "
            f"for the identity, {two.rank} and {list(two.targets)} for the motion. Write them outside of the tables."
        )
    return recipes


def with_steps(values: Mapping[str, Any], steps: Mapping[Part, int]) -> dict[str, Any]:
    """A recipe's plain values, with these steps for each run where they say nothing of steps."""
    if "steps" in values:
        return dict(values)
    tables = {part: {"steps": steps[part], **_table(values, part)} for part in PARTS}
    return {**values, **tables}


def _table(values: Mapping[str, Any], part: Part) -> dict[str, Any]:
    table = Source("recipe").value(dict(values)).at(part, values.get(part, {}))
    return {name: value.value for name, value in table.object(others=True).items()}


@dataclass(frozen=True)
class ConceptRun:
    """What is to be learned of one expert, from what, and where to."""

    name: str
    """Of the concept: its runs are `<name>_identity` and `<name>_motion`, and its files begin with that."""
    expert: Expert
    recipes: Mapping[Part, Recipe]
    datasets: Mapping[Part, EncodedDataset]
    """The set of stills, and the sequences."""
    words: str
    """Those that call the concept in a prompt."""
    runs: Path
    loras: Path
    prior: EncodedDataset | None = None
    parts: Sequence[Part] = PARTS
    """Which runs are wanted; the motion by itself needs the identity's file."""

    def __post_init__(self) -> None:
        plain_name(self.name, "The name of the concept")
        # Before hours of the first run, not after them.
        if self.prior is None and any(recipe.prior_weight for recipe in self.recipes.values()):
            raise FFGOError(
                "recipe: prior_weight is set and does nothing: there are no prior examples. Give some (`prior` on the "
                "node, [prior] in a job file), or leave prior_weight out."
            )

    def part(self, part: Part) -> Any:
        """One of its two runs (`TrainingRun`)."""
        from .run import TrainingRun

        return TrainingRun(
            f"{self.name}_{part}", self.expert, self.recipes[part], self.datasets[part], runs=self.runs,
            loras=self.loras, prior=self.prior, concept=ConceptPart(part, self.words),
        )  # fmt: skip


def words_of(datasets: Mapping[Part, Any]) -> str:
    """The words of the concept that both datasets show. Raises: FFGOError where they show none, or two."""
    told = [getattr(datasets[part], "words", "") for part in PARTS]
    if told[0] != told[1] or not told[0]:
        shown = " and ".join(repr(words or "nothing") for words in told)
        raise FFGOError(
            f"The set and the sequence must be of one concept; their words are {shown}. Encode both with one "
            "FFGo Encode Concept, and do not swap them."
        )
    return told[0]


def train_concept(
    model: "Model",
    job: ConceptRun,
    watcher_of: "Callable[[Any], WatcherOf]",
    say: Callable[[Sequence[str]], None],
    world: "World",
) -> "dict[Part, Finished]":
    """Learn the identity, then the motion, each going on where it stopped; only the first one where that is stopped.

    watcher_of: makes, of a run, what makes the one who looks on. Raises: as `train_expert`.
    """
    from ..host.trainable import memory_of
    from .run import plan_run, train_expert

    larger = max((plan_run(model, job.part(part)) for part in job.parts), key=lambda plan: plan.besides_base)
    larger.check(memory_of(model))  # before hours of the first run, not after them
    done: dict[Part, Finished] = {}
    for part in job.parts:
        run = job.part(part)
        say([f"{run.name}, {job.expert} noise: {part}, {job.recipes[part].steps} steps"])
        done[part] = train_expert(model, run, watcher_of(run), say, world)
        if not done[part].complete:
            break
        world.wait()  # the first process has written the file that all go on from
    return done
