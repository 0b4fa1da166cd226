"""What is learned with entities and without: examples, their entities, and the ways that are compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, get_args

import torch
from torch import Tensor

from ffgo.bases.base import Base
from ffgo.dataset.encoded import EncodedDataset, EncodedExample
from ffgo.training.recipe import Recipe

from .entity_attention import ENTITIES
from .examples import TRAINING, ToyExample, training_set
from .render import render_shot
from .scene import MARKS, Actor, Shot, Sprite
from .train_lora import RECIPE

GREY = (128, 128, 128)
Way = Literal["lora", "entities", "large_lora", "entities_plate"]
"""A LoRA; the same with attention on entities; a LoRA of as many numbers as both; with entities and without FFGo's
frame, on the background alone."""
WAYS: tuple[Way, ...] = get_args(Way)
SEEDS = (1, 2, 3)
STEPS = 300
OF_ALL = replace(RECIPE, save_dtype="float32", save_every=100, keep=1)


class OnPlate(ToyExample):
    """An example whose first frames show the background alone: nothing but its entities tells how they look."""

    __slots__ = ()

    def composed(self, layout: object = None) -> Tensor:
        return self.scene


@dataclass(frozen=True, slots=True)
class Lesson:
    """One training, of both experts."""

    way: Way
    seed: int
    steps: int = STEPS

    @property
    def name(self) -> str:
        return f"{self.way}_{self.seed}"

    @property
    def has_entities(self) -> bool:
        return self.way in ("entities", "entities_plate")

    @property
    def data(self) -> str:
        """The name of its encoded examples."""
        return "plate" if self.way == "entities_plate" else "ffgo"

    def recipe(self, rank: int = OF_ALL.rank) -> Recipe:
        """All have the same draws, loss and schedule. rank: what the LoRA adds counts the same at each."""
        return replace(OF_ALL, seed=self.seed, steps=self.steps, rank=rank, alpha=float(rank))


def examples_of(data: str) -> list[ToyExample]:
    """Those that are learned from."""
    examples = training_set()
    return [OnPlate(one.clip) for one in examples] if data == "plate" else examples


def entity_pictures(example: ToyExample) -> Tensor:
    """(S, H, W, 3), 0..1: each subject alone on grey, as large as in the clip; where there is only one, grey alone."""
    sprites: list[Sprite | None] = [subject.sprite for subject in example.clip.shot.subjects]
    sprites += [None] * (ENTITIES - len(sprites))
    return torch.stack([_on_grey(sprite) for sprite in sprites])


@cache
def _on_grey(sprite: Sprite | None) -> Tensor:
    ((x, y),) = MARKS[1]
    subjects = () if sprite is None else (Actor(sprite, "stays", float(x), float(y)),)
    return torch.from_numpy(render_shot(Shot(subjects, None, backdrop=GREY), [0])[0])


def exchanged(examples: Sequence[ToyExample]) -> list[ToyExample]:
    """In place of each example the next one with as many subjects: whose entities it gets as a control."""
    counts = [len(example.clip.shot.subjects) for example in examples]
    others = []
    for place, count in enumerate(counts):
        alike = [index for index, other in enumerate(counts) if other == count]
        others.append(examples[alike[(alike.index(place) + 1) % len(alike)]])
    return others


def encode_entities(examples: Sequence[ToyExample], encode: Callable[[Tensor], Tensor]) -> Tensor:
    """The entities' latents (B, S, C, h, w). encode: frames (F, H, W, 3), 0..1, to latents (C, T, h, w)."""
    known: dict[bytes, Tensor] = {}

    def latents(picture: Tensor) -> Tensor:
        key = picture.numpy().tobytes()
        if key not in known:
            known[key] = encode(picture[None])[:, 0]
        return known[key]

    return torch.stack([torch.stack([latents(one) for one in entity_pictures(example)]) for example in examples])


@dataclass(frozen=True, slots=True)
class EntityDataset:
    """Encoded examples that bring the latents of their entities along, as others do the first frame as CLIP vision
    sees it (`EncodedDataset`)."""

    examples: EncodedDataset
    entities: Tensor
    """(N, S, C, h, w)."""

    def __post_init__(self) -> None:
        assert len(self.examples) == len(self.entities) == TRAINING

    @property
    def base(self) -> Base:
        return self.examples.base

    @property
    def memory(self) -> int:
        return self.examples.memory

    @property
    def fingerprint(self) -> str:
        return f"{self.examples.fingerprint} with entities"

    @property
    def names(self) -> Sequence[str]:
        return self.examples.names

    @property
    def shapes(self) -> Sequence[tuple[int, int, int]]:
        return self.examples.shapes

    @property
    def weights(self) -> Sequence[float]:
        return self.examples.weights

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> EncodedExample:
        return replace(self.examples[index], vision=self.entities[index])
