"""LoRA tensors in the host's own dialect."""

import math

import pytest
import torch

from ffgo.errors import FFGOError
from ffgo.lora.saving import Factors, factors_of, lora_tensors

A, B = torch.arange(6.0).view(2, 3), torch.arange(8.0).view(4, 2)


def test_there_and_back():
    tensors = lora_tensors({"blocks.0.ffn.0": Factors(A, B, 16.0)}, "bfloat16")
    assert {key: (tensor.dtype, tuple(tensor.shape)) for key, tensor in tensors.items()} == {
        "diffusion_model.blocks.0.ffn.0.lora_A.weight": (torch.bfloat16, (2, 3)),
        "diffusion_model.blocks.0.ffn.0.lora_B.weight": (torch.bfloat16, (4, 2)),
        "diffusion_model.blocks.0.ffn.0.alpha": (torch.float32, ()),
    }
    (factors,) = factors_of(tensors, "it").values()
    assert torch.equal(factors.a, A)
    assert torch.equal(factors.b, B)
    assert factors.alpha == 16


def test_a_missing_alpha_is_the_rank():
    tensors = lora_tensors({"head.head": Factors(A, B, 16.0)})
    del tensors["diffusion_model.head.head.alpha"]
    assert factors_of(tensors, "it")["head.head"].alpha == 2


LAYER = "diffusion_model.head.head"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lora_A.weight": None}, "it is damaged: head.head has lora_up.weight but no lora_down.weight"),
        ({"lora_B.weight": None}, "has lora_down.weight but no lora_up.weight"),
        ({"lora_A.weight": None, "lora_B.weight": None}, "has alpha but no patch"),
        ({"lora_B.weight": B[:, :1]}, "different rank"),
        ({"lora_B.weight": torch.tensor(1.0)}, "of a single number"),
        ({"lora_A.weight": A[0]}, "of shape 3"),
        ({"lora_A.weight": A[:0], "lora_B.weight": B[:, :0]}, "of shape"),
        ({"alpha": torch.ones(4)}, "alpha of 4 numbers"),
        ({"alpha": torch.tensor(math.nan)}, "NaN or infinite numbers in 'head.head.alpha'"),
        ({"lora_B.weight": B * math.inf}, "NaN or infinite numbers in 'head.head.lora_up.weight'"),
        ({"lora_B.weight": B.to(torch.int8)}, "as int8, which is no number of a LoRA"),
        (
            {"dora_scale": torch.ones(4, 1)},
            "holds no LoRA as this trainer writes them: 'diffusion_model.head.head.dora_scale'",
        ),
    ],
)
def test_a_damaged_lora_to_start_from_is_refused_in_words(changed, said):
    tensors = lora_tensors({"head.head": Factors(A, B, 16.0)}) | {f"{LAYER}.{part}": t for part, t in changed.items()}
    with pytest.raises(FFGOError, match=said):
        factors_of({key: tensor for key, tensor in tensors.items() if tensor is not None}, "it")
