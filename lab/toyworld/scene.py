"""What there is in the toy world, and how it is drawn at random: sprites, scenes, laws of motion, shots and captions.

Everything is decided by a seed. Sprites fall into two halves that never meet: three quarters are for training, one
quarter is unseen until the test, and so is each pair of them.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

SIZE = 64
"""Pixels, width and height of a frame."""
FRAMES = 17
FRAME_RATE = 16
RADIUS = 12.0
"""Pixels, of a sprite in a shot of scale 1."""

Split = Literal["train", "test"]

COLOURS = {
    "red": (220, 40, 45),
    "green": (35, 150, 60),
    "blue": (40, 70, 215),
    "yellow": (250, 220, 40),
    "purple": (135, 45, 165),
    "orange": (245, 130, 25),
    "cyan": (35, 195, 205),
    "pink": (245, 120, 185),
}
SHAPES = ("disc", "square", "triangle", "diamond", "cross")
PATTERNS = ("split", "banded", "dotted", "checked")
SCENE_COLOURS = {
    "blue": (150, 190, 225),
    "green": (150, 185, 130),
    "sandy": (225, 205, 155),
    "violet": (125, 105, 155),
    "dark": (55, 62, 95),
    "brown": (185, 130, 110),
}
SCENES = ("gradient", "horizon", "stripes", "tiles")
LAWS = ("stays", "moves left", "moves right", "rises", "sinks", "circles")
NEW_LAWS = ("swings", "bobs")
"""No caption of the base models holds them, and nothing moves so there: for those who teach a new concept."""
GRID = 8
"""Pixels between the places where subjects are put: a place of the latent, so that equal subjects look equal there."""
LENGTH = 32.0
"""Pixels that a moving sprite goes in a clip: one place of the grid for each frame of the latent."""
TURN = 8.0
"""Pixels, the radius of a circle, and the reach of a swing."""
MARKS = {1: ((32, 32),), 2: ((16, 32), (48, 32))}
"""Pixels: where the camera always has one subject, or two, after a cut."""
COLUMNS = (16, 48)
"""Pixels from the left: where subjects are lined up before a cut, one below the other."""
LEVELS = {1: (32,), 2: (16, 48)}
"""Pixels from the top, of them."""
SIDE_BY_SIDE = ("stays", "rises", "sinks")
"""The laws of two subjects that stand side by side after a cut, and never meet."""
REST = 0.25
"""How many of the subjects after a cut stay where they are, in training: where most do, a model learns to let them."""
BOUND = 0.4
"""How many of the clips with a cut surely have two subjects that move by different laws."""
CUT = 4
"""The frame at which a cut is: the first one that FFGo keeps."""
CUT_WORDS = "the camera view changes."


@dataclass(frozen=True, slots=True)
class Sprite:
    """A figure in two colours. Captions tell its shape, pattern and first colour; only a picture tells the second."""

    shape: str
    colour: str
    second: str
    pattern: str

    @property
    def words(self) -> str:
        article = "an" if self.colour == "orange" else "a"
        return f"{article} {self.colour} {self.pattern} {self.shape}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A background in two colours."""

    kind: str
    colour: str
    second: str

    @property
    def words(self) -> str:
        article = "" if self.kind in ("stripes", "tiles") else "a "
        return f"over {article}{self.colour} {self.kind}"


@dataclass(frozen=True, slots=True)
class Actor:
    """A sprite in a shot: where it is in the middle of its law, in pixels, and how it moves."""

    sprite: Sprite
    law: str
    x: float
    y: float

    def place(self, time: float) -> tuple[float, float]:
        """Where its centre is, in pixels; time runs from 0 at the clip's first frame to 1 at its last."""
        way = LENGTH * (time - 0.5)
        angle = 2 * np.pi * time
        dx, dy = {
            "stays": (0.0, 0.0),
            "moves left": (-way, 0.0),
            "moves right": (way, 0.0),
            "rises": (0.0, -way),
            "sinks": (0.0, way),
            "circles": (-TURN * np.cos(angle), -TURN * np.sin(angle)),
            "swings": (TURN * np.sin(2 * angle), 0.0),
            "bobs": (0.0, TURN * np.sin(2 * angle)),
        }[self.law]
        return self.x + dx, self.y + dy

    @property
    def words(self) -> str:
        return f"{self.sprite.words} {self.law}"


@dataclass(frozen=True, slots=True)
class Shot:
    """Subjects moving over a scene. scene None: a plain backdrop in `backdrop` (R, G, B)."""

    subjects: tuple[Actor, ...]
    scene: Scene | None
    scale: float = 1.0
    """Of the sprites."""
    zoom: float = 1.0
    """Of the scene: 0.5 shows twice as much of it in each direction."""
    backdrop: tuple[int, int, int] = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class ToyClip:
    """One shot, or two with a hard cut at frame `cut`."""

    shot: Shot
    before: Shot | None = None
    cut: int = 0

    @property
    def caption(self) -> str:
        """Told of the last shot."""
        words = " and ".join(subject.words for subject in self.shot.subjects)
        sentence = f"{words} {self.shot.scene.words}" if self.shot.scene else words
        return f"{CUT_WORDS} {sentence}" if self.before else sentence


