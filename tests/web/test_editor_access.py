"""The editor for everybody: what axe finds, the keyboard, the large view; and what it leaves behind."""

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import expect

from lab.workshop.page import COMPOSE, compose_workflow
from lab.workshop.patience import wait_for

DEMO = ["subject_robot.png", "subject_boat.png", "subject_balloon.png"]
AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(comfy, server, editor, theme):
    editor.page.evaluate("theme => app.extensionManager.setting.set('Comfy.ColorPalette', theme)", theme)
    editor.open(compose_workflow("background_lake.png", DEMO))
    editor.drag(editor.subject(1), 0, 120)  # overlaps, so that there are red edges, too
    editor.subject(2).focus()
    editor.page.keyboard.press("Delete")
    editor.subject(0).focus()
    editor.settle()
    editor.page.evaluate(AXE.read_text())
    assert violations(editor, ".ffgo-editor") == []
    editor.tool("Open large").click()
    editor.settle()
    assert violations(editor, ".ffgo-dialog") == []
    editor.page.keyboard.press("Escape")
    editor.page.keyboard.press("Escape")
    expect(editor.page.locator(".ffgo-dialog")).to_have_count(0)
    assert comfy.problems == []
    assert "legacy API" not in server.log(), "the host says that a script imports what is deprecated"


def violations(editor, where):
    found = editor.page.evaluate("where => axe.run(where)", where)["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


def test_the_tab_key_leads_through_the_editor(editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    editor.tool("Automatic layout").focus()
    focused = "() => document.activeElement.getAttribute('aria-label')"
    assert editor.page.evaluate(focused) == "Automatic layout"
    editor.page.keyboard.press("ArrowRight")
    assert editor.page.evaluate(focused) == "Flip"
    for index in range(3):
        editor.page.keyboard.press("Tab")
        assert editor.page.evaluate(focused).startswith(f"Subject {index + 1}, {DEMO[index]}")
    outline = editor.subject(2).evaluate("box => getComputedStyle(box).outlineStyle")
    assert outline != "none"


@pytest.mark.every_page
def test_the_large_editor_edits_the_same_frame(editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    before = editor.places()
    editor.page.evaluate("app.extensionManager.command.execute('FFGo.OpenEditor')")
    expect(editor.page.get_by_role("dialog", name="FFGo Compose Canvas")).to_be_visible()
    editor.drag(editor.subject(0), 80, 40)
    moved = editor.places()
    assert moved[0] != before[0]
    editor.page.keyboard.press("Control+z")
    wait_for(lambda: editor.places() == before)
    editor.page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
    assert editor.places() == before


def test_a_picture_that_only_a_run_can_tell_is_shown_after_it(comfy, editor):
    workflow = compose_workflow("background_lake.png", DEMO)
    editor.open(workflow)
    editor.page.evaluate(
        f"""() => {{
            const graph = app.canvas.graph
            const node = LiteGraph.createNode('RepeatImageBatch')
            node.widgets[0].value = 2
            graph.add(node)
            graph.getNodeById(31).connect(0, node, 0)
            node.connect(0, graph.nodes.find(one => one.type === '{COMPOSE}'), 2)
        }}"""
    )
    boat = editor.page.locator(".ffgo-subject[aria-label*='after a run']")
    expect(boat).to_have_count(1)
    comfy.run()
    expect(boat).to_have_count(0)
    expect(editor.root.locator(".ffgo-subject")).to_have_count(4)  # a batch of two counts as two subjects
    editor.drag(editor.subject(2), -15, 9)
    assert len({entry["source"] for entry in editor.arrangement()["subjects"]}) == 4
    fingerprints = [entry["fingerprint"] for entry in editor.arrangement()["subjects"]]
    assert fingerprints[1] == fingerprints[2] != fingerprints[0]


def test_a_removed_node_leaves_nothing(editor):
    """No listener on the page, and no more in memory than nodes of the host leave."""
    editor.open(compose_workflow("background_lake.png", DEMO))
    devtools = editor.page.context.new_cdp_session(editor.page)

    def listeners():
        found = []
        for name in ("window", "document", "document.body"):
            there = devtools.send("Runtime.evaluate", {"expression": name})["result"]["objectId"]
            found += devtools.send("DOMDebugger.getEventListeners", {"objectId": there})["listeners"]
        return sorted(one["type"] for one in found)

    def kept(kind):
        """How many of four nodes are still in memory after they were removed."""
        editor.page.evaluate(
            """async kind => {
                window.gone = []
                for (let i = 0; i < 4; i++) {
                    const node = LiteGraph.createNode(kind)
                    app.canvas.graph.add(node)
                    await new Promise(done => setTimeout(done, 200))
                    gone.push(new WeakRef(node))
                    app.canvas.graph.remove(node)
                    await new Promise(done => setTimeout(done, 100))
                }
            }""",
            kind,
        )
        for _ in range(3):
            editor.settle()
            devtools.send("HeapProfiler.collectGarbage")
        return editor.page.evaluate("gone.filter(one => one.deref()).length")

    of_the_host = kept("CLIPTextEncode")  # it has an element, too
    before = listeners()
    assert kept(COMPOSE) <= of_the_host
    assert listeners() == before
