"""The blueprints: the host lists them, and in the page their widgets reach the nodes inside."""

import json
import urllib.request
from pathlib import Path

SUBGRAPHS = Path(__file__).parents[2] / "subgraphs"
BLUEPRINT = SUBGRAPHS / "FFGo LoRA training.json"
NAMES = ["FFGo LoRA training", "FFGo image to video", "Models", "Wan 2.2 sampling"]
INPUTS = ["dataset", "model_high", "model_low", "vae", "clip"]
OUTPUTS = ["lora_high", "lora_low", "path_high", "path_low", "loss_map_high", "loss_map_low"]


def test_the_host_lists_them(server):
    assert sorted(path.stem for path in SUBGRAPHS.glob("*.json")) == NAMES
    for name in NAMES:
        text = (SUBGRAPHS / f"{name}.json").read_text()
        assert len(json.loads(text)["nodes"]) == 1
        assert "proxyWidgets" not in text
    with urllib.request.urlopen(f"{server.url}/global_subgraphs") as answer:
        listed = [entry["name"] for entry in json.load(answer).values()]
    assert set(NAMES) <= set(listed)


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


def test_the_whole_way_in_one_node(comfy, server):
    """From the node library: a background, subjects in any of the sockets, and a prompt become a video."""
    code = """async blueprint => {
        await app.loadGraphData(blueprint)
        const [node] = app.rootGraph.nodes
        const set = (name, value) => { node.widgets.find(widget => widget.name === name).value = value }
        set('prompt', 'The robot waves.'); set('steps', 7); set('cfg', 2); set('seed', 5); set('boundary', 0.8)
        set('frames', 17); set('width', 320); set('height', 192)
        set('high noise expert', 'standin_high_noise.safetensors')
        for (const [input, kind] of [['background', 'LoadImage'], ['subject 2', 'FFGOLoadSubject']]) {
            const loader = LiteGraph.createNode(kind)
            app.rootGraph.add(loader)
            loader.connect(0, node, node.inputs.findIndex(one => one.name === input))
        }
        const saver = LiteGraph.createNode('SaveVideo')
        app.rootGraph.add(saver)
        node.connect(0, saver, 0)
        return (await app.graphToPrompt()).output
    }"""
    comfy.problems.clear()
    prompt = comfy.page.evaluate(code, json.loads((SUBGRAPHS / "FFGo image to video.json").read_text()))
    nodes = {node["_meta"]["title"]: node["inputs"] for node in prompt.values()}
    assert nodes["Prompt"]["prompt"] == "The robot waves."
    assert (nodes["Canvas"]["width"], nodes["Canvas"]["height"], nodes["First frame"]["length"]) == (320, 192, 17)
    assert (nodes["Expert switch"]["steps"], nodes["Expert switch"]["boundary"]) == (7, 0.8)
    assert [nodes[f"Guide ({expert} noise)"]["cfg"] for expert in ("high", "low")] == [2, 2]
    assert nodes["Noise"]["noise_seed"] == 5
    assert nodes["High noise expert"]["unet_name"] == "standin_high_noise.safetensors"
    assert [name for name in nodes["Canvas"] if name.startswith("subjects.")] == ["subjects.subject1"]
    assert comfy.problems == []
