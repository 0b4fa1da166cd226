"""What a run does besides its steps: what it starts from, what it keeps as it is, what a step leaves out.

Each such way is a stage; the loop and the run know none of them by name. Another way of training is another one here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from ..bases.base import EXPERT_KEY, Expert
from ..errors import FFGOError
from ..lora.file import LoRAFile, read_lora
from ..lora.halves import ConceptPart, Half, half_metadata, half_of
from ..lora.saving import Factors, factors_of
from .adapters import BOTH, Adapters, Matrix
from .recipe import Recipe


class Stage(Protocol):
    """A way of training."""

    def prepare(self, adapters: Adapters) -> None:
        """Make new adapters what the run starts from. Raises: FFGOError where they do not fit."""
        ...

    def before_step(self, adapters: Adapters, step: int) -> None:
        """Called before every step (from 0), by every process; depends on the step alone, so that a run can go on."""
        ...

    def identity(self) -> dict[str, Any]:
        """Plain values that a resumed run keeps, among those of the recipe in run.json."""
        ...

    def says(self, lora: Mapping[str, Tensor]) -> dict[str, str]:
        """What the file of this LoRA says of itself besides. lora: as it is written, by the host's names."""
        ...


class Official:
    """A new LoRA, of which A and B are trained. The other stages change some of it."""

    def prepare(self, adapters: Adapters) -> None:
        pass

    def before_step(self, adapters: Adapters, step: int) -> None:
        pass

    def identity(self) -> dict[str, Any]:
        return {}

    def says(self, lora: Mapping[str, Tensor]) -> dict[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class Continue(Official):
    """Goes on with another LoRA of the same rank and layers."""

    file: str
    """As the recipe names it."""
    first: Mapping[str, Factors]

    def prepare(self, adapters: Adapters) -> None:
        adapters.load(self.first)

    def identity(self) -> dict[str, Any]:
        return {"start_lora": self.file}


@dataclass(frozen=True, slots=True)
class SecondB(Official):
    """Keeps A and B of another LoRA, and trains a second B on the same A (Set-and-Sequence, stage 2)."""

    file: str
    """As the recipe names it."""
    first: Mapping[str, Factors]

    def prepare(self, adapters: Adapters) -> None:
        adapters.add_second_b(self.first)

    def identity(self) -> dict[str, Any]:
        return {"start_lora": self.file, "second_b": True}


@dataclass(frozen=True, slots=True)
class IdentityBasis(Official):
    """Learns who a concept is, from a set of stills: a new LoRA whose A the motion stands on (Set-and-Sequence, 1)."""

    words: str
    """Those that call the concept in a prompt."""

    def identity(self) -> dict[str, Any]:
        return {"part": "identity", "words": self.words}

    def says(self, lora: Mapping[str, Tensor]) -> dict[str, str]:
        return half_metadata("identity", lora, self.words)


@dataclass(frozen=True, slots=True)
class MotionResidual(Official):
    """Learns how a concept moves: a second B on the kept A and B of its identity half (Set-and-Sequence, 2)."""

    second_b: SecondB
    half: Half
    """The identity half."""
    words: str

    def prepare(self, adapters: Adapters) -> None:
        self.second_b.prepare(adapters)

    def identity(self) -> dict[str, Any]:
        own = {"part": "motion", "words": self.words, "basis": self.half.basis, "start": self.half.content}
        return self.second_b.identity() | own

    def says(self, lora: Mapping[str, Tensor]) -> dict[str, str]:
        return half_metadata("motion", lora, self.words, self.half.content)


@dataclass(frozen=True, slots=True)
class Freeze(Official):
    """Leaves one matrix of every layer as it is."""

    matrix: Matrix

    def prepare(self, adapters: Adapters) -> None:
        adapters.freeze(self.matrix)

    def identity(self) -> dict[str, Any]:
        return {"freeze": self.matrix}


@dataclass(frozen=True, slots=True)
class DropFromB(Official):
    """Leaves out a share of B's numbers in every step."""

    share: float
    seed: int

    def before_step(self, adapters: Adapters, step: int) -> None:
        adapters.drop_from_b(self.share, self.seed, step)

    def identity(self) -> dict[str, Any]:
        return {"b_dropout": self.share}


@dataclass(frozen=True, slots=True)
class Together:
    """Several stages at once; without any, the official way."""

    stages: Sequence[Stage]

    def prepare(self, adapters: Adapters) -> None:
        for stage in self.stages:
            stage.prepare(adapters)

    def before_step(self, adapters: Adapters, step: int) -> None:
        for stage in self.stages:
            stage.before_step(adapters, step)

    def identity(self) -> dict[str, Any]:
        return {name: value for stage in self.stages for name, value in stage.identity().items()}

    def says(self, lora: Mapping[str, Tensor]) -> dict[str, str]:
        return {name: value for stage in self.stages for name, value in stage.says(lora).items()}


def trained_matrices(recipe: Recipe) -> frozenset[Matrix]:
    """Which matrices of every layer the stage of a recipe trains: what the memory plan counts, before there is one."""
    return frozenset({"B"}) if recipe.second_b else BOTH - {recipe.freeze}


def held_matrices(recipe: Recipe) -> list[Matrix]:
    """Of which matrices a stage holds numbers besides those that it trains: what it leaves as they are, and what is
    dropped of B in a step."""
    left = BOTH if recipe.second_b else BOTH - trained_matrices(recipe)
    return [*left, "B"] if recipe.b_dropout else [*left]


def stage_of(recipe: Recipe, expert: Expert, loras: Path, concept: ConceptPart | None = None) -> Stage:
    """The stage that a recipe means by `start_lora`, `second_b`, `freeze` and `b_dropout`; nobody else reads these.

    loras: the folder that a relative `start_lora` lies in; concept: the half of one that is to be learned.
    Raises: FFGOError where it cannot be started from.
    """
    stages: list[Stage] = []
    if concept is not None:
        stages.append(_half(recipe, expert, loras, concept))
    elif recipe.start_lora:
        kind = SecondB if recipe.second_b else Continue
        stages.append(kind(recipe.start_lora, _start_lora(recipe.start_lora, expert, loras)[1]))
    if recipe.freeze != "none":
        stages.append(Freeze(recipe.freeze))
    if recipe.b_dropout:
        stages.append(DropFromB(recipe.b_dropout, recipe.seed))
    return Together(stages)


def _half(recipe: Recipe, expert: Expert, loras: Path, concept: ConceptPart) -> Stage:
    """Raises: FFGOError where the recipe is none of this half, or names no identity half."""
    if concept.part == "identity":
        if recipe.start_lora or recipe.freeze != "none":
            raise FFGOError(
                "recipe: the identity of a concept is a new LoRA, all of which is learned. Leave start_lora, second_b "
                "and freeze out."
            )
        return IdentityBasis(concept.words)
    if not recipe.second_b:
        raise FFGOError("recipe: the motion of a concept is a second B. Set second_b, and its identity in start_lora.")
    file, first = _start_lora(recipe.start_lora, expert, loras)
    half = half_of(file)
    if half is None or half.part != "identity":
        raise FFGOError(
            f"recipe: start_lora {file.name} is no identity half of a concept. Learn that first, and name its file."
        )
    return MotionResidual(SecondB(recipe.start_lora, first), half, concept.words)


def _start_lora(name: str, expert: Expert, loras: Path) -> tuple[LoRAFile, Mapping[str, Factors]]:
    path = loras / name
    if not path.is_file():
        raise FFGOError(f"recipe: start_lora is {name}, and {path} is no file.")
    file = read_lora(path, path.name)
    # Whatever its model was, a LoRA of this trainer has learned the noise of the expert that it names.
    certain = file.evidence.certain or EXPERT_KEY in file.metadata
    if certain and file.evidence.expert != expert:
        raise FFGOError(
            f"recipe: start_lora {path.name} is for the {file.evidence.expert}-noise expert ({file.evidence.reason}), "
            f"and the {expert}-noise expert is to be trained. Name the other file of the pair."
        )
    factors = factors_of(file.tensors, f"recipe: start_lora {path.name}")
    if not factors:
        raise FFGOError(f"recipe: start_lora {path.name} holds no LoRA as this trainer writes them.")
    return file, factors
