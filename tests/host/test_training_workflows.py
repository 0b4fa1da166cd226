"""The dataset and training workflows, as they ship, on the real host with the untrained stand-ins."""

import json
from pathlib import Path

import pytest
from safetensors import safe_open

API = Path(__file__).parents[2] / "workflows" / "api"
SMALL = {
    "High noise expert": {"unet_name": "standin_high_noise.safetensors"},
    "Low noise expert": {"unet_name": "standin_low_noise.safetensors"},
    "Text encoder": {"clip_name": "standin_umt5.safetensors"},
    "VAE": {"vae_name": "standin_vae.safetensors"},
    "Encode": {"width": 160, "height": 96, "frames": 9},
    "Recipe": {"value": "steps = 4\nrank = 4\nsave_every = 2\npreview_every = 2\npreview_steps = 1\naccumulation = 2"},
    "Canvas": {"width": 160, "height": 96},
    "First frame": {"length": 9},
    "Expert switch": {"steps": 4},
}


def workflow(name, settings):
    """A shipped workflow in API format, with inputs set by the titles of those of its nodes that are named."""
    prompt = json.loads((API / f"{name}.json").read_text())
    by_title = {node["_meta"]["title"]: node for node in prompt.values()}
    for title in settings.keys() & by_title.keys():
        by_title[title]["inputs"].update(settings[title])
    return prompt


def of(run, title):
    prompt, outputs = run
    (node_id,) = [node_id for node_id, node in prompt.items() if node["_meta"]["title"] == title]
    return outputs.get(node_id)


@pytest.fixture(scope="module")
def dataset(host):
    """The demo's two examples, made by the shipped workflow; returns what it showed."""
    settings = {
        "Export": {"width": 160, "height": 96, "frames": 9},
        **{f"Example {i}": {"name": "demo"} for i in (1, 2)},
    }
    prompt = workflow("FFGo build dataset", settings)
    return prompt, host.run(prompt)


@pytest.fixture(scope="module")
def trained(host, dataset):
    settings = SMALL | {"Examples": {"folder": "demo"}, "Run name": {"value": "flow"}}
    prompt = workflow("FFGo train LoRA", settings)
    return prompt, host.run(prompt)


def test_the_dataset_lies_in_the_official_format(host, dataset):
    folder = host.base / "output/datasets/demo"
    records = json.loads((folder / "train_data.json").read_text())
    assert len(records) == 2
    for record in records:
        assert record["text"].startswith("ad23r2 the camera view suddenly changes.")
        assert (folder / record["file_path"]).is_file()
        assert (folder / record["image_path"]).is_file()
    assert of(dataset, "Look at the examples")["images"]


def test_the_test_clip_is_made_with_what_was_trained(host, trained):
    loras = {f"lora_{expert}": f"flow_{expert}.safetensors" for expert in ("high", "low")}
    prompt = workflow("FFGo test clip", SMALL | {"FFGo LoRA": loras})
    assert of((prompt, host.run(prompt)), "Save video")["images"]


def test_training_ends_with_two_files(host, trained):
    for expert in ("high", "low"):
        with safe_open(host.base / f"output/loras/flow_{expert}.safetensors", framework="pt") as file:
            assert file.metadata()["ffgo.expert"] == expert
            assert file.metadata()["ffgo.steps"] == "4"
        assert of(trained, f"Train {expert} noise")["images"]  # the curve


