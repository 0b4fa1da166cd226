"""How much moves, how it moves, and how well each frame is its neighbour, moved.

Pyramidal Lucas-Kanade (1981; Bouguet 2000), dense, in torch. Where a window has no corner its flow says nothing: there
a place went with the camera if it looks so, and else is left out. Camera: the median flow of a pair of frames, if it
reaches the picture's edges and explains the picture better than a camera at rest; the rest is what moves otherwise.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

LEVELS, ROUNDS = 4, 3
"""Of the pyramid, and of each level: finds what moves by up to a third of the picture."""
WINDOW = 9
"""Pixels, the side of what is matched."""
LEAST_CORNER = 1e-4
"""Smallest eigenvalue, for grey 0..1 a pixel of the window, of a place whose flow counts."""
FEWEST_CORNERS = 0.005
"""Share of such places; with fewer, nothing is said of a pair of frames."""
SMALLEST_SIDE = 12
"""Pixels of the coarsest level."""
PAIRS_AT_ONCE = 16
AGREED, AGREED_SHARE = 0.5, 0.05
"""Pixels, and share of the way, by which a place may be missed on the way back."""
EDGE, EDGES = 1 / 16, 3
"""Of the shorter side, the rim of the picture; and how many of its four sides must be followed for a camera to move."""
SAME = 0.02
"""Step of any colour up to which a place looks the same."""
CONTRAST = 0.02
"""Least grey step between neighbours that is a difference worth comparing with."""


@dataclass(frozen=True, slots=True)
class MotionAmount:
    """Of one clip, in % of the picture's diagonal a second."""

    whole: float
    camera: float
    rest: float
    coherence: float
    """1: each frame is the one before it, moved; 0: no more alike than two frames of the clip that are far apart."""
    pairs: int
    """Of neighbouring frames that were measured."""


