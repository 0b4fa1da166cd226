"""Finding the end of the transition from the composed first frame to the footage.

In a cut or a dissolve every frame is a mixture
`share * composed + (1 - share) * footage`. The edges of the composed frame then stay in place and grow faint, all by
the same factor, however the footage moves. So the share is the factor that leaves the fewest edges when that much of
the composed frame is taken away; that is a weighted median of edge ratios, and accurate to about a hundredth.
Footage without a composed frame is told apart by its first picture, which is not two halves with a white canvas, or
by its edges, which move away instead of growing faint in place. In doubt only the least is dropped.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..bases.catalogue import COMPOSED_FRAMES

MAX_FRAMES = 24
"""The most frames that are dropped unless the user says otherwise: a held frame and a dissolve of a second."""

WORKING_SIDE = 240
"""Pixels; the longer side of the miniatures that are searched. Larger sees more noise, smaller fewer edges."""

WHITE = 0.90
"""Grey level from which a pixel counts as canvas."""

DARKEST = 0.10
"""Pictures whose brightest parts are darker than this are not brought to the brightness of the others."""

CANVAS_BORDER = 0.5
"""Least white part of the left half's outer border in a composed frame. Official composites have 0.84 and more."""

ACROSS, ALIKE = 0.15, 0.10
"""Largest part of the height at which something reaches across the middle of a composed frame, and the largest grey
step within one thing. Composed frames of all layouts have 0.10 and less, official footage 0.27 and more."""

FAINTEST_EDGE, STRONGEST_EDGES, FEWEST_EDGES = 0.04, 0.05, 50
"""Edges to measure: at least this grey step, in this part of all pixels; with fewer of them nothing is measured."""

GONE = 0.05
"""Share of the composed frame that counts as none. A 16-frame dissolve ends with 1/17, the noise is below 0.03."""

CUT = 0.60
"""Loss of share from one frame to the next that is a cut, whatever the footage adds. A dissolve loses 0.5 at most."""

GONE_FOR_GOOD = 0.25
"""Largest share in the `SETTLED` frames from the end on: a black flash does not end the transition."""

SETTLED = 3
"""Frames that are looked at to know the footage after the transition."""

MOVED, MOVED_ON_WHITE = 0.20, 0.12
"""Edge strength beyond a mixture's, relative to the composed frame's: above it, something moves instead of fading.
Dissolves of official clips stay below 0.10 (0.15 under strong noise); moved pictures on white start at 0.15."""

CANVAS_CUT = 0.40
"""Part of the canvas that goes from one frame to the next only in a cut."""

CANVAS_LEFT = 0.60
"""If a larger part of the canvas than this stays white, the footage is white too, or there is no transition."""

CALM = 0.5
"""Least share of a frame in the next one, for footage on white to count as a new scene and not as a fast movement."""

SAME_PICTURE = 0.04
"""Largest mean difference of two frames that show the same composed frame, decoded from different noise."""

FLAT = 0.05
"""Range of grey levels of a picture without content, such as the end of a fade to black."""


@dataclass(frozen=True, slots=True)
class Transition:
    """Where the transition from the composed frame ends."""

    frames: int
    """Frames to drop."""
    reason: str
    """Why so many, for the user."""
    warnings: tuple[str, ...] = ()
    found: bool = True
    """Whether the clip begins with a composed frame, whatever becomes of it."""


@dataclass(frozen=True, slots=True)
class _Fade:
    """What is left of the first picture in each picture (B)."""

    share: Tensor
    """1 = all of it, in place; 0 = nothing."""
    rest: Tensor
    """Strength of the other edges in the same places, relative to the first picture's edges."""
    noise: float
    """The part of `rest` that is noise."""


