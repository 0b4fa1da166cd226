"""The entities of a frame: exactly, from what FFGo Compose Canvas says of it; else by masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ..errors import FFGOError
from ..frame.geometry import Box
from ..frame.layout import MAX_SUBJECTS, VERSION
from ..frame.pictures import box_of, fingerprint_of
from ..pixels import to_uint8
from ..plain import Source, Value
from .entity import Entity

FEWEST_PIXELS = 32
"""Of a mask; with fewer it is dust, or too small to be found again."""
SOLID = 0.5
"""Level from which a mask's pixel counts as the entity's."""
LONGEST_NAME = 80
MOST_AWAY = 1_000_000
"""Pixels: places beyond are none."""

_LAYOUT = Source("layout", "Connect the output layout of FFGo Compose Canvas.")


@dataclass(frozen=True, slots=True)
class Placed:
    """What the layout says of one subject."""

    name: str
    fingerprint: str
    box: Box
    z: int
    shown: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The entities of a frame, and what the user should know of them."""

    entities: tuple[Entity, ...]
    warnings: list[str] = field(default_factory=list)


def read_layout(text: str) -> tuple[tuple[int, int], list[Placed]]:
    """The layout's canvas (width, height) and subjects. Raises: FFGOError where it is none of the canvas'."""
    whole = _LAYOUT.json(text).object(["version", "canvas", "subjects"], others=True)
    whole["version"].whole(VERSION, VERSION)
    canvas = whole["canvas"].object(["width", "height"])
    size = canvas["width"].whole(1, MOST_AWAY), canvas["height"].whole(1, MOST_AWAY)
    return size, [_placed(one, i) for i, one in enumerate(whole["subjects"].list("subjects", MAX_SUBJECTS))]


def _placed(subject: Value, number: int) -> Placed:
    known = {"name": f"subject{number}", "fingerprint": "", "z": 0, "shown": True}
    keys = subject.object(["box"], known, others=True)
    sides = keys["box"].object(["x", "y", "width", "height"])
    x, y = (sides[name].whole(-MOST_AWAY, MOST_AWAY) for name in ("x", "y"))
    width, height = (sides[name].whole(0, MOST_AWAY) for name in ("width", "height"))
    return Placed(
        keys["name"].string(most=LONGEST_NAME), keys["fingerprint"].string(most=64), Box(x, y, width, height),
        keys["z"].whole(-MOST_AWAY, MOST_AWAY), keys["shown"].flag(),
    )  # fmt: skip


def entities_of(
    frame: Tensor,
    masks: Tensor | None = None,
    layout: str = "",
    pictures: Mapping[str, np.ndarray] | None = None,
    names: Sequence[str] = (),
) -> Found:
    """Who is in a frame (H, W, 3 or 4), 0..1, and where.

    masks (N, H, W), 0..1. With the `layout` of FFGo Compose Canvas and its masks all is exact; with masks alone, each
    is an entity, and one mask is taken apart into what hangs together. pictures: the cut-outs (h, w, 3 or 4) uint8 by
    the name of their input; without masks, they alone are the entities. names: in the entities' order; an empty one is
    kept as it was. Raises: FFGOError where these do not belong together.
    """
    cutouts = [_with_alpha(picture) for picture in (pictures or {}).values()]
    if layout.strip():
        found = _placed_entities(frame, masks, layout, cutouts)
    elif masks is not None:
        found = _masked_entities(frame, masks, list(pictures or {}), cutouts)
    elif cutouts:
        found = Found(tuple(Entity(name, picture=c) for name, c in zip(pictures or {}, cutouts, strict=True)))
    else:
        raise FFGOError(
            "Nothing tells who is in the frame. Connect masks and layout of FFGo Compose Canvas; of another picture, "
            "one mask for each entity (SAM2, SAM3), or the cut-outs."
        )
    framed = [replace(one, frame=frame[..., :3]) for one in _named(found.entities, names)]
    return replace(found, entities=tuple(framed))


