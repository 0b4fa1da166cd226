"""LoRA files in the real host: what is said of hostile ones, and that each layer's patch reaches the output."""

import pytest

LAYERS = [f"{attention}.{p}" for attention in ("self_attn", "cross_attn") for p in "qkvo"] + ["ffn.0", "ffn.2"]
# Files that are loaded, with the modules that they change; all others are refused.
LOADED = {
    "adapter with a space": 1, "alpha 0": 1, "alpha in one row": 2, "alpha negative": 2, "alpha whole": 2,
    "as a convolution": 2, "bias of zeros": 2, "boft": 1, "boft with rescale": 1, "boft without alpha": 1,
    "both experts": 1, "compiled": 1, "compiled blocks": 1, "compiled kohya": 1, "compiled, of many processes": 1,
    "core": 2, "diff of zeros": 1, "dora": 2, "dora of inputs": 2, "double": 2, "everything zero": 0, "fp8": 2,
    "glora": 1, "glora of old": 1, "glora of zeros": 1, "good": 1, "kernel flat": 2, "kernel of 2d": 2, "loha": 2,
    "loha as a convolution": 2, "loha of zeros": 1, "loha with cores": 2, "lokr": 2, "lokr alpha 0": 2,
    "lokr as a convolution": 2, "lokr of low ranks": 2, "lokr of zeros": 1, "lokr on a kernel": 2,
    "of many processes": 1, "oft": 1, "oft that turns nothing": 1, "oft with a limit": 1,
    "rank_pattern, in metadata": 1, "replacement alone": 1, "reshape to the same": 2, "tiny": 1, "up all zero": 1,
    "zero together": 1,
}  # fmt: skip
# Of those that are refused while strict, the ones whose other modules are applied all the same when it is off.
LOOSE = {
    "alpha of four", "bias of another shape", "core of another rank", "core with a kernel", "diff of another shape",
    "dora of 7", "factors exchanged", "glora misfit", "kernel on a linear", "kernel turned", "loha misfit",
    "lokr misfit", "other rank", "rank 0", "replacement of another shape", "reshape", "reshape in floats",
    "text encoder beside", "up in one row", "up without dimensions", "with a space",
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile(probes) -> dict[str, dict]:
    return probes.ask("lora_hostile_probe")


@pytest.fixture(scope="module")
def layers(probes) -> dict[str, dict]:
    return probes.ask("lora_layers_probe")


def test_a_report_counts_the_modules_whose_weights_it_changed(hostile):
    assert len(hostile) == 124
    for name, ways in hostile.items():
        for way, result in ways.items():
            assert "error" in result or result["counted"] == result["changed"], (name, way, result)


def test_what_is_loaded_is_what_was_meant(hostile):
    """Against arithmetic where the probe has it, and beside the layers as merged."""
    loaded = [ways for ways in hostile.values() if "counted" in ways["strict merge"]]
    assert max(ways["strict merge"]["wrong"] for ways in loaded) < 1e-6
    assert max(ways["strict bypass"]["apart"] for ways in loaded) < 1e-5


def test_what_is_refused_is_refused_in_words(hostile):
    for name, ways in hostile.items():
        for way, result in ways.items():
            assert result.get("kind", "ffgo") == "ffgo", (name, way, result)


def test_what_is_refused_and_what_is_loaded(hostile):
    loaded = {
        name: ways["strict merge"]["counted"] for name, ways in hostile.items() if "counted" in ways["strict merge"]
    }
    assert loaded == LOADED
    assert {name for name, ways in hostile.items() if "counted" in ways["loose merge"]} == {*LOADED, *LOOSE}
    assert {name for name, ways in hostile.items() if "counted" in ways["strict bypass"]} == set(LOADED)


@pytest.mark.parametrize("kind", ["plain fp8", "scaled fp8", "int8", "int8 turned"])
def test_a_lora_on_one_layer_alone_moves_the_output(layers, kind):
    moved = layers["layers"][kind]
    assert list(moved) == LAYERS
    assert {way for ways in moved.values() for way in ways} == {"auto", "merge", "bypass"}
    wrong = {name: ways for name, ways in moved.items() if not all(0.5 <= share <= 2 for share in ways.values())}
    assert wrong == {}


def test_a_layer_that_the_host_folds_into_another_is_called_all_the_same(layers):
    folded = layers["folded"]
    assert folded.pop("the LoRAs") > 1e-3
    assert folded.pop("changed chains left") == 0
    assert {name: value for name, value in folded.items() if value > 1e-5} == {}


def test_a_run_that_never_called_a_layer_of_a_lora_is_an_error(layers):
    uncalled = layers["uncalled"]
    assert uncalled["called"] == uncalled["called again"] > 1e-3
    assert (
        "without calling 1 of the 2 layers that 'uncalled.safetensors' lies beside: blocks.1.ffn.2."
        in uncalled["left out"]
    )
