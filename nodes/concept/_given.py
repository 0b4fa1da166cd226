"""What comes into a concept's dataset, as its core takes it."""

import numpy as np
from PIL import Image
from torch import Tensor

from ...ffgo.errors import FFGOError
from ...ffgo.pixels import flatten_on_white, require_image, single_picture, to_uint8


def masks_of(clip, mask: Tensor | None) -> np.ndarray:
    """(F, h, w) uint8: the mask, or the alpha of RGBA frames. Raises: FFGOError where there is neither."""
    if mask is not None:
        return to_uint8(mask if mask.ndim == 3 else mask[None])
    if not isinstance(clip, Tensor) or clip.shape[-1] != 4:
        raise FFGOError(
            "Nothing tells where the concept is in the clip. Connect a mask for each of its frames, as SAM2 or SAM3 "
            "make them, or RGBA frames."
        )
    require_image(clip, "clip")
    return to_uint8(clip[..., 3])


def plate_of(image: Tensor | None) -> Image.Image | None:
    """The one picture of an IMAGE; None where there is none. Raises: FFGOError where there are several."""
    return None if image is None else Image.fromarray(single_picture(image, "plate"))


def plates_of(images: Tensor | None) -> list[Image.Image]:
    """The pictures of an IMAGE, transparency on white."""
    if images is None:
        return []
    require_image(images, "plates")
    return [flatten_on_white(Image.fromarray(to_uint8(image))) for image in images]
