"""Soft edges: how much of each pixel at the outline is subject, and which colour the subject has there.

A pixel of the outline is `I = a F + (1 - a) B`. F (subject) and B (background) come from the sure pixels nearby, a is
the least-squares solution along the line from B to F, and the colour is what remains when B is taken out of I.
"""

import numpy as np
import torch
from torch.nn import functional

from .grid import Array, blur, total

NEAR_PX, FAR_PX = 2.5, 10.0
"""Radii in which sure pixels are averaged; the far one serves where none is near."""
ENOUGH = 0.02
"""Share of sure pixels from which on the near average is trusted."""
FAINT = 38 / 255
"""Contrast (RGB distance) below which the geometry of the outline says more than the colours."""
THIN = 0.1
"""Alpha below which a pixel's own colour is too uncertain to use."""


def sure_colour(picture: Array, sure: Array) -> Array:
    """The colour of the sure pixels around each pixel, (H, W, 3); far from all of them their mean."""
    near, share = _average(picture, sure, NEAR_PX, step=2)
    far, far_share = _average(picture, sure, FAR_PX, step=4)
    everywhere = picture[sure].mean(0) if sure.any() else np.zeros(3, np.float32)
    far = np.where(far_share > 1e-4, far, everywhere)
    trust = np.clip(share / ENOUGH, 0, 1)
    return trust * near + (1 - trust) * far


def _average(picture: Array, sure: Array, radius: float, step: int) -> tuple[Array, Array]:
    """The mean colour (H, W, 3) of the sure pixels and their share (H, W, 1); smooth, so a small size is enough."""
    height, width = sure.shape
    weighted = np.concatenate([picture * sure[..., None], sure[..., None]], -1, dtype=np.float32)
    padded = functional.pad(torch.from_numpy(weighted).permute(2, 0, 1)[None], (0, -width % step, 0, -height % step))
    small = blur(functional.avg_pool2d(padded, step)[0].permute(1, 2, 0).numpy(), radius / step)
    small[..., :3] /= np.maximum(small[..., 3:], 1e-6)
    wide = functional.interpolate(torch.from_numpy(small).permute(2, 0, 1)[None], scale_factor=step, mode="bilinear")
    values = wide[0, :, :height, :width].permute(1, 2, 0).numpy()
    return values[..., :3], values[..., 3:]


def unmix(picture: Array, subject: Array, background: Array, ramp: Array) -> tuple[Array, Array, Array]:
    """Solve the outline of an RGB picture (H, W, 3), float32 0..1.

    `subject` and `background` are what is sure, (H, W) boolean; `ramp` (H, W) is alpha by geometry alone.
    Returns alpha (H, W), the subject's own colour (H, W, 3) and the background's colour (H, W, 3).
    """
    front, behind = sure_colour(picture, subject), sure_colour(picture, background)
    towards = front - behind
    contrast = np.sqrt(total(towards**2))
    along = total((picture - behind) * towards) / np.maximum(contrast, 1e-4) ** 2
    trust = np.clip(contrast / FAINT, 0, 1) ** 2
    alpha = trust * np.clip(along, 0, 1) + (1 - trust) * ramp
    alpha[subject], alpha[background] = 1, 0
    own = np.clip(behind + (picture - behind) / np.maximum(alpha, THIN)[..., None], 0, 1)
    trust = np.clip(alpha / THIN - 1, 0, 1)[..., None]
    colour = trust * own + (1 - trust) * front
    colour[subject] = picture[subject]
    return alpha.astype(np.float32), np.clip(colour, 0, 1).astype(np.float32), behind.astype(np.float32)
