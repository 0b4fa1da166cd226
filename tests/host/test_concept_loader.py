"""The concept loader in the real host: two halves with two strengths, and what it refuses."""

import pytest

CLOSE = 2e-6


@pytest.fixture(scope="module")
def probe(probes) -> dict:
    """What concept_probe.py found out."""
    return probes.ask("concept_probe")


def test_the_loader_equals_two_loras_and_the_merged_file(probe):
    ways = probe["ways"]
    assert ways.pop("the concept") > 0.1
    assert ways.pop("nothing") == 0, "to the bit"
    assert {name: value for name, value in ways.items() if value > CLOSE} == {}
    assert probe["words"] == "sks1 mvt1"
    assert probe["listed"] == ["cat", "dog"]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("foreign", "'dog_motion_high.safetensors' is the motion half of a concept whose basis is"),
        ("swapped", "The two files are swapped"),
        ("missing", "fox_identity_high.safetensors is in no loras folder"),
        ("mixed", "was learned on another identity half than"),
        ("changed", "was changed after it was trained: its A has the hash"),
    ],
)
def test_what_is_refused(probe, what, says):
    assert says in probe["refusals"][what]


def test_a_motion_half_by_itself_is_a_warning(probe):
    assert "is the motion half of a concept, by itself" in probe["alone"]
    assert "by itself" not in probe["on its own"]
