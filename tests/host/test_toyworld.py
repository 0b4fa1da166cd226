"""The toy world's models are the host's: what trains quickly computes what ComfyUI computes."""

import json

import pytest

from lab.toyworld.curves import MADE, read_curves
from lab.toyworld.models import EXPERT
from lab.workshop.comfyui import REPO

from ..warm import Command


@pytest.fixture(scope="module")
def probe(probes) -> dict:
    return probes.ask("toy_probe")


def test_a_whole_clip_at_once_is_the_same_as_the_hosts_chunks(probe):
    assert probe["vae"]["encoded"] < 1e-5
    assert probe["vae"]["decoded"] < 1e-5
    assert probe["vae"]["still"] < 1e-5


def test_text_is_what_the_host_makes_of_it(probe):
    assert probe["text"]["text"] < 1e-5
    assert probe["text"]["padded"] == 0


def test_every_word_of_the_captions_is_known(probe):
    assert probe["text"]["known"]


def test_an_expert_loads_as_it_was_trained(probe):
    """Its number of heads too, which ComfyUI would get wrong without being told."""
    assert probe["expert"]["dim"] == EXPERT["dim"]
    assert probe["expert"]["blocks"] == EXPERT["num_layers"]
    assert probe["expert"]["velocity"] < 1e-3


def test_a_concept_is_learned_kept_and_sampled(probes):
    found = probes.ask("toy_concept_probe")
    for expert in ("high", "low"):
        assert found[f"{expert} kept"]
        assert found[f"{expert} words"] == "vok1 umo1"
    assert found["nothing"]
    assert not found["both"]
    row = found["row"]
    assert (row["concept"], row["method"], row["frame"], row["clips"]) == ("disc_swings", "two_stage", "plate", 2)
    for measure in ("object_identity", "amplitude", "law"):
        assert row[f"{measure}_low"] <= row[measure] <= row[f"{measure}_high"]


def test_entities_are_learned_kept_and_seen(probes):
    found = probes.ask("toy_entity_probe")
    assert found["order"], "an example would be learned with the entities of another"
    for expert in ("high", "low"):
        assert found[f"{expert} again"]
        assert found[f"{expert} kept"]
    for what in ("fresh is the LoRA", "learned is not", "others differ", "again the same"):
        assert found[what], what
    own, others = found["rows"]
    assert (own["way"], own["first"], own["entities"], others["entities"]) == ("entities", "ffgo", "own", "others")
    assert all(len(row[measure]) == 2 for row in (own, others) for measure in ("object_identity", "motion", "place"))
    numbers, both = found["numbers"], found["numbers"] * found["usual"] + found["memory"]
    assert numbers * (found["rank"] - 1) < both <= numbers * found["rank"]


def test_memories_are_learned_kept_and_sampled(probes):
    """Two canvases are two given latents; a shadow is one, and what the frames that are generated are told."""
    found = probes.ask("toy_memory_probe")
    for way, given in (("scene_cast", 2), ("shadow", 1)):
        assert found[way]["kept"]
        assert found[way]["memory"] == [str(given)] * 2
        assert found[way]["told"]["given"] == [1] * given + [0] * (5 - given)
        assert found[way]["told"]["apart"] < 0.02
        assert found[way]["told"]["sampled"] == [0] * given + [1] * (5 - given)
        row = found[way]["row"]
        assert (row["way"], row["subjects"], row["clips"]) == (way, 6, 2)
        for measure in ("object_identity", "scene_identity", "place", "cut_in_time"):
            assert row[f"{measure}_low"] <= row[measure] <= row[f"{measure}_high"]


@pytest.mark.nightly
def test_the_scripts_make_what_is_shipped(host, tmp_path):
    """The first point of each curve, from the shipped start; another processor adds up in another order."""
    probe = Command(REPO, "tests.host.toy_curve_probe", tmp_path, log=tmp_path / "log.txt")
    status, output = probe.finished()
    assert status == 0, output
    again = json.loads(output.splitlines()[-1])
    shipped = {run: points[0]["loss"] for run, points in read_curves(MADE).items()}
    assert again == pytest.approx(shipped, rel=0.02)
