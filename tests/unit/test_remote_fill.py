"""Filling in a workflow by the names that people use."""

import copy
import json

import pytest

from ffgo.remote.fill import InputSpec, fill
from ffgo.remote.workflow import UsageError, load_workflow


def node(class_type, title, **inputs):
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title}}


CANVAS = {
    "1": node("LoadImage", "Background", image="b.png"),
    "2": node("LoadImage", "Subject 1", image="s1.png"),
    "3": node("JoinImageWithAlpha", "Cut-out 1", image=["2", 0], alpha=["2", 1]),
    "4": node("LoadImage", "Subject 2", image="s2.png"),
    "5": node("JoinImageWithAlpha", "Cut-out 2", image=["4", 0], alpha=["4", 1]),
    "6": node(
        "FFGOComposeCanvas",
        "Canvas",
        **{"background": ["1", 0], "subjects.subject0": ["3", 0], "subjects.subject1": ["5", 0], "width": 1280},
    ),
    "7": node("FFGOTransitionPrompt", "Prompt", prompt="old"),
    "8": node("CLIPTextEncode", "Negative prompt", text="bad"),
    "9": node("RandomNoise", "Noise", noise_seed=1),
    "10": node("SaveImage", "Save", images=["6", 0], filename_prefix="x"),
}

EXPERTS = {
    "1": node("UNETLoader", "Wan2.2 high expert", unet_name="a", weight_dtype="default"),
    "2": node("UNETLoader", "Low", unet_name="b", weight_dtype="default"),
    "3": node("KSamplerAdvanced", "Sampler", model=["1", 0], noise_seed=3, add_noise="enable", cfg=6, fast=True),
    "4": node("KSamplerAdvanced", "Sampler", model=["2", 0], noise_seed=0, add_noise="disable"),
}


def links_lead_somewhere(workflow):
    return all(
        value[0] in workflow
        for node in workflow.values()
        for value in node["inputs"].values()
        if isinstance(value, list)
    )


def pictures_on_canvas(workflow):
    """The file behind each subject input of the canvas, in order, followed by links."""
    canvas = next(node for node in workflow.values() if node["class_type"] == "FFGOComposeCanvas")
    slots = sorted(name for name in canvas["inputs"] if name.startswith("subjects."))
    assert slots == [f"subjects.subject{i}" for i in range(len(slots))]
    pictures = []
    for slot in slots:
        node = workflow[canvas["inputs"][slot][0]]
        while "image" in node["inputs"] and isinstance(node["inputs"]["image"], list):
            assert node["inputs"].get("alpha", node["inputs"]["image"])[0] == node["inputs"]["image"][0]
            node = workflow[node["inputs"]["image"][0]]
        pictures.append(node["inputs"]["image"])
    return pictures


def test_every_option_finds_its_node():
    filled = fill(CANVAS, background="B", subjects=["S1", "S2"], prompt="new", negative="worse", seed=7)
    assert filled["1"]["inputs"]["image"] == "B"
    assert filled["2"]["inputs"]["image"] == "S1"
    assert filled["4"]["inputs"]["image"] == "S2"
    assert filled["7"]["inputs"]["prompt"] == "new"
    assert filled["8"]["inputs"]["text"] == "worse"
    assert filled["9"]["inputs"]["noise_seed"] == 7


def test_what_is_not_given_stays_and_the_workflow_is_not_changed():
    before = copy.deepcopy(CANVAS)
    assert fill(CANVAS) == before
    fill(CANVAS, background="B", subjects=["a", "b", "c"], prompt="p", settings=["Save.filename_prefix=y"])
    assert before == CANVAS


@pytest.mark.parametrize("number", range(1, 9))
def test_the_canvas_gets_as_many_subjects_as_there_are_files(number):
    names = [f"{i}.png" for i in range(number)]
    filled = fill(CANVAS, subjects=names)
    assert pictures_on_canvas(filled) == names
    assert links_lead_somewhere(filled)
    assert len(filled) == len(CANVAS) + 2 * (number - 2)


def test_further_subjects_get_titles_that_can_be_addressed():
    filled = fill(CANVAS, subjects=["a", "b", "c", "d"], settings=["subject 4.image=z", 'Cut-out 3.alpha=["2", 1]'])
    titles = [node["_meta"]["title"] for node in filled.values()]
    assert titles[-4:] == ["Subject 3", "Cut-out 3", "Subject 4", "Cut-out 4"]
    assert pictures_on_canvas(fill(CANVAS, subjects=["a", "b", "c", "d"], settings=["Subject 4.image=z"])) == [*"abcz"]


def test_a_node_of_a_removed_subject_that_something_else_uses_is_kept():
    workflow = copy.deepcopy(CANVAS)
    workflow["11"] = {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}}
    filled = fill(workflow, subjects=["a"])
    assert "4" in filled
    assert "5" not in filled
    assert links_lead_somewhere(filled)


