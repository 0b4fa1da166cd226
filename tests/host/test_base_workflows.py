"""The workflows of the bases that have one model, and their training, on the real host with untrained stand-ins."""

import json
from fractions import Fraction

import av
import pytest
from safetensors import safe_open

from ffgo.bases.catalogue import HUNYUAN_15_I2V, WAN21_I2V_14B, WAN22_TI2V_5B, base_called
from lab.workshop.base_demo import FRAMES, HEIGHT, SETTINGS, WIDTH, run_base_demo

from .test_dataset_nodes import make_dataset
from .test_training_workflows import of, workflow

RECIPE = "steps = 2\nrank = 2\nsave_every = 2\npreview_every = 2\npreview_steps = 1\naccumulation = 1"


@pytest.mark.parametrize("base", sorted(SETTINGS))
def test_a_bases_workflow_makes_a_video(host, tmp_path, base):
    """`python dev.py demo --base`: the first four frames are gone, and the rate is the base's."""
    run_base_demo(host.url, tmp_path, base)
    with av.open(str(tmp_path / "video.mp4"), "r") as video:
        stream = video.streams.video[0]
        assert (stream.width, stream.height) == (WIDTH, HEIGHT)
        assert stream.average_rate == Fraction(round(base_called(base).fps))
        assert sum(1 for _ in video.decode(stream)) == FRAMES - 4


@pytest.fixture(scope="module")
def examples(host):
    make_dataset(host.base / "input" / "bases")
    return "bases"


def test_a_lora_is_trained_with_the_shipped_workflow_and_makes_a_clip(host, examples, tmp_path):
    settings = {
        "Examples": {"folder": examples},
        "Model": {"unet_name": "standin_5b.safetensors"},
        "Text encoder": {"clip_name": "standin_umt5.safetensors"},
        "VAE": {"vae_name": "standin_5b_vae.safetensors"},
        "Encode": {"name": "bases_5b", "width": 64, "height": 64, "frames": 9},
        "Recipe": {"value": RECIPE},
        "Train": {"name": "workflow_5b"},
    }
    prompt = workflow("FFGo train LoRA (5B)", settings)
    run = prompt, host.run(prompt)
    assert of(run, "Train")["images"]  # the curve and a preview
    file = host.base / "output/loras/workflow_5b_only.safetensors"
    with safe_open(file, framework="pt") as lora:
        assert lora.metadata()["ffgo.base"] == WAN22_TI2V_5B.id
        assert lora.metadata()["ffgo.shift"] == "8"
    index = json.loads((host.base / "output/encoded_datasets/bases_5b/dataset.json").read_text())
    assert index["base"] == WAN22_TI2V_5B.id
    seen = len(host.log())
    report = host.run({
        "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "standin_5b.safetensors", "weight_dtype": "default"}},
        "2": {"class_type": "FFGOLoRALoader", "inputs": {"model": ["1", 0], "lora": file.name, "memory": 2}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 1]}},
    })["3"]["text"][0]  # fmt: skip
    assert "20 of 20 modules" in report
    assert "not loaded" not in host.log()[seen:]
    assert "was trained with 1 composed canvas(es), and memory is 2" in host.log()[seen:]


