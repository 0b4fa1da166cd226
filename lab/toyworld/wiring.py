"""How a fresh expert begins: wired to keep the first frame, instead of at random.

Without it an expert of this size spends its first hours on finding out that clips go on as they begin. Wired so, its
very first velocity is that of a still of the first frame, and training goes on to what moves. The numbers of a token
are in three parts: the noised patch, the condition's patch, and what was read of the first frame at the same place.
Two more tell how late the token is, which no Wan expert is told: it only sees how far tokens are apart.
"""

from typing import Any

import torch

PATCH = 63
"""Numbers of a patch: 16 channels of 2 x 2 places, without the last, whose place the mask takes."""
CONDITION, MASK, READ, LATE = 64, 127, 128, 191
"""Where a token's parts begin; the mask and the last number are one each."""
QUICKEST, SLOWEST = (16, 32), 14
"""Of a head's numbers: those that turn quickest with height and width, so that no other place fits, and the one that
turns slowest with time, so that every frame fits. Number 0 turns quickest with time."""
FIRST_MASK = 2.42
"""What the mask is at the first frame, normalized."""


@torch.no_grad()
def wire(expert: Any) -> None:
    """Wire a fresh expert, in place."""
    _wire_ends(expert)
    for block in expert.blocks:
        block.modulation.zero_()
        block.modulation[0, 2] = block.modulation[0, 5] = 0.2  # each block begins as a small step
        block.cross_attn.o.weight.mul_(0.1)
    expert.blocks[0].modulation[0, 2] = 1
    _wire_first_attention(expert.blocks[0].self_attn)
    expert.time_embedding[2].weight.mul_(0.1)
    expert.time_projection[1].weight.mul_(0.3)


def _wire_ends(expert: Any) -> None:
    """Patches go in as they are; noise less what was read comes out: the velocity."""
    into, out = expert.patch_embedding.weight, expert.head.head.weight
    into.zero_()
    out.zero_()
    expert.head.modulation.zero_()
    for channel in range(16):
        for down in range(2):
            for right in range(2):
                number = (down * 2 + right) * 16 + channel
                into[number, channel, 0, down, right] = 1
                out[number, number] = 1
                if number < PATCH:
                    into[CONDITION + number, 20 + channel, 0, down, right] = 1
                    out[number, READ + number] = -1
    into[MASK, 16:20] = 2 / 16


def _wire_first_attention(attention: Any) -> None:
    """Two heads read the condition of the first frame at the token's own place, two how far away in time it is."""
    width = attention.head_dim
    readers, clocks = (0, width), (2 * width, 3 * width)
    attention.o.weight.mul_(0.1)
    attention.norm_q.weight.fill_(2.5)
    attention.norm_k.weight.fill_(2.5)
    for projection in (attention.q, attention.k):
        projection.weight.mul_(0.1)
        for start in readers:
            for turn in QUICKEST:
                projection.bias[start + turn] = 10
    for start in readers:
        _see_first_frame(attention, start + SLOWEST, start + SLOWEST, 20)
    attention.v.weight[: 2 * width] = 0
    attention.o.weight[:, : 2 * width] = 0
    for number in range(PATCH):
        attention.v.weight[number, CONDITION + number] = 1
        attention.o.weight[READ + number, number] = 1 / 1.21
    # How much a head sees of the first frame is then a cosine of the time between, or a sine.
    for start, turned, strength, into in ((clocks[0], 0, 5, LATE), (clocks[1], 1, -5, MASK)):
        _see_first_frame(attention, start + turned, start, strength)
        attention.v.weight[start] = 0
        attention.v.weight[start, MASK] = 1
        attention.o.weight[:, start] = 0
        attention.o.weight[into, start] = 1


def _see_first_frame(attention: Any, query: int, key: int, strength: float) -> None:
    attention.q.bias[query] = strength
    attention.k.weight[key] = 0
    attention.k.weight[key, MASK] = abs(strength) / FIRST_MASK
