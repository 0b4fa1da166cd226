"""The toy world's models are the host's: what trains quickly computes what ComfyUI computes."""

import pytest

from lab.toyworld.models import EXPERT


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
