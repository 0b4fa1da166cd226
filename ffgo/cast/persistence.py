"""The best evidence that there is of who stays in a clip."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from ..errors import FFGOError
from ..evaluation.embedding import Embedder
from .by_matching import present_by_matching
from .by_pixels import present_by_pixels
from .by_tracks import present_by_tracks
from .entity import Entity
from .presence import Presence, asked_for

SAME = 2 / 255
"""Mean difference up to which a frame is the composed one."""


def persistence_of(
    images: Tensor,
    entities: Sequence[Entity],
    fps: float = 16.0,
    threshold: float = 0.0,
    *,
    track_data: Any = None,
    embedder: Embedder | None = None,
    step: Callable[[int], object] = lambda done: None,
) -> tuple[Presence, list[Entity]]:
    """Who is there in a clip (F, H, W, 3 or 4), 0..1, whose composed first frames are cut off, and whom was asked for.

    By tracks, else by a vision model, else by pixels. threshold: 0..1, from which a subject counts as there; 0 = as is
    usual for the way. Raises: FFGOError for a clip that begins with the composed frame, or nobody to look for.
    """
    wanted, images = asked_for(entities), images[..., :3].float().cpu()
    _refuse_composed(images, wanted)
    given = {"threshold": threshold} if threshold else {}
    if track_data is not None:
        return present_by_tracks(images, wanted, track_data, fps, embedder), wanted
    if embedder is not None:
        return present_by_matching(images, wanted, embedder, fps=fps, **given, step=step), wanted
    return present_by_pixels(images, wanted, fps=fps, **given, step=step), wanted


def _refuse_composed(images: Tensor, entities: Sequence[Entity]) -> None:
    frame = next((one.frame for one in entities if one.frame is not None), None)
    if frame is None:
        return
    fitted = functional.interpolate(frame[None].movedim(-1, 1).float(), images.shape[1:3], mode="area").movedim(1, -1)
    if float((images[:1] - fitted).abs().mean()) < SAME:
        raise FFGOError(
            "The clip begins with the composed frame, in which everybody is there. Put Trim Compression Frames before "
            "this node."
        )
