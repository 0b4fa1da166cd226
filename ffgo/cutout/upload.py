"""A picture file as users have them: upright, in 8 bits, with the transparency that it has."""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import FFGOError
from ..pixels import MIN_SIDE, MOST_PIXELS, PICTURE_FORMATS, with_its_alpha

FORMATS = (*PICTURE_FORMATS, "AVIF", "BMP", "GIF", "TIFF")
"""Pillow starts no program for any of them; it may have been built without one."""
PAGES = ("JPEG", "MPO", "TIFF")
"""Formats whose further pictures are no animation: a phone's depth map, a scanner's pages."""

ADDED = (r"^clipspace-.*", r"_\d{5}_?$", r"\s*\(\d+\)$", r"[\s_-]+copy$")
"""What is no part of a name: the host's mask editor and counters, a browser's second download, a copy."""
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture and what the user should know of its file."""

    picture: Image.Image
    """RGB, or RGBA where the file has transparency."""
    warnings: list[str] = field(default_factory=list)


def name_of(path: str) -> str:
    """The name of what a picture file shows: its stem without what programs add to it, in plain words.

    >>> [name_of(path) for path in ("pets/red_Robot-2 (1).png", "ComfyUI_00012_.png", "clipspace-mask-17.png")]
    ['red Robot 2', 'ComfyUI', 'subject']
    """
    stem = unicodedata.normalize("NFC", path.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or path)
    for added in ADDED:
        stem = re.sub(added, "", stem, flags=re.IGNORECASE)
    words = re.findall(r"[\w'\u2019]+", stem.replace("_", " "))
    return " ".join(words)[:LONGEST_NAME].strip() or "subject"


def open_upload(path: Path, name: str) -> Upload:
    """Read a picture file; name: what messages call it.

    Of an animation the first picture is taken, and that is said.
    Raises: FFGOError where it is missing, is no picture or a damaged one, or has too few or too many pixels.
    """
    Image.init()
    try:
        with Image.open(path, formats=[known for known in FORMATS if known in Image.OPEN]) as file:
            _require_size(file, name)
            pictures = getattr(file, "n_frames", 1) if file.format not in PAGES else 1
            upright = with_its_alpha(ImageOps.exif_transpose(file))
    except FileNotFoundError:
        raise FFGOError(f"{name} is not there any more. Upload it again, or choose another picture.") from None
    except UnidentifiedImageError:
        raise FFGOError(
            f"{name} is no picture that can be read ({', '.join(FORMATS)}), or it is damaged. Save it as PNG or JPEG."
        ) from None
    except Image.DecompressionBombError:
        raise FFGOError(f"{name} has too many pixels. Make it smaller than {MOST_PIXELS:,} px.") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow raises for damaged files
        if isinstance(error, FFGOError):
            raise
        raise FFGOError(f"{name} cannot be read: {error}. Save it anew as PNG or JPEG, and upload that.") from error
    if pictures == 1:
        return Upload(upright)
    return Upload(upright, [f"{name} is an animation of {pictures} pictures: the first one is taken."])


def _require_size(file: Image.Image, name: str) -> None:
    if min(file.size) < MIN_SIDE or file.width * file.height > MOST_PIXELS:
        raise FFGOError(
            f"{name} is {file.width}x{file.height} px. Both sides must be at least {MIN_SIDE} px, and all pixels "
            f"together at most {MOST_PIXELS:,}."
        )
