"""What a run needs of the card's memory, counted before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ..errors import FFGOError
from ..host.loading import ExpertShape
from .recipe import Recipe

GB = 1e9
OVERHEAD = 1.5 * GB
"""Of the card's driver and of PyTorch's allocator."""
FLOAT_BYTES = 4
ADAMW_BYTES = {"adamw": 8, "adamw8bit": 2}
"""Of AdamW's two moments, for each trained number."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes on the card, by what they are for."""

    clip: tuple[int, int, int]
    """Frames, height and width of the largest clip."""
    weights: int
    """Of the expert."""
    lora: int
    """Weights and gradients, and what of it is not trained, float32."""
    optimizer: int
    block_inputs: int
    block: int
    """What one block keeps, or all of them without checkpointing."""
    host_block_inputs: int
    """Block inputs in main memory."""

    @property
    def besides_base(self) -> int:
        return int(self.lora + self.optimizer + self.block_inputs + self.block + OVERHEAD)

    @property
    def total(self) -> int:
        return self.weights + self.besides_base

    @property
    def lines(self) -> list[str]:
        """The arithmetic in words."""
        frames, height, width = self.clip
        parts = {
            "expert": self.weights, "LoRA and gradients": self.lora, "optimizer": self.optimizer,
            "block inputs": self.block_inputs, "activations": self.block, "overhead": OVERHEAD,
        }  # fmt: skip
        text = " + ".join(f"{name} {size / GB:.1f}" for name, size in parts.items() if size >= GB / 20)
        line = f"Memory for {width}x{height}, {frames} frames: {text} = {self.total / GB:.1f} GB"
        more = (
            f"; {self.host_block_inputs / GB:.1f} GB of block inputs in main memory" if self.host_block_inputs else ""
        )
        return [line + more]

    def check(self, available: int) -> list[str]:
        """Compare with the bytes of the card; returns notes. Raises: FFGOError where it cannot fit."""
        if self.total <= available:
            return []
        if self.besides_base <= available:
            streamed = self.total - available
            return [
                f"{streamed / GB:.1f} GB of the expert's weights stay in main memory and are sent over in every step."
            ]
        raise FFGOError(
            f"This cannot fit: {self.lines[0]}, and even without the expert {self.besides_base / GB:.1f} GB of the "
            f"card's {available / GB:.1f} GB. Encode the dataset smaller or with fewer frames (21 need a third of 81), "
            "set checkpointing to blocks and offload_block_inputs to true, use adamw8bit, or a lower rank."
        )


def plan_memory(
    expert: ExpertShape, shapes: Sequence[tuple[int, int, int]], recipe: Recipe, parameters: int, held: int = 0
) -> MemoryPlan:
    """Count what training takes on latents of these shapes (T, h, w). parameters: how many numbers are trained; held:
    how many more the LoRA keeps."""
    latents = max(shapes, key=prod)
    tokens = expert.base.tokens(latents) * recipe.batch_size
    numbers = tokens * expert.dim * expert.activation_bytes
    checkpointing = recipe.checkpointing == "blocks"
    inputs = numbers * expert.blocks if checkpointing else 0
    on_host = recipe.offload_block_inputs and checkpointing
    return MemoryPlan(
        expert.base.pixel_shape(latents),
        weights=expert.base_bytes,
        lora=FLOAT_BYTES * (2 * parameters + held),
        optimizer=ADAMW_BYTES[recipe.optimizer] * parameters,
        block_inputs=0 if on_host else inputs,
        block=expert.base.block_numbers * numbers * (1 if checkpointing else expert.blocks),
        host_block_inputs=inputs if on_host else 0,
    )
