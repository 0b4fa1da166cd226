"""The widgets that say at which size examples are trained, the same on every node that asks."""

from comfy_api.latest import io

from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.clip.video_io import MOST_FRAMES
from ...ffgo.dataset.sizing import PAPER_FRAMES, PUBLISHED_FRAMES


def sizing_inputs() -> list[io.Input]:
    """width, height, frames, shortest: the fields of `ffgo.dataset.examples.Sizing`."""
    return [
        io.Int.Input(
            "width",
            default=DEFAULT.size[0],
            min=DEFAULT.side_step,
            max=4096,
            step=DEFAULT.side_step,
            optional=True,
            tooltip="Pixels. Clips of about this aspect get this size, others the same area. 1344x768 is the official "
            "size, 832x480 takes a fifth of the time.",
        ),
        io.Int.Input(
            "height",
            default=DEFAULT.size[1],
            min=DEFAULT.side_step,
            max=4096,
            step=DEFAULT.side_step,
            optional=True,
            tooltip="Pixels, as width.",
        ),
        io.Int.Input(
            "frames",
            default=PAPER_FRAMES,
            min=DEFAULT.composed_frames + 1,
            max=MOST_FRAMES,
            step=DEFAULT.latent.time,
            optional=True,
            tooltip=f"Frames of every clip, 4n + 1: {PAPER_FRAMES} as the paper says, {PUBLISHED_FRAMES} as its "
            "published code does. The first ones are taken.",
        ),
        io.Int.Input(
            "shortest",
            default=0,
            min=0,
            max=MOST_FRAMES,
            optional=True,
            advanced=True,
            tooltip="Clips shorter than `frames` but with at least so many are trained at their own length. "
            "0: shorter clips are an error.",
        ),
    ]
