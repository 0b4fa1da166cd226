"""What of a frame will probably not come out well, and what to do about it."""

from collections.abc import Sequence

from .custom import mark
from .geometry import halves
from .layout import Layout
from .pictures import GOOD_SUBJECTS, FramePicture

FEW_PIXELS = 11_000 / (1280 * 720)
"""The part of the canvas that a subject should cover at least. Source: the smallest subjects that FFGo was trained and
shown with cover 12,071 px (official training frames) and 11,148 px (official test frames) of 1280x720."""


def warn_of_subjects(plan: Layout, cutouts: Sequence[FramePicture], layout: str) -> list[str]:
    """Which subjects are too many or too small."""
    warnings = []
    if len(cutouts) > GOOD_SUBJECTS:
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


def warn_of_background(canvas: tuple[int, int], size: tuple[int, int]) -> list[str]:
    """Whether a background of this size is too small for its half."""
    width, height = halves(*canvas)[1].size
    if size[0] >= width or size[1] >= height:
        return []
    return [
        f"background ({size[0]}x{size[1]} px) is smaller than its half of the frame ({width}x{height} px), "
        "so white is left all around it. Use a larger picture, or set background_fit to stretch."
    ]
