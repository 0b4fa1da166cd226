"""The training blueprint: the host lists it, and in the page its widgets reach both trainers."""

import json
import urllib.request
from pathlib import Path

BLUEPRINT = Path(__file__).parents[2] / "subgraphs" / "FFGo LoRA training.json"
INPUTS = ["dataset", "model_high", "model_low", "vae", "clip"]
OUTPUTS = ["lora_high", "lora_low", "path_high", "path_low", "loss_map_high", "loss_map_low"]


def test_the_host_lists_it(server):
    listed = json.loads(BLUEPRINT.read_text())
    assert len(listed["nodes"]) == 1
    assert "proxyWidgets" not in BLUEPRINT.read_text()
    with urllib.request.urlopen(f"{server.url}/global_subgraphs") as answer:
        names = [entry["name"] for entry in json.load(answer).values()]
    assert BLUEPRINT.stem in names


def test_its_widgets_reach_both_trainers(comfy):
    code = """async blueprint => {
        await app.loadGraphData(blueprint)
        const [node] = app.rootGraph.nodes
        const set = (name, value) => { node.widgets.find(widget => widget.name === name).value = value }
        set('name', 'blue'); set('steps', 7); set('rank', 16); set('recipe', 'alpha = 8.0')
        set('dataset_name', 'mine'); set('frames', 21)
        const {output} = await app.graphToPrompt()
        return {output, inputs: node.inputs.map(i => i.name), outputs: node.outputs.map(o => o.name)}
    }"""
    comfy.problems.clear()
    opened = comfy.page.evaluate(code, json.loads(BLUEPRINT.read_text()))
    assert opened["inputs"][: len(INPUTS)] == INPUTS
    assert opened["outputs"] == OUTPUTS
    nodes = list(opened["output"].values())
    (encode,) = [node["inputs"] for node in nodes if node["class_type"] == "FFGOEncodeDataset"]
    assert (encode["name"], encode["frames"]) == ("mine", 21)
    trainers = {n["inputs"]["expert"]: n["inputs"] for n in nodes if n["class_type"] == "FFGOTrainExpertLoRA"}
    for expert in ("high", "low"):
        knobs = {name: trainers[expert][name] for name in ("name", "steps", "rank", "recipe", "seed")}
        assert knobs == {"name": "blue", "steps": 7, "rank": 16, "recipe": "alpha = 8.0", "seed": 42}
    assert comfy.problems == []
