"""An entity: one thing that a clip should show, as exactly as it is known."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from torch import Tensor

from ..errors import FFGOError
from ..frame.geometry import Box
from ..frame.pictures import fingerprint_of


@dataclass(frozen=True)
class Entity:
    """One entity. What is not known of it is None."""

    name: str
    noun: str = ""
    """How a prompt calls it, such as "the red robot"; empty = its name."""
    picture: np.ndarray | None = None
    """(h, w, 4) uint8, straight alpha."""
    is_whole: bool = True
    """Whether the picture is the cut-out itself, not what can be seen of it in the frame."""
    mask: Tensor | None = None
    """(H, W), 0..1: where it can be seen in the frame."""
    box: Box | None = None
    """Where it lies in the frame, in pixels, before it is turned."""
    z: int = 0
    """Higher ones lie on top."""
    shown: bool = True
    """A subject that the arrangement hides keeps its number; nobody asks whether it is there."""
    cast_id: str | None = None
    """Of the member of the cast that it is."""
    frame: Tensor | None = None
    """(H, W, 3), 0..1: the composed frame that it stands in."""
    told: str = ""
    """Its fingerprint, as the frame's layout has it."""

    @cached_property
    def fingerprint(self) -> str:
        """What tells its picture (docs/arrangement.md); empty where there is none."""
        return self.told or ("" if self.picture is None else fingerprint_of(self.picture))

    def called(self, name: str, noun: str = "", cast_id: str | None = None) -> "Entity":
        """The same by another name."""
        return replace(self, name=name, noun=noun, cast_id=cast_id or self.cast_id)


def one_cutout(pictures: list[np.ndarray], name: str) -> np.ndarray:
    """The only picture of an input, (h, w, 4). Raises: FFGOError for several, and for one without transparency."""
    if len(pictures) != 1:
        raise FFGOError(f"{name} holds {len(pictures)} pictures; this takes one. Pick one with Image From Batch.")
    if pictures[0].shape[2] != 4 or pictures[0][..., 3].min() == 255:
        raise FFGOError(
            f"{name} has no transparency, so nothing tells the entity from what is around it. Connect a cut-out (Load "
            "Subject, SAM2 Matte), or its mask."
        )
    if not pictures[0][..., 3].any():
        raise FFGOError(f"{name} is fully transparent: nothing of it can be seen. Check its mask.")
    return pictures[0]
