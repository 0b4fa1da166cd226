"""What a run needs of the card's memory, counted by hand."""

from dataclasses import replace

import pytest

from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.errors import FFGOError
from ffgo.host.loading import ExpertShape
from ffgo.training.memory import MemoryPlan, plan_memory
from ffgo.training.recipe import Recipe
from ffgo.training.stage import held_matrices

SMALL = ExpertShape(WAN22_I2V_A14B, dim=10, blocks=3, base_bytes=1000, activation_bytes=2)
A14B = replace(SMALL, dim=5120, blocks=40, base_bytes=28_600_000_000)


def plan(*shapes: tuple[int, int, int], **recipe) -> MemoryPlan:
    return plan_memory(SMALL, shapes or [(5, 4, 6)], Recipe(**recipe), parameters=100)


def test_every_part():
    """5 x 2 x 3 tokens of 10 numbers of 2 bytes are 600 bytes."""
    found = plan()
    assert (found.clip, found.weights) == ((17, 32, 48), 1000)
    assert found.lora == 100 * (4 + 4)  # weights and gradients
    assert found.optimizer == 100 * (4 + 4)  # AdamW's two moments
    assert (found.block_inputs, found.block, found.host_block_inputs) == (3 * 600, 24 * 600, 0)
    assert found.besides_base == 800 + 800 + 1800 + 14_400 + 1_500_000_000
    assert found.total == found.besides_base + 1000


@pytest.mark.parametrize(
    ("recipe", "changed"),
    [
        ({"optimizer": "adamw8bit"}, {"optimizer": 100 * (1 + 1)}),
        ({"batch_size": 2}, {"block_inputs": 2 * 1800, "block": 2 * 14_400}),
        ({"accumulation": 9, "rank": 8}, {}),
        ({"offload_block_inputs": True}, {"block_inputs": 0, "host_block_inputs": 1800}),
        ({"checkpointing": "none"}, {"block_inputs": 0, "block": 3 * 14_400}),
        ({"checkpointing": "none", "offload_block_inputs": True}, {"block_inputs": 0, "block": 3 * 14_400}),
    ],
)
def test_what_a_recipe_changes(recipe, changed):
    assert plan(**recipe) == replace(plan(), **changed)


def test_what_is_held_and_not_trained_counts():
    """Of the motion of a concept: A and the first B, and what is dropped of the second one."""
    assert plan_memory(SMALL, [(5, 4, 6)], Recipe(), 100, held=30) == replace(plan(), lora=100 * 8 + 30 * 4)
    assert held_matrices(Recipe()) == []
    assert held_matrices(Recipe(freeze="A")) == ["A"]
    assert sorted(held_matrices(Recipe(start_lora="a", second_b=True, b_dropout=0.5))) == ["A", "B", "B"]


def test_the_largest_latents_count_and_patches_cover_odd_sides():
    assert plan((9, 2, 2), (5, 4, 6), (1, 2, 2)) == plan()
    assert plan((1, 3, 5)).block_inputs == 3 * (2 * 3) * 10 * 2


def test_what_fits():
    """To the byte: all of it, the expert partly in main memory, and not at all."""
    found = plan()
    assert found.check(found.total) == []
    (note,) = found.check(found.total - 1)
    assert note.startswith("0.0 GB of the expert's weights stay in main memory")
    assert found.check(found.besides_base) == [note]
    with pytest.raises(FFGOError, match=r"even without the expert 1\.5 GB of the card's 1\.5 GB"):
        found.check(found.besides_base - 1)


def test_the_arithmetic_in_words():
    """21 x 48 x 84 tokens, 5120 numbers of 2 bytes each: .87 GB, 40 times and 24 times."""
    whole = plan_memory(A14B, [(21, 96, 168)], Recipe(), parameters=1000)
    assert whole.lines == [
        "Memory for 1344x768, 81 frames: expert 28.6 + block inputs 34.7 + activations 20.8 + overhead 1.5 = 85.6 GB"
    ]
    (line,) = plan_memory(A14B, [(21, 96, 168)], Recipe(offload_block_inputs=True), parameters=1000).lines
    assert line.endswith("overhead 1.5 = 50.9 GB; 34.7 GB of block inputs in main memory")
