"""Cut-outs for tests of the cast, made on the spot."""

import numpy as np
from PIL import Image, ImageFilter


def cutout(seed: int = 0, size: tuple[int, int] = (96, 128), margin: int = 6) -> np.ndarray:
    """A blot in a few colours of its own, (h, w, 4) uint8, soft at its edge; hidden colours under its alpha of 0."""
    rng = np.random.default_rng(seed)
    width, height = size
    coarse = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    colours = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    shape = Image.new("L", (width - 2 * margin, height - 2 * margin), 255)
    y, x = np.mgrid[: shape.height, : shape.width]
    angle = np.arctan2(y - shape.height / 2, x - shape.width / 2)
    radius = np.hypot((x - shape.width / 2) / shape.width, (y - shape.height / 2) / shape.height)
    edge = 0.36 + 0.1 * np.sin(angle * rng.integers(2, 6) + rng.uniform(0, 6))
    alpha = np.zeros((height, width), np.uint8)
    alpha[margin : height - margin, margin : width - margin] = np.where(radius < edge, 255, 0)
    soft = np.asarray(Image.fromarray(alpha).filter(ImageFilter.GaussianBlur(1)))
    return np.dstack([colours, soft])