@pytest.mark.parametrize("loader", ["LoadImage", "FFGOLoadSubject"])
def test_subjects_may_come_straight_from_the_loader(loader):
    workflow = copy.deepcopy(CANVAS)
    workflow["2"]["class_type"] = workflow["4"]["class_type"] = loader
    workflow["6"]["inputs"] |= {"subjects.subject0": ["2", 0], "subjects.subject1": ["4", 0]}
    del workflow["3"], workflow["5"]
    for names in (["a"], ["a", "b", "c"]):
        filled = fill(workflow, subjects=names)
        assert pictures_on_canvas(filled) == names
        assert links_lead_somewhere(filled)


def test_a_model_beside_the_chain_is_shared_and_stays_while_it_is_used():
    workflow = copy.deepcopy(CANVAS)
    workflow["20"] = {"class_type": "FFGOSAM2Loader", "inputs": {"model": "m"}}
    for matte, loader in (("3", "2"), ("5", "4")):
        workflow[matte] = {"class_type": "FFGOSAM2Matte", "inputs": {"sam2": ["20", 0], "image": [loader, 0]}}
    more = fill(workflow, subjects=["a", "b", "c"])
    assert pictures_on_canvas(more) == ["a", "b", "c"]
    assert [node["class_type"] for node in more.values()].count("FFGOSAM2Loader") == 1
    assert "20" in fill(workflow, subjects=["a"])


def test_the_tenth_input_comes_after_the_second():
    workflow = copy.deepcopy(CANVAS)
    inputs = workflow["6"]["inputs"]
    inputs["subjects.subject10"] = inputs.pop("subjects.subject0")  # gaps and any order are allowed in a file
    inputs["subjects.subject2"] = inputs.pop("subjects.subject1")
    filled = fill(workflow, subjects=["a", "b"])
    assert filled["4"]["inputs"]["image"] == "a"
    assert filled["2"]["inputs"]["image"] == "b"


@pytest.mark.parametrize(
    ("change", "subjects", "complaint"),
    [
        (lambda w: w.pop("6"), ["a"], "needs a FFGOComposeCanvas node"),
        (lambda w: w.update({"66": w["6"]}), ["a"], "several canvas nodes"),
        (lambda w: None, [str(i) for i in range(9)], "at most 8 subjects, and 9 were given"),
        (lambda w: w["6"].update(inputs={"background": ["1", 0]}), ["a"], "no subject to take as a pattern"),
        (lambda w: w["3"]["inputs"].update(image=["1", 0]), ["a"], "must come from one Load Subject or LoadImage"),
        (lambda w: w["2"].update(class_type="EmptyImage"), ["a"], "here: none"),
        (lambda w: w["6"]["inputs"].update({"subjects.subject1": ["3", 0]}), ["a", "b"], "come from one node"),
    ],
)
def test_a_canvas_that_cannot_be_filled_is_explained(change, subjects, complaint):
    workflow = copy.deepcopy(CANVAS)
    change(workflow)
    with pytest.raises(UsageError, match=complaint):
        fill(workflow, subjects=subjects)


def test_no_canvas_is_no_matter_without_subjects():
    assert fill(EXPERTS, seed=5)["3"]["inputs"]["noise_seed"] == 5


def test_nodes_without_the_usual_titles_are_found_by_what_they_are():
    workflow = copy.deepcopy(CANVAS)
    for node in workflow.values():
        node["_meta"]["title"] = node["class_type"]
    filled = fill(workflow, background="B", prompt="p", seed=2)
    assert filled["1"]["inputs"]["image"] == "B"
    assert filled["7"]["inputs"]["prompt"] == "p"
    assert filled["9"]["inputs"]["noise_seed"] == 2
    assert fill(EXPERTS, seed=9)["4"]["inputs"]["noise_seed"] == 0  # this sampler adds no noise


def test_an_option_without_its_node_names_the_candidates():
    workflow = copy.deepcopy(CANVAS)
    workflow["8"]["_meta"]["title"] = "Bad things"
    with pytest.raises(
        UsageError, match=r'--negative goes into the node titled "Negative prompt".*"Bad things" \(#8, CLIPTextEncode\)'
    ):
        fill(workflow, negative="x")
    workflow["7"]["_meta"]["title"] = workflow["8"]["_meta"]["title"] = "Prompt"
    with pytest.raises(UsageError, match="has 2 such"):
        fill(workflow, prompt="x")


@pytest.mark.parametrize(
    ("setting", "node", "name", "value"),
    [
        ("wan2.2 HIGH expert.unet_name=x.safetensors", "1", "unet_name", "x.safetensors"),
        ("2.unet_name=7", "2", "unet_name", "7"),
        ("Low.unet_name=a=b.c", "2", "unet_name", "a=b.c"),
        ("3.cfg=6.5", "3", "cfg", 6.5),
        ("3.cfg=7", "3", "cfg", 7),
        ("3.fast=False", "3", "fast", False),
        ('3.model=["2", 0]', "3", "model", ["2", 0]),
        ("3.model=12", "3", "model", 12),
        ("Low.unet_name=", "2", "unet_name", ""),
    ],
)
def test_set_finds_the_input_and_keeps_its_type(setting, node, name, value):
    filled = fill(EXPERTS, settings=[setting])[node]["inputs"][name]
    assert filled == value
    assert type(filled) is type(value)


