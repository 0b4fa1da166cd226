"""The cast in the editor: everybody who is kept, dragged onto the frame or put there with the keyboard."""

import re
import shutil
from pathlib import Path

import axe_playwright_python
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from ffgo.cast.shelf import FOLDER, About, Cast
from lab.workshop.page import COMPOSE, compose_workflow
from lab.workshop.patience import wait_for
from lab.workshop.server import MATERIALS

from .test_editor_drop import kinds, steps

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))
LOADER = "FFGOLoadFromCast"


@pytest.fixture
def shelf(server):
    """The cast of this ComfyUI, with nobody in it."""
    folder = server.base / "input" / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    yield Cast(folder)
    shutil.rmtree(folder, ignore_errors=True)


def keep(shelf, name, picture):
    with Image.open(MATERIALS / f"subject_{picture}.png") as opened:
        shelf.save(np.asarray(opened.convert("RGBA")), About(name, f"the {name.lower()}"))


@pytest.fixture
def members(shelf):
    for name, picture in (("Boat", "boat"), ("Red robot", "robot")):
        keep(shelf, name, picture)
    return shelf


@pytest.fixture
def frame(comfy, editor):
    """A canvas with a background alone, in sight."""
    comfy.problems.clear()
    workflow = compose_workflow("background_lake.png", [])
    comfy.page.evaluate("async workflow => { await app.loadGraphData(workflow) }", workflow)
    editor.look()
    return editor


def member(editor, name):
    return editor.root.get_by_role("button", name=name, exact=True)


def chosen(comfy):
    """Who is linked to the canvas, by the slots of its subjects."""
    prompt = comfy.prompt()
    (inputs,) = [node["inputs"] for node in prompt.values() if node["class_type"] == COMPOSE]
    sources = [prompt[value[0]] for name, value in sorted(inputs.items()) if name.startswith("subjects.")]
    assert {source["class_type"] for source in sources} <= {LOADER}
    return [source["inputs"]["cast"] for source in sources]


def violations(editor):
    editor.page.evaluate(AXE.read_text())
    found = editor.page.evaluate("axe.run('.ffgo-editor')")["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


def test_an_empty_cast_says_how_to_make_one(comfy, shelf, frame):
    button = frame.tool("Cast")
    button.click()
    expect(frame.root.get_by_text("Nobody is in the cast yet. Connect a cut-out to FFGo Save to Cast")).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert violations(frame) == []
    button.click()
    expect(frame.root.locator(".ffgo-cast")).to_be_hidden()
    assert comfy.problems == []


@pytest.mark.every_page
def test_a_member_is_dragged_onto_the_frame_in_one_step_of_undo(comfy, members, frame):
    frame.tool("Cast").click()
    robot = member(frame, "Red robot")
    expect(robot.locator("img")).to_have_js_property("naturalWidth", 256)
    assert violations(frame) == []
    before, undone = kinds(frame), steps(frame)[0]
    drag_onto_the_frame(frame, robot, 0.2, 0.4)
    wait_for(lambda: kinds(frame) == sorted([*before, LOADER]))
    frame.wait_for_pictures()
    expect(frame.subject(0)).to_have_attribute("title", re.compile("^Subject 1, Red robot"))
    ((x, y, width, height),) = frame.places()
    pixel = 1 / frame.zoom()
    assert abs(x + width / 2 - 0.2 * 1280) <= 1 + pixel
    assert abs(y + height / 2 - 0.4 * 720) <= 1 + pixel
    assert chosen(comfy) == ["Red robot"]
    assert steps(frame)[0] == undone + 1
    entry = comfy.finished(comfy.run())
    assert entry["status"]["status_str"] == "success", entry["status"]
    assert frame.places() == [(x, y, width, height)]
    assert comfy.problems == []


def drag_onto_the_frame(editor, source, x, y):
    editor.settle()
    start, frame = source.bounding_box(), editor.root.locator(".ffgo-frame").bounding_box()
    mouse = editor.page.mouse
    mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    mouse.down()
    mouse.move(frame["x"] + frame["width"] * x, frame["y"] + frame["height"] * y, steps=6)
    mouse.up()


def test_a_drop_beside_the_frame_is_none(comfy, members, frame):
    frame.tool("Cast").click()
    before = kinds(frame)
    boat, robot = member(frame, "Boat"), member(frame, "Red robot")
    boat.drag_to(robot)
    frame.settle(600)
    assert kinds(frame) == before


@pytest.mark.every_page
def test_with_the_keyboard_alone(comfy, members, frame):
    frame.tool("Automatic layout").focus()
    keyboard = comfy.page.keyboard
    focused = "() => document.activeElement.textContent"
    for _ in range(7):
        keyboard.press("ArrowRight")
    assert comfy.page.evaluate(focused) == "Cast"
    keyboard.press("Enter")
    expect(member(frame, "Red robot")).to_be_visible()
    keyboard.press("Tab")
    assert comfy.page.evaluate(focused) == "Boat"
    keyboard.press("Enter")
    expect(frame.root.locator(".ffgo-subject")).to_have_count(1)
    keyboard.press("ArrowRight")
    assert comfy.page.evaluate(focused) == "Red robot"
    keyboard.press("Enter")
    expect(frame.root.locator(".ffgo-subject")).to_have_count(2)
    expect(frame.root.get_by_role("status").filter(has_text="Red robot is in the frame")).to_have_count(1)
    assert comfy.page.evaluate(focused) == "Red robot"
    assert chosen(comfy) == ["Boat", "Red robot"]


def test_what_cannot_be_had_is_said(comfy, members, frame):
    comfy.page.route("**/ffgo/cast", lambda route: route.abort())
    frame.tool("Cast").click()
    expect(frame.root.get_by_text("The cast cannot be read: the server does not answer.")).to_be_visible()
    comfy.page.unroute("**/ffgo/cast")
    frame.tool("Cast").click()
    frame.tool("Cast").click()
    before = kinds(frame)
    expect(member(frame, "Boat")).to_be_visible()
    (members.folder / "boat/01.png").unlink()
    member(frame, "Boat").click()
    expect(frame.root.get_by_text("The picture of Boat was not found.")).to_be_visible()
    assert kinds(frame) == before


def test_a_saved_workflow_shows_a_member_that_the_page_has_not_seen(comfy, members, frame):
    keep(members, "Balloon", "balloon")
    comfy.page.evaluate(
        f"""() => {{
            const graph = app.canvas.graph
            const node = LiteGraph.createNode('{LOADER}')
            node.widgets[0].value = 'Balloon'
            graph.add(node)
            const frame = graph.nodes.find(one => one.type === '{COMPOSE}')
            node.connect(0, frame, frame.inputs.findIndex(one => one.name === 'subjects.subject0'))
        }}"""
    )
    frame.wait_for_pictures()
    expect(frame.subject(0)).to_have_attribute("title", re.compile("^Subject 1, Balloon"))
