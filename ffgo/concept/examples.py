"""The examples of a concept: stills in many scenes for who it is, and parts of its clips for how it moves.

An image-to-video expert learns nothing of a still that is its own first frame: it is told already. So the scene comes
first, without the concept, for as many frames as the composed frame takes, and then the concept, held still.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..clip.video_io import probe_clip
from ..dataset.encode import MadeClip, digest_of
from ..dataset.sizing import Bucket, Sizing
from ..errors import FFGOError
from ..frame.compose import compose
from .material import ConceptClip, ConceptMaterial, mask_files
from .pixels import ClipPixels, as_floats, neutral_plate, plate_of
from .words import HOW, WHO, elsewhere, in_its_scene, with_phrase, with_word

MOST_STILLS = 24
"""Of one clip."""
LEAST_PLATES = 8
"""Other scenes that free a concept from its own; what is missing are scenes of two colours."""
FORMS = {"plate": 1.0, "own": 1.0, "ffgo": 2.0}
"""What a part of a clip begins with, and how often: the scene alone, its own first frame, a composed frame."""
GROUND = 200
"""Grey behind concepts that stand side by side."""
SEED = 42


@dataclass(frozen=True, slots=True)
class ConceptExamples:
    """All that is encoded of a concept, made when it is."""

    identity: list[MadeClip]
    motion: list[MadeClip]
    notes: list[str]
    opened: list[ClipPixels] = field(repr=False)

    def release(self) -> None:
        """Give the memory of the clips back; what is asked for then is read again."""
        for pixels in self.opened:
            pixels.release()


@dataclass(frozen=True, slots=True)
class _Plate:
    """A scene without the concept, and what tells that it is this one."""

    key: str
    pixels: Callable[[], np.ndarray]


@dataclass(frozen=True, slots=True)
class _Clip:
    """A clip of the concept with what tells that it is this one."""

    name: str
    key: str
    pixels: ClipPixels

    def caption(self, *, moves: bool, at_home: bool = True) -> str:
        """moves: with how it does so; at_home: with what is told of its scene."""
        clip, told = self.pixels.clip, in_its_scene if at_home else elsewhere
        who = with_word(told(clip.appearance), WHO, clip.word_v)
        return f"{who} {with_word(told(clip.motion), HOW, clip.word_u)}" if moves else who


def concept_examples(
    material: ConceptMaterial, sizing: Sizing, *, stitch: float = 0.0, seed: int = SEED
) -> ConceptExamples:
    """The examples of all clips. stitch: how often two concepts stand side by side, beside any other example; 0: never.

    Raises: FFGOError where a clip, a mask or a plate cannot be used.
    """
    notes: list[str] = []
    clips = [_open(clip, sizing) for clip in material.clips]
    identity, motion = [], []
    for clip in clips:
        plates = _plates(material.plates, clip.pixels.bucket)
        identity += _stills(clip, plates, seed)
        motion += _parts(clip, plates)
    if stitch:
        pairs = _pairs(clips)
        if not pairs:
            notes.append("stitch does nothing: there is one concept only. Side by side stand those of several.")
        identity += [_stitched(*pair, stitch, held=True) for pair in pairs]
        motion += [_stitched(*pair, stitch, held=False) for pair in pairs]
    if len(material.plates) < LEAST_PLATES:
        missing = LEAST_PLATES - len(material.plates)
        notes.append(
            f"{missing} of the {LEAST_PLATES} other scenes are two colours only. Pictures of scenes are better."
        )
    return ConceptExamples(identity, motion, notes, [clip.pixels for clip in clips])


def _open(clip: ConceptClip, sizing: Sizing) -> _Clip:
    info = probe_clip(clip.clip)
    name = clip.clip.parent.name
    try:
        bucket = sizing.bucket(info)
    except FFGOError as error:
        raise FFGOError(f"{name}: the clip {error}") from error
    masks = [digest_of(file) for file in mask_files(clip, info.frames)]
    plate = digest_of(clip.plate) if clip.plate else "seen"
    return _Clip(name, "/".join((digest_of(clip.clip), plate, *masks)), ClipPixels(clip, info, bucket))


def _plates(paths: Sequence[Path], bucket: Bucket) -> list[_Plate]:
    given = [_Plate(digest_of(path), partial(plate_of, path, bucket)) for path in paths]
    missing = range(max(0, LEAST_PLATES - len(given)))
    return given + [_Plate(f"neutral {i}", partial(neutral_plate, i, bucket)) for i in missing]


def evenly(values: Sequence[int], count: int) -> list[int]:
    """So many of the values, as even as can be, the first and the last among them.

    >>> evenly(range(10), 4)
    [0, 3, 6, 9]
    """
    if len(values) <= count:
        return list(values)
    return [values[round(i * (len(values) - 1) / max(1, count - 1))] for i in range(count)]


def _stills(clip: _Clip, plates: Sequence[_Plate], seed: int) -> list[MadeClip]:
    """A still of each of some frames: in its own scene or in another one, each of which is used if that can be."""
    frames = evenly(clip.pixels.seen(), MOST_STILLS)
    elsewhere = min(len(frames), max(-(-len(frames) // 2), len(plates)))
    order = torch.randperm(len(frames), generator=torch.Generator().manual_seed(seed)).tolist()
    made = []
    for place, index in enumerate(order):
        plate = plates[place % len(plates)] if place < elsewhere else None
        frame = frames[index]
        key = ("still", clip.key, frame, plate.key if plate else "own")
        name = f"{clip.name}, frame {frame}, {'another scene' if plate else 'its own scene'}"
        caption = clip.caption(moves=False, at_home=plate is None)
        made.append(MadeClip(name, caption, key, clip.pixels.bucket, partial(_still, clip.pixels, frame, plate)))
    return made


def _still(pixels: ClipPixels, frame: int, plate: _Plate | None) -> Tensor:
    """(T, H, W, 3): the scene alone, then the concept in it, held still."""
    if plate is None:
        return _after(pixels.plate, pixels.frames[frame][None], pixels.bucket)
    scene = plate.pixels()
    return _after(scene, pixels.cutout_over(frame, scene)[None], pixels.bucket)


def _after(first: np.ndarray, rest: np.ndarray, bucket: Bucket) -> Tensor:
    """(T, H, W, 3): a first picture for as long as a composed frame takes, then the rest; its last one is held."""
    composed = bucket.base.composed_frames
    shown = [min(i, len(rest) - 1) for i in range(bucket.frames - composed)]
    return as_floats(np.concatenate([np.repeat(first[None], composed, 0), rest[shown]]))


def _parts(clip: _Clip, plates: Sequence[_Plate]) -> list[MadeClip]:
    """Parts of the clip that together show all of it, each begun in every form; and as often in other scenes: who was
    learned in many scenes and moves in one alone is lost in the others."""
    pixels = clip.pixels
    spare = pixels.info.frames - pixels.bucket.frames
    count = -(-pixels.info.frames // pixels.bucket.frames)
    starts = sorted({round(i * spare / max(1, count - 1)) for i in range(count)})
    ways = [(start, form) for start in starts for form in FORMS]
    away = [(ways[i % len(ways)], plates[i % len(plates)]) for i in range(max(len(ways), len(plates)))]
    share = sum(FORMS[form] for _, form in ways) / sum(FORMS[form] for (_, form), _ in away)
    at_home = [_part(clip, start, form, None, FORMS[form]) for start, form in ways]
    return at_home + [_part(clip, start, form, plate, FORMS[form] * share) for (start, form), plate in away]


def _part(clip: _Clip, start: int, form: str, plate: _Plate | None, weight: float) -> MadeClip:
    told = clip.caption(moves=True, at_home=plate is None)
    caption = with_phrase(told) if form == "ffgo" else told
    key, name = ("part", form, clip.key, start), f"{clip.name}, frames from {start}, {form}"
    if plate is not None:
        key, name = (*key, plate.key), f"{name}, another scene"
    return MadeClip(name, caption, key, clip.pixels.bucket, partial(_moving, clip.pixels, start, form, plate), weight)


def _moving(pixels: ClipPixels, start: int, form: str, plate: _Plate | None) -> Tensor:
    """(T, H, W, 3): a part of the clip in its scene or in another one, begun in a form."""
    bucket = pixels.bucket
    shown = range(start, start + bucket.frames - (0 if form == "own" else bucket.base.composed_frames))
    if plate is None:
        scene, frames = pixels.plate, pixels.frames[shown.start : shown.stop]
    else:
        scene = plate.pixels()
        frames = np.stack([pixels.cutout_over(frame, scene) for frame in shown])
    if form == "own":
        return as_floats(frames)
    return _after(scene if form == "plate" else _composed(pixels, start, scene), frames, bucket)


def _composed(pixels: ClipPixels, start: int, plate: np.ndarray) -> np.ndarray:
    """The composed frame: the concept as it is seen best in this part on the left, the scene on the right."""
    shown = range(start, start + pixels.bucket.frames)
    best = max(shown, key=lambda frame: int(pixels.masks[frame].sum(dtype=np.int64)))
    if not pixels.masks[best].any():
        best = max(pixels.seen(), key=lambda frame: int(pixels.masks[frame].sum(dtype=np.int64)))
    scene = torch.from_numpy(plate.astype(np.float32) / 255)[None]
    made = compose(scene, {"concept": pixels.cutout(best)}, width=pixels.bucket.width, height=pixels.bucket.height)
    return np.rint(made.image[0].numpy() * 255).astype(np.uint8)


def _pairs(clips: Sequence[_Clip]) -> list[tuple[_Clip, _Clip]]:
    """Each concept's first clip beside each other one's, once on either side."""
    first: dict[str, _Clip] = {}
    for clip in clips:
        first.setdefault(clip.pixels.clip.word_v, clip)
    return [(one, other) for one in first.values() for other in first.values() if one is not other]


def _stitched(left: _Clip, right: _Clip, weight: float, *, held: bool) -> MadeClip:
    """Two concepts side by side, without their scenes, so that neither is taken for the other."""
    one, other = (clip.caption(moves=not held, at_home=False) for clip in (left, right))
    caption = f"On the left: {one} On the right: {other}"
    key = ("stitched", int(held), left.key, right.key)
    name, bucket = f"{left.name} beside {right.name}", left.pixels.bucket
    return MadeClip(name, caption, key, bucket, partial(_side_by_side, left, right, held=held), weight)


def _side_by_side(left: _Clip, right: _Clip, *, held: bool) -> Tensor:
    bucket = left.pixels.bucket
    width = bucket.width // 2
    empty = np.full((bucket.height, bucket.width, 3), GROUND, np.uint8)
    count = 1 if held else bucket.frames - bucket.base.composed_frames
    rest = np.repeat(empty[None], count, 0)
    for x, clip in ((0, left), (width, right)):
        frames = [clip.pixels.seen()[0]] if held else range(count)
        for i, frame in enumerate(frames):
            rest[i, :, x : x + width] = _in_half(clip.pixels, frame, bucket.height, width)
    return _after(empty, rest, bucket)


def _in_half(pixels: ClipPixels, frame: int, height: int, width: int) -> np.ndarray:
    """The concept of a frame on the ground, made as small as half of the frame is wide."""
    own = pixels.bucket
    ground = np.full((own.height, own.width, 3), GROUND, np.uint8)
    picture = torch.from_numpy(pixels.cutout_over(frame, ground)).movedim(-1, 0)[None].float()
    size = (min(height, max(1, own.height * width // own.width)), width)
    small = torch.nn.functional.interpolate(picture, size, mode="bilinear", antialias=True)[0].movedim(0, -1)
    half = np.full((height, width, 3), GROUND, np.uint8)
    top = (height - size[0]) // 2
    half[top : top + size[0]] = small.round().clamp(0, 255).byte().numpy()
    return half
