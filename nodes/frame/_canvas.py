"""What the nodes share that compose canvases."""

from collections.abc import Iterable

from comfy_api.latest import io

from ...ffgo.errors import FFGOError
from ...ffgo.frame.geometry import MAX_CANVAS, MIN_CANVAS


def side(name: str, default: int, of: str, more: str = "") -> io.Int.Input:
    """The width or the height of a canvas. of: what the tooltip calls it."""
    return io.Int.Input(
        name, default=default, min=MIN_CANVAS, max=MAX_CANVAS, optional=True,
        tooltip=f"{name.capitalize()} of {of} in pixels, if the preset is `custom`.{more}",
    )  # fmt: skip


def max_upscale() -> io.Float.Input:
    """How far the layout `packed` may enlarge a subject."""
    return io.Float.Input(
        "max_upscale", default=1.0, min=1.0, max=8.0, step=0.1, optional=True, advanced=True,
        tooltip="Layout `packed` only: how far a small subject may be enlarged. 1.0 enlarges nothing.",
    )  # fmt: skip


def refuse_unknown_subjects(inputs: Iterable[str], known: str) -> None:
    """Raise FFGOError for subjects that the node has no socket for. known: those that it takes, in words.

    For `check_lazy_status`, the only place that sees a prompt's unknown keys; left alone, they end in a TypeError of
    `execute`.
    """
    if unknown := [name for name in inputs if name.startswith("subjects.")]:
        raise FFGOError(f"{', '.join(unknown)}: {known}.")
