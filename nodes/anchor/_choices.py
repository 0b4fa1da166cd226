"""The choices that the nodes of the anchor wing share."""

from comfy_api.latest import io

from ...ffgo.anchor.instruction import CONTENTS
from ...ffgo.anchor.styles import RATIOS, STYLES
from ...ffgo.bases.catalogue import DEFAULT

STYLE, CONTENT, RATIO = next(iter(STYLES)), next(iter(CONTENTS)), next(iter(RATIOS))
"""The defaults."""


def prompt_input() -> io.Input:
    return io.String.Input(
        "prompt", multiline=True, dynamic_prompts=False, default="",
        tooltip="What happens in the video, from its first moment to its last, in your words.",
    )  # fmt: skip


def style_input() -> io.Input:
    return io.Combo.Input(
        "style",
        options=[*STYLES],
        default=STYLE,
        optional=True,
        tooltip="How the first frame, and so the video, looks.",
    )


def content_input() -> io.Input:
    return io.Combo.Input(
        "content", options=[*CONTENTS], default=CONTENT, optional=True,
        tooltip="`whole scene`: place and subjects, for a video that goes on from this picture. `scene only`: the "
        "empty place, as a background for FFGo, which brings your own subjects into it.",
    )  # fmt: skip


def ratio_input() -> io.Input:
    return io.Combo.Input(
        "aspect_ratio", options=[*RATIOS], default=RATIO, optional=True, tooltip="Width to height of the video."
    )


def side_input(name: str, default: int, what: str) -> io.Input:
    return io.Int.Input(
        name, default=default, min=DEFAULT.side_step, max=4096, step=DEFAULT.side_step, optional=True,
        tooltip=f"{what} in pixels.",
    )  # fmt: skip