def test_set_takes_an_autogrow_input_and_a_class():
    filled = fill(CANVAS, settings=['Canvas.subjects.subject0=["2", 0]', "FFGOComposeCanvas.width=832"])
    assert filled["6"]["inputs"]["subjects.subject0"] == ["2", 0]
    assert filled["6"]["inputs"]["width"] == 832


def test_the_last_dot_that_leaves_a_node_and_an_input_counts():
    workflow = copy.deepcopy(EXPERTS)
    workflow["2"]["_meta"]["title"] = "Wan2"
    assert fill(workflow, settings=["Wan2.2 high expert.unet_name=x"])["1"]["inputs"]["unet_name"] == "x"
    workflow["1"]["_meta"]["title"] = "Wan2.weight"
    workflow["2"]["inputs"]["weight.unet"] = "u"
    assert fill(workflow, settings=["Wan2.weight.unet=x"])["2"]["inputs"]["weight.unet"] == "x"
    workflow["1"]["inputs"]["unet"] = "u"
    assert fill(workflow, settings=["Wan2.weight.unet=x"])["1"]["inputs"]["unet"] == "x"


def test_settings_come_last_and_in_order():
    filled = fill(EXPERTS, seed=5, settings=["3.noise_seed=6", "3.noise_seed=7"])
    assert filled["3"]["inputs"]["noise_seed"] == 7


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("Lwo.unet_name=x", "Did you mean 'Low'"),
        ("Low.unet_nam=x", "has no input \"unet_nam\". Did you mean 'unet_name'"),
        ("Low.unet_nam=x", "Inputs: unet_name, weight_dtype"),
        ("Sampler.cfg=1", '"Sampler" names 2 nodes: "Sampler" \\(#3, KSamplerAdvanced\\), "Sampler" \\(#4'),
        ("UNETLoader.unet_name=x", "names 2 nodes"),
        ("Low", "takes Node.input=value"),
        ("Low.unet_name", "takes Node.input=value"),
        ("Low=x.y", "takes Node.input=value"),
        ("3.cfg=high", "takes a number, and 'high' is not"),
        ("3.cfg=true", "takes a number"),
        ("3.cfg=NaN", "takes a number"),
        ("3.fast=2", "takes true or false"),
        ('3.model=["77", 0]', "there is no node #77"),
    ],
)
def test_a_setting_that_does_not_fit_is_explained(setting, complaint):
    with pytest.raises(UsageError, match=complaint):
        fill(EXPERTS, settings=[setting])


SPECS = {
    "KSamplerAdvanced": {
        "cfg": InputSpec("INT"),
        "model": InputSpec("MODEL"),
        "start_at_step": InputSpec("INT"),
        "ratio": InputSpec("COMBO", (1, 2)),
        "name": InputSpec("STRING"),
    }
}


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("3.start_at_step=4", "start_at_step", 4),
        ("3.ratio=2", "ratio", 2),
        ("3.ratio=9", "ratio", "9"),
        ("3.name=12", "name", "12"),
    ],
)
def test_the_servers_types_go_before_the_files(setting, name, value):
    filled = fill(EXPERTS, settings=[setting], specs=SPECS)["3"]["inputs"][name]
    assert filled == value
    assert type(filled) is type(value)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("3.cfg=6.5", "takes a whole number, and '6.5'"),
        ("3.model=wan.safetensors", "takes MODEL by a link"),
        ("3.model=3", "takes MODEL by a link"),
    ],
)
def test_the_servers_types_are_kept_to(setting, complaint):
    with pytest.raises(UsageError, match=complaint):
        fill(EXPERTS, settings=[setting], specs=SPECS)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (json.dumps({"nodes": [], "links": [], "version": 0.4}), r"Export \(API\).*workflows/api"),
        ("[]", "holds no nodes"),
        ("{}", "holds no nodes"),
        ('{"1": {"class_type": "LoadImage"}}', "its entry '1' is no node"),
        ('{"prompt": 3}', "its entry 'prompt' is no node"),
        ("GIF89a", r"w\.json is not JSON: line 1.*Export \(API\)"),
        (b"\xff\xfe{", "cannot be read: .*save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_api_workflow_is_explained(tmp_path, content, complaint):
    path = tmp_path / "w.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=complaint):
        load_workflow(path)


def test_a_missing_workflow_is_explained(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_workflow(tmp_path / "none.json")


def test_a_workflow_file_is_read(tmp_path):
    (tmp_path / "w.json").write_text("\ufeff" + json.dumps(CANVAS), encoding="utf-8")  # some editors leave a mark first
    assert load_workflow(tmp_path / "w.json") == CANVAS


@pytest.mark.parametrize("meta", [7, [], "x", {"title": ["a"]}, {"title": 7}, None])
def test_odd_titles_are_none(meta):
    workflow = {"1": {"class_type": "A", "inputs": {"prompt": ""}, "_meta": meta}}
    assert fill(workflow, settings=["A.prompt=x"] if not isinstance(meta, dict) else ["1.prompt=x"])["1"]["inputs"] == {
        "prompt": "x"
    }
