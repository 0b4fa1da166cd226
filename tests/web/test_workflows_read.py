"""The shipped workflows can be read: on a screen of 1920 by 1080, in both renderers, measured as they are drawn."""

import pytest

from lab.workflows.look import SCREEN, look_at

pytestmark = pytest.mark.every_page

MOST_NODES = 16


@pytest.fixture(scope="module")
def looked(comfy, workflow):
    """The workflow opened from the template browser, as it is seen when it fits the screen."""
    before = comfy.page.viewport_size
    comfy.page.set_viewport_size(SCREEN)
    comfy.open_template(workflow.stem)
    yield comfy, look_at(comfy.page)
    comfy.page.set_viewport_size(before)


def test_the_eye_holds_it(looked):
    _, look = looked
    assert 0 < len(look.boxes) <= MOST_NODES
    assert look.titles, f"titles are not drawn at {look.scale:.3f}"
    assert look.overlaps == []


def test_no_link_runs_behind_a_node(looked):
    comfy, look = looked
    assert comfy.page.evaluate("app.rootGraph.links.size") >= len(look.boxes) / 2
    assert look.behind == []


def test_it_runs_from_left_to_right(looked):
    comfy, look = looked
    links = comfy.page.evaluate(
        """() => [...app.rootGraph.links.values()].map(link =>
            [link.origin_id, link.target_id].map(id => app.rootGraph.getNodeById(id).title))"""
    )
    for origin, target in links:
        left, _, width, _ = look.boxes[origin]
        assert left + width < look.boxes[target][0], f"{origin} -> {target}"


def test_nothing_in_it_is_in_error(looked):
    comfy, _ = looked
    wrong = "app.rootGraph.nodes.filter(node => node.has_errors || node.bgcolor === 'red').map(node => node.title)"
    assert comfy.page.evaluate(wrong) == []


def test_its_subgraphs_can_be_read_too(looked):
    comfy, _ = looked
    for number in comfy.page.evaluate("[...app.rootGraph.subgraphs.keys()]"):
        comfy.page.evaluate("id => app.canvas.setGraph(app.rootGraph.subgraphs.get(id))", number)
        look = look_at(comfy.page)
        comfy.page.evaluate("app.canvas.setGraph(app.rootGraph)")
        assert len(look.boxes) <= MOST_NODES
        assert look.overlaps == []


@pytest.mark.parametrize("comfy", ["canvas", "elements"], indirect=True)
def test_the_measure_finds_what_is_wrong(comfy):
    """Two nodes on each other, and a link that runs behind a third."""
    comfy.page.evaluate(
        """async () => {
            app.rootGraph.clear()
            const places = {EmptyImage: [0, 0], GetImageSize: [900, 0], ImageInvert: [400, 0], ImageScaleBy: [410, 20]}
            for (const [kind, place] of Object.entries(places)) {
                const node = LiteGraph.createNode(kind)
                node.pos = place
                node.title = kind
                app.rootGraph.add(node)
            }
            app.rootGraph.nodes[0].connect(0, app.rootGraph.nodes[1], 0)
        }"""
    )
    look = look_at(comfy.page)
    assert look.overlaps == ["ImageScaleBy / ImageInvert"]
    assert "EmptyImage -> GetImageSize behind ImageInvert" in look.behind