def measure_motion(frames: Tensor, fps: float) -> MotionAmount | None:
    """Frames (F, h, w, 3 or 1), 0..1, small (a longer side of 240 px); None where too little can be followed."""
    colours = frames[..., :3].movedim(-1, 1).float()
    grey = colours.mean(1)
    if len(grey) < 2:
        return None
    diagonal = float(torch.tensor(grey.shape[1:]).float().norm())
    amounts, likeness = [], []
    for start in range(0, len(grey) - 1, PAIRS_AT_ONCE):
        here = grey[start : start + PAIRS_AT_ONCE]
        there = grey[start + 1 : start + 1 + PAIRS_AT_ONCE]
        here = here[: len(there)]
        flow, corners = flow_between(here, there)
        back, _ = flow_between(there, here)
        likeness.append(_left_over(here, there, back))
        pairs = zip(colours[start:], colours[start + 1 :], flow, corners & _agreed(flow, back), strict=False)
        amounts += [_amounts(*pair) for pair in pairs if pair[-1].float().mean() >= FEWEST_CORNERS]
    if not amounts:
        return None
    whole, camera, rest = (torch.stack(amounts).mean(0) * fps / diagonal * 100).tolist()
    far = (grey - grey.roll(len(grey) // 2, 0)).abs().mean().clamp_min(CONTRAST)
    coherence = 1 - float(torch.cat(likeness).mean() / far)
    return MotionAmount(whole, camera, rest, max(0.0, coherence), len(amounts))


def _amounts(here: Tensor, there: Tensor, flow: Tensor, sure: Tensor) -> Tensor:
    """Of a pair (C, h, w), its flow (2, h, w), and where that is sure (h, w): mean length, the camera's, the rest's."""
    camera = _camera(here, there, flow, sure)
    with_camera = (_moved(there, camera) - here).abs().amax(0) <= SAME
    known = sure | with_camera
    found = torch.where(sure, flow, camera)[:, known]
    return torch.stack([found.norm(dim=0).mean(), camera.norm(), (found - camera[..., 0]).norm(dim=0).mean()])


def _camera(here: Tensor, there: Tensor, flow: Tensor, sure: Tensor) -> Tensor:
    """(2, 1, 1): the flow that all of the picture has. What is seen of a subject on a plain ground is no camera."""
    rim = max(2, round(min(sure.shape) * EDGE))
    sides = sum(bool(side.any()) for side in (sure[:rim], sure[-rim:], sure[:, :rim], sure[:, -rim:]))
    median = flow[:, sure].median(1).values.view(2, 1, 1)
    moves = sides >= EDGES and (_moved(there, median) - here).abs().mean() < (there - here).abs().mean()
    return median if moves else torch.zeros_like(median)


def _moved(picture: Tensor, way: Tensor) -> Tensor:
    """A picture (C, h, w), looked up one way (2, 1, 1) further everywhere."""
    return warped(picture, way.expand(len(picture), 2, *picture.shape[1:]))


def _left_over(here: Tensor, there: Tensor, back: Tensor) -> Tensor:
    """(B,): what each second frame still differs by from the first one, moved."""
    return torch.minimum((warped(here, back) - there).abs(), (here - there).abs()).flatten(1).mean(1)


def _agreed(flow: Tensor, back: Tensor) -> Tensor:
    """Where the way there and back ends where it began, (B, h, w): not where things are covered or leave."""
    returned = torch.stack([warped(back[:, axis], flow) for axis in (0, 1)], 1) + flow
    return returned.norm(dim=1) < AGREED + AGREED_SHARE * flow.norm(dim=1)


def flow_between(here: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Flow (B, 2, h, w), x and y in pixels, from each of `here` (B, h, w) to `there`, and where it can be trusted."""
    pyramid = [(here[:, None], there[:, None])]
    while len(pyramid) < LEVELS and min(pyramid[-1][0].shape[2:]) >= 2 * SMALLEST_SIDE:
        one, other = pyramid[-1]
        pyramid.append((functional.avg_pool2d(_blurred(one), 2), functional.avg_pool2d(_blurred(other), 2)))
    flow = here.new_zeros(len(here), 2, *pyramid[-1][0].shape[2:])
    corners = flow[:, 0] > 0
    for one, other in reversed(pyramid):
        if flow.shape[2:] != one.shape[2:]:
            flow = 2 * functional.interpolate(flow, size=one.shape[2:], mode="bilinear", align_corners=False)
        flow, corners = _refined(_blurred(one), _blurred(other), flow)
    return flow, corners


def _blurred(picture: Tensor) -> Tensor:
    return functional.avg_pool2d(functional.pad(picture, [1] * 4, mode="replicate"), 3, stride=1)


def _refined(one: Tensor, other: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """A few rounds of Lucas-Kanade on one level."""
    x, y = _slopes(one)
    xx, xy, yy = (_summed(product) for product in (x * x, x * y, y * y))
    least = (xx + yy) / 2 - (((xx - yy) / 2).square() + xy.square()).sqrt()
    corner = least > LEAST_CORNER
    determinant = (xx * yy - xy * xy).clamp_min(1e-12)
    for _ in range(ROUNDS):
        off = warped(other[:, 0], flow)[:, None] - one
        bx, by = _summed(x * off), _summed(y * off)
        step = torch.cat([(xy * by - yy * bx) / determinant, (xy * bx - xx * by) / determinant], 1)
        flow = flow + torch.where(corner, step.clamp(-2, 2), 0.0)
        flow = _smoothed(flow, corner)
    return flow, corner[:, 0]


def _smoothed(flow: Tensor, corner: Tensor) -> Tensor:
    """Places that say nothing take the mean of those around them that do."""
    weight = corner.float() + 1e-3
    around = _summed(flow * weight) / _summed(weight)
    return torch.where(corner, flow, around)


def _summed(values: Tensor) -> Tensor:
    """The mean over the window around each place."""
    side = WINDOW // 2
    return functional.avg_pool2d(functional.pad(values, [side] * 4, mode="replicate"), WINDOW, stride=1)


def _slopes(picture: Tensor) -> tuple[Tensor, Tensor]:
    """How grey changes a pixel, to the right and down."""
    wide = functional.pad(picture, [1] * 4, mode="replicate")
    return (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2, (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2


def warped(picture: Tensor, flow: Tensor) -> Tensor:
    """Pictures (B, h, w) looked up where the flow (B, 2, h, w) points to."""
    height, width = picture.shape[1:]
    x = torch.arange(width, dtype=flow.dtype)[None, None] + flow[:, 0]
    y = torch.arange(height, dtype=flow.dtype)[None, :, None] + flow[:, 1]
    grid = torch.stack([(x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1], -1)
    return functional.grid_sample(picture[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
