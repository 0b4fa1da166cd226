"""The LoRA loader in the real host: what it does to the weights, and what it says to the user."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

SAME = 1e-5  # relative, of a whole forward pass in fp32
SEEN = 1e-3


@pytest.fixture(scope="module")
def probe(probes) -> dict:
    """What lora_probe.py found out: scenario -> case -> result."""
    found = probes.ask("lora_probe")
    assert "lora key not loaded" not in probes.said()
    return found


def test_weights_of_every_dialect(probe):
    """W + strength * (alpha / rank) * B @ A on both experts, and nothing is skipped."""
    assert len(probe["dialects"]) == 25
    for name, result in probe["dialects"].items():
        assert max(result["high"], result["low"]) < 1e-6, name
        assert result["report"].count(f"{result['modules']} of {result['modules']} modules") == 2, name


def test_stacks(probe):
    stacks = probe["stacks"]
    assert stacks.pop("the LoRAs") > SEEN
    assert {name: value for name, value in stacks.items() if value > SAME} == {}


def test_an_outdated_lora_leaves_nothing_behind(probe):
    outdated = probe["outdated"]
    assert outdated.pop("hooks left") == 0
    assert outdated.pop("copies left") == 0
    assert {name: value for name, value in outdated.items() if value > SAME} == {}


@pytest.mark.parametrize("kind", ["plain fp8", "scaled fp8"])
def test_quantised_experts(probe, kind):
    """Bypass is fp32 arithmetic on the stored weights; merging drifts further than the whole LoRA moves the output."""
    auto, bypass, merge, without = (
        probe["quantised"][f"{kind}, {how}"] for how in ("auto", "bypass", "merge", "without the LoRA")
    )
    assert auto["difference"] == bypass["difference"] < SAME
    assert without["difference"] > SEEN
    assert merge["difference"] > SEEN
    assert "bypass: added beside quantised weights" in auto["report"]
    assert "merged into quantised weights, which rounds them anew" in merge["report"]


def test_gguf_experts(probe):
    assert "bypass: added beside GGUF weights, which stay as they are" in probe["gguf"]["auto"]
    assert "merged into GGUF weights, each time that they are unpacked; nothing is rounded" in probe["gguf"]["merge"]


def test_every_kind_of_patch(probe):
    kinds = probe["kinds"]
    assert kinds.pop("LightX2V's modulation, twice") < 1e-6
    assert kinds.pop("LightX2V's modulation, taken off") == 0
    for name, result in kinds.items():
        assert result["error"] < 1e-6, name
        assert result["effect"] > SEEN, name
        assert result["bypass"] < SAME, name


@pytest.fixture
def loras(host) -> Path:
    return host.base / "models" / "loras"


def graph(
    lora_high="standin_ffgo_high_noise.safetensors", lora_low="standin_ffgo_low_noise.safetensors", **inputs
) -> dict:
    experts = {
        expert: {
            "class_type": "UNETLoader",
            "inputs": {"unet_name": f"standin_{expert}_noise.safetensors", "weight_dtype": "default"},
        }
        for expert in ("high", "low")
    }
    links = {"model_high": ["high", 0], "model_low": ["low", 0], "lora_high": lora_high, "lora_low": lora_low}
    return {
        **experts,
        "loader": {"class_type": "FFGOWanMoELoRALoader", "inputs": {**links, **inputs}},
        "report": {"class_type": "PreviewAny", "inputs": {"source": ["loader", 2]}},
    }


def test_the_report(host):
    outputs = host.run(graph(strength_high=-0.5, strength_low=0))
    assert outputs["loader"]["text"] == [
        "high-noise expert: standin_ffgo_high_noise.safetensors",
        "  names: ComfyUI (diffusion_model.)",
        "  rank 8, alpha 8; 20 of 20 modules",
        "  strength -0.5, merged into unquantised weights",
        "  made for: high (certain: its metadata says ffgo.expert = high)",
        "low-noise expert: strength 0, left as it is",
    ]
    assert outputs["report"]["text"] == ["\n".join(outputs["loader"]["text"])]
    high, low = outputs["loader"]["ffgo_report"]
    assert {name: high[name] for name in ("expert", "file", "rank", "modules", "strength", "made_for")} == {
        "expert": "high",
        "file": "standin_ffgo_high_noise.safetensors",
        "rank": "8",
        "modules": "20 of 20",
        "strength": "-0.5",
        "made_for": "high",
    }
    assert low == {"expert": "low", "strength": "0", "applied": "left as it is"}


def test_a_chain_on_fp8_experts(host):
    prompt = graph()
    prompt["high"]["inputs"]["weight_dtype"] = "fp8_e4m3fn"
    prompt["second"] = graph("standin_distill_high_noise.safetensors", "standin_distill_low_noise.safetensors")[
        "loader"
    ]
    prompt["second"]["inputs"].update(model_high=["loader", 0], model_low=["loader", 1], apply="merge")
    prompt["show"] = {"class_type": "PreviewAny", "inputs": {"source": ["second", 2]}}
    outputs = host.run(prompt)
    assert "bypass" in outputs["loader"]["text"][3]
    assert "merged into unquantised weights" in outputs["loader"]["text"][8]
    assert "merged into quantised weights" in outputs["second"]["text"][3]


def test_swapped_files_are_an_error_that_names_both_slots(host):
    with pytest.raises(Exception, match="exchange lora_high and lora_low") as error:
        host.run(graph("standin_ffgo_low_noise.safetensors", "standin_ffgo_high_noise.safetensors"))
    assert "lora_high holds 'standin_ffgo_low_noise.safetensors'" in str(error.value)
    assert "lora_low holds 'standin_ffgo_high_noise.safetensors'" in str(error.value)


def test_a_name_that_contradicts_its_slot_is_a_warning(host, loras):
    save_file(load_file(loras / "standin_ffgo_low_noise.safetensors"), loras / "untagged_low_noise.safetensors")
    host.run(graph("untagged_low_noise.safetensors"))
    assert "lora_high holds 'untagged_low_noise.safetensors', a LoRA for the low-noise expert: its name" in host.log()


@pytest.mark.parametrize("memory", [1, 2])
def test_a_lora_of_another_memory_is_a_warning(host, loras, memory):
    name = f"{memory}_used_of_two_canvases.safetensors"
    metadata = {"ffgo.expert": "high", "ffgo.memory": "2"}
    save_file(load_file(loras / "standin_ffgo_high_noise.safetensors"), loras / name, metadata)
    host.run(graph(name, memory=memory))
    warning = f"'{name}' was trained with 2 composed canvas(es), and memory is {memory}"
    assert (warning in host.log()) == (memory == 1)


def test_swapped_experts_are_a_warning(host):
    prompt = graph()
    prompt["loader"]["inputs"].update(model_high=["low", 0], model_low=["high", 0])
    host.run(prompt)
    assert "model_high comes from 'standin_low_noise.safetensors'" in host.log()


def test_the_users_own_list_of_known_files(host, loras):
    save_file(load_file(loras / "standin_ffgo_low_noise.safetensors"), loras / "mystery.safetensors")
    content = (loras / "mystery.safetensors").read_bytes()
    entry = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "expert": "low",
        "name": "Mystery",
        "source": "me",
    }
    users_list = host.base / "user" / "__ffgo" / "known_loras.json"
    users_list.parent.mkdir(parents=True, exist_ok=True)
    users_list.write_text(json.dumps([entry]))
    try:
        with pytest.raises(Exception, match="it is the known file Mystery from me"):
            host.run(graph("mystery.safetensors"))
    finally:
        users_list.unlink()


def test_a_file_written_anew_is_seen(host, loras):
    path, tensors = loras / "changing_high.safetensors", load_file(loras / "standin_ffgo_high_noise.safetensors")
    save_file(tensors, path)
    assert "alpha 8;" in host.run(graph(path.name))["report"]["text"][0]
    written = path.stat().st_mtime_ns
    save_file({key: torch.tensor(2.0) if key.endswith("alpha") else tensor for key, tensor in tensors.items()}, path)
    os.utime(path, ns=(written + 10**9, written + 10**9))
    assert "alpha 2;" in host.run(graph(path.name))["report"]["text"][0]


BAD = {
    "truncated.safetensors": "'truncated.safetensors' is cut off or damaged",
    "page.safetensors": "'page.safetensors' is not a safetensors file",
    "flux.safetensors": "looks like a Flux",
    "wide.safetensors": "makes 3072x3072 where the expert has 256x256.*Wan2.2 5B",
    "half.safetensors": "has lora_up.weight but no lora_down.weight",
}


@pytest.fixture
def bad_files(loras):
    good = (loras / "standin_ffgo_high_noise.safetensors").read_bytes()
    (loras / "truncated.safetensors").write_bytes(good[: len(good) // 2])
    (loras / "page.safetensors").write_text("<!DOCTYPE html><html><body>401 Unauthorized</body></html>")
    up, down = torch.ones(3072, 2), torch.ones(2, 3072)
    flux, wide = "lora_unet_double_blocks_0_img_attn_proj", "blocks.0.self_attn.q"
    save_file({f"{flux}.lora_up.weight": up, f"{flux}.lora_down.weight": down}, loras / "flux.safetensors")
    save_file({f"{wide}.lora_up.weight": up, f"{wide}.lora_down.weight": down}, loras / "wide.safetensors")
    save_file({f"{wide}.lora_up.weight": torch.ones(256, 2)}, loras / "half.safetensors")


@pytest.mark.usefixtures("bad_files")
@pytest.mark.parametrize("slot", ["lora_high", "lora_low"])
@pytest.mark.parametrize(("name", "said"), BAD.items())
def test_bad_files(host, name, said, slot):
    with pytest.raises(Exception, match=rf"(?s){said}"):
        host.run(graph(**{slot: name}))


def test_an_expert_that_is_no_wan_model(probe):
    assert probe["refusals"]["another model"] == (
        "model_high is not a Wan model (Linear). Connect the Load Diffusion Model of a Wan2.2 expert."
    )


def test_loose_loading_says_what_it_left_out(host, loras):
    tensors = load_file(loras / "standin_ffgo_high_noise.safetensors")
    tensors["diffusion_model.blocks.0.cross_attn.k_img.lora_A.weight"] = torch.ones(8, 256)
    tensors["diffusion_model.blocks.0.cross_attn.k_img.lora_B.weight"] = torch.ones(256, 8)
    save_file(tensors, loras / "wan21_high.safetensors")
    with pytest.raises(Exception, match=r"20 of its 21 modules fit.*'strict' off"):
        host.run(graph("wan21_high.safetensors"))
    assert "20 of 21 modules" in host.run(graph("wan21_high.safetensors", strict=False))["report"]["text"][0]
    assert "k_img.lora_A.weight' names nothing in this expert" in host.log()


def test_strengths_are_bounded(host):
    with pytest.raises(Exception, match="bigger than max"):
        host.run(graph(strength_high=21.0))


def test_defaults(host):
    inputs = host.get("/object_info/FFGOWanMoELoRALoader")["FFGOWanMoELoRALoader"]["input"]
    assert list(inputs["required"]) == ["model_high", "model_low", "lora_high", "lora_low"]
    defaults = {"strength_high": 1.0, "strength_low": 1.0, "strict": True, "apply": "auto"}
    assert {name: inputs["optional"][name][1]["default"] for name in defaults} == defaults
