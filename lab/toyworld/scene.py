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

WIDTH, HEIGHT = 128, 64
"""Pixels of a frame: FFGo's halves are squares."""
FRAMES = 17
FRAME_RATE = 16
RADIUS = 10.0
"""Pixels, of a sprite in a shot of scale 1: half of its side where it is as wide as high."""
CROWD = 0.8
"""The scale of three subjects or more."""

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
BUILDS = {"square": 1.0, "tall": 2.5, "wide": 0.4}
"""How high a sprite is, in its widths; the area is always the same."""
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
DIRECTIONS = ("moves left", "moves right", "rises", "sinks")
FREE = "moves"
"""What a caption says of a subject whose direction it leaves open."""
NEW_LAWS = ("swings", "bobs")
"""No caption of the base models holds them, and nothing moves so there: for those who teach a new concept."""
GRID = 8
"""Pixels between the places where subjects are put: a place of the latent, so that equal subjects look equal there."""
LENGTH = 32.0
"""Pixels that a moving sprite goes in a clip: one place of the grid for each frame of the latent."""
TURN = 8.0
"""Pixels, the radius of a circle, and the reach of a swing."""
CELL = 32
_CELLS = tuple((x, y) for y in (16, 48) for x in (16, 48, 80, 112))
MARKS = {
    1: ((32, 32), (48, 32), (80, 32), (96, 32)),
    2: ((16, 32), (48, 32), (80, 32), (112, 32)),
    **dict.fromkeys((3, 4, 5), _CELLS),
}
"""Pixels: the places that the camera has, by the number of subjects. Nothing tells which of them a subject gets: that
is for the high-noise expert to choose, and for the low-noise one to see."""
LEVELS = {1: (32,), 2: (16, 48)}
"""Pixels from the top, where one or two subjects are lined up before a cut, one below the other."""
BEFORE = (0.5, 0.75, 1.0)
"""How large subjects are before a cut, in their size after it."""
COUNTS = {1: 0.3, 2: 0.45, 3: 0.1, 4: 0.1, 5: 0.05}
"""How often there are so many subjects."""
FRAMED_LAWS: dict[int, tuple[str, ...]] = {
    1: LAWS,
    2: ("stays", "rises", "sinks"),
    **dict.fromkeys((3, 4, 5), ("stays",)),
}
"""What subjects do on their marks, where they never meet: side by side they go up and down, in a crowd they stay."""
OPEN = 0.3
"""How many of the moving subjects are told to move, but not where to."""
STRONG = 0.15
"""How many scenes are in the colours of the sprites."""
REST = 0.25
"""How many of the subjects after a cut stay where they are, in training: where most do, a model learns to let them."""
CUT = 4
"""The frame at which a cut is: the first one that FFGo keeps."""
CUT_WORDS = "the camera view changes."


@dataclass(frozen=True, slots=True)
class Sprite:
    """A figure in two colours with a small emblem. Captions tell its shape, pattern and first colour; only a picture
    tells the second one, its build and its emblem."""

    shape: str
    colour: str
    second: str
    pattern: str
    build: str = "square"
    emblem: str = ""
    """The colour of a dot; empty for none."""

    @property
    def words(self) -> str:
        article = "an" if self.colour == "orange" else "a"
        return f"{article} {self.colour} {self.pattern} {self.shape}"

    @property
    def halves(self) -> tuple[float, float]:
        """Half of its width and of its height, in radii."""
        stretch = BUILDS[self.build] ** 0.5
        return 1 / stretch, stretch


@dataclass(frozen=True, slots=True)
class Scene:
    """A background in two colours."""

    kind: str
    colour: str
    second: str
    strong: bool = False
    """In the colours of the sprites instead of the scenes' own."""

    @property
    def words(self) -> str:
        article = "" if self.kind in ("stripes", "tiles") else "an " if self.colour == "orange" else "a "
        return f"over {article}{self.colour} {self.kind}"


@dataclass(frozen=True, slots=True)
class Actor:
    """A sprite in a shot: where it is in the middle of its law, in pixels, and how it moves."""

    sprite: Sprite
    law: str
    x: float
    y: float
    told: str = ""
    """What the caption says of its law; empty for the law itself."""

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
        return f"{self.sprite.words} {self.told or self.law}"


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
    """The sprites of one half, square and without emblem. Each colour, shape and pattern is in both; no sprite is."""
    everything = [
        Sprite(shape, colour, second, pattern)
        for shape, colour, second, pattern in itertools.product(SHAPES, COLOURS, COLOURS, PATTERNS)
        if colour != second
    ]
    order = np.random.default_rng(2511_15700).permutation(len(everything))
    quarter = len(everything) // 4
    chosen = order[:quarter] if split == "test" else order[quarter:]
    return tuple(everything[index] for index in chosen)


def draw_sprites(rng: np.random.Generator, split: Split, count: int) -> list[Sprite]:
    """Of any build, with an emblem that is seen. Captions tell them apart: they differ in shape and first colour."""
    pool, chosen = sprites(split), list[Sprite]()
    while len(chosen) < count:
        one = pool[rng.integers(len(pool))]
        if all(one.shape != other.shape and one.colour != other.colour for other in chosen):
            emblems = [colour for colour in COLOURS if colour not in (one.colour, one.second)]
            chosen.append(replace(one, build=str(rng.choice(list(BUILDS))), emblem=str(rng.choice(emblems))))
    return chosen


