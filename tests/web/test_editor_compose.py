"""What the editor shows is the frame that is composed: real mouse and keys, the real host."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.frame.compose import compose
from lab.workshop.page import compose_workflow
from lab.workshop.patience import wait_for

RED, GREEN = (220, 20, 30), (20, 160, 60)
DEMO = ["subject_robot.png", "subject_boat.png", "subject_balloon.png"]


@pytest.fixture(scope="module")
def plain_pictures(server):
    """Plain rectangles: their edges in the frame can be measured."""
    Image.new("RGB", (400, 300), RED).save(server.base / "input" / "red.png")
    Image.new("RGB", (300, 420), GREEN).save(server.base / "input" / "green.png")
    return ["red.png", "green.png"]


def composed(comfy, server):
    """Press Run; the saved frame (H, W, 3)."""
    entry = comfy.finished(comfy.run())
    assert entry["status"]["status_str"] == "success", entry["status"]
    (saved,) = entry["outputs"]["101"]["images"]
    return np.asarray(Image.open(server.base / "output" / saved["subfolder"] / saved["filename"]))


def edges(frame, colour):
    """x, y, width and height of what has about this colour."""
    rows, columns = np.nonzero(np.abs(frame.astype(int) - colour).max(-1) < 60)
    return columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1


def tensor(server, name):
    picture = np.asarray(Image.open(server.base / "input" / name).convert("RGBA"), np.float32) / 255
    return torch.from_numpy(picture)[None]


def test_dust_is_shown_before_a_run_and_cropped_away(editor, server):
    dusty = Image.new("RGBA", (300, 200), (*RED, 1))
    dusty.paste((*RED, 255), (100, 50, 160, 110))
    dusty.save(server.base / "input" / "dusty.png")
    editor.open(compose_workflow("background_lake.png", ["dusty.png"]))
    said = editor.subject(0).get_attribute("aria-label")
    assert re.search(r"faint dust: 60 . 60 without it, 300 . 200 with it", said), said
    shown = editor.on_screen(0)
    editor.set_widget("min_alpha", 0.1)
    wait_for(lambda: "faint dust" not in (editor.subject(0).get_attribute("aria-label") or ""))
    assert editor.on_screen(0).width < shown.width / 3


def test_the_frame_has_the_edges_that_the_editor_shows(comfy, editor, server, plain_pictures):
    editor.open(compose_workflow("background_lake.png", plain_pictures, cut_out=False))
    editor.drag(editor.subject(0), -37, 11)
    editor.drag(editor.handle("se"), -23, -9)
    editor.drag(editor.subject(1), 31, -14)
    editor.page.keyboard.press("ArrowLeft")
    editor.page.keyboard.press("Shift+ArrowUp")
    editor.settle()
    assert editor.widget("layout") == "custom"
    shown = [editor.on_screen(i) for i in range(2)]
    frame = composed(comfy, server)
    for place, colour in zip(shown, (RED, GREEN), strict=True):
        x, y, width, height = edges(frame, colour)
        assert abs(x - place.x) <= 1
        assert abs(y - place.y) <= 1
        assert abs(x + width - place.x - place.width) <= 1
        assert abs(y + height - place.y - place.height) <= 1


def test_the_frame_is_what_python_composes_of_the_same_text(comfy, editor, server):
    editor.open(compose_workflow("background_lake.png", DEMO))
    editor.drag(editor.subject(0), -30, 25)
    editor.drag(editor.handle("turn"), 60, 20)
    editor.page.keyboard.press("f")
    editor.drag(editor.subject(2), 20, -60)  # over the boat
    editor.page.keyboard.press("PageDown")
    editor.settle()
    frame = composed(comfy, server)
    expected = compose(
        tensor(server, "background_lake.png")[..., :3],
        {f"subject{i}": tensor(server, name) for i, name in enumerate(DEMO)},
        layout="custom",
        arrangement=editor.widget("arrangement"),
    )
    assert np.array_equal(frame, (expected.image[0].numpy() * 255).round().astype(np.uint8))
    assert editor.pixels() == pytest.approx(expected.plan.pixels, rel=0.03)
    assert [entry["angle"] != 0 for entry in editor.arrangement()["subjects"]] == [True, False, False]
    assert editor.arrangement()["subjects"][0]["flip"]


def test_keys_and_wheel(editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    before = editor.places()
    keys = editor.page.keyboard
    editor.subject(1).focus()
    keys.press("ArrowRight")
    keys.press("Shift+ArrowDown")
    editor.settle()
    x, y, width, height = before[1]
    assert editor.places() == [before[0], (x + 1, y + 10, width, height), before[2]]
    keys.press("Delete")
    editor.settle()
    assert [entry["shown"] for entry in editor.arrangement()["subjects"]] == [True, False, True]
    editor.root.get_by_role("button", name="Bring back Subject 2").click()
    keys.press("l")
    keys.press("ArrowRight")
    editor.settle()
    assert editor.places()[1] == (x + 1, y + 10, width, height), "a locked subject was moved"
    keys.press("l")
    zoomed = editor.page.evaluate("app.canvas.ds.scale")
    box = editor.subject(1).bounding_box()
    editor.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    editor.page.mouse.wheel(0, -300)
    editor.page.wait_for_function(
        "() => document.querySelector('.ffgo-subject.is-selected').title.includes('Subject 2')"
    )
    wait_for(lambda: editor.places()[1][2] > 1.2 * width)
    assert editor.page.evaluate("app.canvas.ds.scale") == zoomed
    editor.subject(1).dblclick()
    editor.settle()
    assert editor.arrangement()["subjects"][1]["crop"] == "full"


def test_an_automatic_layout_asks_nothing_and_can_be_undone(editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    automatic = editor.places()
    editor.drag(editor.subject(0), 25, 40)
    own = editor.places()
    editor.tool("Automatic layout").click()
    editor.settle()
    assert (editor.widget("layout"), editor.places()) == ("published", automatic)
    editor.page.keyboard.press("Control+z")
    editor.page.wait_for_function(
        "app.canvas.graph.nodes.some(n => n.widgets?.some(w => w.value === 'custom' && w.name === 'layout'))"
    )
    editor.settle()
    assert editor.places() == own


def test_two_fingers_scale_the_subject_and_not_the_graph(editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    _, _, width, _ = editor.places()[1]
    zoomed = editor.page.evaluate("app.canvas.ds.scale")
    box = editor.subject(1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    devtools = editor.page.context.new_cdp_session(editor.page)

    def touch(kind, *apart):
        points = [{"x": x + side, "y": y, "id": i} for i, side in enumerate(apart)]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -10)
    touch("touchStart", -10, 10)
    for apart in (11, 12, 13, 14, 15):
        touch("touchMove", -apart, apart)
    touch("touchEnd")
    editor.settle()
    assert editor.places()[1][2] == pytest.approx(1.5 * width, abs=2)
    assert editor.page.evaluate("app.canvas.ds.scale") == zoomed