def find_transition(
    images: Tensor, least: int = COMPOSED_FRAMES, most: int = MAX_FRAMES, *, many: bool = False
) -> Transition:
    """Find the first frame of a clip in which the composed first frame is no longer seen.

    images (B, H, W, C) 0..1, the first one composed by FFGo's rule (subjects on white in the left half); the answer is
    never below `least` nor above `most`. Exact for a cut, within one frame for a dissolve of 2 to 16 frames.
    many: the first frame is the last of several composed ones, which may have its subjects all over the canvas.
    """
    # Mostly the composed frame is gone at once; only if it outlasts `most` does the rest of the clip matter.
    for stop in (least + SETTLED, most + SETTLED, len(images)):
        pictures = _miniatures(images[:stop])
        composed = _looks_composed(pictures[0]) or (many and _looks_crowded(pictures[0]))
        pictures = _equally_bright(pictures)
        fade = _fade_of_steadier_half(pictures) if composed else None
        if fade is None:
            return Transition(least, "no composed first frame was found (subjects on a white canvas)", found=False)
        end = _first_frame_without(fade.share)
        if end is not None and end + SETTLED <= stop:
            break
    if end is None:
        warning = (
            "No transition found: the composed first frame never leaves the clip. Is the FFGo LoRA loaded in both "
            "experts, and does the prompt begin with the transition phrase?"
        )
        return Transition(least, "no transition was found", (warning,))
    if end <= least:
        return Transition(least, "the composed frame is gone by then")
    if not _gives_way(pictures, fade, end):
        return Transition(least, "the first picture moves or fades out instead of giving way to another scene")
    if end > most:
        warning = (
            f"The composed first frame is seen in the first {end} frames, but max_frames allows to drop only {most}. "
            f"Set max_frames to {end} or more."
        )
        return Transition(most, "the limit max_frames", (warning,))
    return Transition(end, f"the composed frame is seen in the first {end}")


