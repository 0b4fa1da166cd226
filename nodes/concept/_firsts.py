"""What prior clips begin with, and what they are of."""

from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor

from ...ffgo.concept.examples import LEAST_PLATES
from ...ffgo.concept.pixels import neutral_plate
from ...ffgo.dataset.examples import cover
from ...ffgo.dataset.sizing import Bucket, Sizing
from ...ffgo.errors import FFGOError
from ...ffgo.pixels import on_white, require_image


def prompts_of(written: str) -> list[str]:
    """The prompts, one a line. Raises: FFGOError where there is none."""
    found = [line.strip() for line in written.splitlines() if line.strip()]
    if not found:
        raise FFGOError("prompts is empty. Write what the clips show, one a line.")
    return found


def first_pictures(
    images: Tensor | None, width: int, height: int, frames: int
) -> tuple[Bucket, list[tuple[str, Tensor]]]:
    """The size, and the pictures in it, (H, W, 3), each with what tells that it is this one."""
    sizing = Sizing(width, height, frames)
    bucket = Bucket(sizing.width, sizing.height, sizing.frames)
    if images is None:
        pictures = [torch.from_numpy(neutral_plate(i, bucket) / np.float32(255)) for i in range(LEAST_PLATES)]
    else:
        require_image(images, "first_frames")
        pictures = [cover(picture.numpy(), bucket) for picture in on_white(images).cpu()]
    return bucket, [(blake2b(one.numpy().tobytes(), digest_size=8).hexdigest(), one) for one in pictures]
