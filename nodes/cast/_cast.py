"""The cast of this ComfyUI, and its pictures as the host has them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import folder_paths
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...ffgo.cast.entity import Entity
from ...ffgo.cast.member import Member
from ...ffgo.cast.shelf import FOLDER, Cast
from ...ffgo.cast.vectors import model_id
from ...ffgo.errors import FFGOError
from ...ffgo.evaluation.embedding import Embedder, clip_vision_embedder
from ...ffgo.frame.pictures import subject_pictures
from ...ffgo.pixels import eight_bit_pictures, require_image, resized_masks, to_float


@cache
def _cast_in(folder: Path) -> Cast:
    return Cast(folder)


def the_cast() -> Cast:
    """What was read of it is remembered between runs."""
    return _cast_in(Path(folder_paths.get_input_directory()) / FOLDER)


def cutouts(image: Tensor, mask: Tensor | None, name: str) -> list[np.ndarray]:
    """Pictures in 8 bits; with a mask, which is 1 where the entity is, RGBA. Raises: FFGOError."""
    require_image(image, name)
    if mask is None:
        return eight_bit_pictures(image, name)
    if mask.ndim != 3 or len(mask) not in (1, len(image)):
        raise FFGOError(f"mask has the shape {tuple(mask.shape)}; one mask for each picture of {name} is wanted.")
    masks = resized_masks(mask, *image.shape[1:3]).expand(len(image), -1, -1)
    return eight_bit_pictures(torch.cat([image[..., :3].float().cpu(), masks[..., None]], dim=-1), name)


def pictures_of(subjects: Mapping[str, Tensor | None] | None) -> dict[str, np.ndarray]:
    """The cut-outs of growing inputs, batches taken apart, in 8 bits."""
    batches = {name: eight_bit_pictures(one, name) for name, one in (subjects or {}).items() if one is not None}
    return subject_pictures(batches) if batches else {}


def as_image(picture: Image.Image | np.ndarray) -> Tensor:
    """A picture of 8 bits as an IMAGE of one."""
    return torch.from_numpy(to_float(picture))[None]


def entity_of(member: Member, picture: np.ndarray) -> Entity:
    """A member as an entity."""
    return Entity(member.name, member.noun, picture, cast_id=member.id)


def embedder_of(clip_vision) -> tuple[Embedder | None, str]:
    """A vision model that looks, with what tells it from others."""
    if clip_vision is None:
        return None, ""
    return clip_vision_embedder(clip_vision), model_id(clip_vision.model.state_dict())