@cache
def scenes(*, strong: bool = False) -> tuple[Scene, ...]:
    palette = COLOURS if strong else SCENE_COLOURS
    return tuple(
        Scene(kind, colour, second, strong)
        for kind, colour, second in itertools.product(SCENES, palette, palette)
        if colour != second
    )


def draw_scene(rng: np.random.Generator) -> Scene:
    pool = scenes(strong=bool(rng.random() < STRONG))
    return pool[rng.integers(len(pool))]


def draw_count(rng: np.random.Generator) -> int:
    return int(rng.choice(list(COUNTS), p=list(COUNTS.values())))


def draw_ordinary(rng: np.random.Generator, split: Split) -> ToyClip:
    """One shot of ordinary size: the clip that a base model is tested on."""
    count = draw_count(rng)
    if count > 2:
        return draw_framed(rng, split, count)
    return ToyClip(Shot(tuple(_scattered(rng, draw_sprites(rng, split, count))), draw_scene(rng)))


def _scattered(rng: np.random.Generator, chosen: Sequence[Sprite]) -> list[Actor]:
    """One or two subjects that stay in the frame and never touch."""
    while True:
        across, down = (rng.integers(1, size // GRID, len(chosen)) for size in (WIDTH, HEIGHT))
        placed = [
            Actor(sprite, str(rng.choice(LAWS)), float(GRID * x), float(GRID * y))
            for sprite, x, y in zip(chosen, across, down, strict=True)
        ]
        if all(_stays_inside(actor) for actor in placed) and _stay_apart(placed):
            return [replace(actor, told=_told(rng, actor.law)) for actor in placed]


def _told(rng: np.random.Generator, law: str) -> str:
    return FREE if law in DIRECTIONS and rng.random() < OPEN else ""


def _track(actor: Actor) -> np.ndarray:
    return np.array([actor.place(frame / (FRAMES - 1)) for frame in range(FRAMES)])


def _stays_inside(actor: Actor) -> bool:
    track, halves = _track(actor), RADIUS * np.array(actor.sprite.halves)
    return bool((track >= halves).all() and (track <= np.array((WIDTH, HEIGHT)) - halves).all())


def _stay_apart(actors: Sequence[Actor]) -> bool:
    """Their boxes never touch."""
    for one, other in itertools.combinations(actors, 2):
        reach = RADIUS * (np.array(one.sprite.halves) + np.array(other.sprite.halves)) + 2
        if not (np.abs(_track(one) - _track(other)) > reach).any(1).all():
            return False
    return True


def draw_framed(rng: np.random.Generator, split: Split, count: int | None = None, rest: float = REST) -> ToyClip:
    """One shot as the camera has it after a cut: each subject on some mark. rest: the share of those that stay."""
    count = count or draw_count(rng)
    laws = [_draw_law(rng, FRAMED_LAWS[count], rest) for _ in range(count)]
    return ToyClip(_on_marks(rng, draw_sprites(rng, split, count), laws, [_told(rng, law) for law in laws]))


def draw_bound(rng: np.random.Generator, split: Split) -> ToyClip:
    """As `draw_framed`, always with two subjects, whose laws differ and are told: so each can take the other's."""
    laws = rng.permutation(FRAMED_LAWS[2])[:2].tolist()
    return ToyClip(_on_marks(rng, draw_sprites(rng, split, 2), laws, ["", ""]))


def draw_camouflage(rng: np.random.Generator, split: Split) -> ToyClip:
    """As `draw_framed`, over a scene that is in part of the first subject's colour."""
    clip = draw_framed(rng, split)
    first = clip.shot.subjects[0].sprite
    others = [colour for colour in COLOURS if colour not in (first.colour, first.second)]
    scene = Scene(str(rng.choice(SCENES)), first.colour, str(rng.choice(others)), strong=True)
    return replace(clip, shot=replace(clip.shot, scene=scene))


def _on_marks(rng: np.random.Generator, chosen: Sequence[Sprite], laws: Sequence[str], told: Sequence[str]) -> Shot:
    marks = rng.permutation(MARKS[len(chosen)])[: len(chosen)].tolist()
    each = zip(chosen, laws, marks, told, strict=True)
    subjects = tuple(Actor(sprite, law, float(x), float(y), words) for sprite, law, (x, y), words in each)
    return Shot(subjects, draw_scene(rng), scale=CROWD if len(chosen) > 2 else 1.0)


def _draw_law(rng: np.random.Generator, laws: Sequence[str], rest: float) -> str:
    moving = [law for law in laws if law != "stays"]
    return "stays" if not moving or rng.random() < rest else str(rng.choice(moving))


def draw_cut(rng: np.random.Generator) -> ToyClip:
    """Two shots for the base models; never a frame laid out as FFGo's."""
    after = draw_framed(rng, "train").shot
    scale, zoom = after.scale * float(rng.choice(BEFORE)), float(rng.choice([0.5, 1.0]))  # from further off, or as near
    return ToyClip(after, Shot(_lined_up(rng, after.subjects), after.scene, scale, zoom), CUT)


def _lined_up(rng: np.random.Generator, subjects: Sequence[Actor]) -> tuple[Actor, ...]:
    """At rest in a column, or all over the frame where they are many, in any order: only its looks tell which of them a
    caption's words are about."""
    count = len(subjects)
    if count > 2:
        places = rng.permutation(_CELLS)[:count]
    else:
        x = float(rng.choice([16, 48, 80, 112]))
        places = [(x, float(y)) for y in rng.permutation(LEVELS[count])]
    return tuple(
        replace(subject, law="stays", x=float(x), y=float(y)) for subject, (x, y) in zip(subjects, places, strict=True)
    )
