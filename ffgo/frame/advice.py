"""What of a frame will probably not come out well, and what to do about it."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from .custom import mark
from .geometry import Box, halves
from .layout import Layout
from .pictures import GOOD_SUBJECTS, FramePicture, box_of

OPAQUE = 255
FAINT = 26
"""Alpha, of 255, below which a pixel is hardly seen: a tenth."""
DUST = 0.8
"""A subject whose box without faint pixels is at most this part of the official one loses that much of its place."""
INSIDE_OUT = 0.9
"""The opaque part of the border, and the transparent part of the middle, of a mask that is the wrong way round."""

FEW_PIXELS = 11_000 / (1280 * 720)
"""The part of the canvas that a subject should cover at least. Source: the smallest subjects that FFGo was trained and
shown with cover 12,071 px (official training frames) and 11,148 px (official test frames) of 1280x720."""


def warn_of_cutouts(plan: Layout, cutouts: Sequence[FramePicture], layout: str, *, counted: bool = True) -> list[str]:
    """Which subjects look wrong, are too small, or, if they are `counted`, too many."""
    warnings = [warning for cutout in cutouts for warning in warn_of_alpha(cutout)]
    if counted and len(cutouts) > GOOD_SUBJECTS:
        warnings.append(
            f"{len(cutouts)} subjects: FFGo was found to follow up to {GOOD_SUBJECTS} and a background, and tends to "
            "lose some beyond that. Use fewer subjects, or spread them over several clips."
        )
    few = FEW_PIXELS * plan.canvas[0] * plan.canvas[1]
    for cutout, place, area in zip(cutouts, plan.subjects, plan.pixels, strict=True):
        if area >= few or not place.shown:
            continue
        if layout == "custom":
            advice = "Make it larger in the editor."
        elif place.scale >= 1:
            advice = "Its picture is small: use a larger one, or the layout packed with a larger max_upscale."
        elif layout == "packed":
            advice = "Use fewer subjects, or a more compact one."
        else:
            advice = "Set layout to packed, or use fewer subjects."
        warnings.append(
            f"{cutout.name} covers {area:,.0f} pixels of the frame; below {few:,.0f} details may get lost. {advice}"
        )
    return warnings


def warn_of_alpha(cutout: FramePicture) -> list[str]:
    """What looks wrong with a picture's transparency, see `alpha_trouble`, and what to do about it."""
    alpha, box = cutout.pixels[..., -1], cutout.subject.visible
    match alpha_trouble(cutout):
        case "opaque":
            return [
                f"{cutout.name} has transparency, but nothing of it is transparent: it stays a rectangle. Was its mask "
                "empty, or its Join Image with Alpha bypassed? Connect the subject's mask, or a picture without alpha."
            ]
        case "inside out":
            return [
                f"{cutout.name} seems to be inside out: {_border(alpha):.0%} of its border is opaque, and its middle "
                "is transparent. Put Invert Mask before Join Image with Alpha: Load Image's mask is 1 where it is "
                "transparent."
            ]
        case "faint":
            return [f"{cutout.name} is nearly transparent: its alpha is {alpha.max()} of 255 at most. Check its mask."]
        case Box() as seen:
            return [
                f"{cutout.name} has faint dust around it: without alpha below {FAINT} of 255 it is {seen.width}x"
                f"{seen.height} px, with it {box.width}x{box.height} px, and so much gets a place. Set min_alpha to "
                f"{FAINT / 255:.2f} to crop it away, or clean its mask, for example with Threshold Mask."
            ]
    return []


def warn_of_loaded(cutout: FramePicture) -> list[str]:
    """What looks wrong with a subject's transparency, for the node that has loaded it with what it can do about it."""
    if cutout.pixels.shape[2] == 3:
        return []
    alpha, box = cutout.pixels[..., 3], cutout.subject.visible
    match alpha_trouble(cutout):
        case "opaque":
            return [f"{cutout.name} has an alpha, but nothing of it is transparent: it stays a rectangle."]
        case "inside out":
            return [
                f"{cutout.name} seems to be inside out: {_border(alpha):.0%} of its border is opaque, and its middle "
                "is transparent. Set cut_by to `inverted alpha`, as for a subject that was painted in the mask editor."
            ]
        case "faint":
            return [f"{cutout.name} is nearly transparent: its alpha is {alpha.max()} of 255 at most."]
        case Box() as seen:
            return [
                f"{cutout.name} has faint dust around it: without alpha below {FAINT} of 255 it is {seen.width}x"
                f"{seen.height} px, with it {box.width}x{box.height} px, and so much gets a place in the frame. Set "
                f"min_alpha of FFGo Compose Canvas to {FAINT / 255:.2f} to crop it away."
            ]
    return []


def alpha_trouble(cutout: FramePicture) -> Literal["opaque", "inside out", "faint"] | Box | None:
    """What looks wrong with a picture's transparency; with dust far from the subject, the box of what is not dust."""
    if cutout.pixels.shape[2] == 3:
        return None
    alpha, box = cutout.pixels[..., 3], cutout.subject.visible
    if alpha.min() == OPAQUE:
        return "opaque"
    if _border(alpha) >= INSIDE_OUT and alpha[_middle(alpha.shape)].mean() <= OPAQUE * (1 - INSIDE_OUT):
        return "inside out"
    seen = box_of(alpha >= FAINT)
    if seen is None:
        return "faint"
    return seen if seen.width * seen.height <= DUST * box.width * box.height else None


def _border(alpha: np.ndarray) -> float:
    """The opaque part of the outermost pixels."""
    edge = np.concatenate([alpha[0], alpha[-1], alpha[1:-1, 0], alpha[1:-1, -1]])
    return float((edge >= OPAQUE - FAINT).mean())


def _middle(size: tuple[int, ...]) -> tuple[slice, slice]:
    """The middle ninth of a picture."""
    return slice(size[0] // 3, size[0] - size[0] // 3), slice(size[1] // 3, size[1] - size[1] // 3)


def warn_of_places(plan: Layout, cutouts: Sequence[FramePicture]) -> list[str]:
    """Which subjects the user has put where FFGo does not expect them."""
    warnings = []
    names = [cutout.name for cutout in cutouts]
    for i, (name, marks) in enumerate(zip(names, mark(plan.subjects, plan.canvas), strict=True)):
        if marks.leaves:
            warnings.append(f"{name} leaves the frame: the rest is cut off. Move it, or make it smaller.")
        if marks.background:
            warnings.append(
                f"{name} reaches into the half of the background, where FFGo has never seen a subject. "
                "Move it to the left."
            )
        warnings += [f"{name} and {names[k]} overlap. Move them apart." for k in marks.overlaps if k > i]
    if not any(place.shown for place in plan.subjects):
        warnings.append("No subject is shown: the frame holds only the background. Bring one back in the editor.")
    return warnings


def warn_of_background(canvas: tuple[int, int], size: tuple[int, int], *, whole: bool = False) -> list[str]:
    """Whether a background of this size is too small for its half, or for the whole canvas."""
    width, height = canvas if whole else halves(*canvas)[1].size
    if size[0] >= width or size[1] >= height:
        return []
    room = "the frame" if whole else "its half of the frame"
    return [
        f"background ({size[0]}x{size[1]} px) is smaller than {room} ({width}x{height} px), "
        "so white is left all around it. Use a larger picture, or set background_fit to stretch."
    ]
