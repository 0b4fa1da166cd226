"""Examples as the trainer takes them: encoded once, kept on disk, read one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ..bases.base import Base


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """One example in the model's own space (latents as the expert sees them, not as the VAE gives them)."""

    latents: Tensor
    """(C, T, h, w), float32: the clip, its first frames replaced by the composite."""
    condition: Tensor
    """(channels, T, h, w), float32: `bases.condition` of the composite."""
    text: Tensor
    """(tokens, width), float32: the caption embedded and padded as the host does it, rows of zeros for empty tokens."""
    vision: Tensor | None = None
    """(tokens, width), float32: the composite as CLIP vision sees it, for bases that take it."""


class EncodedDataset(Protocol):
    """Encoded examples, none of them held in memory."""

    @property
    def base(self) -> Base:
        """The base that it was encoded for."""
        ...

    @property
    def memory(self) -> int:
        """How many composed canvases each example begins with."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes when any example, or the way it was encoded, does."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """What messages call the examples by."""
        ...

    @property
    def shapes(self) -> Sequence[tuple[int, int, int]]:
        """(T, h, w) of the latents of every example, known without reading them."""
        ...

    @property
    def weights(self) -> Sequence[float]:
        """How often each example is drawn beside the others; all 1 where they are alike."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> EncodedExample: ...