def _with_alpha(picture: np.ndarray) -> np.ndarray:
    return picture if picture.shape[2] == 4 else np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def _placed_entities(frame: Tensor, masks: Tensor | None, text: str, cutouts: Sequence[np.ndarray]) -> Found:
    size, placed = read_layout(text)
    if masks is None:
        raise FFGOError("layout says where everything is, but masks is not connected. Connect both, of the same node.")
    _require_same_size(frame, masks)
    if size != (frame.shape[1], frame.shape[0]):
        raise FFGOError(
            f"layout is of a frame of {size[0]}x{size[1]} px, and image has {frame.shape[1]}x{frame.shape[0]}. Connect "
            "image, masks and layout of the same FFGo Compose Canvas."
        )
    if len(placed) != len(masks):
        raise FFGOError(
            f"layout has {len(placed)} subjects and masks holds {len(masks)}. Connect both of the same node."
        )
    by_fingerprint = {fingerprint_of(cutout): cutout for cutout in cutouts}
    found, warnings = [], []
    for one, mask in zip(placed, masks, strict=True):
        cutout = by_fingerprint.get(one.fingerprint)
        if cutouts and cutout is None:
            warnings.append(f"{one.name}: none of the subjects is its picture; what the frame shows is taken.")
        picture = _cut_out(frame, mask) if cutout is None else cutout
        if one.shown and int((mask > SOLID).sum()) < FEWEST_PIXELS:
            warnings.append(f"{one.name}: less than {FEWEST_PIXELS} pixels of it can be seen in the frame.")
        told = one.fingerprint or ("" if cutout is None else fingerprint_of(cutout))
        found.append(
            Entity(one.name, "", picture, cutout is not None, mask, one.box, one.z, one.shown, told=told)
        )  # fmt: skip
    return Found(tuple(found), warnings)


def _masked_entities(frame: Tensor, masks: Tensor, names: Sequence[str], cutouts: Sequence[np.ndarray]) -> Found:
    _require_same_size(frame, masks)
    every = _parts(masks[0]) if len(masks) == 1 and len(cutouts) < 2 else list(masks)
    if cutouts and len(cutouts) != len(every):
        raise FFGOError(
            f"There are {len(every)} masks and {len(cutouts)} subjects. Connect one mask for each, or no subjects."
        )
    warnings = []
    if len(every) > MAX_SUBJECTS:
        largest = sorted(range(len(every)), key=lambda i: -float(every[i].sum()))[:MAX_SUBJECTS]
        warnings.append(f"There are {len(every)} entities; the {MAX_SUBJECTS} largest are taken.")
        every = [every[i] for i in sorted(largest)]
    found = []
    for number, mask in enumerate(every):
        solid = to_uint8((mask > SOLID).float())
        name, box = names[number] if cutouts else f"entity {number + 1}", box_of(solid)
        if int((mask > SOLID).sum()) < FEWEST_PIXELS:
            warnings.append(f"{name}: its mask has less than {FEWEST_PIXELS} pixels; nothing can be found by it.")
        picture = cutouts[number] if cutouts else _cut_out(frame, mask)
        found.append(Entity(name, "", picture, bool(cutouts), mask, box, number))
    return Found(tuple(found), warnings)


def _parts(mask: Tensor) -> list[Tensor]:
    """What hangs together in a mask (H, W), from left to right; dust is left out, unless there is nothing else."""
    from scipy.ndimage import find_objects, label

    marked = np.zeros(mask.shape, np.int32)
    label((mask > SOLID).numpy(force=True), output=marked)
    sizes = np.bincount(marked.ravel(), minlength=2)
    places = find_objects(marked)
    kept = [number for number in range(1, len(sizes)) if sizes[number] >= FEWEST_PIXELS]
    if not kept:
        return [mask]
    kept.sort(key=lambda number: (places[number - 1][1].start, places[number - 1][0].start))
    return [mask * torch.from_numpy(marked == number) for number in kept]


def _require_same_size(frame: Tensor, masks: Tensor) -> None:
    if masks.ndim != 3 or masks.shape[1:] != frame.shape[:2]:
        raise FFGOError(
            f"masks has the shape {'x'.join(map(str, masks.shape))}, and image has {frame.shape[1]}x{frame.shape[0]} "
            "px. Connect masks of this very image."
        )


def _cut_out(frame: Tensor, mask: Tensor) -> np.ndarray | None:
    """What a mask shows of the frame, as a cut-out; None where it shows nothing."""
    box = box_of(to_uint8(mask))
    if box is None:
        return None
    return to_uint8(torch.cat([frame[..., :3][box.slices], mask[box.slices][..., None]], dim=-1))


def _named(entities: Sequence[Entity], names: Sequence[str]) -> list[Entity]:
    if len(names) > len(entities):
        raise FFGOError(f"names has {len(names)} lines, and there are {len(entities)} entities. One line for each.")
    if long := next((name for name in names if len(name) > LONGEST_NAME), None):
        raise FFGOError(f"names: {long[:30]}... has {len(long)} characters; {LONGEST_NAME} are the most.")
    given = [*names, *[""] * (len(entities) - len(names))]
    return [one.called(name.strip()) if name.strip() else one for one, name in zip(entities, given, strict=True)]
