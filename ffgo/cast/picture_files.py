"""The pictures of the cast's members, as files."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import FFGOError
from ..files import complete_file
from ..frame.layout import CROP_MARGIN
from ..frame.pictures import fingerprint_of, look_at
from ..frame.previews import laid_on_checks
from ..pixels import MOST_PIXELS
from .member import CastPicture
from .twins import Looks, hash_text

THUMB, THUMB_SIDE = "thumb.webp", 256
LONGEST_SIDE = 2048
"""Pixels of a picture that is kept as it came; a larger one is cropped to what can be seen of it, and made smaller."""


def open_png(path: Path) -> np.ndarray:
    """A picture of the cast (h, w, 4) uint8, as its file has it. Raises: FFGOError where it cannot be used."""
    try:
        return decoded_png(path, str(path), MOST_PIXELS, "Put a whole PNG there.")
    except FileNotFoundError:
        raise FFGOError(f"{path} is not there. Put it back, or save this member anew.") from None


def decoded_png(file: Path | BytesIO, where: str, most: int, mend: str) -> np.ndarray:
    """The pixels of a PNG, (h, w, 4) uint8.

    where, mend: how messages call it, and end; most: pixels. Raises: FFGOError where it cannot be used,
    FileNotFoundError where it is not there.
    """
    try:
        with Image.open(file, formats=["PNG"]) as opened:
            if opened.width * opened.height > most:
                raise FFGOError(f"{where} has {opened.width:,}x{opened.height:,} pixels, which are too many.")
            return np.asarray(opened.convert("RGBA"))
    except (FFGOError, FileNotFoundError):
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FFGOError(f"{where} is no picture that can be read ({error}). {mend}") from error


def write_picture(folder: Path, number: int, picture: np.ndarray, looks: Looks) -> CastPicture:
    """Write a picture (h, w, 4) uint8 as a member's, under a number; what its file `cast.json` says of it."""
    kept = _fitted(picture)
    file = f"{number:02}.png"
    with complete_file(folder / file) as partial:
        Image.fromarray(kept).save(partial, "PNG", compress_level=4)
    came, is_ = fingerprint_of(picture), fingerprint_of(kept)
    return CastPicture(file, is_, hash_text(looks.bits), came if came != is_ else "")


def _fitted(picture: np.ndarray) -> np.ndarray:
    """As it is where it is not too large: so its fingerprint stays, and with it its place in arrangements."""
    if max(picture.shape[:2]) <= LONGEST_SIDE:
        return picture
    return np.asarray(_seen_within(picture, LONGEST_SIDE))


def write_thumb(folder: Path, picture: np.ndarray) -> None:
    """The small picture that lists show."""
    small = _seen_within(picture, THUMB_SIDE)
    whole = Image.new("RGBA", (THUMB_SIDE, THUMB_SIDE))
    whole.paste(small, ((THUMB_SIDE - small.width) // 2, (THUMB_SIDE - small.height) // 2))
    with complete_file(folder / THUMB) as partial:
        laid_on_checks(whole).save(partial, "WEBP", quality=80)


def _seen_within(picture: np.ndarray, longest: int) -> Image.Image:
    """What can be seen of a picture, with the margin that frames have; its sides at most `longest` pixels."""
    height, width, _ = picture.shape
    seen = picture[look_at("picture", picture).subject.visible.grown(CROP_MARGIN, (width, height)).slices]
    image = Image.fromarray(np.ascontiguousarray(seen))
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return image
