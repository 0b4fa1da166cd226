"""Load Subject on the real page: what the node shows."""

import pytest
from PIL import Image, ImageDraw


@pytest.fixture
def photo(server) -> str:
    """A red disc on a plain ground."""
    picture = Image.new("RGB", (240, 200), (90, 140, 60))
    ImageDraw.Draw(picture).ellipse((70, 50, 170, 150), fill=(200, 40, 30))
    picture.save(server.base / "input" / "disc_on_green.png")
    return "disc_on_green.png"


def place(comfy, photo: str) -> None:
    comfy.page.evaluate(
        """() => {
            app.rootGraph.clear()
            const [loader, shown] = ['FFGOLoadSubject', 'PreviewImage'].map(type => {
                const node = LiteGraph.createNode(type)
                app.rootGraph.add(node)
                return node
            })
            loader.title = 'Subject'
            shown.pos = [700, 0]
            loader.connect(0, shown, 0)
            app.canvas.centerOnNode(loader)
        }"""
    )
    comfy.set_widgets("Subject", image=photo)


def wait_until_shown(comfy, holds: str) -> None:
    """Until the node shows a picture whose address holds this text."""
    code = """holds => {
        const node = app.rootGraph.nodes.find(node => node.title === 'Subject')
        return (node.imgs ?? []).some(picture => picture.complete && picture.src.includes(holds))
    }"""
    comfy.page.wait_for_function(code, arg=holds)


@pytest.mark.parametrize("comfy", ["canvas"], indirect=True)
def test_the_file_is_shown_and_after_a_run_the_cutout_on_checks(comfy, photo):
    place(comfy, photo)
    wait_until_shown(comfy, photo)
    entry = comfy.finished(comfy.run())
    assert entry["status"]["status_str"] == "success"
    wait_until_shown(comfy, "_on_checks.png")
    assert comfy.problems == []