def clips_in(images: Tensor, least: int = COMPOSED_FRAMES, held: int = 0) -> int:
    """How many clips of one length lie one after the other in a batch (B, H, W, C), each with its composed frame.

    VAE Decode joins the clips of a batch of latents so. Each is longer than `held + least` frames.
    held: frames of other composed frames before the last one; the footage may look like those, and not like that one.
    """
    first, last = _miniatures(images[[0, held]])
    if not (_looks_composed(last) or (held and _looks_crowded(last))):
        return 1

    def is_first(frame: int) -> bool:
        near = (_miniatures(images[frame : frame + 1])[0] - first).abs().mean() < SAME_PICTURE
        return bool(near and (not held or is_last(frame + held)))

    def is_last(frame: int) -> bool:
        seen = images[frame : frame + 1]
        return len(seen) > 0 and bool((_miniatures(seen)[0] - last).abs().mean() < SAME_PICTURE)

    for clips in range(len(images) // (held + least + 1), 1, -1):
        starts = range(len(images) // clips, len(images), len(images) // clips)
        if len(images) % clips == 0 and all(is_first(start) and not is_first(start - 1) for start in starts):
            return clips
    return 1


def _miniatures(images: Tensor) -> Tensor:
    """Frames (B, H, W, C) as small grey pictures (B, h, w)."""
    height, width = images.shape[1:3]
    shrink = min(1.0, WORKING_SIDE / max(height, width))
    size = [max(1, round(height * shrink)), max(1, round(width * shrink))]
    return functional.interpolate(images[..., :3].movedim(-1, 1).float(), size, mode="area").mean(dim=1)


def _equally_bright(pictures: Tensor) -> Tensor:
    """The pictures (B, h, w) with their brightest parts at 1, so that flicker or a change of light is no fading."""
    brightest = pictures.flatten(1).quantile(0.98, dim=1).clamp(min=DARKEST)
    return pictures / brightest[:, None, None]


def _looks_composed(picture: Tensor) -> bool:
    """Whether a picture (h, w) has white canvas around its left half, and nothing that belongs to both halves."""
    middle = picture.shape[1] // 2
    if middle < 2:
        return False
    left = picture[:, :middle]
    border = torch.cat((left[0], left[-1], left[:, 0]))
    # Two pixels apart: the columns next to the middle may mix both halves.
    here, there = picture[:, middle - 2], picture[:, middle + 1]
    across = (torch.maximum(here, there) < WHITE) & ((here - there).abs() < ALIKE)
    return (border >= WHITE).float().mean().item() >= CANVAS_BORDER and across.float().mean().item() <= ACROSS


def _looks_crowded(picture: Tensor) -> bool:
    """Whether a picture (h, w) has white canvas all around it."""
    border = torch.cat((picture[0], picture[-1], picture[:, 0], picture[:, -1]))
    return (border >= WHITE).float().mean().item() >= CANVAS_BORDER


def _fade_of_steadier_half(pictures: Tensor) -> _Fade | None:
    """The fade of the half that keeps the first picture longer: subjects may start to move before the canvas goes."""
    middle = pictures.shape[2] // 2
    fades = [fade for half in (pictures[..., :middle], pictures[..., middle:]) if (fade := _fade(half)) is not None]
    return max(fades, key=lambda fade: fade.share.sum().item(), default=None)


def _fade(pictures: Tensor) -> _Fade | None:
    """Measure how the first of the pictures (B, h, w) fades; None if it has too few edges."""
    gradients = torch.cat((pictures.diff(dim=2).flatten(1), pictures.diff(dim=1).flatten(1)), dim=1)
    strength = gradients[0].abs()
    if len(strength) < FEWEST_EDGES:
        return None
    edges = strength > max(FAINTEST_EDGE, strength.quantile(1 - STRONGEST_EDGES).item())
    weights = strength[edges]
    if len(weights) < FEWEST_EDGES:
        return None
    ratios = gradients[:, edges] / gradients[0, edges]
    share = _weighted_median(ratios, weights)
    rest = ((ratios - share[:, None]).abs() * weights).sum(dim=1) / weights.sum()
    noise = (gradients[:2].diff(dim=0)[:, ~edges].abs().mean() / weights.mean()).item()
    return _Fade(share, rest, noise)


def _weighted_median(values: Tensor, weights: Tensor) -> Tensor:
    """The median of each row of values (B, N) with weights (N)."""
    ordered, order = values.sort(dim=1)
    reached = weights[order].cumsum(dim=1)
    middle = (reached < reached[:, -1:] / 2).sum(dim=1, keepdim=True)
    return ordered.gather(1, middle).squeeze(1)


def _first_frame_without(share: Tensor) -> int | None:
    """The first frame from which on the first picture is gone for good."""
    soon = functional.pad(share[None], (0, SETTLED - 1), mode="replicate")[0].unfold(0, SETTLED, 1).amax(dim=1)
    cut = functional.pad(-share.diff(), (1, 0)) > CUT
    gone = ((share < GONE) | cut) & (soon < GONE_FOR_GOOD)
    return int(gone.float().argmax()) if gone.any() else None


def _gives_way(pictures: Tensor, fade: _Fade, end: int) -> bool:
    """Whether another scene takes the place of the first of the pictures (B, h, w), and has it from `end` on."""
    after = slice(end, end + SETTLED)
    low, high = pictures[after].flatten(1).quantile(torch.tensor((0.05, 0.95)), dim=1)
    if (high - low).min() < FLAT:
        return False
    canvas = pictures[:, pictures[0] >= WHITE]
    white = (canvas >= WHITE).float().mean(dim=1)
    if white[end - 1] - white[end] > CANVAS_CUT:
        return True
    mixture = (1 - fade.share).clamp(0, 1) * fade.rest[after].mean()
    moved = (fade.rest - fade.noise - mixture)[1:end].max().item()
    if white[after].mean() < CANVAS_LEFT:
        return moved <= MOVED
    next_step = _fade(pictures[end : end + 2])
    calm = next_step is not None and len(next_step.share) > 1 and next_step.share[1].item() >= CALM
    return calm and moved <= MOVED_ON_WHITE
