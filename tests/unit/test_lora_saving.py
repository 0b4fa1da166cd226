"""LoRA tensors in the host's own dialect."""

import torch

from ffgo.lora.saving import Factors, factors_of, lora_tensors

A, B = torch.arange(6.0).view(2, 3), torch.arange(8.0).view(4, 2)


def test_there_and_back():
    tensors = lora_tensors({"blocks.0.ffn.0": Factors(A, B, 16.0)}, "bfloat16")
    assert {key: (tensor.dtype, tuple(tensor.shape)) for key, tensor in tensors.items()} == {
        "diffusion_model.blocks.0.ffn.0.lora_A.weight": (torch.bfloat16, (2, 3)),
        "diffusion_model.blocks.0.ffn.0.lora_B.weight": (torch.bfloat16, (4, 2)),
        "diffusion_model.blocks.0.ffn.0.alpha": (torch.float32, ()),
    }
    (factors,) = factors_of(tensors).values()
    assert torch.equal(factors.a, A)
    assert torch.equal(factors.b, B)
    assert factors.alpha == 16


def test_a_missing_alpha_is_the_rank():
    tensors = lora_tensors({"head.head": Factors(A, B, 16.0)})
    del tensors["diffusion_model.head.head.alpha"]
    assert factors_of(tensors)["head.head"].alpha == 2
