"""What a base model is to this pack: one frozen value with all its numbers. Networks and weights are the host's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..errors import FFGOError

Expert = Literal["high", "low", "only"]
"""Which of a base's networks: the high-noise or the low-noise one of a pair, or the only one."""

EXPERT_KEY, BASE_KEY = "ffgo.expert", "ffgo.base"
"""What a LoRA's metadata says of the network that it is for."""
EXPERT_CHECK_KEY, UNCHECKED = "ffgo.expert_check", "nothing"
"""What told its trainer that the model was that expert, and the word where nothing did."""

Shape = tuple[int, ...]


def spoken(expert: Expert) -> str:
    """What messages call one of a base's networks."""
    return "model" if expert == "only" else f"{expert}-noise expert"


@dataclass(frozen=True, slots=True)
class ExpertRole:
    """One of a base's networks, and the noise that it is for: sigmas in (least, most]."""

    name: Expert
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latent:
    """What the base's VAE makes of a clip."""

    format: str
    """Name of the class in the host's `comfy.latent_formats`."""
    channels: int
    space: int
    """Pixels of a side that become one place."""
    time: int
    """Frames that become one latent frame; the first frame has one of its own."""
    patch: int
    """Places of a side that become one token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a network is told of the frames that are given."""

    kind: Literal["concat", "clamp"]
    """`concat`: a mask and the latents of the given frames are further channels. `clamp`: the given latents stand in
    the noised clip itself, clean and at time 0, and what is predicted for them does not count."""
    mask: int
    """Channels that say which frames are given; of `clamp` they do not go through the network."""
    mask_first: bool = True
    """Whether they stand before the latents' channels."""
    fill: float | None = None
    """Grey level, 0..1, of the frames that are not given, before they are encoded; None: their latents are zeros."""
    vision: str = ""
    """What a CLIP vision model makes of the first frame and the network sees, as the host calls it; empty: nothing."""
    vision_width: int = 0
    """Numbers of each of its tokens."""
    vision_encoder: str = ""
    """The CLIP vision model, as users know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A video model: its numbers, and how to know it."""

    id: str
    """In metadata and files; never changed."""
    title: str
    experts: tuple[ExpertRole, ...]
    """In the order in which they are sampled."""
    shift: float
    """Of the sigmas, in training and sampling."""
    fps: float
    frames: int
    """Of a clip, as the model was made for."""
    size: tuple[int, int]
    """Width and height in pixels that examples are trained at."""
    latent: Latent
    vae: str
    """The VAE, as users know it."""
    text_width: int
    """Numbers of a text token."""
    text_encoder: str
    """The text encoder, as users know it."""
    clip_type: str
    """Name of the text encoder in the host's `comfy.sd.CLIPType`."""
    text_files: int = 1
    """Files that the text encoder has."""
    condition: Condition
    network: str
    """Name of the host's class."""
    blocks: str
    """Name of the network's list of blocks."""
    head: str
    """Name of what stands behind them."""
    two_streams: bool = False
    """Whether a block gives back the text beside the clip."""
    targets: tuple[str, ...]
    """Layers of every block that get a LoRA, by the end of their names."""
    block_numbers: int
    """Numbers that a block keeps for the way back, for each token and each of the expert's dimensions."""
    shapes: Mapping[str, tuple[int | None, ...] | None] = field(hash=False)
    """Weights that tell the network from all others, with their shapes: None for any size, and for no such weight."""

    @property
    def boundary(self) -> float:
        """The sigma at which the first expert hands over; 0 where there is only one."""
        return self.experts[0].least

    @property
    def composed_frames(self) -> int:
        """Frames that show the composed frame: the first latent frame, and what of it the VAE mixes into the second.

        Source: section 3.3 of the FFGo paper drops as many as the VAE's temporal compression.
        """
        return self.latent.time

    @property
    def side_step(self) -> int:
        """Sides of a clip are multiples of this many pixels: a whole number of tokens."""
        return self.latent.space * self.latent.patch

    @property
    def condition_channels(self) -> int:
        """Channels that tell of the given frames: the mask and, where they go beside the clip, their latents."""
        return self.condition.mask + (self.latent.channels if self.condition.kind == "concat" else 0)

    @property
    def input_channels(self) -> int:
        """Channels that a network takes: the noised clip's, and the condition's where it goes beside."""
        return self.latent.channels + (self.condition_channels if self.condition.kind == "concat" else 0)

    @property
    def is_pair(self) -> bool:
        """Whether it has one expert for much noise and one for little."""
        return len(self.experts) > 1

    def names(self) -> tuple[Expert, ...]:
        """The names of the experts, in the order in which they are sampled."""
        return tuple(role.name for role in self.experts)

    def latent_frames(self, frames: int) -> int:
        """How many latent frames a clip of so many frames has.

        >>> from .catalogue import WAN22_I2V_A14B
        >>> WAN22_I2V_A14B.latent_frames(81)
        21
        """
        return (frames - 1) // self.latent.time + 1

    def frames_of(self, latent_frames: int) -> int:
        """How many frames a clip of so many latent frames has."""
        return (latent_frames - 1) * self.latent.time + 1

    def latent_shape(self, frames: int, height: int, width: int) -> tuple[int, int, int]:
        """(T, h, w) of a clip of so many frames of height x width pixels.

        >>> from .catalogue import WAN22_I2V_A14B
        >>> WAN22_I2V_A14B.latent_shape(81, 768, 1344)
        (21, 96, 168)
        """
        return self.latent_frames(frames), height // self.latent.space, width // self.latent.space

    def pixel_shape(self, latents: tuple[int, int, int]) -> tuple[int, int, int]:
        """Frames, height and width in pixels of latents (T, h, w)."""
        frames, height, width = latents
        return self.frames_of(frames), height * self.latent.space, width * self.latent.space

    def tokens(self, latents: tuple[int, int, int]) -> int:
        """Tokens that latents (T, h, w) become in the network.

        >>> from .catalogue import WAN22_I2V_A14B
        >>> WAN22_I2V_A14B.tokens((21, 96, 168))
        84672
        """
        frames, height, width = latents
        return frames * -(-height // self.latent.patch) * -(-width // self.latent.patch)

    def whole_frames(self, frames: int) -> int:
        """The longest clip of at most so many frames that fills its latent frames.

        >>> from .catalogue import WAN22_I2V_A14B
        >>> [WAN22_I2V_A14B.whole_frames(frames) for frames in (81, 84, 85)]
        [81, 81, 85]
        """
        return self.frames_of(self.latent_frames(frames))

    def check_size(self, width: int, height: int) -> None:
        """Raises: FFGOError for sides, in pixels, that are no whole number of tokens."""
        step = self.side_step
        if width % step or height % step or min(width, height) < step:
            near = (max(step, round(side / step) * step) for side in (width, height))
            raise FFGOError(
                f"The size {width}x{height} px is not in steps of {step}, as {self.title} needs it. The nearest is "
                f"{'x'.join(map(str, near))}."
            )

    def check_frames(self, frames: int) -> None:
        """Raises: FFGOError for a number of frames that does not fill its latent frames, or shows no footage."""
        step = self.latent.time
        if frames != self.whole_frames(frames) or frames <= self.composed_frames:
            some = ", ".join(str(step * n + 1) for n in (1, 2))
            near = max(1, round((frames - 1) / step)) * step + 1
            raise FFGOError(
                f"{frames} frames are not {step}n + 1 ({some} ... {self.frames}), as the {self.vae} needs them. The "
                f"nearest is {near}."
            )
