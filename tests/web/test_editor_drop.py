"""Files dropped onto the editor, or pasted into it, with a real drag from outside the browser."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from lab.workshop.page import COMPOSE, compose_workflow
from lab.workshop.patience import SILENCE_S, wait_for
from lab.workshop.server import MATERIALS

ROBOT, BOAT, BALLOON = (MATERIALS / f"subject_{name}.png" for name in ("robot", "boat", "balloon"))
LAKE = MATERIALS / "background_lake.png"
NODE = f"app.canvas.graph.nodes.find(node => node.type === '{COMPOSE}')"


@pytest.fixture
def empty(comfy, editor):
    """A canvas that nothing is connected to, in sight."""
    comfy.problems.clear()
    comfy.page.evaluate("async workflow => { await app.loadGraphData(workflow) }", compose_workflow(None, []))
    editor.look()
    return editor


def kinds(editor):
    return sorted(editor.page.evaluate("app.canvas.graph.nodes.map(node => node.type)"))


def status(editor):
    return editor.root.locator(".ffgo-status").inner_text()


def said(editor):
    return editor.root.get_by_role("alert").first


def drop(editor, files, x, y):
    """Drop, and wait for what comes of it: as many more nodes, with their pictures."""
    before = len(kinds(editor))
    editor.drop(files, x, y)
    wait_for(lambda: len(kinds(editor)) == before + len(files))
    expect(editor.root.locator("[data-hint]")).to_have_count(0)
    editor.settle(600)  # what the host puts off, such as showing the pictures on their nodes


def steps(editor):
    """How many steps can be undone, and redone."""
    tracker = "app.extensionManager.workflow.activeWorkflow.changeTracker"
    return editor.page.evaluate(f"[{tracker}.undoQueue.length, {tracker}.redoQueue.length]")


def step_to(editor, key, there, again):
    """One step of undo ("z") or redo ("y"), after which these nodes are there.

    In Nodes 2.0, as the help says, a step of undo may do nothing, and is made again, or redo may be
    lost, and the files are dropped `again`.
    """
    editor.settle(600)
    before, in_elements = kinds(editor), editor.page.evaluate("!!LiteGraph.vueNodesMode")
    for _ in range(3 if in_elements else 1):
        if in_elements and key == "y" and steps(editor)[1] == 0:
            drop(editor, *again)
            return
        editor.page.keyboard.press(f"Control+{key}")
        try:
            wait_for(lambda: kinds(editor) == there, silence_s=60 if in_elements else SILENCE_S)
        except TimeoutError:
            if not in_elements or kinds(editor) != before:
                raise
        else:
            editor.settle(600)
            return
    raise TimeoutError(f"{kinds(editor)} stays, {there} does not come")


def overlap(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


@pytest.mark.every_page
def test_three_files_and_a_background_are_the_frame_that_nodes_make(comfy, editor, server, empty):
    """From an empty node to the frame; each drop is one step of undo."""
    assert "subjects on the left, the background on the right" in status(editor)
    start = kinds(editor)
    drop(editor, [ROBOT, BOAT, BALLOON], 0.2, 0.4)
    places = editor.places()
    assert len(places) == 3
    assert not any(overlap(a, b) for i, a in enumerate(places) for b in places[i + 1 :])
    with_subjects = kinds(editor)
    assert "Drop the background" in status(editor)
    drop(editor, [LAKE], 0.8, 0.5)
    assert kinds(editor) == sorted([*with_subjects, "LoadImage"])
    assert editor.places() == places
    everything = kinds(editor)
    subjects, background = ([ROBOT, BOAT, BALLOON], 0.2, 0.4), ([LAKE], 0.8, 0.5)
    for key, there in (("z", with_subjects), ("z", start), ("y", with_subjects), ("y", everything)):
        step_to(editor, key, there, subjects if there == with_subjects else background)
    editor.look()
    editor.wait_for_pictures()
    assert editor.places() == places
    dropped = comfy.prompt()
    entry = comfy.finished(comfy.run())
    assert entry["status"]["status_str"] == "success", entry["status"]
    by_nodes = made_by_nodes(comfy, dropped)
    assert np.array_equal(frame_of(entry, server), frame_of(by_nodes, server))
    assert comfy.problems == []


def made_by_nodes(comfy, dropped):
    """The same frame through the API: the pictures of the materials, by nodes of ComfyUI alone, in the same layout."""
    (settings,) = [node["inputs"] for node in dropped.values() if node["class_type"] == COMPOSE]
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": LAKE.name}},
        "2": {"class_type": COMPOSE, "inputs": {"background": ["1", 0], "layout": settings["layout"]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "by_nodes"}},
    }
    for i, file in enumerate([ROBOT, BOAT, BALLOON]):
        prompt[f"1{i}"] = {"class_type": "LoadImage", "inputs": {"image": file.name}}
        prompt[f"2{i}"] = {"class_type": "JoinImageWithAlpha", "inputs": {"image": [f"1{i}", 0], "alpha": [f"1{i}", 1]}}
        prompt["2"]["inputs"][f"subjects.subject{i}"] = [f"2{i}", 0]
    queued = comfy.page.evaluate(
        """async prompt => (await fetch('/prompt', {
            method: 'POST', body: JSON.stringify({prompt}), headers: {'Content-Type': 'application/json'}
        })).json()""",
        prompt,
    )
    return comfy.finished(queued["prompt_id"])


def frame_of(entry, server):
    (saved,) = [file for output in entry["outputs"].values() for file in output["images"] if file["type"] == "output"]
    return np.asarray(Image.open(Path(server.base, "output", saved["subfolder"], saved["filename"])))


@pytest.mark.every_page
def test_one_is_placed_where_it_was_dropped_and_comes_back_by_redo(editor, empty):
    before, (undone, _) = kinds(editor), steps(editor)
    drop(editor, [ROBOT], 0.2, 0.3)
    ((x, y, width, height),) = editor.places()
    pixel = 1 / editor.zoom()  # of the screen, in pixels of the frame
    assert abs(x + width / 2 - 0.2 * 1280) <= 1 + pixel
    assert abs(y + height / 2 - 0.3 * 720) <= 1 + pixel
    assert editor.widget("layout") == "custom"
    assert steps(editor)[0] == undone + 1
    after = kinds(editor)
    for key, there in (("z", before), ("y", after)):
        step_to(editor, key, there, ([ROBOT], 0.2, 0.3))
    editor.look()
    editor.wait_for_pictures()
    assert editor.places() == [(x, y, width, height)]


def test_a_further_subject_moves_no_other(editor, empty):
    drop(editor, [ROBOT], 0.1, 0.2)
    first = editor.places()
    drop(editor, [BOAT, BALLOON], 0.1, 0.2)
    places = editor.places()
    assert places[:1] == first
    assert not any(overlap(a, b) for i, a in enumerate(places) for b in places[i + 1 :])


def test_another_background_takes_the_place_of_the_first(editor, empty):
    drop(editor, [LAKE], 0.7, 0.5)
    before = kinds(editor)
    editor.drop([MATERIALS / "background_town.png"], 0.9, 0.2)
    editor.page.wait_for_function(
        "app.canvas.graph.nodes.find(node => node.type === 'LoadImage').widgets[0].value.includes('town')"
    )
    assert kinds(editor) == before


@pytest.mark.every_page
def test_a_picture_is_pasted(comfy, editor, empty):
    comfy.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    comfy.page.evaluate(
        """async name => {
            const bytes = await (await fetch(`/view?filename=${name}&type=input`)).arrayBuffer()
            await navigator.clipboard.write([new ClipboardItem({'image/png': new Blob([bytes], {type: 'image/png'})})])
        }""",
        ROBOT.name,
    )
    before = len(kinds(editor))
    editor.root.locator(".ffgo-stage").click(position={"x": 4, "y": 4})
    comfy.page.keyboard.press("Control+v")
    wait_for(lambda: len(kinds(editor)) == before + 1)
    expect(editor.subject(0)).to_be_visible()
    assert kinds(editor).count("FFGOLoadSubject") == 1


def test_what_cannot_be_taken_is_said_and_leaves_nothing(comfy, editor, empty, tmp_path):
    text, broken = tmp_path / "notes.txt", tmp_path / "broken.png"
    text.write_text("no picture")
    broken.write_bytes(ROBOT.read_bytes()[:3000])
    before, done = kinds(editor), steps(editor)
    for files, words in (
        ([text], "No picture: notes.txt"),
        ([broken], "Cannot be read as a picture: broken.png"),
        ([ROBOT] * 9, "8 more fit, and 9 came"),
    ):
        editor.drop(files, 0.2, 0.5)
        expect(said(editor)).to_contain_text(words)
    comfy.page.route("**/upload/image", lambda route: route.fulfill(status=413))
    editor.drop([ROBOT, BOAT], 0.2, 0.5)
    expect(said(editor)).to_contain_text("larger than the server takes")
    comfy.page.unroute("**/upload/image")
    comfy.page.route("**/upload/image", lambda route: route.abort())
    editor.drop([ROBOT, BOAT], 0.2, 0.5)
    expect(said(editor)).to_contain_text("the server does not answer")
    comfy.page.unroute("**/upload/image")
    assert (kinds(editor), steps(editor)) == (before, done)
    editor.drop([text, ROBOT], 0.2, 0.5)
    wait_for(lambda: len(kinds(editor)) == len(before) + 1)
    expect(said(editor)).to_contain_text("No picture: notes.txt")


@pytest.mark.every_page
def test_beside_the_editor_the_page_does_what_it_always_did(editor, empty):
    before = kinds(editor)
    editor.drop_at([ROBOT], 100, 700)
    wait_for(lambda: kinds(editor) == sorted([*before, "LoadImage"]))


def test_several_files_on_a_load_subject_are_several_subjects(comfy, editor, empty):
    drop(editor, [ROBOT], 0.2, 0.3)
    done, nodes = steps(editor)[0], len(kinds(editor))
    spot = comfy.page.evaluate(
        """() => {
            const node = app.canvas.graph.nodes.find(node => node.type === 'FFGOLoadSubject')
            app.canvas.centerOnNode(node)
            app.canvas.draw(true, true)
            const [x, y] = app.canvas.convertOffsetToCanvas([node.pos[0] + 60, node.pos[1] - 12])
            const canvas = app.canvas.canvas.getBoundingClientRect()
            return [canvas.left + x, canvas.top + y]
        }"""
    )
    editor.settle()
    editor.drop_at([BOAT, BALLOON, ROBOT], *spot)
    wait_for(lambda: len(kinds(editor)) == nodes + 2)
    editor.look()
    editor.wait_for_pictures()
    assert steps(editor)[0] == done + 1
    names = comfy.page.evaluate(f"{NODE}.inputs.filter((one, slot) => !one.widget && {NODE}.getInputLink(slot)).length")
    assert names == 3
