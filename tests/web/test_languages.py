"""ComfyUI's page in Chinese: the nodes and the help of the main path are, too."""

import json
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

REPO = Path(__file__).parents[2]
TEXTS = json.loads((REPO / "locales/zh/nodeDefs.json").read_text("utf-8"))
TRANSLATED = sorted(path.parent.name for path in (REPO / "web/docs").glob("*/zh.md"))
BY_NAME = """id => {
    const node = LiteGraph.createNode(id)
    app.rootGraph.clear()
    app.rootGraph.add(node)
    app.canvas.centerOnNode(node)
    app.canvas.selectNode(node)
    const widgets = (node.widgets ?? []).map(widget => [widget.name, widget.label ?? widget.name])
    const inputs = node.inputs.map(input => [input.name, input.localized_name ?? input.label ?? input.name])
    return { title: node.title, texts: Object.fromEntries([...widgets, ...inputs]) }
}"""


def speak(comfy, language):
    urllib.request.urlopen(
        urllib.request.Request(
            f"{comfy.server.url}/settings/Comfy.Locale",
            json.dumps(language).encode(),
            {"Content-Type": "application/json"},
        )
    ).close()
    comfy.page.reload()
    comfy.page.wait_for_function("!!window.app?.extensionManager?.workflow.activeWorkflow")


@pytest.fixture(scope="module")
def chinese(comfy):
    speak(comfy, "zh")
    yield comfy
    speak(comfy, "en")


@pytest.mark.parametrize("node_id", TEXTS)
def test_a_node_is_in_chinese(chinese, node_id):
    shown = chinese.page.evaluate(BY_NAME, node_id)
    assert shown["title"] == TEXTS[node_id]["display_name"]
    for name, text in TEXTS[node_id].get("inputs", {}).items():
        if name in shown["texts"]:
            assert shown["texts"][name] == text["name"]
    sockets = {name.replace(".", "_") for name in shown["texts"]}  # those that grow are texts by another name
    assert sockets & TEXTS[node_id]["inputs"].keys()


@pytest.mark.parametrize("node_id", TRANSLATED)
def test_the_help_is_in_chinese(chinese, node_id):
    chinese.page.evaluate(BY_NAME, node_id)
    chinese.page.get_by_test_id("info-button").click()
    panel = chinese.page.get_by_test_id("properties-panel")
    expect(panel.get_by_role("heading", name=TEXTS[node_id]["display_name"], exact=True, level=1)).to_be_visible()
