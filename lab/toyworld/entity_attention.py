"""Cross-attention of every block on entities, beside what a first frame shows: for a row of a table, in no workflow.

An entity's tokens are the patches of its latents, as an expert sees a given frame at sigma 0, embedded by a copy of the
expert's own `patch_embedding`, each with a learned vector of its place. Its output projections are zero at the start:
then the expert is what it was. Letters: B clips, S entities of each, C channels, h and w latent sides, D width.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.bases.condition import condition

if TYPE_CHECKING:
    from ffgo.lora.saving import Factors
    from ffgo.training.adapters import Adapters

ENTITIES = 2
"""Of each clip; where there is only one the other is a plain grey picture."""
TOKENS = 16
"""Of each entity: 8x8 latent places in patches of 2x2."""
EPSILON = 1e-6
BlockPatch = Callable[[Mapping[str, Any]], Tensor]
"""What the host calls in each block after the attention on the text: it takes the tokens "x", and gives them back."""


class _Linear(nn.Linear):
    """Its weights are in float32, for the optimizer; it computes in the dtype of what it gets."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight.to(x.dtype), self.bias.to(x.dtype))


class EntityAttention(nn.Module):
    """That of one block."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (_Linear(width, width) for _ in range(4))
        nn.init.zeros_(self.o.weight)
        nn.init.zeros_(self.o.bias)

    def forward(self, x: Tensor, entities: Tensor) -> Tensor:
        """The block's tokens (B, L, D), with what they read of the entities' tokens (B, S * 16, D)."""
        queries, seen = _normed(x), _normed(entities)
        q, k, v = self._split(self.q(queries)), self._split(self.k(seen)), self._split(self.v(seen))
        read = functional.scaled_dot_product_attention(q, k, v)
        return x + self.o(read.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


def _normed(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], eps=EPSILON)


class EntityMemory(nn.Module):
    """All that is added to one expert."""

    def __init__(self, inputs: int, width: int, heads: int, blocks: int):
        """inputs: channels of the expert's input, condition included."""
        super().__init__()
        self.embedding = nn.Conv3d(inputs, width, (1, 2, 2), (1, 2, 2))
        self.places = nn.Parameter(torch.randn(ENTITIES * TOKENS, width) * width**-0.5)
        self.blocks = nn.ModuleList(EntityAttention(width, heads) for _ in range(blocks))

    @classmethod
    def beside(cls, network: Any, seed: int) -> "EntityMemory":
        """For an expert, drawn by a seed."""
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            memory = cls(network.in_dim, network.dim, network.num_heads, network.num_layers)
        weights = {name: weight.float() for name, weight in network.patch_embedding.state_dict().items()}
        memory.embedding.load_state_dict(weights)
        return memory

    def tokens(self, entities: Tensor) -> Tensor:
        """The tokens (B, S * 16, D) of the entities' latents (B, S, C, h, w), which are in the experts' scale."""
        given = entities.flatten(0, 1).float()
        inputs = torch.cat([given[:, :, None], condition(WAN22_I2V_A14B, {0: given}, frames=1)], dim=1)
        patches = self.embedding(inputs).flatten(2).transpose(1, 2)
        return patches.reshape(len(entities), -1, patches.shape[-1]) + self.places

    def patch(self, entities: Tensor) -> BlockPatch:
        """What lets each block of the host's network see these latents (B, S, C, h, w), for one batch."""
        tokens = self.tokens(entities)

        def add(args: Mapping[str, Any]) -> Tensor:
            x = args["x"]
            return self.blocks[args["transformer_options"]["block_index"]](x, tokens.to(x.dtype))

        return add


class WithEntities(nn.Module):
    """An expert's network that takes the entities where others take a first frame as CLIP vision sees it: so the
    pack's trainer brings them along with each example."""

    def __init__(self, network: nn.Module, memory: EntityMemory):
        super().__init__()
        self.network, self.memory = network, memory

    def forward(
        self, x: Tensor, timestep: Tensor, text: Tensor, *, clip_fea: Tensor, transformer_options: dict[str, Any]
    ) -> Tensor:
        options = transformer_options | {"patches": {"attn2_patch": [self.memory.patch(clip_fea)]}}
        return self.network(x, timestep, text, transformer_options=options)


@dataclass(frozen=True, slots=True)
class LoRAAndMemory:
    """What the pack's loop trains at once (in place of its `Adapters`)."""

    lora: "Adapters"
    memory: EntityMemory

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        return self.lora.parameters | {f"memory.{name}": weight for name, weight in self.memory.named_parameters()}

    def factors(self) -> "dict[str, Factors]":
        """Of the LoRA alone."""
        return self.lora.factors()


def with_entities(model: Any, memory: EntityMemory, entities: Tensor) -> Any:
    """A host model whose blocks see these latents (B, S, C, h, w), in batches of as many clips."""
    seeing = model.clone()
    seeing.set_model_attn2_patch(memory.patch(entities))
    return seeing


def numbers_of(module: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(weight.numel() for weight in module.parameters())