def encode_graph(folder: str, **files: str) -> dict:
    """An encoding; files: model, vae, clip and, where the base sees, vision."""
    clip = {"clip_name": files["clip"], "type": "wan"}
    loader = {"class_type": "CLIPLoader", "inputs": clip}
    if files["clip"] == "standin_qwen25.safetensors":
        both = {"clip_name1": files["clip"], "clip_name2": "standin_byt5.safetensors", "type": "hunyuan_video_15"}
        loader = {"class_type": "DualCLIPLoader", "inputs": both}
    vision = {"clip_vision": ["vision", 0]} if "vision" in files else {}
    graph = {
        "model": {"class_type": "UNETLoader", "inputs": {"unet_name": files["model"], "weight_dtype": "default"}},
        "folder": {"class_type": "FFGODatasetFolder", "inputs": {"folder": folder}},
        "vae": {"class_type": "VAELoader", "inputs": {"vae_name": files["vae"]}},
        "clip": loader,
        "encode": {
            "class_type": "FFGOEncodeDataset",
            "inputs": {
                "dataset": ["folder", 0], "vae": ["vae", 0], "clip": ["clip", 0], "name": files["name"],
                "width": 64, "height": 64, "frames": 9, "model": ["model", 0], **vision,
            },
        },
        "end": {"class_type": "PreviewAny", "inputs": {"source": ["encode", 0]}},
    }  # fmt: skip
    if vision:
        graph["vision"] = {"class_type": "CLIPVisionLoader", "inputs": {"clip_name": files["vision"]}}
    return graph


OWN = {
    "5b": ("standin_5b_vae.safetensors", "standin_umt5.safetensors"),
    "hunyuan15": ("standin_hunyuan15_vae.safetensors", "standin_qwen25.safetensors"),
    "wan21": ("standin_vae.safetensors", "standin_umt5.safetensors"),
}
SEES = {"hunyuan15": "standin_hunyuan15_vision.safetensors", "wan21": "standin_wan21_vision.safetensors"}
TITLES = {"5b": WAN22_TI2V_5B.title, "hunyuan15": HUNYUAN_15_I2V.title, "wan21": WAN21_I2V_14B.title}


def files_of(base: str, vae: str = "", clip: str = "") -> dict[str, str]:
    own_vae, own_clip = OWN[base]
    vision = {"vision": SEES[base]} if base in SEES else {}
    return {
        "model": f"standin_{base}.safetensors", "vae": vae or own_vae, "clip": clip or own_clip, "name": f"of_{base}",
        **vision,
    }  # fmt: skip


@pytest.mark.parametrize("base", ["hunyuan15", "wan21"])
def test_a_base_that_sees_is_encoded_and_trained(host, examples, base):
    graph = encode_graph(examples, **files_of(base))
    graph["train"] = {
        "class_type": "FFGOTrainExpertLoRA",
        "inputs": {
            "model": ["model", 0], "dataset": ["encode", 0], "expert": "only", "name": f"seen_{base}", "recipe": RECIPE,
        },
    }  # fmt: skip
    assert f"for {TITLES[base]};" in host.run(graph)["encode"]["text"][0]
    assert (host.base / f"output/loras/seen_{base}_only.safetensors").is_file()


WRONG = [
    *((base, {"vae": OWN[other][0]}) for base in OWN for other in OWN if OWN[base][0] != OWN[other][0]),
    *((base, {"clip": OWN[other][1]}) for base in OWN for other in OWN if OWN[base][1] != OWN[other][1]),
]


@pytest.mark.parametrize(("base", "wrong"), WRONG, ids=str)
def test_the_vae_or_text_encoder_of_another_base_is_refused(host, examples, base, wrong):
    """The message names the base and what was connected; nothing is encoded."""
    (other,) = wrong.values()
    owners = [TITLES[name] for name, own in OWN.items() if other in own] + ["Wan2.2 I2V-A14B"]
    with pytest.raises(Exception, match="needs") as said:
        host.run(encode_graph(examples, **(files_of(base) | {"name": f"wrong_{base}"} | wrong)))
    assert TITLES[base] in str(said.value)
    assert any(f"as that of {owner}" in str(said.value) for owner in owners)
    assert not (host.base / f"output/encoded_datasets/wrong_{base}/dataset.json").exists()


def test_a_size_that_the_base_cannot_have_is_refused_with_the_nearest(host, examples):
    graph = encode_graph(examples, **files_of("5b"))
    graph["encode"]["inputs"]["height"] = 48
    with pytest.raises(
        Exception, match=r"64x48 px is not in steps of 32, as Wan2.2 TI2V-5B needs it. The nearest is 64x(32|64)"
    ):
        host.run(graph)