def loaded(high, low):
    """Both files through our loader and then through the stock one, used by a node that needs the patched model."""
    stock = {"class_type": "LoraLoaderModelOnly"}
    return {
        "1": {"class_type": "UNETLoader", "inputs": SMALL["High noise expert"] | {"weight_dtype": "default"}},
        "2": {"class_type": "UNETLoader", "inputs": SMALL["Low noise expert"] | {"weight_dtype": "default"}},
        "3": {
            "class_type": "FFGOWanMoELoRALoader",
            "inputs": {"model_high": ["1", 0], "model_low": ["2", 0], "lora_high": high, "lora_low": low},
        },
        "4": stock | {"inputs": {"model": ["3", 0], "lora_name": high, "strength_model": 1}},
        "5": stock | {"inputs": {"model": ["3", 1], "lora_name": low, "strength_model": 1}},
        "6": {"class_type": "PreviewAny", "inputs": {"source": ["3", 2]}},
        "7": {"class_type": "FFGOWanExpertSwitch", "inputs": {"model": ["4", 0], "steps": 8}},
        "8": {"class_type": "FFGOWanExpertSwitch", "inputs": {"model": ["5", 0], "steps": 9}},
        "9": {"class_type": "PreviewAny", "inputs": {"source": ["7", 0]}},
        "10": {"class_type": "PreviewAny", "inputs": {"source": ["8", 0]}},
    }


def test_the_files_load_through_our_loader_and_the_stock_one(host, trained):
    seen = len(host.log())
    (report,) = host.run(loaded("flow_high.safetensors", "flow_low.safetensors"))["6"]["text"]
    assert "not loaded" not in host.log()[seen:]
    assert "high" in report
    assert "low" in report


def test_a_swapped_pair_is_refused(host, trained):
    with pytest.raises(Exception, match="swapped"):
        host.run(loaded("flow_low.safetensors", "flow_high.safetensors"))


def test_another_recipe_under_the_same_name_is_refused_with_the_difference(host, trained):
    other = SMALL | {
        "Examples": {"folder": "demo"},
        "Run name": {"value": "flow"},
        "Recipe": {"value": SMALL["Recipe"]["value"].replace("rank = 4", "rank = 8")},
    }
    with pytest.raises(Exception, match="rank: 4 before, 8 now"):
        host.run(workflow("FFGo train LoRA", other))


@pytest.mark.parametrize(
    ("what", "value", "said"),
    [
        ("Run name", "/", "The name of the run is '/', which holds a slash"),
        ("Run name", "CON", "which is a device of Windows"),
        ("Recipe", "start_lora = '/etc/passwd'", "start_lora is '/etc/passwd'; on this node it must be the name of"),
        ("Recipe", "start_lora = '/etc/none'", "start_lora is '/etc/none'; on this node it must be the name of"),
    ],
)
def test_names_lead_nowhere_else(host, trained, what, value, said):
    other = SMALL | {"Examples": {"folder": "demo"}, "Run name": {"value": "flow"}, what: {"value": value}}
    with pytest.raises(Exception, match=said):
        host.run(workflow("FFGo train LoRA", other))


def test_cancel_saves_and_the_same_node_goes_on(host, dataset):
    long = SMALL["Recipe"] | {"value": "steps = 100000\nrank = 4\naccumulation = 1\nsave_every = 100000"}
    settings = SMALL | {"Examples": {"folder": "demo"}, "Run name": {"value": "cancelled"}, "Recipe": long}
    prompt = workflow("FFGo train LoRA", settings)
    only = {n: node for n, node in prompt.items() if node["_meta"]["title"] in TRAINING_HIGH}
    (trainer,) = [node_id for node_id, node in only.items() if node["class_type"] == "FFGOTrainExpertLoRA"]
    host.cancel_in_the_middle(only, trainer)
    (state,) = (host.base / "output/ffgo_training/cancelled/high").glob("*.state.safetensors")
    steps = int(state.name.split("_")[1].split(".")[0])
    assert steps > 0
    by_title = {node["_meta"]["title"]: node for node in only.values()}
    by_title["Recipe"]["inputs"]["value"] = long["value"].replace("100000", str(steps + 2))
    host.run(only)
    with safe_open(host.base / "output/loras/cancelled_high.safetensors", framework="pt") as file:
        assert file.metadata()["ffgo.steps"] == str(steps + 2)


TRAINING_HIGH = (
    "Examples", "Encode", "VAE", "Text encoder", "High noise expert", "Run name", "Recipe", "Train high noise"
)  # fmt: skip
