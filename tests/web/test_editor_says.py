"""The editor says what to do in every state, and clicks reach what they are meant for."""

import json
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from lab.workshop.page import COMPOSE, compose_workflow
from lab.workshop.server import MATERIALS

DEMO = ["subject_robot.png", "subject_boat.png", "subject_balloon.png"]
NODE = f"app.canvas.graph.nodes.find(node => node.type === '{COMPOSE}')"


def status(editor):
    return editor.root.locator(".ffgo-status")


def hints(editor):
    return editor.root.locator(".ffgo-hint:visible").all_inner_texts()


def let_go(editor):
    """Select nothing: else the line under the frame speaks of what a test before this one has selected."""
    editor.root.locator(".ffgo-stage").click(position={"x": 4, "y": 4})


def load(editor, workflow):
    editor.page.evaluate("async workflow => { await app.loadGraphData(workflow) }", workflow)
    editor.look()
    let_go(editor)


def test_with_nothing_and_with_one_half_connected(editor):
    load(editor, compose_workflow(None, []))
    expect(status(editor)).to_contain_text("Nothing is connected yet. Drop pictures onto the frame")
    assert len(hints(editor)) == 2
    load(editor, compose_workflow("background_lake.png", []))
    expect(status(editor)).to_contain_text("Drop subjects onto the left half")
    assert hints(editor) == ["Drop or paste your subjects here, or connect cut-outs"]
    load(editor, compose_workflow(None, DEMO))
    expect(status(editor)).to_contain_text("Drop the background onto the right half")


@pytest.mark.every_page
def test_before_the_run_that_other_nodes_need(comfy, editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    let_go(editor)
    comfy.page.evaluate(
        f"""() => {{
            const graph = app.canvas.graph
            for (const [origin, name] of [[1, 'background'], [31, 'subjects.subject1']]) {{
                const made = LiteGraph.createNode('ImageInvert')
                graph.add(made)
                graph.getNodeById(origin).connect(0, made, 0)
                made.connect(0, {NODE}, {NODE}.inputs.findIndex(input => input.name === name))
            }}
        }}"""
    )
    expect(status(editor)).to_contain_text("Press Run: it shows subject 2, the background, which other nodes make.")
    assert hints(editor) == ["The background is shown after a run"]
    expect(editor.subject(1)).to_have_attribute("data-hint", "Subject 2: shown after a run")
    comfy.run()
    expect(status(editor)).to_contain_text("drag a subject")
    assert hints(editor) == []


def test_a_file_that_is_not_there_is_named(editor):
    load(editor, compose_workflow("no_lake.png", ["subject_robot.png", "no_boat.png"], cut_out=False))
    expect(status(editor)).to_contain_text("Not found: no_boat.png, no_lake.png. Choose or load it again in its node.")
    expect(editor.subject(1)).to_have_attribute("data-hint", "Subject 2: not found")
    assert hints(editor) == ["The background was not found: no_lake.png"]


def test_a_photo_on_a_plain_ground_is_cut_out_by_the_run(comfy, editor, server):
    """Load Subject: its file is shown before a run, its cut-out after it, under the same name and in the same place."""
    photo = f"on_white_{comfy.page.evaluate('LiteGraph.vueNodesMode')}.png"
    cut_out = Image.open(MATERIALS / DEMO[0])
    on_white = Image.new("RGBA", (cut_out.width + 300, cut_out.height + 200), "white")
    on_white.alpha_composite(cut_out, (150, 100))
    on_white.convert("RGB").save(server.base / "input" / photo)
    load(editor, compose_workflow("background_lake.png", []))
    comfy.page.evaluate(
        f"""name => {{
            const made = LiteGraph.createNode('FFGOLoadSubject')
            app.canvas.graph.add(made)
            const widget = made.widgets.find(widget => widget.name === 'image')
            widget.value = name
            widget.callback(name)
            made.connect(0, {NODE}, 1)
        }}""",
        photo,
    )
    editor.wait_for_pictures()
    before = editor.subject(0).get_attribute("aria-label")
    assert photo in before
    assert "its ground is cut away by a run" in before
    (shown,) = editor.pixels()
    editor.drag(editor.subject(0), 10, 5)
    comfy.finished(comfy.run())
    expect(editor.subject(0)).not_to_have_attribute("aria-label", re.compile("is cut away"))
    expect(editor.subject(0)).to_have_attribute("aria-label", re.compile(rf"{re.escape(photo)}.*pixels", re.DOTALL))
    assert editor.pixels()[0] < shown


def test_a_locked_subject_is_unlocked_with_the_mouse(editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    editor.subject(0).click()
    expect(editor.subject(0)).to_have_attribute("aria-pressed", "true")
    expect(editor.subject(1)).to_have_attribute("aria-pressed", "false")
    lock = editor.tool("Lock")
    expect(lock).to_have_attribute("aria-pressed", "false")
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "true")
    editor.subject(1).click()
    editor.subject(0).click()
    expect(editor.subject(0)).to_have_attribute("aria-pressed", "true")
    lock.click()
    assert [entry["locked"] for entry in editor.arrangement()["subjects"]] == [False] * 3


def test_handles_take_no_click_that_is_meant_for_a_neighbour(editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    places = [{"x": 20, "y": 20, "width": 240, "height": 240}, {"x": 260, "y": 20, "width": 240, "height": 240}]
    beside = [*places, {"x": 20, "y": 400, "width": 200, "height": 200}]
    arrangement = {"version": 1, "canvas": {"width": 1280, "height": 720}, "subjects": beside}
    editor.set_widget("arrangement", json.dumps(arrangement))
    editor.set_widget("layout", "custom")
    editor.subject(0).click()
    before = editor.places()
    handle = editor.handle("ne").bounding_box()
    neighbour = editor.subject(1).bounding_box()
    x = max(neighbour["x"] + 2, handle["x"] + handle["width"] + 2)
    y = max(handle["y"] + handle["height"] / 2, neighbour["y"] + 2)
    editor.page.mouse.click(x, y)
    expect(editor.subject(1)).to_have_attribute("aria-pressed", "true")
    assert editor.places() == before
    # Where there is no neighbour, it is still taken hold of from nearby.
    editor.subject(0).click()
    expect(editor.subject(0)).to_have_attribute("aria-pressed", "true")
    editor.settle()
    handle = editor.handle("sw").bounding_box()
    editor.page.mouse.move(handle["x"] + 3, handle["y"] + handle["height"] + 3)
    editor.page.mouse.down()
    editor.page.mouse.move(handle["x"] + 27, handle["y"] - 27, steps=4)
    editor.page.mouse.up()
    editor.settle()
    assert editor.places()[0][2] < before[0][2]
    assert editor.places()[1:] == before[1:]
