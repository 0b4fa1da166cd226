"""A concept's clip at the size that it is trained at: its frames, its masks, its scene, and other scenes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..clip.video_io import ClipInfo, read_frames
from ..curation.harmonic import harmonic_fill
from ..dataset.examples import cover, open_composite
from ..dataset.sizing import Bucket
from ..errors import FFGOError
from ..pixels import to_float
from .material import ConceptClip, mask_files

CLEAR = 0.05
"""Up to so much of a mask a pixel shows the scene."""
LEAST_SEEN = 1e-4
"""Share of a frame that the concept must cover to be learned from it."""
NEUTRAL = (
    ((0.75, 0.82, 0.90), (0.45, 0.42, 0.38)), ((0.20, 0.24, 0.32), (0.10, 0.11, 0.13)),
    ((0.93, 0.92, 0.90), (0.80, 0.78, 0.75)), ((0.95, 0.75, 0.55), (0.35, 0.25, 0.30)),
    ((0.60, 0.75, 0.60), (0.30, 0.40, 0.25)), ((0.55, 0.60, 0.80), (0.75, 0.70, 0.60)),
    ((0.50, 0.50, 0.50), (0.50, 0.50, 0.50)), ((0.40, 0.30, 0.45), (0.65, 0.55, 0.45)),
)  # fmt: skip
"""Scenes that are nothing but two colours, upper and lower half: for who has no pictures of others."""


class ClipPixels:
    """A clip's frames and masks, and its scene, read when they are first asked for, and held until `release`."""

    def __init__(self, clip: ConceptClip, info: ClipInfo, bucket: Bucket):
        self.clip, self.info, self.bucket = clip, info, bucket
        self._held: dict[str, np.ndarray] = {}

    @property
    def frames(self) -> np.ndarray:
        """(F, H, W, 3), uint8."""
        return self._once("frames", self._read_frames)

    @property
    def masks(self) -> np.ndarray:
        """(F, H, W), uint8; 255 is the concept."""
        return self._once("masks", self._read_masks)

    @property
    def plate(self) -> np.ndarray:
        """(H, W, 3), uint8: the scene without the concept, as given, or what can be seen of it and a fill."""
        return self._once("plate", self._read_plate)

    def release(self) -> None:
        """Give the memory back."""
        self._held.clear()

    def cutout_over(self, frame: int, plate: np.ndarray) -> np.ndarray:
        """The concept of a frame over another scene, (H, W, 3) uint8, where it is in its own."""
        alpha = self.masks[frame][..., None].astype(np.float32) / 255
        mixed = self.frames[frame] * alpha + plate * (1 - alpha)
        return np.rint(mixed).astype(np.uint8)

    def cutout(self, frame: int) -> Tensor:
        """The concept of a frame as an RGBA IMAGE, (1, H, W, 4)."""
        rgba = np.dstack([self.frames[frame], self.masks[frame]])
        return torch.from_numpy(rgba.astype(np.float32) / 255)[None]

    def seen(self) -> list[int]:
        """The frames that show the concept. Raises: FFGOError where none does."""
        shown = [i for i, mask in enumerate(self.masks) if mask.mean() > 255 * LEAST_SEEN]
        if not shown:
            raise FFGOError(f"The masks of {self.clip.clip.parent.name} are empty. White must be the concept.")
        return shown

    def _once(self, name: str, read: Callable[[], np.ndarray]) -> np.ndarray:
        if name not in self._held:
            self._held[name] = read()
        return self._held[name]

    def _read_frames(self) -> np.ndarray:
        pictures = [_sized(picture, self.bucket) for picture in read_frames(self.clip.clip, self.info.frames)]
        if len(pictures) != self.info.frames:
            raise FFGOError(f"{self.clip.clip.name} ends after {len(pictures)} of {self.info.frames} frames.")
        return np.stack(pictures)

    def _read_masks(self) -> np.ndarray:
        files = mask_files(self.clip, self.info.frames)
        return np.stack([_sized(_grey(file)[..., None], self.bucket)[..., 0] for file in files])

    def _read_plate(self) -> np.ndarray:
        if self.clip.plate is not None:
            return plate_of(self.clip.plate, self.bucket)
        return seen_scene(self.frames, self.masks)


def plate_of(path: Path, bucket: Bucket) -> np.ndarray:
    """A picture of a scene at the bucket's size, (H, W, 3) uint8. Raises: FFGOError where it cannot be read."""
    try:
        picture = open_composite(path)
    except FFGOError as error:
        raise FFGOError(f"The plate {path.name}: {error}") from error
    return _sized(np.asarray(picture), bucket)


def neutral_plate(index: int, bucket: Bucket) -> np.ndarray:
    """One of the scenes of two colours, (H, W, 3) uint8."""
    upper, lower = NEUTRAL[index % len(NEUTRAL)]
    plate = np.empty((bucket.height, bucket.width, 3), np.float32)
    horizon = bucket.height * (index % 3 + 2) // 5
    plate[:horizon], plate[horizon:] = upper, lower
    return np.rint(plate * 255).astype(np.uint8)


def seen_scene(frames: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The median of what is seen beside the concept, and a smooth fill where it always stands.

    frames (F, H, W, 3), masks (F, H, W), uint8; (H, W, 3), uint8.
    """
    clear = masks <= 255 * CLEAR
    plate = np.zeros(frames.shape[1:], np.float32)
    for y in range(len(plate)):  # a row at a time: all of a clip as floats would be gigabytes
        row = np.where(clear[:, y, :, None], frames[:, y].astype(np.float32), np.nan)
        known = clear[:, y].any(0)
        plate[y, known] = np.nanmedian(row[:, known], axis=0)
    hole = np.asarray(~clear.any(0))
    if hole.all():
        raise FFGOError("The mask covers all of every frame: nothing of the scene is seen. Give a plate.")
    filled = harmonic_fill(plate / 255, hole) if hole.any() else plate / 255
    return np.rint(filled.clip(0, 1) * 255).astype(np.uint8)


def _grey(path: Path) -> np.ndarray:
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            return np.asarray(picture.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FFGOError(f"The mask {path.name} cannot be read ({error}). Make it anew, as a PNG.") from error


def _sized(picture: np.ndarray, bucket: Bucket) -> np.ndarray:
    if picture.shape[:2] == (bucket.height, bucket.width):
        return np.ascontiguousarray(picture)
    floats = picture.astype(np.float32) / 255
    return np.rint(cover(floats, bucket).clamp(0, 1).numpy() * 255).astype(np.uint8)


def as_floats(pictures: np.ndarray) -> Tensor:
    """uint8 pictures as the VAE takes them, float32 0..1."""
    return torch.from_numpy(to_float(Image.fromarray(pictures)) if pictures.ndim == 3 else pictures / np.float32(255))
