"""More subjects than a clip shows: a memory of up to eight, of which the caption names one or two, and those are shown.

A crowd in a clip is not in this world: its base models have seen two subjects at most. So a memory is measured as
memory: how many subjects it can hold so that those who are named come out right.

Nor do its models choose by looks, as they would have to: of two subjects, they go by the order in the frame
(toy-world.md). So those who are named stand at both ends of the memory, and in rows, and the others between them: what
is asked is whether a memory holds them, not whether words find them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.bases.condition import start_frames
from ffgo.bases.memory import composed_frames, start_clip
from ffgo.frame.memory import Look, Memory, Spread, spread_subjects
from ffgo.words.phrase import add_transition_phrase

from .examples import EASY, TRAINING
from .render import render_cutout, render_scene
from .scene import FRAMES, REST, SIZE, Shot, Split, Sprite, ToyClip, draw_framed, sprites

Way = Literal["one", "consecutive", "scene_cast", "shadow"]
"""One canvas of all. Two given canvases, each with half of the subjects and the scene. Two given ones, the scene and
the cast. The scene alone given, and the cast where the condition is grey else, in frames that are to be generated."""
WAYS: tuple[Way, ...] = get_args(Way)
TWO: tuple[Way, ...] = ("consecutive", "scene_cast")
"""The ways with two given canvases, whose order can be exchanged."""
COUNTS = (1, 2, 4, 6, 8)
"""Subjects in a memory."""
NAMED = 2
"""Subjects that a clip shows at most."""
TRAINING_SEED, TEST_SEED = 20, 21
LOOK = Look(width=SIZE, height=SIZE, layout="published")
SPREADS: Mapping[Way, Spread] = {"consecutive": "halves", "scene_cast": "scene_first", "shadow": "scene_first"}
BASE = WAN22_I2V_A14B


def memory_of(way: Way) -> int:
    """Canvases that are given to the expert, each a latent frame."""
    return 2 if way in TWO else 1


@dataclass(frozen=True, slots=True)
class MemoryExample:
    """Who is in the memory, and what the clip should show of it."""

    clip: ToyClip
    crowd: tuple[Sprite, ...]
    """All of the memory, in its order: the first one who is named, the others, the second one who is named. Each has a
    first colour of its own, so that words tell them apart."""

    @property
    def prompt(self) -> str:
        return add_transition_phrase(self.clip.caption)

    @property
    def shot(self) -> Shot:
        return self.clip.shot

    def memory(self, way: Way) -> Memory:
        """The canvases as the pack composes them. Of a single subject both canvases of `consecutive` are the same."""
        assert self.shot.scene is not None
        scene = torch.from_numpy(render_scene(self.shot.scene))[None]
        cutouts = {
            f"subject {number}": torch.from_numpy(render_cutout(sprite))[None]
            for number, sprite in enumerate(self.crowd, 1)
        }
        if way == "one" or (way == "consecutive" and len(cutouts) == 1):
            return spread_subjects(scene, cutouts, LOOK, frames=1)
        return spread_subjects(scene, cutouts, LOOK, frames=2, spread=SPREADS[way])

    def canvases(self, way: Way, *, exchanged: bool = False) -> Tensor:
        """(K, H, W, 3), 0..1, in their order, or in the other one."""
        canvases = self.memory(way).canvases
        if len(canvases) < memory_of(way):
            canvases = canvases.repeat(2, 1, 1, 1)
        return canvases.flip(0) if exchanged else canvases

    def start(self, way: Way, *, exchanged: bool = False) -> Tensor:
        """The clip (F, H, W, 3), 0..1, that is encoded for the condition."""
        canvases = self.canvases(way, exchanged=exchanged)
        if way == "shadow":
            return torch.cat([canvases[:1], canvases[1:].expand(FRAMES - 1, -1, -1, -1)])
        return start_frames(BASE, dict(enumerate(start_clip(BASE, canvases))), FRAMES)

    def shown(self, way: Way, *, exchanged: bool = False) -> Tensor:
        """The canvas (H, W, 3) that the clip shows before it cuts."""
        return self.canvases(way, exchanged=exchanged)[memory_of(way) - 1]

    def smallest(self, way: Way) -> float:
        """Pixels of the smallest subject on its canvas."""
        return min(area for plan in self.memory(way).plans for area in plan.pixels)


FIRST = max(composed_frames(BASE, memory_of(way)) for way in WAYS)
"""The frame from which clips are scored, in every way: a memory of two canvases keeps none before it."""


def training_set() -> list[MemoryExample]:
    """Memories of sprites that the base models know, as many of each size."""
    rng = np.random.default_rng(TRAINING_SEED)
    return [draw_example(rng, "train", COUNTS[number % len(COUNTS)]) for number in range(TRAINING)]


def unseen_set(subjects: int, count: int) -> Iterator[MemoryExample]:
    """Memories of so many sprites that nothing was trained on."""
    rng = np.random.default_rng([TEST_SEED, subjects])
    return (draw_example(rng, "test", subjects, EASY) for _ in range(count))


def draw_example(rng: np.random.Generator, split: Split, subjects: int, rest: float = REST) -> MemoryExample:
    """A memory of so many subjects, and a clip of one or two of them. rest: see `draw_framed`."""
    clip = draw_framed(rng, split, rest, min(subjects, NAMED))
    first, *last = (actor.sprite for actor in clip.shot.subjects)
    others, pool = list[Sprite](), sprites(split)
    while 1 + len(others) + len(last) < subjects:
        sprite = pool[rng.integers(len(pool))]
        if all(sprite.colour != other.colour for other in (first, *others, *last)):
            others.append(sprite)
    return MemoryExample(clip, (first, *others, *last))