@cache
def sprites(split: Split) -> tuple[Sprite, ...]:
    """The sprites of one half. Each colour, shape and pattern is in both; no sprite is."""
    everything = [
        Sprite(shape, colour, second, pattern)
        for shape, colour, second, pattern in itertools.product(SHAPES, COLOURS, COLOURS, PATTERNS)
        if colour != second
    ]
    order = np.random.default_rng(2511_15700).permutation(len(everything))
    quarter = len(everything) // 4
    chosen = order[:quarter] if split == "test" else order[quarter:]
    return tuple(everything[index] for index in chosen)


@cache
def scenes() -> tuple[Scene, ...]:
    return tuple(
        Scene(kind, colour, second)
        for kind, colour, second in itertools.product(SCENES, SCENE_COLOURS, SCENE_COLOURS)
        if colour != second
    )


def draw_subjects(rng: np.random.Generator, split: Split) -> list[Actor]:
    """One or two subjects that stay in the frame and never touch. Both sprites differ in shape and first colour."""
    count = _draw_count(rng)
    chosen = _draw_sprites(rng, split, count)
    while True:
        places = GRID * rng.integers(2, SIZE // GRID - 1, (count, 2))
        placed = [
            Actor(sprite, str(rng.choice(LAWS)), float(x), float(y))
            for sprite, (x, y) in zip(chosen, places, strict=True)
        ]
        if _stay_inside(placed) and _stay_apart(placed):
            return placed


def _draw_count(rng: np.random.Generator) -> int:
    return int(rng.choice([1, 2], p=[0.4, 0.6]))


def _draw_sprites(rng: np.random.Generator, split: Split, count: int) -> list[Sprite]:
    pool = sprites(split)
    first = pool[rng.integers(len(pool))]
    if count == 1:
        return [first]
    while True:
        other = pool[rng.integers(len(pool))]
        if other.shape != first.shape and other.colour != first.colour:
            return [first, other]


def _stay_inside(subjects: Sequence[Actor]) -> bool:
    places = [subject.place(time) for subject in subjects for time in (0, 0.25, 0.5, 0.75, 1)]
    return all(RADIUS <= coordinate <= SIZE - RADIUS for place in places for coordinate in place)


def _stay_apart(subjects: Sequence[Actor]) -> bool:
    if len(subjects) < 2:
        return True
    tracks = [np.array([subject.place(frame / (FRAMES - 1)) for frame in range(FRAMES)]) for subject in subjects]
    return bool(np.hypot(*(tracks[0] - tracks[1]).T).min() >= 2.2 * RADIUS)


def draw_scene(rng: np.random.Generator) -> Scene:
    return scenes()[rng.integers(len(scenes()))]


def draw_ordinary(rng: np.random.Generator, split: Split) -> ToyClip:
    """One shot of ordinary size: the clip that a base model is tested on."""
    return ToyClip(Shot(tuple(draw_subjects(rng, split)), draw_scene(rng)))


def draw_framed(rng: np.random.Generator, split: Split, rest: float = REST, count: int | None = None) -> ToyClip:
    """One shot as the camera has it after a cut: its subjects on their marks, one or two of them, or `count`.

    rest: the share of those that stay.
    """
    count = count or _draw_count(rng)
    laws = [_draw_law(rng, SIDE_BY_SIDE if count == 2 else LAWS, rest) for _ in range(count)]
    return _on_marks(rng, split, laws)


def draw_bound(rng: np.random.Generator, split: Split) -> ToyClip:
    """As `draw_framed`, always with two subjects, whose laws differ: so each can take the other's."""
    return _on_marks(rng, split, rng.permutation(SIDE_BY_SIDE)[:2].tolist())


def _on_marks(rng: np.random.Generator, split: Split, laws: Sequence[str]) -> ToyClip:
    chosen = zip(_draw_sprites(rng, split, len(laws)), laws, MARKS[len(laws)], strict=True)
    subjects = tuple(Actor(sprite, law, float(x), float(y)) for sprite, law, (x, y) in chosen)
    return ToyClip(Shot(subjects, draw_scene(rng)))


def _draw_law(rng: np.random.Generator, laws: Sequence[str], rest: float) -> str:
    moving = [law for law in laws if law != "stays"]
    return "stays" if rng.random() < rest else str(rng.choice(moving))


def draw_cut(rng: np.random.Generator, split: Split = "train") -> ToyClip:
    """Two shots for the base models; never a frame laid out as FFGo's.

    The upper one of a column goes to the left. Captions name them in any order: looks alone tell whose law is whose.
    """
    after = (draw_bound if rng.random() < BOUND else draw_framed)(rng, split).shot
    zoom = float(rng.choice([0.5, 1.0]))  # from further off, or from as near
    before = Shot(_lined_up(rng, after.subjects), after.scene, zoom=zoom)
    order = -1 if rng.random() < 0.5 else 1
    return ToyClip(replace(after, subjects=after.subjects[::order]), before, CUT)


def _lined_up(rng: np.random.Generator, subjects: Sequence[Actor]) -> tuple[Actor, ...]:
    """At rest in a column."""
    x, levels = float(rng.choice(COLUMNS)), LEVELS[len(subjects)]
    return tuple(replace(subject, law="stays", x=x, y=float(y)) for subject, y in zip(subjects, levels, strict=True))
