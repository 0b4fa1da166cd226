"""Every random number of a run, keyed by what it is for.

Nothing depends on what was drawn before: a run gives the same result on one process or many, in one batch or several,
and after a resume.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

_MANTISSA = 1 << 52


def _number(*key: object) -> int:
    """64 random bits that depend on the key alone."""
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "little")


def generator(*key: object, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator that depends on the key alone."""
    return torch.Generator(device).manual_seed(_number(*key) >> 1)


def fraction(*key: object) -> float:
    """A uniform number in (0, 1), both ends excluded."""
    return (_number(*key) % _MANTISSA + 0.5) / _MANTISSA


def noise(shape: tuple[int, ...], *key: object) -> Tensor:
    """Normal noise, float32, drawn on the CPU: every device then trains on the same."""
    return torch.randn(shape, generator=generator("noise", *key))


def example_index(seed: int, position: int, count: int) -> int:
    """Which of `count` examples comes at a position of the run; every epoch has an order of its own."""
    epoch, place = divmod(position, count)
    return int(torch.randperm(count, generator=generator("order", seed, epoch))[place])


def weighted_index(seed: int, position: int, weights: Sequence[float]) -> int:
    """Which example comes at a position, each as often as its weight says; of equal weights as `example_index`.

    >>> drawn = [weighted_index(42, position, [1.0, 0.25]) for position in range(1000)]
    >>> drawn.count(1)
    189
    """
    if len(set(weights)) <= 1:
        return example_index(seed, position, len(weights))
    ends = list(accumulate(weights))
    return min(bisect_right(ends, fraction("order", seed, position) * ends[-1]), len(weights) - 1)
