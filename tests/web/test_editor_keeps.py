"""Nothing that a user does to the page, the graph or the node moves a subject or loses its place."""

import json

import pytest

from lab.workshop.page import COMPOSE, compose_workflow
from lab.workshop.patience import wait_for

DEMO = ["subject_robot.png", "subject_boat.png", "subject_balloon.png"]
BOAT = 1
NODE = f"app.canvas.graph.nodes.find(node => node.type === '{COMPOSE}')"


@pytest.fixture
def own(editor):
    """The places of three subjects, each moved by hand."""
    editor.open(compose_workflow("background_lake.png", DEMO))
    for index, (dx, dy) in enumerate([(-31, 13), (-22, -17), (33, -9)]):
        editor.drag(editor.subject(index), dx, dy)
    return editor.places()


def state(editor):
    """Everything that the arrangement says of the subjects in the frame."""
    return [
        {key: value for key, value in entry.items() if key != "source"} for entry in editor.arrangement()["subjects"]
    ]


def test_saving_and_opening(editor, own):
    before = state(editor)
    saved = editor.page.evaluate("async () => JSON.stringify((await app.graphToPrompt()).workflow)")
    editor.page.evaluate("app.rootGraph.clear()")
    editor.open(json.loads(saved))
    assert (editor.places(), state(editor)) == (own, before)


def test_a_reload_of_the_page(editor, own):
    before = state(editor)
    editor.settle(600)  # the host puts off keeping its draft
    editor.page.reload()
    editor.page.wait_for_function("!!window.app?.extensionManager?.workflow.activeWorkflow")
    editor.page.wait_for_function(f"() => !!{NODE}")
    editor.look()
    editor.wait_for_pictures()
    assert (editor.places(), state(editor)) == (own, before)


def test_the_other_renderer_and_back(editor, own):
    before, elements = state(editor), editor.page.evaluate("LiteGraph.vueNodesMode")
    for setting in (not elements, elements):
        editor.page.evaluate("on => app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)", setting)
        editor.page.wait_for_function("on => LiteGraph.vueNodesMode === on", arg=setting)
        editor.look()
        assert (editor.places(), state(editor)) == (own, before)
        assert editor.root.count() == 1
    editor.drag(editor.subject(BOAT), 15, 0)
    assert editor.places()[BOAT] != own[BOAT]


@pytest.mark.every_page
def test_a_subgraph_entered_and_left(editor, own):
    before = state(editor)
    editor.page.evaluate(
        f"""() => {{
            const graph = app.canvas.graph
            window.made = graph.convertToSubgraph(new Set([{NODE}, graph.getNodeById(31)]))
        }}"""
    )
    editor.settle()  # as for a user: else Nodes 2.0 goes on showing the old node's editor, whose number the new one has
    editor.page.evaluate("app.canvas.openSubgraph(made.subgraph, made.node)")
    editor.look()
    editor.wait_for_pictures()
    # Else a slow page may take the new subgraph and the drag for one step of undo.
    editor.page.evaluate("app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState()")
    assert (editor.places(), state(editor)) == (own, before)
    editor.drag(editor.subject(BOAT), 0, 25)
    moved = editor.places()
    assert moved[BOAT] != own[BOAT]
    editor.page.evaluate("app.canvas.setGraph(app.rootGraph)")
    editor.settle()
    editor.page.evaluate("app.canvas.openSubgraph(made.subgraph, made.node)")
    editor.look()
    assert editor.places() == moved
    try:
        undo(editor, own)
    except TimeoutError:  # now and then the page has taken a look at the subgraph for a step of its own
        undo(editor, own)
    assert (editor.places(), state(editor)) == (own, before)


def undo(editor, to):
    editor.page.keyboard.press("Control+z")
    wait_for(lambda: editor.places() == to, silence_s=60)  # the host loads the graph anew


@pytest.mark.every_page
def test_each_edit_is_one_step_of_undo(editor, own):
    count = "() => app.extensionManager.workflow.activeWorkflow.changeTracker.undoQueue.length"
    done = editor.page.evaluate(count)
    editor.subject(BOAT).focus()
    editor.page.keyboard.down("ArrowLeft")
    for _ in range(4):
        editor.page.keyboard.down("ArrowLeft")  # held, it repeats
    editor.page.keyboard.up("ArrowLeft")
    editor.settle()
    x, y, width, height = own[BOAT]
    assert editor.places()[BOAT] == (x - 5, y, width, height)
    assert editor.page.evaluate(count) == done + 1
    for key, there in (("z", own), ("y", [own[0], (x - 5, y, width, height), own[2]])):
        editor.page.keyboard.press(f"Control+{key}")
        wait_for(lambda there=there: editor.places() == there)
        assert editor.page.evaluate("document.activeElement.dataset.index") == str(BOAT), "the keyboard's focus is lost"


