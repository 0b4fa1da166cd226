"""Several start frames as one larger memory: which frames of a clip show which of its composed canvases.

A memory of K canvases is K latent frames: the first canvas is one frame, each further one is shown as long as a latent
frame lasts, as a still is what the VAE encodes best. Source: section 5 of the FFGo paper leaves this to future work.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import FFGOError
from .base import Base

MOST_MEMORY = 4
"""Canvases. Each costs a latent frame of the clip; sixteen subjects are on four."""

MEMORY_KEY = "ffgo.memory"
"""What a LoRA's metadata says of the memory that it was trained with; one canvas where it says nothing."""


def check_memory(memory: int) -> None:
    """Raises: FFGOError for a number of canvases that is none of a memory."""
    if not 1 <= memory <= MOST_MEMORY:
        raise FFGOError(f"A memory has 1 to {MOST_MEMORY} composed canvases, not {memory}.")


def composed_frames(base: Base, memory: int) -> int:
    """Frames at the start of a clip that show a memory's canvases.

    >>> from .catalogue import WAN22_I2V_A14B
    >>> [composed_frames(WAN22_I2V_A14B, memory) for memory in (1, 2, 3, 4)]
    [4, 8, 12, 16]
    """
    return base.composed_frames + base.latent.time * (memory - 1)


def canvas_of(base: Base, frame: int, memory: int) -> int:
    """Which canvas of a memory one of the composed frames shows.

    >>> from .catalogue import WAN22_I2V_A14B
    >>> [canvas_of(WAN22_I2V_A14B, frame, 2) for frame in range(8)]
    [0, 1, 1, 1, 1, 1, 1, 1]
    """
    return min(-(-frame // base.latent.time), memory - 1)


def start_clip(base: Base, canvases: Sequence[Tensor] | Tensor) -> Tensor:
    """The frames (frames_of(K), H, W, C) that fill exactly the first K latent frames with K canvases (H, W, C).

    >>> from .catalogue import WAN22_I2V_A14B
    >>> start_clip(WAN22_I2V_A14B, torch.arange(3.0).view(3, 1, 1, 1)).flatten()
    tensor([0., 1., 1., 1., 1., 2., 2., 2., 2.])
    """
    memory = len(canvases)
    return torch.stack([canvases[canvas_of(base, frame, memory)] for frame in range(base.frames_of(memory))])
