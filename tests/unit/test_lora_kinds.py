"""Which weight the tensors of a patch make."""

import pytest
import torch

from ffgo.lora.kinds import UnfitError, check_fit, kinds_in, rank_of

LORA = {"lora_up.weight": (8, 2), "lora_down.weight": (2, 5)}
TUCKER = {"lora_up.weight": (8, 2, 1, 1), "lora_down.weight": (2, 5, 1, 1), "lora_mid.weight": (2, 2, 3, 4)}
LOHA = {"hada_w1_a": (8, 2), "hada_w1_b": (2, 5), "hada_w2_a": (8, 3), "hada_w2_b": (3, 5)}
LOKR = {"lokr_w1": (2, 3), "lokr_w2_a": (4, 2), "lokr_w2_b": (2, 5)}
GLORA = {"a1.weight": (5, 2), "a2.weight": (2, 5), "b1.weight": (8, 2), "b2.weight": (2, 5)}
OLD_GLORA = {"a1.weight": (2, 5), "a2.weight": (5, 2), "b1.weight": (2, 5), "b2.weight": (8, 2)}
OFT = {"oft_blocks": (4, 2, 2)}


@pytest.mark.parametrize(
    ("shapes", "weight", "rank"),
    [
        (LORA, (8, 5), 2),
        (TUCKER, (8, 5, 3, 4), 2),
        (LOHA, (8, 5), 2),
        (LOKR, (2 * 4, 3 * 5), 2),
        (GLORA, (8, 5), 2),
        (OLD_GLORA, (8, 5), 2),
        (OFT, (4 * 2, 99), None),
    ],
)
def test_a_patch_fits_the_weight_that_it_makes_and_no_other(shapes, weight, rank):
    parts = {name: torch.empty(shape) for name, shape in shapes.items()}
    (kind,) = kinds_in(parts)
    check_fit(kind, parts, weight)
    with pytest.raises(UnfitError, match="where the expert has"):
        check_fit(kind, parts, (weight[0] + 1, *weight[1:]))
    if shapes is not OFT:  # which turns the outputs, however many inputs there are
        with pytest.raises(UnfitError, match="where the expert has"):
            check_fit(kind, parts, (*weight[:-1], weight[-1] + 1))
    assert rank_of(parts) == rank
