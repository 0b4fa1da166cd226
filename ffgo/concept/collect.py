"""Putting a clip of a concept, with its masks and scenes, into a folder of material."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from PIL import Image

from ..clip.video_io import probe_clip
from ..dataset.examples import clip_troubles
from ..errors import FFGOError
from ..files import complete_file, unfinished_name
from ..locks import LOCK_FILE, sole_writer
from .material import ConceptClip, ConceptMaterial, check_words_of, write_material
from .words import check_text, check_word

PATIENCE_S = 300
"""For another process that puts a clip into the same folder."""
OTHER_ASPECT = 0.02
"""Share by which a mask's aspect may differ from its clip's: sides are rounded."""
_PLATES = "plates"


@dataclass(frozen=True, slots=True)
class GivenClip:
    """A clip of a concept as it comes in, not on the disk yet."""

    write_video: Callable[[Path], object]
    """Writes it as an mp4 to the path that it gets."""
    masks: np.ndarray
    """(F, h, w) uint8, of the clip's aspect; 255 is the concept."""
    plate: Image.Image | None
    """Its scene without the concept."""
    appearance: str
    motion: str
    word_v: str
    word_u: str


def collect_clip(
    folder: Path,
    given: GivenClip,
    plates: Sequence[Image.Image] = (),
    *,
    before: ConceptMaterial | None = None,
    waiting: Callable[[], object] = lambda: None,
) -> ConceptMaterial:
    """Write a clip into the folder, behind those collected before, and list all of them; returns what is there.

    plates: other scenes. before: is copied into the folder where it lies elsewhere. The same clip again only changes
    its words. Raises: FFGOError where a word, a text, the clip or a mask cannot be used, or the disk refuses.
    """
    texts = {name: check_text(getattr(given, name), name) for name in ("appearance", "motion")}
    words = {name: check_word(getattr(given, name), name) for name in ("word_v", "word_u")}
    try:
        doing = f"The concept {folder} is being written"
        with sole_writer(folder / LOCK_FILE, doing, patience_s=PATIENCE_S, waiting=waiting) as hold:
            (folder / _PLATES).mkdir(parents=True, exist_ok=True)
            for place in (folder, folder / _PLATES):
                hold.sweep(place)
            clips, known = _copied(before, folder)
            clip = replace(_written(folder, given), **texts, **words)
            clips = [*(one for one in clips if one.clip != clip.clip), clip]
            scenes = dict.fromkeys([*known, *(_plate(folder, picture) for picture in plates)])
            material = check_words_of(ConceptMaterial(folder, tuple(clips), tuple(scenes)))
            write_material(material)
            return material
    except OSError as error:
        raise FFGOError(
            f"Cannot write into {folder}: {error.strerror}. Free some space or choose another name."
        ) from error


def _copied(before: ConceptMaterial | None, folder: Path) -> tuple[list[ConceptClip], list[Path]]:
    """What was collected before, in this folder."""
    if before is None:
        return [], []
    if before.folder == folder:
        return list(before.clips), list(before.plates)
    clips = []
    for clip in before.clips:
        place = folder / clip.clip.parent.name
        if not place.exists():
            partial = unfinished_name(place)
            shutil.copytree(clip.clip.parent, partial)
            partial.rename(place)
        plate = place / clip.plate.name if clip.plate else None
        clips.append(replace(clip, clip=place / clip.clip.name, mask=place / clip.mask.name, plate=plate))
    plates = []
    for path in before.plates:
        with complete_file(folder / _PLATES / path.name) as partial:
            shutil.copyfile(path, partial)
        plates.append(folder / _PLATES / path.name)
    return clips, plates


def _written(folder: Path, given: GivenClip) -> ConceptClip:
    """The clip in a folder that is named after what is in it, and is there only when it is complete."""
    partial = unfinished_name(folder / "clip")
    try:
        partial.mkdir()
        given.write_video(partial / "clip.mp4")
        info = probe_clip(partial / "clip.mp4")
        if troubles := clip_troubles(info):
            raise FFGOError(f"The clip {' It '.join(troubles)}")
        _check_masks(given.masks, info.frames, info.width / info.height)
        (partial / "mask").mkdir()
        for i, mask in enumerate(given.masks):
            Image.fromarray(mask).save(partial / "mask" / f"{i:05d}.png")
        if given.plate is not None:
            given.plate.convert("RGB").save(partial / "plate.png")
        place = folder / _digest(sorted(path for path in partial.rglob("*") if path.is_file()))
        if place.exists():
            shutil.rmtree(place)
        partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    plate = place / "plate.png" if given.plate is not None else None
    return ConceptClip(place / "clip.mp4", place / "mask", plate, "", "", "", "")


def _check_masks(masks: np.ndarray, frames: int, aspect: float) -> None:
    if len(masks) != frames:
        raise FFGOError(
            f"There are {len(masks)} masks, and the clip has {frames} frames. Give a mask for each: segment the clip, "
            "not one frame of it."
        )
    ratio = masks.shape[2] / masks.shape[1] / aspect
    if abs(ratio - 1) > OTHER_ASPECT:
        raise FFGOError(
            f"The masks are {masks.shape[2]}x{masks.shape[1]} px, which is another aspect than the clip's. Make them "
            "of the same frames."
        )
    if not masks.any():
        raise FFGOError("The masks are empty: white must be the concept. Invert them if they are the wrong way round.")


def _plate(folder: Path, picture: Image.Image) -> Path:
    flat = picture.convert("RGB")
    path = folder / _PLATES / f"{blake2b(flat.tobytes() + repr(flat.size).encode(), digest_size=6).hexdigest()}.png"
    if not path.exists():
        with complete_file(path) as partial:
            flat.save(partial, "PNG")
    return path


def _digest(files: Sequence[Path]) -> str:
    digest = blake2b(digest_size=6)
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
