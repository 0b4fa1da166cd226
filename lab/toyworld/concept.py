"""Concepts of the toy world, and how they are learned: what there is, and with which recipes.

A concept is an unseen sprite with a law that no base model knows, in a clip of one scene, and two words that no caption
of the base models holds. Its captions tell its shape, and neither colours nor pattern: those are the word's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Literal, get_args

import numpy as np

from ffgo.bases.base import Expert
from ffgo.bases.catalogue import EXPERTS
from ffgo.lora.halves import PARTS, Part
from ffgo.training.concept import OF_BOTH, concept_recipes
from ffgo.training.recipe import Recipe, with_values

from .models import SPARE_WORDS
from .scene import MARKS, NEW_LAWS, Actor, Scene, Shot, Sprite, scenes, sprites
from .train_lora import RECIPE as OF_LORAS

Method = Literal["two_stage", "two_stage_reg", "plain"]
"""Two runs; two runs with dropout, dropped tokens and prior clips; a LoRA of as many steps, on the sequences alone."""
METHODS: tuple[Method, ...] = get_args(Method)
SEEDS = (1, 2, 3)
DRAWN = 17
"""The seed of sprites and scenes."""
PLATES, UNSEEN = 16, 32
"""Scenes that a concept is learned in besides its own, and others that it is tested in."""
STEPS: Mapping[Part, int] = {"identity": 300, "motion": 600}
"""Of each run; a plain LoRA has as many as both. Half as many are not enough (docs/concepts.md)."""
MOTION_RATE = 4e-3
"""The learning rate of the motion's run, which has half of the numbers to learn with: too little came of 150 steps at
the others' 2e-3 (in unseen scenes identity .18 and law .06, where 300 at this rate gave .42 and .62)."""
DROPOUT = 0.3
"""`b_dropout` of both runs, where there is regularisation: the paper's .8 times the remaining numbers by 5, which the
learning rate of so small an expert does not bear."""
RECIPE = replace(OF_LORAS, save_dtype="float32", save_every=50, keep=1)
HOLD = MARKS[1][0]
"""Pixels: the place of a concept in its clip."""


@dataclass(frozen=True, slots=True)
class Concept:
    """Who moves how, where it was filmed, and the words that call both."""

    sprite: Sprite
    law: str
    scene: Scene
    who: str
    how: str

    @property
    def name(self) -> str:
        return f"{self.sprite.shape}_{self.law}"

    def shot(self, scene: Scene | None = None) -> Shot:
        """As it was filmed, or in another scene."""
        x, y = HOLD
        return Shot((Actor(self.sprite, self.law, float(x), float(y)),), scene or self.scene)

    def prompt(self, scene: Scene) -> str:
        return f"a {self.who} {self.sprite.shape} {self.how} {scene.words}"


@cache
def concepts() -> dict[str, Concept]:
    """Two sprites by two laws, each in a scene of its own."""
    rng = np.random.default_rng(DRAWN)
    first = another(rng, ())
    chosen = first, another(rng, (first,))
    made = [
        Concept(sprite, law, scene, SPARE_WORDS[place], SPARE_WORDS[4 + NEW_LAWS.index(law)])
        for scene, ((place, sprite), law) in zip(_scenes(), product(enumerate(chosen), NEW_LAWS), strict=False)
    ]
    return {concept.name: concept for concept in made}


def another(rng: np.random.Generator, than: Sequence[Sprite]) -> Sprite:
    """An unseen sprite of another shape and another first colour than these."""
    pool = sprites("test")
    while True:
        one = pool[rng.integers(len(pool))]
        if all(one.shape != other.shape and one.colour != other.colour for other in than):
            return one


def plates() -> list[Scene]:
    """The other scenes that stills are put into."""
    first = len(concepts())
    return _scenes()[first : first + PLATES]


def unseen_scenes() -> list[Scene]:
    """Scenes that no run has seen."""
    first = len(concepts()) + PLATES
    return _scenes()[first : first + UNSEEN]


@cache
def _scenes() -> list[Scene]:
    """The ordinary ones, in a drawn order: those of the clips, then the plates, then those of the test."""
    pool = scenes()
    return [pool[index] for index in np.random.default_rng(DRAWN).permutation(len(pool))]


@dataclass(frozen=True, slots=True)
class Training:
    """One training, of both experts: what is learned together, and how."""

    lesson: tuple[Concept, ...]
    method: Method
    seed: int

    @property
    def lesson_name(self) -> str:
        return "+".join(concept.name for concept in self.lesson)

    @property
    def name(self) -> str:
        return f"{self.lesson_name}_{self.method}_{self.seed}"

    @property
    def words(self) -> str:
        return "; ".join(f"{concept.who} {concept.how}" for concept in self.lesson)

    def recipes(self, expert: Expert, steps: Mapping[Part, int]) -> dict[Part, Recipe]:
        """Of both runs: the paper's, but for what so small an expert wants otherwise."""
        prior = self.method == "two_stage_reg"
        dropout, drop = (DROPOUT, OF_BOTH["token_drop"]) if prior else (0.0, 0.0)
        parts = {part: {"steps": steps[part], "b_dropout": dropout} for part in PARTS}
        parts["motion"]["learning_rate"] = MOTION_RATE
        values = {"rank": RECIPE.rank, "seed": self.seed, "token_drop": drop, **parts}
        return concept_recipes(RECIPE, self.name, expert, values, has_prior=prior)

    def plain_recipe(self, steps: Mapping[Part, int]) -> Recipe:
        """Of a LoRA with as many steps as both runs have."""
        shared = {name: OF_BOTH[name] for name in ("beta2", "weight_decay")}
        return with_values(RECIPE, {**shared, "seed": self.seed, "steps": sum(steps.values())})


def all_recipes(method: Method, steps: Mapping[Part, int]) -> list[Recipe]:
    """Of a training's runs, but for its names."""
    training = Training((), method, SEEDS[0])
    return [training.plain_recipe(steps)] if method == "plain" else list(training.recipes(EXPERTS[0], steps).values())