def test_a_copy_has_the_same_places_once_its_inputs_are_connected(editor, own):
    before = state(editor)
    editor.page.evaluate(
        f"""() => {{
            const node = {NODE}
            app.canvas.deselectAll()
            app.canvas.selectNode(node)
            app.canvas.copyToClipboard()
            app.canvas.graph.remove(node)
            app.canvas.pasteFromClipboard()
        }}"""
    )
    for i in range(3):
        editor.settle()
        editor.page.evaluate(
            f"""number => {{
                const free = {NODE}.inputs.findIndex(input => input.name === `subjects.subject${{number}}`)
                app.canvas.graph.getNodeById(30 + number).connect(0, {NODE}, free)
            }}""",
            i,
        )
    editor.look()
    editor.wait_for_pictures()
    assert (editor.places(), state(editor)) == (own, before)


def test_a_removed_input_moves_no_other_and_comes_back_where_it_was(editor, own):
    before = state(editor)
    editor.page.evaluate(f"{NODE}.disconnectInput(2)")
    editor.settle()
    assert editor.places() == [own[0], own[2]]
    assert state(editor) == [before[0], before[2]]
    editor.page.evaluate(
        f"""() => {{
            const free = {NODE}.inputs.findIndex(input => input.name.startsWith('subjects.') && input.link == null)
            app.canvas.graph.getNodeById(31).connect(0, {NODE}, free)
        }}"""
    )
    editor.settle()
    assert editor.places() == [own[0], own[2], own[1]]
    assert state(editor) == [before[0], before[2], before[1]]


def test_another_picture_on_an_input_moves_no_other(editor, own):
    editor.page.evaluate(
        """name => {
            const widget = app.canvas.graph.getNodeById(10).widgets.find(widget => widget.name === 'image')
            widget.value = name
            widget.callback?.(name)
            app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState()
        }""",
        DEMO[2],
    )
    editor.page.wait_for_function("() => document.querySelector('.ffgo-subject').title.includes('balloon')")
    editor.wait_for_pictures()
    places = editor.places()
    assert places[1:] == own[1:]
    # The other picture has the place's middle and fits into it.
    (x, y, width, height), (_, _, fits_width, fits_height) = places[0], own[0]
    assert width <= fits_width
    assert height <= fits_height
    assert abs(x + width / 2 - own[0][0] - fits_width / 2) <= 1
    assert abs(y + height / 2 - own[0][1] - fits_height / 2) <= 1


def test_a_text_that_cannot_be_read_is_kept_and_said_to_be_so(editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    automatic = editor.places()
    text = '{"version": 7, "canvas": "ünlesbar"'
    editor.set_widget("arrangement", text)
    editor.set_widget("layout", "custom")
    assert "not JSON" in editor.root.get_by_role("alert").inner_text()
    editor.drag(editor.subject(0), 30, 30)
    assert (editor.places(), editor.widget("arrangement")) == (automatic, text)
    editor.tool("Automatic layout").click()
    editor.settle()
    assert (editor.widget("layout"), editor.widget("arrangement")) == ("published", "")


def test_a_size_and_a_layout_set_outside_of_a_subgraph(editor):
    editor.open(compose_workflow("background_lake.png", DEMO))
    editor.page.evaluate(
        f"""() => {{
            const made = app.canvas.graph.convertToSubgraph(new Set([{NODE}]))
            const inner = made.subgraph.nodes.find(node => node.type === '{COMPOSE}')
            for (const name of ['width', 'layout']) {{
                const slot = inner.inputs.find(input => input.widget?.name === name)
                made.subgraph.addInput(name, slot.type).connect(slot, inner)
            }}
            const width = made.node.widgets.find(widget => widget.name === 'width')
            width.value = 832
            width.callback?.(832)
            app.canvas.openSubgraph(made.subgraph, made.node)
        }}"""
    )
    editor.look()
    editor.wait_for_pictures()
    assert "832 × 720" in editor.root.locator(".ffgo-status").inner_text()  # noqa: RUF001 (as it is shown)
    editor.drag(editor.subject(0), 20, 20)
    prompt = editor.page.evaluate("async () => (await app.graphToPrompt()).output")
    (inputs,) = [node["inputs"] for node in prompt.values() if node["class_type"] == COMPOSE]
    assert (inputs["layout"], inputs["width"]) == ("custom", 832)
    assert json.loads(inputs["arrangement"])["canvas"] == {"width": 832, "height": 720}
