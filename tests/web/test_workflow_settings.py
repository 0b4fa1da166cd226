# ruff: noqa: RUF001 (the negative prompt is Chinese)
"""What the shipped workflows set, read off their files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .conftest import MODEL_FOLDERS, all_nodes

WORKFLOWS = Path(__file__).parents[2] / "workflows"
MAIN, FAST = "FFGo image to video", "FFGo image to video (8 steps)"
TRAIN, TEST = "FFGo train LoRA", "FFGo test clip"
LEARN, CONCEPT = "FFGo learn a concept", "FFGo image to video, concept"
CAST, CHECK, PICK = "FFGo cast", "FFGo check and re-roll", "FFGo pick the best seed"
ALL = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
# The long negative prompt of the official single_predict.py.
OFFICIAL_NEGATIVE = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，"
    "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，"
    "杂乱的背景，三条腿，背景人很多，倒着走"
)
OFFICIAL = {
    ("Canvas", "width"): 1280,
    ("Canvas", "height"): 720,
    ("Canvas", "preset"): "custom",
    ("Canvas", "layout"): "published",
    ("Canvas", "background_fit"): "keep_aspect",
    ("Canvas", "max_upscale"): 1,
    ("Canvas", "gap"): 0,
    ("First frame", "length"): 81,
    ("First frame", "batch_size"): 1,
    ("Expert switch", "steps"): 50,
    ("Expert switch", "scheduler"): "simple",
    ("Expert switch", "boundary"): 0.9,
    ("Shift (high noise)", "shift"): 5,
    ("Shift (low noise)", "shift"): 5,
    ("Sampler", "sampler_name"): "uni_pc",
    ("Guide (high noise)", "cfg"): 6,
    ("Guide (low noise)", "cfg"): 6,
    ("Noise", "noise_seed"): 42,
    ("Negative prompt", "text"): OFFICIAL_NEGATIVE,
    ("High noise expert", "unet_name"): "wan2.2_i2v_high_noise_14B_fp8_scaled.safetensors",
    ("Low noise expert", "unet_name"): "wan2.2_i2v_low_noise_14B_fp8_scaled.safetensors",
    ("Text encoder", "clip_name"): "umt5_xxl_fp8_e4m3fn_scaled.safetensors",
    ("Text encoder", "type"): "wan",
    ("VAE", "vae_name"): "wan_2.1_vae.safetensors",
    ("FFGo LoRA", "lora_high"): "Wan22_FFGO-LoRA-HIGH_bf16.safetensors",
    ("FFGo LoRA", "lora_low"): "Wan22_FFGO-LoRA-LOW_bf16.safetensors",
    ("FFGo LoRA", "strength_high"): 1,
    ("FFGo LoRA", "strength_low"): 1,
    ("FFGo LoRA", "strict"): True,
    ("Trim", "frames"): 4,
    ("Trim", "mode"): "fixed",
    ("Trim", "fps"): 16,
    ("Create video", "fps"): 16,
    ("Save video", "filename_prefix"): "ffgo/video",
}
EIGHT_STEPS = {
    **OFFICIAL,
    ("Expert switch", "steps"): 8,
    ("Sampler", "sampler_name"): "euler",
    ("Guide (high noise)", "cfg"): 1,
    ("Guide (low noise)", "cfg"): 1,
    ("Distillation LoRA", "lora_high"): "wan2.2_i2v_lightx2v_4steps_lora_v1_high_noise.safetensors",
    ("Distillation LoRA", "lora_low"): "wan2.2_i2v_lightx2v_4steps_lora_v1_low_noise.safetensors",
    ("Distillation LoRA", "strength_high"): 0.6,
    ("Distillation LoRA", "strength_low"): 0.6,
}
# From (node, input) to (node, output): what decides which expert sees what.
LINKS = {
    ("Canvas", "background"): ("Background", 0),
    **{("Canvas", f"subjects.subject{i}"): (f"Subject {i + 1}", 0) for i in range(3)},
    ("FFGo LoRA", "model_high"): ("High noise expert", 0),
    ("FFGo LoRA", "model_low"): ("Low noise expert", 0),
    ("Expert switch", "model"): ("Shift (high noise)", 0),
    ("First frame", "start_image"): ("Canvas", 0),
    ("First frame", "width"): ("Canvas size", 0),
    ("First frame", "height"): ("Canvas size", 1),
    ("Positive prompt", "text"): ("Prompt", 0),
    ("First frame", "positive"): ("Positive prompt", 0),
    ("First frame", "negative"): ("Negative prompt", 0),
    ("Guide (high noise)", "model"): ("Shift (high noise)", 0),
    ("Guide (high noise)", "positive"): ("First frame", 0),
    ("Guide (high noise)", "negative"): ("First frame", 1),
    ("Guide (low noise)", "model"): ("Shift (low noise)", 0),
    ("Guide (low noise)", "positive"): ("First frame", 0),
    ("Guide (low noise)", "negative"): ("First frame", 1),
    ("High noise steps", "guider"): ("Guide (high noise)", 0),
    ("High noise steps", "sigmas"): ("Expert switch", 1),
    ("High noise steps", "noise"): ("Noise", 0),
    ("High noise steps", "latent_image"): ("First frame", 2),
    ("Low noise steps", "guider"): ("Guide (low noise)", 0),
    ("Low noise steps", "sigmas"): ("Expert switch", 2),
    ("Low noise steps", "noise"): ("No new noise", 0),
    ("Low noise steps", "latent_image"): ("High noise steps", 0),
    ("Decode", "samples"): ("Low noise steps", 0),
    ("Trim", "images"): ("Decode", 0),
    ("Create video", "images"): ("Trim", 0),
    ("Save video", "video"): ("Create video", 0),
}
TRAINING = {
    ("Examples", "folder"): "my_dataset",
    ("Encode", "width"): 1344,
    ("Encode", "height"): 768,
    ("Encode", "frames"): 81,
    ("Recipe", "value"): "steps = 600\nrank = 128\nlearning_rate = 1e-4\n",
    **{(f"Train {expert} noise", "expert"): expert for expert in ("high", "low")},
    **{(f"Train {expert} noise", "accumulation"): 4 for expert in ("high", "low")},
    **{(f"Train {expert} noise", "seed"): 42 for expert in ("high", "low")},
}
OWN_LORAS = {
    **OFFICIAL,
    ("FFGo LoRA", "lora_high"): "my_ffgo_high.safetensors",
    ("FFGo LoRA", "lora_low"): "my_ffgo_low.safetensors",
}
LEARNING = {
    ("Encode", "frames"): 21,
    ("Encode", "stitch"): 0.25,
    **{(f"Train {expert} noise", "expert"): expert for expert in ("high", "low")},
    **{(f"Train {expert} noise", "model"): (f"{expert.capitalize()} noise expert", 0) for expert in ("high", "low")},
    **{(f"Train {expert} noise", "set"): ("Encode", 0) for expert in ("high", "low")},
    **{(f"Train {expert} noise", "sequence"): ("Encode", 1) for expert in ("high", "low")},
    **{(f"Train {expert} noise", "prior"): ("Prior", 0) for expert in ("high", "low")},
    **{(f"Train {expert} noise", "steps_identity"): 600 for expert in ("high", "low")},
    **{(f"Train {expert} noise", "steps_motion"): 900 for expert in ("high", "low")},
    ("Prior", "model_high"): ("High noise expert", 0),
    ("Prior", "model_low"): ("Low noise expert", 0),
    ("Concept", "mask"): ("Mask", 0),
}
WITH_CONCEPT = {
    **OFFICIAL,
    ("Concept", "concept"): "my_concept",
    ("Concept", "identity"): 1,
    ("Concept", "motion"): 1,
    ("Concept", "model_high"): ("FFGo LoRA", 0),
    ("Concept", "model_low"): ("FFGo LoRA", 1),
    ("Shift (high noise)", "model"): ("Concept", 0),
    ("Shift (low noise)", "model"): ("Concept", 1),
}
WHO = {("Who is where", name): ("Canvas", slot) for slot, name in enumerate(("image", "masks", "layout"))}
CASTING = {
    **WHO,
    ("Load from cast", "cast"): ("Save to cast", 2),
    ("Find in cast", "text"): ("Load from cast", 2),
    ("Canvas", "subjects.subject0"): ("Load from cast", 0),
}
CHECKING = {
    **OFFICIAL,
    **WHO,
    ("Check", "images"): ("Trim", 0),
    ("Check", "entities"): ("Who is where", 0),
    ("Is everybody there?", "switch"): ("Check", 2),
    ("Is everybody there?", "on_true"): ("Trim", 0),
    ("Is everybody there?", "on_false"): ("Trim again", 0),
    ("Check again", "images"): ("Is everybody there?", 0),
    ("Both clips", "inputs.input0"): ("Trim", 0),
    ("Both clips", "inputs.input1"): ("Is everybody there?", 0),
    ("Both scores", "inputs.input0"): ("Check", 1),
    ("Both scores", "inputs.input1"): ("Check again", 1),
    ("Create video", "images"): ("Pick clip", 0),
    ("Trim again", "images"): ("Decode 2", 0),
    ("Trim again", "frames"): 4,
    ("Noise 2", "noise_seed"): 43,
    ("High noise steps 2", "noise"): ("Noise 2", 0),
    ("High noise steps 2", "guider"): ("Guide (high noise)", 0),
    ("High noise steps 2", "sigmas"): ("Expert switch", 1),
    ("High noise steps 2", "latent_image"): ("First frame", 2),
    ("Low noise steps 2", "noise"): ("No new noise 2", 0),
    ("Low noise steps 2", "guider"): ("Guide (low noise)", 0),
    ("Low noise steps 2", "sigmas"): ("Expert switch", 2),
    ("Low noise steps 2", "latent_image"): ("High noise steps 2", 0),
}
PICKING = {
    **EIGHT_STEPS,
    **WHO,
    **{(f"Noise {number}", "noise_seed"): 41 + number for number in (2, 3, 4)},
    **{("Every noise", f"inputs.input{i}"): (f"Noise {i + 1}" if i else "Noise", 0) for i in range(4)},
    ("High noise steps", "noise"): ("Every noise", 0),
    ("Persistence", "images"): ("Trim", 0),
    ("Persistence", "entities"): ("Who is where", 0),
    ("Pick clip", "images"): ("Trim", 0),
    ("Pick clip", "scores"): ("Persistence", 1),
    ("Create video", "images"): ("Pick clip", 0),
    ("Create each video", "images"): ("Trim", 0),
    ("Save each video", "video"): ("Create each video", 0),
}
TRAINING_LINKS = {
    ("Encode", "dataset"): ("Examples", 0),
    **{
        (f"{node} {expert} noise", name): (origin.format(expert=expert), 0)
        for expert in ("high", "low")
        for node, name, origin in (
            ("Train", "dataset", "Encode"),
            ("Train", "name", "Run name"),
            ("Train", "recipe", "Recipe"),
            ("Save", "lora", "Train {expert} noise"),
        )
    },
    ("Train high noise", "model"): ("High noise expert", 0),
    ("Train low noise", "model"): ("Low noise expert", 0),
}
SHIFTED_FROM = {MAIN: "FFGo LoRA", FAST: "Distillation LoRA", TEST: "FFGo LoRA"}


def read_api(name: str) -> dict[str, Any]:
    """Nodes by title, their links by the title of the node that they come from."""
    api = json.loads((WORKFLOWS / "api" / f"{name}.json").read_text())
    titles = {node_id: node["_meta"]["title"] for node_id, node in api.items()}
    nodes = {}
    for node in api.values():
        inputs = {key: (titles[v[0]], v[1]) if isinstance(v, list) else v for key, v in node["inputs"].items()}
        nodes[node["_meta"]["title"]] = {**node, "inputs": inputs}
    assert len(nodes) == len(api), "titles must be unique: the headless client finds nodes by them"
    return nodes


def read_ui(name: str) -> dict[str, Any]:
    return json.loads((WORKFLOWS / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (MAIN, OFFICIAL),
        (FAST, EIGHT_STEPS),
        (TRAIN, TRAINING),
        (TEST, OWN_LORAS),
        (LEARN, LEARNING),
        (CONCEPT, WITH_CONCEPT),
        (CAST, CASTING),
        (CHECK, CHECKING),
        (PICK, PICKING),
    ],
)
def test_settings(name, settings):
    nodes = read_api(name)
    assert {at: nodes[at[0]]["inputs"][at[1]] for at in settings} == settings


@pytest.mark.parametrize("name", [MAIN, FAST])
def test_wiring(name):
    nodes = read_api(name)
    assert {at: nodes[at[0]]["inputs"][at[1]] for at in LINKS} == LINKS
    for number, expert in enumerate(("high", "low")):
        assert nodes[f"Shift ({expert} noise)"]["inputs"]["model"] == (SHIFTED_FROM[name], number)


def test_wiring_of_the_training():
    nodes = read_api(TRAIN)
    assert {at: nodes[at[0]]["inputs"][at[1]] for at in TRAINING_LINKS} == TRAINING_LINKS


def test_wiring_of_the_test_clip():
    nodes = read_api(TEST)
    wanted = {at: source for at, source in LINKS.items() if source[0] in nodes}
    assert LINKS.keys() - wanted.keys() == {("Canvas", "subjects.subject1"), ("Canvas", "subjects.subject2")}
    assert {at: nodes[at[0]]["inputs"][at[1]] for at in wanted} == wanted


def test_wiring_of_the_photo():
    nodes = read_api("FFGo prepare subjects")
    wanted = {
        ("Extract", "image"): ("Photo", 0),
        ("Extract", "elements"): ("Elements", 0),
        ("Extract", "masks"): ("Element masks", 0),
        ("Element masks", "masks.mask0"): ("Element 1", 1),
        ("Element masks", "masks.mask1"): ("Element 2", 1),
        ("Plate", "image"): ("Photo", 0),
        ("Plate", "elements"): ("Elements", 0),
        ("Plate", "mask"): ("With their edges", 0),
        ("Matte", "image"): ("Extract", 0),
        ("Canvas", "background"): ("Plate", 0),
        ("Canvas", "subjects.subject0"): ("Matte", 0),
    }
    assert {at: nodes[at[0]]["inputs"][at[1]] for at in wanted} == wanted
    assert (nodes["Extract"]["inputs"]["mode"], nodes["Plate"]["inputs"]["mode"]) == ("auto", "auto")


@pytest.mark.parametrize("name", ["FFGo factorized video", "FFGo factorized video (local)"])
def test_a_video_that_keeps_its_first_frame(name):
    """The experts as they are, and texts, picture and size of one choice."""
    nodes = read_api(name)
    settings = {
        ("Expert switch", "steps"): 20,
        ("First frame", "length"): 81,
        ("Factorized prompts", "strategy"): "combined",
        ("Factorized prompts", "long_side"): 1280,
        ("Own anchor?", "value"): False,
    }
    links = {
        ("Shift (high noise)", "model"): ("High noise expert", 0),
        ("Shift (low noise)", "model"): ("Low noise expert", 0),
        ("Positive prompt", "text"): ("Factorized prompts", 1),
        ("Negative prompt", "text"): ("Factorized prompts", 2),
        ("First frame", "start_image"): ("Anchor frame", 0),
        ("Anchor frame", "width"): ("Factorized prompts", 3),
        ("Anchor frame", "height"): ("Factorized prompts", 4),
        ("Anchor", "on_true"): ("Own anchor", 0),
        ("Create video", "images"): ("Decode", 0),
    }
    wanted = settings | links
    assert {at: nodes[at[0]]["inputs"][at[1]] for at in wanted} == wanted


def test_the_distillation_lora_follows_the_ffgo_lora():
    inputs = read_api(FAST)["Distillation LoRA"]["inputs"]
    assert (inputs["model_high"], inputs["model_low"]) == (("FFGo LoRA", 0), ("FFGo LoRA", 1))


def test_the_fast_workflow_differs_only_where_it_says():
    main, fast = read_api(MAIN), read_api(FAST)
    assert fast.keys() - main.keys() == {"Distillation LoRA"}
    assert main.keys() <= fast.keys()
    values = {at[0] for at in EIGHT_STEPS if EIGHT_STEPS[at] != OFFICIAL.get(at)} - {"Distillation LoRA"}
    assert {title for title in main if main[title] != fast[title]} == values | {
        "Shift (high noise)",
        "Shift (low noise)",
    }


@pytest.mark.parametrize("name", ALL)
def test_models_can_be_downloaded_from_the_page(name):
    """A link works only if it names the chosen file: the page offers it when the file is missing."""
    links = 0
    for node in all_nodes(read_ui(name)):
        for model in node["properties"].get("models", []):
            links += 1
            assert model["name"] in node["widgets_values"]
            assert model["url"].startswith(("https://huggingface.co/Comfy-Org/", "https://huggingface.co/Kijai/"))
            assert model["url"].endswith(f"/{model['name']}")
            assert f"/{model['directory']}/" in model["url"].lower() or "/sigclip_vision_384/" in model["url"]
    chosen = [
        value
        for node in all_nodes(read_ui(name))
        if node["type"] in MODEL_FOLDERS
        for value in node["widgets_values"]
        if str(value).endswith(".safetensors")
    ]
    own = [value for value in chosen if value.startswith("my_ffgo")]
    assert links == len(chosen) - len(own), "the user's own LoRAs are nowhere to be had"


def test_the_loras_are_offered_under_the_names_that_people_have():
    offered = {
        model["name"]: model["url"]
        for node in all_nodes(read_ui(FAST))
        for model in node["properties"].get("models", [])
    }
    kijai = "https://huggingface.co/Kijai/WanVideo_comfy/resolve/main/LoRAs/Wan22_FFGO"
    for expert in ("high", "low"):
        name = f"Wan22_FFGO-LoRA-{expert.upper()}_bf16.safetensors"
        assert offered[name] == f"{kijai}/{name}"
        distilled = f"wan2.2_i2v_lightx2v_4steps_lora_v1_{expert}_noise.safetensors"
        assert offered[distilled].endswith(f"/split_files/loras/{distilled}")


@pytest.mark.parametrize("name", ALL)
def test_it_needs_no_other_pack(name):
    subgraphs = (
        {one["id"] for one in read_ui(name)["definitions"]["subgraphs"]} if "definitions" in read_ui(name) else set()
    )
    for node in all_nodes(read_ui(name)):
        if node["type"] != "MarkdownNote":
            ours = node["type"].startswith("FFGO") or node["type"] in subgraphs
            assert node["properties"]["cnr_id"] == ("ffgo" if ours else "comfy-core"), node


def test_what_is_shared_is_the_same_everywhere():
    """A subgraph of one name has one inside, also in the node library, but for the files and numbers set in it."""
    found = {}
    for path in [*WORKFLOWS.glob("*.json"), *(WORKFLOWS.parent / "subgraphs").glob("*.json")]:
        for one in json.loads(path.read_text()).get("definitions", {}).get("subgraphs", ()):
            inside = Counter((node.get("title"), node["type"]) for node in one["nodes"])
            assert found.setdefault(one["id"], (one["name"], inside)) == (one["name"], inside)
    names = [name for name, _ in found.values()]
    assert {"Models", "Wan 2.2 sampling"} <= set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", [MAIN, FAST])
def test_the_noise_stays_fixed(name):
    noise = next(node for node in all_nodes(read_ui(name)) if node.get("title") == "Noise")
    assert noise["widgets_values"] == [42, "fixed"]


@pytest.mark.parametrize("name", ALL)
def test_the_note_says_first_what_to_press(name):
    (note,) = [node for node in read_ui(name)["nodes"] if node.get("title") == "Start here"]
    (text,) = note["widgets_values"]
    assert text.startswith("## Press Run")
    assert len(text) < 700


@pytest.mark.parametrize("name", ALL)
def test_groups_are_titled_and_do_not_overlap(name):
    graph = read_ui(name)
    boxes = [group["bounding"] for group in graph["groups"]]
    assert all(not _overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(group["title"] and not group["color"].startswith("#a") for group in graph["groups"])
    for node in graph["nodes"]:
        box = [*node["pos"], *node["size"]]
        inside = [group["title"] for group in graph["groups"] if _overlap(box, group["bounding"])]
        assert len(inside) == bool(boxes), node["title"]


def _overlap(a: list[float], b: list[float]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
