"""A clean plate out of what the model returned: brought onto the photo, and the photo's own pixels put back."""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import (
    binary_closing,
    binary_dilation,
    binary_fill_holes,
    binary_opening,
    gaussian_filter,
    label,
)

from .harmonic import harmonic_fill
from .registration import Registration, register, warp

TONE_LIMIT = 0.12
"""Largest difference of tone, 0..1, between photo and plate at the edge of the mask that counts as one of tone."""

RIM = 3
"""Pixels just outside the mask whose tone the plate takes on."""

CHANGED, SIGMAS = 0.06, 5.0
"""What has changed between photo and plate: by this much (0..1), and so many times the usual difference."""

SPECK = 0.0005
"""Share of the picture below which a changed spot is the model's noise, not the object."""

GROW = 0.012
"""Of the longer side: how far a mask that was found here reaches beyond what has changed, for soft rims and halos."""


@dataclass(frozen=True, slots=True)
class Plate:
    """The photo without the objects."""

    pixels: np.ndarray
    """(H, W, 3) float32 0..1; equal to the photo, bit for bit, where `mask` is False."""
    mask: np.ndarray
    """(H, W) bool: what comes from the model."""
    registration: Registration
    warnings: list[str]


def restore_plate(photo: np.ndarray, returned: np.ndarray, photo_bytes: np.ndarray, mask: np.ndarray | None) -> Plate:
    """Put the model's picture onto the photo and keep of it only what lies in the mask.

    photo (H, W, 3) float32 0..1, photo_bytes the same as uint8; returned (h, w, 3) uint8, of any size.
    mask (H, W) bool: the objects and what they cause (shadows); None: where the two pictures differ.
    Where the model returned another scene the plate is its picture, resized, and a warning says so.
    """
    height, width = photo.shape[:2]
    registration = register(photo_bytes, returned, mask)
    if not registration.same_scene:
        return _as_returned(returned, registration, width, height)
    plate, inside = warp(returned, registration, width, height)
    warnings = []
    if mask is None:
        mask = _changed(photo, plate, inside)
        if not mask.any():
            warnings.append("The plate equals the photo: the model removed nothing. Name the elements more clearly.")
        elif mask.mean() > 0.6:
            warnings.append(f"The model changed {mask.mean():.0%} of the photo. Connect a mask of the elements.")
    if (missing := (mask & ~inside).sum()) > 0:
        warnings.append(
            f"{missing} pixels of the mask lie where the model cropped the photo; they are filled from around."
        )
        plate = harmonic_fill(plate, ~inside)
    plate = _toned(photo, plate, mask)
    pixels = np.where(mask[..., None], plate, photo).astype(np.float32)
    return Plate(pixels, mask, registration, warnings)


def _as_returned(returned: np.ndarray, registration: Registration, width: int, height: int) -> Plate:
    resized = Image.fromarray(returned).resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(resized, np.float32) / 255
    warning = (
        f"The model's picture is not the same scene, or the same from elsewhere (score {registration.score:.2f}): it "
        "is only resized, and nothing of the photo is put back. Try another variant."
    )
    return Plate(pixels, np.ones((height, width), bool), registration, [warning])


def _changed(photo: np.ndarray, plate: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Where the plate differs from the photo by more than the model's repainting does."""
    size = max(photo.shape[:2])
    blur = max(1.0, size / 640)
    difference = np.abs(gaussian_filter(photo - plate, (blur, blur, 0))).max(2)
    usual = np.median(difference[inside]) if inside.any() else 0.0
    changed = inside & (difference > max(CHANGED, SIGMAS * usual))
    disc = _disc(max(1, size // 640))
    changed = binary_closing(binary_opening(changed, disc), disc, iterations=4)
    spots = np.zeros(changed.shape, np.int32)
    label(changed, output=spots)
    big = np.bincount(spots.ravel()) > SPECK * changed.size
    big[0] = False  # what has not changed
    return _grown(np.asarray(binary_fill_holes(big[spots])), round(GROW * size))


def _toned(photo: np.ndarray, plate: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The plate inside the mask, shaded so that its tone meets the photo's at the mask's edge."""
    if not mask.any() or mask.all():
        return plate
    rim = _grown(mask, RIM) & ~mask
    difference = gaussian_filter(photo - plate, (1.0, 1.0, 0))
    known = rim & (np.abs(difference).max(2) < TONE_LIMIT)
    if not known.any():
        return plate
    correction = harmonic_fill(np.where(known[..., None], difference, 0), (mask | rim) & ~known)
    return np.where(mask[..., None], np.clip(plate + correction, 0, 1), plate)


def _grown(mask: np.ndarray, radius: int) -> np.ndarray:
    return np.asarray(binary_dilation(mask, _disc(1), iterations=radius)) if radius else mask


def _disc(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius
