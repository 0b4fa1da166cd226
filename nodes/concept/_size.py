"""The widgets that say at which size a concept is learned, the same on every node that asks."""

from comfy_api.latest import io

from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.clip.video_io import MOST_FRAMES
from ...ffgo.dataset.sizing import PUBLISHED_FRAMES
from ..dataset._sizing import sizing_inputs


def size_inputs() -> list[io.Input]:
    """width, height, frames."""
    width, height, *_ = sizing_inputs()
    frames = io.Int.Input(
        "frames", default=PUBLISHED_FRAMES, min=DEFAULT.composed_frames + 1, max=MOST_FRAMES, step=DEFAULT.latent.time,
        optional=True, tooltip="Frames of every example, stills too: 4n + 1. Parts of a longer clip show all of it.",
    )  # fmt: skip
    return [width, height, frames]
