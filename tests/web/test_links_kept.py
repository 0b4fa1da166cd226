"""Subgraphs, copies and files of before keep every link and every place, on each page of ComfyUI."""

import json
from pathlib import Path

import pytest

from lab.workshop.page import COMPOSE, compose_workflow

MADE_BEFORE = Path(__file__).parents[1] / "data" / "made_by_e515c26" / "workflows"
DEMO = ["subject_robot.png", "subject_boat.png", "subject_balloon.png"]
ALL_KINDS = [*DEMO, "background_lake.png", "background_town.png", *DEMO]
NODE = f"app.canvas.graph.nodes.find(node => node.type === '{COMPOSE}')"
ONE = "with a subject"
WITH = {
    "alone": "[]",
    ONE: "[app.canvas.graph.getNodeById(31)]",
    "with all before it": "app.canvas.graph.nodes.filter(node => node.type !== 'SaveImage')",
}


def meant(comfy):
    """What a run would compose: the canvas' values, and the file of each picture that is linked to it."""
    prompt = comfy.prompt()
    (inputs,) = [node["inputs"] for node in prompt.values() if node["class_type"] == COMPOSE]
    return {name: _file(prompt, value) if isinstance(value, list) else value for name, value in inputs.items()}


def _file(prompt, link):
    node = prompt[link[0]]["inputs"]
    return _file(prompt, node["image"]) if isinstance(node["image"], list) else node["image"]


@pytest.fixture
def eight(comfy, editor):
    """A canvas with eight subjects, one of them moved by hand; what it means."""
    editor.open(compose_workflow("background_lake.png", ALL_KINDS))
    editor.drag(editor.subject(2), 30, -9)
    before = meant(comfy)
    assert [before[f"subjects.subject{i}"] for i in range(8)] == ALL_KINDS
    assert before["layout"] == "custom"
    return before


@pytest.mark.parametrize(
    "others", [pytest.param(name, marks=pytest.mark.every_page if name == ONE else ()) for name in WITH]
)
def test_into_a_subgraph_and_back(comfy, editor, eight, others):
    places = editor.places()
    comfy.page.evaluate(
        f"() => {{ window.made = app.canvas.graph.convertToSubgraph(new Set([{NODE}, ...{WITH[others]}])) }}"
    )
    editor.settle()
    comfy.page.evaluate("app.canvas.openSubgraph(made.subgraph, made.node)")
    editor.look()
    editor.wait_for_pictures()
    assert editor.places() == places
    comfy.page.evaluate("app.canvas.setGraph(app.rootGraph)")
    assert without_sources(meant(comfy)) == without_sources(eight)
    comfy.page.evaluate("async saved => { await app.loadGraphData(saved) }", comfy.saved())
    assert without_sources(meant(comfy)) == without_sources(eight)
    comfy.page.evaluate("app.rootGraph.unpackSubgraph(app.rootGraph.nodes.find(node => node.isSubgraphNode?.()))")
    editor.look()
    editor.wait_for_pictures()
    assert editor.places() == places
    assert without_sources(meant(comfy)) == without_sources(eight)


@pytest.mark.every_page
def test_a_copy_of_all_nodes(comfy, editor, eight):
    places = editor.places()
    comfy.page.evaluate(
        """() => {
            app.canvas.selectItems([...app.canvas.graph.nodes])
            app.canvas.copyToClipboard()
            app.canvas.graph.clear()
            app.canvas.pasteFromClipboard()
        }"""
    )
    editor.look()
    editor.wait_for_pictures()
    assert editor.places() == places
    assert without_sources(meant(comfy)) == without_sources(eight)


def without_sources(inputs):
    """The nodes that subjects come from have other numbers in a copy."""
    arrangement = json.loads(inputs["arrangement"])
    for entry in arrangement["subjects"]:
        entry.pop("source")
    return inputs | {"arrangement": arrangement}


@pytest.mark.every_page
@pytest.mark.parametrize("name", ["FFGo image to video", "FFGo build dataset"])
def test_a_workflow_of_e515c26_means_what_it_meant(comfy, name):
    """Its API form was exported then."""
    saved, exported = (json.loads((MADE_BEFORE / folder / f"{name}.json").read_text()) for folder in ("", "api"))
    comfy.page.evaluate("async saved => { await app.loadGraphData(saved) }", saved)
    now = comfy.prompt()
    ours = {node_id: node["inputs"] for node_id, node in exported.items() if node["class_type"].startswith("FFGO")}
    assert ours
    assert [node_id for node_id, then in ours.items() if not then.items() <= now[node_id]["inputs"].items()] == []


@pytest.mark.every_page
def test_subjects_are_counted_from_one(comfy, editor, eight):
    shown = comfy.page.evaluate(
        f"() => {NODE}.inputs.filter(one => !one.widget).map(one => one.label ?? one.localized_name ?? one.name)"
    )
    assert shown == ["background", *(f"subject {number}" for number in range(1, 9))]
