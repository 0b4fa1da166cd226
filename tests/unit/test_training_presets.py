"""Presets, and which one a card takes."""

import pytest

from ffgo.errors import FFGOError
from ffgo.training.presets import PRESETS, preset, preset_for
from ffgo.training.recipe import Recipe, parse_toml, with_values


def test_presets():
    assert {preset(name).rank for name in PRESETS} == {128}
    assert preset("80 GB").offload_block_inputs
    with pytest.raises(FFGOError, match="no preset '11 GB'"):
        preset("11 GB")
    assert with_values(preset("80 GB"), parse_toml("steps = 5")) == Recipe(steps=5, offload_block_inputs=True)


@pytest.mark.parametrize(
    ("gigabytes", "name"),
    [(float("inf"), "141 GB"), (139.5, "141 GB"), (127, "80 GB"), (79, "80 GB"), (47.4, "48 GB"), (23.6, "24 GB"),
     (15.6, "16 GB"), (8, "12 GB")],
)  # fmt: skip
def test_a_card_takes_the_largest_preset_that_it_holds(gigabytes, name):
    """Cards have a little less than what they are sold as."""
    assert preset_for(gigabytes * 1e9) == name
