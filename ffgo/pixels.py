"""Pictures as the host has them (float tensors) and as Pillow has them (8 bit), and the conventions between the two.

IMAGE is (B, H, W, C), float 0..1, C = 3 or 4. A cut-out is an IMAGE with C = 4: straight colour, alpha 1 = opaque.
MASK is (B, H, W), float 0..1. Eight bits round to the nearest: `round(x * 255)`, clipped; back it is `k / 255`,
which the host's Save Image turns into the same k again.
"""

from io import BytesIO
from math import isfinite

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .errors import FFGOError

PICTURE_FORMATS = ("PNG", "JPEG", "WEBP")
"""Pillow's names of what is opened that came from elsewhere; for some others it starts programs."""

MIN_SIDE = 2
"""Pixels; a picture with a side of 1 px is what a failed crop leaves, not a picture."""

MOST_OF_16_BITS = 2**16 - 1

MOST_PIXELS = 8192 * 8192
"""Of a picture file or a clip's frame: more is a mistake, or made to fill the memory."""

ROWS_AT_ONCE = 32
"""Rows that are converted in one go: few enough to stay in the processor's cache, which is three times as fast."""

ONE_AS_BITS = np.float32(1).view(np.uint32)


def require_image(image: Tensor, name: str) -> None:
    """Make sure that `image` is a usable IMAGE: (B, H, W, 3 or 4), both sides at least 2 px, all numbers finite.

    Raises: FFGOError, which calls the input by `name`.
    """
    _require_shape(image, name)
    values = image.float().numpy(force=True)
    _require_finite(values.min(), values.max(), name)  # both are NaN as soon as one number is


def eight_bit_pictures(image: Tensor, name: str) -> list[np.ndarray]:
    """The pictures of an IMAGE as `to_uint8` makes them. Raises: FFGOError as `require_image`, in one pass."""
    _require_shape(image, name)
    return [_eight_bits(picture, name) for picture in image]


def _require_shape(image: Tensor, name: str) -> None:
    shape = "x".join(str(n) for n in image.shape)
    if image.ndim == 3:
        raise FFGOError(
            f"{name} is a mask ({shape}), not an image. Connect an IMAGE; "
            "to cut a subject out of its picture with a mask, use Join Image with Alpha."
        )
    if image.ndim != 4 or image.shape[3] not in (3, 4):
        raise FFGOError(f"{name} has the shape {shape}; an image has batch x height x width x 3 (RGB) or 4 (RGBA).")
    batch, height, width, _ = image.shape
    if batch == 0:
        raise FFGOError(f"{name} holds no picture (an empty batch). Check the node before it.")
    if min(height, width) < MIN_SIDE:
        raise FFGOError(f"{name} is {width}x{height} px. Both sides must be at least {MIN_SIDE} px.")


def _require_finite(low: float, high: float, name: str) -> None:
    if not (isfinite(low) and isfinite(high)):
        raise FFGOError(f"{name} has pixels that are not numbers (NaN or infinite). Check the nodes that made it.")


def to_uint8(values: Tensor) -> np.ndarray:
    """Floats 0..1, (H, W) or (H, W, C), to 8 bits of the same shape; values beyond 0..1 are clipped.

    >>> to_uint8(torch.tensor([[-0.1, 0.25, 0.5, 1.2]])).tolist()
    [[0, 64, 128, 255]]
    """
    return _eight_bits(values)


def _eight_bits(values: Tensor, name: str | None = None) -> np.ndarray:
    """See `to_uint8`. name: of an input whose numbers must be finite, see `require_image`."""
    floats = values.float().numpy(force=True)
    pixels, scratch = np.empty(floats.shape, np.uint8), np.empty((ROWS_AT_ONCE, *floats.shape[1:]), np.float32)
    for y in range(0, len(floats), ROWS_AT_ONCE):
        rows = floats[y : y + ROWS_AT_ONCE]
        # As bits, whatever is negative, infinite or NaN is larger than 1 too: one look at the numbers is enough.
        within = rows.view(np.uint32).max(initial=0) <= ONE_AS_BITS
        if name and not within:
            _require_finite(rows.min(), rows.max(), name)
        scaled = np.multiply(rows, np.float32(255), out=scratch[: len(rows)])
        np.rint(scaled, out=scaled)
        pixels[y : y + ROWS_AT_ONCE] = scaled if within else np.clip(scaled, 0, 255, out=scaled)
    return pixels


def to_float(picture: Image.Image | np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """A picture of 8 bits (RGB, RGBA or L) to float32 0..1, (H, W, C) or (H, W). out: where to write it."""
    return np.divide(np.asarray(picture), np.float32(255), out=out, dtype=np.float32)


def flatten_on_white(picture: Image.Image) -> Image.Image:
    """An RGBA picture pasted on white, as RGB, rounded as Pillow's paste does; RGB pictures come back as they are."""
    if picture.mode == "RGB":
        return picture
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A"))
    return flat


def alpha_of(picture: Image.Image) -> Image.Image:
    """The alpha of an RGBA picture, or that of an RGB one, which is opaque, as L."""
    return picture.getchannel("A") if picture.mode == "RGBA" else Image.new("L", picture.size, 255)


def opened_picture(content: bytes) -> Image.Image:
    """The picture file `content` as RGB, transparency on white."""
    return rgb_on_white(Image.open(BytesIO(content), formats=PICTURE_FORMATS))


def rgb_on_white(picture: Image.Image) -> Image.Image:
    """A picture of any mode as RGB, transparency on white."""
    return flatten_on_white(with_its_alpha(picture))


def with_its_alpha(picture: Image.Image) -> Image.Image:
    """A picture of any mode as RGB, or as RGBA where it has transparency."""
    if picture.mode.startswith("I"):
        picture = _eight_bit_grey(picture)
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _eight_bit_grey(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits, which Pillow would clip to white; with alpha where the file names a transparent value."""
    values, transparent = np.asarray(picture).clip(0, MOST_OF_16_BITS), picture.info.get("transparency")
    grey = Image.fromarray(np.rint(values / (MOST_OF_16_BITS / 255)).astype(np.uint8))
    if transparent is not None:
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey


def on_white(image: Tensor) -> Tensor:
    """Pictures (..., 3 or 4) as float32 RGB on white; RGB comes back as it is, to the last bit.

    >>> on_white(torch.tensor([1.0, 0.0, 0.5, 0.5]))
    tensor([1.0000, 0.5000, 0.7500])
    """
    image = image.float()
    if image.shape[-1] == 3:
        return image
    alpha = image[..., 3:]
    return image[..., :3] * alpha + (1 - alpha)


def single_picture(image: Tensor, name: str) -> np.ndarray:
    """The one picture of an IMAGE as (H, W, 3) uint8; transparency becomes white.

    Raises: FFGOError where `image` is no IMAGE, or holds several pictures.
    """
    require_image(image, name)
    if len(image) != 1:
        raise FFGOError(
            f"{name} holds {len(image)} pictures; this takes one at a time. Pick one with Image From Batch."
        )
    return np.asarray(flatten_on_white(Image.fromarray(to_uint8(image[0]))))


def resized_masks(masks: Tensor, height: int, width: int) -> Tensor:
    """Masks (N, h, w) at another size, 0..1, on the CPU."""
    masks = masks.float().cpu().clamp(0, 1)
    if masks.shape[1:] == (height, width):
        return masks
    return torch.nn.functional.interpolate(masks[None], size=(height, width), mode="bilinear", antialias=True)[0]
