"""One to sixteen subjects spread over the canvases of a memory (docs/memory.md)."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise, repeat
from math import ceil
from typing import Any, Literal

import torch
from torch import Tensor

from ..bases.memory import MOST_MEMORY
from ..errors import FFGOError
from ..pixels import eight_bit_pictures
from .advice import warn_of_background, warn_of_cutouts
from .compose import BackgroundFit, check_canvas, compose, drawn
from .draw import draw_background
from .layout import MAX_SUBJECTS, Layout, LayoutName, areas, place_background, place_subjects
from .pictures import GOOD_SUBJECTS, FramePicture, background_picture, look_at, subject_pictures

Spread = Literal["scene_first", "halves"]
SPREADS: tuple[Spread, ...] = ("scene_first", "halves")
"""`scene_first`: the scene alone on the first canvas, then subjects all over the others. `halves`: canvases as FFGo
composes one."""

MOST_SUBJECTS = 16
CROWD = 6
"""Subjects all over a canvas, where nobody says how many: three by two, about as square as four in the left half."""

VERSION = 1
"""Of the layout's JSON."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The composed canvases of a memory."""

    canvases: Tensor
    """(K, H, W, 3), float32 0..1, always k / 255."""
    masks: Tensor
    """(subjects, H, W): what can be seen of every subject on its canvas."""
    pages: Sequence[range]
    """The subjects, by their number, on every canvas; none on that of the scene."""
    plans: Sequence[Layout]
    names: Sequence[str]
    """Of the subjects, as messages call them."""
    gains: Sequence[float | None]
    """Each subject's pixels, as a multiple of what one canvas of all of them gives it; None where one takes fewer."""
    warnings: list[str]

    def to_json(self) -> str:
        """The layout of every canvas as JSON; `first` is the number of its first subject."""
        pages = zip(self.pages, self.plans, strict=True)
        frames = [{"first": page.start, **json.loads(plan.to_json())} for page, plan in pages]
        return json.dumps({"version": VERSION, "memory": len(self.plans), "frames": frames})

    def shown(self) -> list[dict[str, Any]]:
        """Each canvas for the page: its size in pixels, and its subjects with places, pixels and gains."""
        return [
            {
                "width": plan.canvas[0], "height": plan.canvas[1],
                "subjects": [
                    {
                        "name": self.names[i], "x": place.box.x, "y": place.box.y, "pixels": round(area),
                        "gain": self.gains[i],
                    }
                    for i, place, area in zip(page, plan.subjects, plan.pixels, strict=True)
                ],
            }
            for page, plan in zip(self.pages, self.plans, strict=True)
        ]  # fmt: skip

    def lines(self) -> list[str]:
        """What each canvas shows, and what each subject gains, for the user."""
        told = []
        for number, (page, plan) in enumerate(zip(self.pages, self.plans, strict=True), 1):
            shown = [self._line(i, area) for i, area in zip(page, plan.pixels, strict=True)]
            told.append(f"Canvas {number} of {len(self.plans)}: {', '.join(shown) or 'the scene'}")
        return told

    def _line(self, subject: int, area: float) -> str:
        gain = self.gains[subject]
        return f"{self.names[subject]} {area:,.0f} px" + (f" ({gain:.1f}x)" if gain else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the canvases of a memory look; see `compose`."""

    width: int = 1280
    height: int = 720
    layout: LayoutName = "packed"
    background_fit: BackgroundFit = "keep_aspect"
    max_upscale: float = 1.0
    gap: int = 0
    min_alpha: float = 0.0

    @property
    def canvas(self) -> tuple[int, int]:
        return self.width, self.height


def spread_subjects(
    background: Tensor, subjects: Mapping[str, Tensor], look: Look, *, frames: int = 0, spread: Spread = "scene_first"
) -> Memory:
    """Spread 1 to 16 subjects over the canvases of a memory, in their order, about equally many on each.

    background (1, H, W, C) and subjects (B, h, w, C) as `compose` takes them; frames: canvases, 0 for as many as are
    needed. On one canvas it is exactly what `compose` makes.
    Raises: FFGOError for pictures that cannot be used, and for subjects that these canvases cannot hold.
    """
    check_canvas(look.width, look.height)
    if spread not in SPREADS:
        raise FFGOError(f"There is no way {spread!r} to spread subjects. Choose one of {', '.join(SPREADS)}.")
    # Each picture of a batch on its own, as they may come onto different canvases.
    singles = _singles(subjects)
    pages = share(len(singles), frames, spread)
    names, one = list(singles), len(pages) == 1
    shares = [{name: singles[name] for name in names[page.start : page.stop]} for page in pages]
    made = [
        _composed(background, share, look) if share and (one or spread == "halves")
        else _crowd(share, look) if share else _scene(background, look)
        for share in shares
    ]  # fmt: skip
    cutouts = [cutout for each in made for cutout in each.cutouts]
    plans = [each.plan for each in made]
    return Memory(
        torch.cat([each.image for each in made]), torch.cat([each.masks for each in made]), pages, plans, names,
        _gains(cutouts, plans, look), list(dict.fromkeys(warning for each in made for warning in each.warnings)),
    )  # fmt: skip


def share(subjects: int, frames: int = 0, spread: Spread = "scene_first") -> list[range]:
    """Which subjects, by their number, each canvas shows; frames: how many canvases, 0 for as many as are needed.

    Raises: FFGOError where they do not fit on so many canvases, or a canvas would be empty.

    >>> share(4), share(8), share(5, frames=2, spread="halves")
    ([range(0, 4)], [range(0, 0), range(0, 4), range(4, 8)], [range(0, 3), range(3, 5)])
    """
    if not 0 <= frames <= MOST_MEMORY:
        raise FFGOError(f"memory is {frames}; it has 1 to {MOST_MEMORY} canvases, and 0 means as many as needed.")
    scenes = 1 if spread == "scene_first" else 0
    needed = ceil(subjects / CROWD) + 1 if scenes else ceil(subjects / GOOD_SUBJECTS)
    count = frames or (1 if subjects <= GOOD_SUBJECTS else needed)
    if count == 1:
        return [range(subjects)]
    crowds = count - scenes
    if crowds > subjects:
        raise FFGOError(
            f"{count} canvases for {subjects} subject(s): one would be empty. Set memory to 0, which takes as many as "
            "are needed, or to fewer."
        )
    if subjects > crowds * MAX_SUBJECTS:
        raise FFGOError(
            f"{subjects} subjects on {crowds} canvas(es): one takes at most {MAX_SUBJECTS}. Set memory to 0, which "
            "takes as many as are needed, or to more."
        )
    ends = [0, *(ceil(subjects * (i + 1) / crowds) for i in range(crowds))]
    return [range(0)] * scenes + [range(start, end) for start, end in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class _Page:
    """One canvas with what is on it."""

    image: Tensor
    masks: Tensor
    plan: Layout
    cutouts: Sequence[FramePicture]
    warnings: Sequence[str]


def _singles(subjects: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each picture of all subjects as a batch of its own, by the name that messages call it by."""
    for name, batch in subjects.items():
        if batch.ndim != 4 or not len(batch):
            eight_bit_pictures(batch, name)  # which says what is wrong with it
    batches = {name: [batch[i : i + 1] for i in range(len(batch))] for name, batch in subjects.items()}
    return subject_pictures(batches, MOST_SUBJECTS)


def _composed(background: Tensor, subjects: Mapping[str, Tensor], look: Look) -> _Page:
    """A canvas as FFGo composes it: subjects at the left, the scene at the right."""
    frame = compose(
        background, subjects, width=look.width, height=look.height, layout=look.layout,
        background_fit=look.background_fit, max_upscale=look.max_upscale, gap=look.gap, min_alpha=look.min_alpha,
    )  # fmt: skip
    return _Page(frame.image, frame.masks, frame.plan, frame.subjects, frame.warnings)


def _scene(background: Tensor, look: Look) -> _Page:
    """The scene alone, as large as the canvas."""
    scene = background_picture(eight_bit_pictures(background, "background"))
    stretched = look.layout == "script" or look.background_fit == "stretch"
    size = look.canvas if stretched else scene.subject.size
    box = place_background(size, look.canvas, whole=True)
    with ThreadPoolExecutor() as pool:
        drawing = pool.submit(draw_background, scene.pixels, size, box)
        image, masks, plan = drawn(pool, look.canvas, [], [], box, scene=drawing)
    return _Page(image, masks, plan, [], warn_of_background(look.canvas, size, whole=True))


def _crowd(subjects: Mapping[str, Tensor], look: Look) -> _Page:
    """Subjects all over a white canvas."""
    with ThreadPoolExecutor() as pool:
        batches = list(pool.map(eight_bit_pictures, subjects.values(), subjects))
        cutouts = list(pool.map(look_at, subjects, (batch[0] for batch in batches), repeat(look.min_alpha)))
        places = place_subjects(
            [cutout.subject for cutout in cutouts], look.canvas, look.layout,
            max_upscale=look.max_upscale, gap=look.gap, whole=True,
        )  # fmt: skip
        image, masks, plan = drawn(pool, look.canvas, cutouts, places)
    return _Page(image, masks, plan, cutouts, warn_of_cutouts(plan, cutouts, look.layout, counted=False))


def _gains(cutouts: Sequence[FramePicture], plans: Sequence[Layout], look: Look) -> list[float | None]:
    subjects = [cutout.subject for cutout in cutouts]
    if len(plans) == 1 or len(subjects) > MAX_SUBJECTS:
        return [None] * len(subjects)
    alone = place_subjects(subjects, look.canvas, look.layout, max_upscale=look.max_upscale, gap=look.gap)
    places = [place for plan in plans for place in plan.subjects]
    return [now / once for now, once in zip(areas(subjects, places), areas(subjects, alone), strict=True)]
