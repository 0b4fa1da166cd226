"""Each base that has one model, on small networks in the host's own architectures."""

import pytest

BASES = ("wan2.2-ti2v-5b", "hunyuan-1.5-i2v", "wan2.1-i2v")
TITLES = ("Wan2.2 TI2V-5B", "Hunyuan Video 1.5 I2V", "Wan2.1 I2V 14B")
A14B = "Wan2.2 I2V-A14B"


@pytest.fixture(scope="module")
def probe(probes) -> dict:
    """What base_probe.py found out."""
    found = probes.ask("base_probe")
    assert "not loaded" not in probes.said()  # the host's words for a LoRA's key that matches nothing
    return found


@pytest.mark.parametrize("base", BASES)
def test_it_is_recognised_and_all_its_layers_are_trained(probe, base):
    found = probe["ways"][base]
    assert found["recognised"] == base
    assert found["words"] == "2 blocks of 256"
    # Every matrix of every layer has a gradient, but for those of Hunyuan's last block that nothing comes after.
    last = [f"double_blocks.1.{layer}.{part}" for part in "AB" for layer in ("txt_attn.proj", "txt_mlp.0", "txt_mlp.2")]
    assert found["idle"] == (last if base == "hunyuan-1.5-i2v" else [])


@pytest.mark.parametrize("base", BASES)
def test_checkpointed_blocks_change_nothing(probe, base):
    assert (probe["ways"][base]["loss"], probe["ways"][base]["gradients"]) == (0, 0)


def test_a_clamp_has_time_0_at_the_first_latent_and_the_others_one_time(probe):
    assert probe["ways"]["wan2.2-ti2v-5b"]["times"] == [0, 300, 300, 0, 700, 700]
    assert probe["ways"]["hunyuan-1.5-i2v"]["times"] == [300, 700]
    assert probe["ways"]["wan2.1-i2v"]["times"] == [300, 700]


def test_the_network_is_told_as_the_host_tells_it(probe):
    """Wan2.1's condition is that of A14B, which test_dataset_nodes.py compares."""
    assert probe["told"] == {
        "wan2.2-ti2v-5b": {"inputs": True, "times": True},
        "hunyuan-1.5-i2v": {"condition": True, "one frame": True},
    }


def test_the_losses_of_ti2v_and_hunyuan_are_those_of_diffusers(probe):
    assert probe["oracle"] < 1e-5
    assert probe["hunyuan"] < 1e-5


@pytest.mark.parametrize(("base", "layers", "shift"), [(BASES[0], 20, 8), (BASES[1], 16, 7), (BASES[2], 24, 8)])
def test_a_trained_lora_in_the_loaders(probe, base, layers, shift):
    """Zero unmatched keys, and it moves the output as the training forward did."""
    found = probe["trained"][base]
    idle = 3 if base == "hunyuan-1.5-i2v" else 0  # layers of its last block's text, whose B stays zero
    assert (found["layers"], found["loaded"], found["shift"]) == (layers, layers - idle, shift)
    assert found["losses"][-1] < found["losses"][0]
    assert found["without"] > 0.05
    assert found["stock"] < 1e-6
    assert found["ours"] < 1e-6
    metadata = found["metadata"]
    assert (metadata["ffgo.base"], metadata["ffgo.expert"], metadata["ffgo.expert_check"]) == (base, "only", "weights")
    assert "ffgo.boundary" not in metadata  # there is none


@pytest.mark.parametrize(("base", "other"), [(one, two) for one in TITLES for two in (*TITLES, A14B) if one != two])
@pytest.mark.parametrize("does", ["trains", "loads"])
def test_what_is_of_another_base_is_refused_and_both_are_named(probe, base, other, does):
    """Nothing is trained or put on: each is said before anything else is done."""
    said = probe["pairs"][f"{base} {does} {other}"]
    assert base in said
    assert other in said


@pytest.mark.parametrize("title", TITLES)
def test_the_pair_refuses_what_is_none_of_it(probe, title):
    for does in ("trains", "loads"):
        said = probe["pairs"][f"{A14B} {does} {title}"]
        assert title in said
        assert A14B in said
    said = probe["pairs"][f"{title} in the pair's loader"]
    assert title in said or "is not a Wan model (HunyuanVideo15)" in said
    assert A14B in said or "Wan2.2 expert" in said
    assert f"one of the two experts of {A14B}" in probe["pairs"]["an expert of the pair in the other loader"]
