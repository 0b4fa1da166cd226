"""Each node tells its user what it is for."""

import json
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lab.workshop.server import PACK_FOLDER

REPO = Path(__file__).parents[2]
NODE_IDS = json.loads((REPO / "tests/data/node_ids.json").read_text())
LOCALE = REPO / "locales" / "en" / "nodeDefs.json"


@pytest.fixture(scope="module")
def our_nodes(server):
    with urllib.request.urlopen(f"{server.url}/object_info") as answer:
        nodes = json.load(answer)
    return {name: node for name, node in nodes.items() if node["python_module"] == f"custom_nodes.{PACK_FOLDER}"}


def inputs_of(node):
    """Each input's name and options."""
    for group in ("required", "optional"):
        for name, spec in node["input"].get(group, {}).items():
            yield name, spec[1]


def test_the_host_knows_exactly_our_nodes(our_nodes):
    assert sorted(our_nodes) == sorted(NODE_IDS)


def test_the_loader_begins_with_the_ffgo_loras(our_nodes):
    """Where they are there: this server has an empty file of each name."""
    inputs = dict(inputs_of(our_nodes["FFGOWanMoELoRALoader"]))
    begins = {name: inputs[name]["default"] for name in ("lora_high", "lora_low")}
    assert begins == {f"lora_{end}": f"Wan22_FFGO-LoRA-{end.upper()}_bf16.safetensors" for end in ("high", "low")}


@pytest.mark.parametrize("node_id", NODE_IDS)
def test_every_input_has_a_tooltip(our_nodes, node_id):
    node = our_nodes[node_id]
    assert node["description"]
    assert [name for name, options in inputs_of(node) if not options.get("tooltip")] == []


@pytest.mark.parametrize("node_id", NODE_IDS)
def test_the_help_page_is_served(server, node_id):
    with urllib.request.urlopen(f"{server.url}/extensions/{PACK_FOLDER}/docs/{node_id}.md") as answer:
        assert answer.read().decode().startswith("# ")


@pytest.mark.parametrize("node_id", NODE_IDS)
def test_the_help_page_is_shown(comfy, our_nodes, node_id):
    """Through the button that stands over a selected node."""
    heading = (REPO / f"web/docs/{node_id}.md").read_text().splitlines()[0].removeprefix("# ")
    comfy.page.evaluate(
        """id => {
            const node = LiteGraph.createNode(id)
            app.rootGraph.clear()
            app.rootGraph.add(node)
            app.canvas.centerOnNode(node)
            app.canvas.selectNode(node)
        }""",
        node_id,
    )
    comfy.page.get_by_test_id("info-button").click()
    expect(
        comfy.page.get_by_test_id("properties-panel").get_by_role("heading", name=heading, exact=True, level=1)
    ).to_be_visible()


def test_the_english_locale_says_what_the_nodes_say(our_nodes, request):
    """The page shows this file's texts before the nodes' own, and translators start from it."""
    texts = {node_id: _texts(our_nodes[node_id]) for node_id in NODE_IDS}
    if request.config.getoption("update_exports", default=False):
        LOCALE.write_text(json.dumps(texts, ensure_ascii=False, indent=2) + "\n")
    assert json.loads(LOCALE.read_text()) == texts, "write it anew with: python dev.py test web --update-exports"


def _texts(node):
    inputs = {name: {"name": name, "tooltip": options["tooltip"]} for name, options in inputs_of(node)}
    # The sockets of a growing input have no tooltip of their own: only the locale can give them one.
    for name, options in inputs_of(node):
        if growing := options.get("template"):
            prefix = growing["prefix"]
            sockets = {f"{name}_{prefix}{number}": f"{prefix} {number + 1}" for number in range(growing["max"])}
            inputs |= {key: {"name": shown, "tooltip": options["tooltip"]} for key, shown in sockets.items()}
    outputs = enumerate(zip(node["output_name"], node["output_tooltips"], strict=True))
    return {
        "display_name": node["display_name"],
        "description": node["description"],
        "inputs": inputs,
        "outputs": {str(number): {"name": name} | ({"tooltip": tip} if tip else {}) for number, (name, tip) in outputs},
    }
