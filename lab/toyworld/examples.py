"""FFGo examples of the toy world: the composed frame, made by the pack's own compose core, the clip and the caption."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ffgo.bases.catalogue import COMPOSED_FRAMES
from ffgo.clip.video_io import write_clip
from ffgo.dataset.build import add_example
from ffgo.frame.compose import compose
from ffgo.frame.layout import LayoutName
from ffgo.pixels import to_uint8
from ffgo.words.phrase import add_transition_phrase

from .render import render_clip, render_cutout, render_scene
from .scene import FRAME_RATE, FRAMES, SIZE, ToyClip, draw_bound, draw_framed

TRAINING, TEST = 48, 64
"""Examples of each set; the paper trains on 20 to 50."""
TRAINING_SEED, TEST_SEED = 32, 64
EASY = 0.5
"""Share of the subjects that stay where they are, in the sets that are easy."""
DISSOLVES = (2, 4, 6, 8)
"""Frames that the composed frame takes to dissolve, in the training set that teaches it; nothing tells which."""
TEST_SETS: dict[str, tuple[int, Callable[[np.random.Generator], ToyClip]]] = {
    "easy": (TEST_SEED, partial(draw_framed, split="test", rest=EASY)),
    "binding": (65, partial(draw_bound, split="test")),
    "dissolve": (66, partial(draw_framed, split="test", rest=EASY)),
    "dev": (63, partial(draw_bound, split="test")),
}
"""The seed of each test set, and how its clips are drawn. All settings are chosen on `dev`, never on the others."""
ENLARGED = 4
"""Times that a clip is enlarged on its way into an mp4, whose colours are coarse; the dataset's reader shrinks it."""


@dataclass(frozen=True, slots=True)
class ToyExample:
    """What FFGo gets, and what it should make of it."""

    clip: ToyClip
    dissolve: int = 0
    """Frames after the composed ones that still hold some of it."""

    @property
    def caption(self) -> str:
        return self.clip.caption

    @property
    def prompt(self) -> str:
        return add_transition_phrase(self.caption)

    @property
    def scene(self) -> Tensor:
        """The background alone (H, W, 3), 0..1, as it is in the right half of the frame."""
        assert self.clip.shot.scene is not None
        return torch.from_numpy(render_scene(self.clip.shot.scene))

    def composed(self, layout: LayoutName = "published") -> Tensor:
        """The composed first frame (H, W, 3), 0..1."""
        cutouts = [torch.from_numpy(render_cutout(subject.sprite))[None] for subject in self.clip.shot.subjects]
        subjects = {f"subject {number}": cutout for number, cutout in enumerate(cutouts, 1)}
        return compose(self.scene[None], subjects, width=SIZE, height=SIZE, layout=layout).image[0]

    def frames(self) -> Tensor:
        """The clip (F, H, W, 3), 0..1, as it is taught: the composed frame goes over into the shot."""
        frames = torch.from_numpy(render_clip(self.clip))
        shares = torch.ones(FRAMES)
        shares[COMPOSED_FRAMES:] = 0
        shares[COMPOSED_FRAMES : COMPOSED_FRAMES + self.dissolve] = torch.linspace(1, 0, self.dissolve + 2)[1:-1]
        return torch.lerp(frames, self.composed(), shares.view(-1, 1, 1, 1))


def training_set(*, dissolving: bool = False) -> list[ToyExample]:
    """Examples of sprites that the base models know.

    dissolving: after the composed frame there is no cut.
    """
    rng = np.random.default_rng(TRAINING_SEED)
    examples = [ToyExample(draw_framed(rng, "train")) for _ in range(TRAINING)]
    if not dissolving:
        return examples
    return [replace(example, dissolve=int(rng.choice(DISSOLVES))) for example in examples]


def test_set() -> list[ToyExample]:
    """The set that is shown."""
    return unseen_set("easy")


def unseen_set(name: str) -> list[ToyExample]:
    """64 examples of sprites, and pairs of them, that nothing was trained on."""
    seed, draw = TEST_SETS[name]
    rng = np.random.default_rng(seed)
    return [ToyExample(draw(rng)) for _ in range(TEST)]


def write_dataset(folder: Path, examples: Iterable[ToyExample]) -> None:
    """Write the examples as a dataset of the pack's own format."""
    for example in examples:
        composed = Image.fromarray(to_uint8(example.composed()))
        add_example(folder, partial(write_enlarged, example.frames().numpy()), composed, example.prompt)


def write_enlarged(frames: np.ndarray, path: Path) -> None:
    """Write frames (F, H, W, 3), 0..1, as an mp4."""
    write_clip(path, map(enlarged, frames), FRAME_RATE)


def enlarged(pixels: np.ndarray) -> np.ndarray:
    """A picture (H, W) or (H, W, C), 0..1, as it is put into a file: bytes, four times as wide and high."""
    return to_uint8(torch.from_numpy(pixels)).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
