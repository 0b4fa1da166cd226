"""The numbers that the toy world computes in: of sixteen bits, where the processor has them."""

import torch


def _bfloat16_is_fast() -> bool:
    """Whether the processor multiplies in bfloat16. Others imitate it: 16 times slower than float32 in products of
    matrices, 150 times in convolutions (AMD with AVX2)."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


FAST = _bfloat16_is_fast()
NUMBERS = torch.bfloat16 if FAST else torch.float32


def mixed_precision() -> torch.autocast:
    """For `with` or as a decorator: products and convolutions are computed in NUMBERS."""
    return torch.autocast("cpu", torch.bfloat16, enabled=FAST)
