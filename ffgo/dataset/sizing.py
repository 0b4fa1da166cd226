"""The size that every example is trained at: buckets of the official aspects, in the base's steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from ..bases.base import Base
from ..bases.catalogue import DEFAULT
from ..bases.memory import composed_frames
from ..clip.video_io import MOST_FRAMES, ClipInfo
from ..errors import FFGOError
from .records import LookedAt, raise_all

PAPER_FRAMES, PUBLISHED_FRAMES = DEFAULT.frames, 21
"""What the paper says, and what its published code really trains (81 frames of 512x512 px worth of tokens)."""

_SHORT = "Take a longer clip, train on fewer frames, or let shorter clips be trained at their own length."

ASPECTS = (
    0.25, 0.26, 0.27, 0.28, 0.32, 0.33, 0.35, 0.4, 0.42, 0.48, 0.5, 0.52, 0.57, 0.6, 0.68, 0.72, 0.78, 0.82, 0.88, 0.94,
    1.0, 1.07, 1.13, 1.21, 1.29, 1.38, 1.46, 1.67, 1.75, 2.0, 2.09, 2.4, 2.5, 2.89, 3.0, 3.11, 3.62, 3.75, 3.88, 4.0,
)  # fmt: skip
"""Height over width of the official buckets."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The size that an example is trained at; examples of one bucket can share a batch."""

    width: int
    height: int
    frames: int
    base: Base = DEFAULT

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(T, h, w) of its latents."""
        return self.base.latent_shape(self.frames, self.height, self.width)


@dataclass(frozen=True, slots=True)
class Sizing:
    """How examples get their buckets."""

    width: int = DEFAULT.size[0]
    """Pixels, for clips of about this aspect; clips of another get the same area. 1344x768 is the official size."""
    height: int = DEFAULT.size[1]
    frames: int = PAPER_FRAMES
    """4n + 1, or as the base's VAE needs them."""
    shortest: int = 0
    """Clips shorter than `frames` with at least so many are trained at their own length; 0: none may be shorter."""
    base: Base = DEFAULT

    def __post_init__(self):
        self.base.check_size(self.width, self.height)
        self.base.check_frames(self.frames)
        if self.frames > MOST_FRAMES:
            raise FFGOError(f"{self.frames} frames are more than can be trained; {MOST_FRAMES} are the most.")
        composed = self.base.composed_frames
        if self.shortest and not composed < self.shortest <= self.frames:
            raise FFGOError(
                f"The shortest clip ({self.shortest} frames) must be 0, or between {composed + 1} and the "
                f"{self.frames} frames that are trained."
            )

    def bucket(self, clip: ClipInfo) -> Bucket:
        """The bucket for a clip. Raises: FFGOError if the clip is too short."""
        least = self.shortest or self.frames
        if clip.frames < least:
            raise FFGOError(
                f"is too short: it has {clip.frames} frames, and {least} are needed. {clip.damage or _SHORT}"
            )
        width, height = self._sides(clip.height / clip.width)
        return Bucket(width, height, min(self.frames, self.base.whole_frames(clip.frames)), self.base)

    def _sides(self, aspect: float) -> tuple[int, int]:
        """Width and height: of the official aspect that is the closest, with the area of `width` x `height`."""
        closest = _closest(aspect)
        if closest == _closest(self.height / self.width):
            return self.width, self.height
        area = self.width * self.height
        step = self.base.side_step
        return _in_steps(sqrt(area / closest), step), _in_steps(sqrt(area * closest), step)


def sizing_of(base: Base) -> Sizing:
    """The sizes and frames that a base was made for."""
    return Sizing(*base.size, base.frames, base=base)


def buckets(examples: Sequence[LookedAt], sizing: Sizing) -> list[Bucket]:
    """The bucket of every example. Raises: one FFGOError that names all that are too short."""
    found, problems = [], []
    for example in examples:
        try:
            bucket = sizing.bucket(example.info)
            if bucket.frames <= (composed := composed_frames(bucket.base, example.memory)):
                raise FFGOError(
                    f"is trained on {bucket.frames} frames, and its {example.memory} composite(s) replace {composed}. "
                    "Train on more frames."
                )
            found.append(bucket)
        except FFGOError as error:
            problems.append(f"{example.name}: {error}")
    raise_all(problems, len(examples))
    return found


def _closest(aspect: float) -> float:
    return min(ASPECTS, key=lambda known: abs(known - aspect))


def _in_steps(side: float, step: int) -> int:
    return max(step, round(side / step) * step)
