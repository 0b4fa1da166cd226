"""The frame editor on ComfyUI's page, driven as a user drives it. For tests, benchmarks and screenshots."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

COMPOSE, MAX_SUBJECTS = "FFGOComposeCanvas", 8
DEFAULT_WIDGETS = ["custom", 1280, 720, "published", "keep_aspect", 1, 0, "", 0]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subject is, in pixels of the frame."""

    x: float
    y: float
    width: float
    height: float


def compose_workflow(background: str | None, subjects: Sequence[str], *, cut_out: bool = True) -> dict[str, Any]:
    """A workflow in the form that Save writes: pictures from the input folder, FFGo Compose Canvas, Save Image.

    Without a background its socket is free. With `cut_out` each subject is a photo joined with its own alpha, else the
    plain picture.
    """
    nodes: list[dict[str, Any]] = [_loader(1, background)] if background else []
    links: list[list[Any]] = []

    def link(origin: int, slot: int, target: int, input_slot: int, kind: str) -> int:
        links.append([len(links) + 1, origin, slot, target, input_slot, kind])
        return len(links)

    sockets = [_socket("background", link(1, 0, 100, 0, "IMAGE") if background else None)]
    for i, name in enumerate(subjects):
        loader = _loader(10 + i, name, y=400 * (i + 1))
        nodes.append(loader)
        feeder = 10 + i
        if cut_out:
            feeder = 30 + i
            ends = [link(10 + i, 0, feeder, 0, "IMAGE"), link(10 + i, 1, feeder, 1, "MASK")]
            nodes.append(_node(feeder, "JoinImageWithAlpha", [360, 400 * (i + 1)], [220, 60], inputs=[
                _socket("image", ends[0]), _socket("alpha", ends[1], "MASK"),
            ], outputs=[("IMAGE", "IMAGE")]))  # fmt: skip
        sockets.append(_socket(f"subjects.subject{i}", link(feeder, 0, 100, i + 1, "IMAGE")))
    if len(subjects) < MAX_SUBJECTS:
        sockets.append(_socket(f"subjects.subject{len(subjects)}", None))
    nodes.append(_node(100, COMPOSE, [680, 0], [520, 700], inputs=sockets, widgets=DEFAULT_WIDGETS, outputs=[
        ("image", "IMAGE"), ("masks", "MASK"), ("layout", "STRING"),
    ]))  # fmt: skip
    saved = link(100, 0, 101, 0, "IMAGE")
    nodes.append(_node(101, "SaveImage", [1300, 0], [300, 300], inputs=[_socket("images", saved)], widgets=["editor"]))
    for node in nodes:
        for slot, output in enumerate(node["outputs"]):
            output["links"] = [one[0] for one in links if one[1:3] == [node["id"], slot]]
    return {
        "id": "00000000-0000-4000-8000-000000000001", "revision": 0, "last_node_id": 101, "last_link_id": len(links),
        "nodes": nodes, "links": links, "groups": [], "config": {}, "extra": {}, "version": 0.4,
    }  # fmt: skip


def _loader(node_id: int, name: str, y: int = 0) -> dict[str, Any]:
    outputs = [("IMAGE", "IMAGE"), ("MASK", "MASK")]
    return _node(node_id, "LoadImage", [0, y], [300, 330], widgets=[name, "image"], outputs=outputs)


def _node(
    node_id: int, kind: str, position: list[int], size: list[int], *, inputs: Sequence[dict[str, Any]] = (),
    outputs: Sequence[tuple[str, str]] = (), widgets: Sequence[Any] = (),
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": node_id, "type": kind, "pos": position, "size": size, "flags": {}, "order": 0, "mode": 0,
        "inputs": list(inputs), "outputs": [{"name": name, "type": type_} for name, type_ in outputs],
        "properties": {"Node name for S&R": kind}, "widgets_values": list(widgets),
    }  # fmt: skip


def _socket(name: str, link: int | None, kind: str = "IMAGE") -> dict[str, Any]:
    return {"name": name, "type": kind, "link": link}


def _box(target: Locator) -> Any:
    box = target.bounding_box()
    assert box, "the element is not shown"
    return box


class EditorPage:
    """The page with one frame editor in sight."""

    def __init__(self, page: Page):
        self.page = page

    def open(self, workflow: dict[str, Any]) -> None:
        """Load a workflow and look at its compose node at full size, with all pictures there."""
        self.page.evaluate("() => document.querySelectorAll('dialog[open]').forEach(dialog => dialog.close())")
        self.page.evaluate("async workflow => { await app.loadGraphData(workflow) }", workflow)
        self.look()
        self.wait_for_pictures()

    def look(self) -> None:
        """Bring the compose node into the middle of the page, unscaled."""
        self.page.evaluate(
            """kind => {
                const node = app.canvas.graph.nodes.find(node => node.type === kind)
                app.canvas.ds.scale = 1
                app.canvas.centerOnNode(node)
                app.canvas.setDirty(true, true)
            }""",
            COMPOSE,
        )
        self.page.locator(".ffgo-frame").first.wait_for(state="visible")
        self.settle()

    def settle(self, ms: int = 150) -> None:
        """Let the page do what it has put off by less than ms; by its own clock, which stands while it is busy."""
        self.page.evaluate(
            "ms => new Promise(done => setTimeout(() => requestAnimationFrame(() => setTimeout(done)), ms))", ms
        )

    def wait_for_pictures(self) -> None:
        self.page.wait_for_function(
            """() => {
                const labels = [...document.querySelectorAll('.ffgo-subject')].map(box => box.ariaLabel)
                return labels.length && labels.every(label => label && !label.includes('after a run'))
            }"""
        )

    @property
    def root(self) -> Locator:
        return self.page.locator(".ffgo-editor").last

    def subject(self, index: int) -> Locator:
        return self.root.locator(f".ffgo-subject[data-index='{index}']")

    def tool(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def handle(self, corner: str) -> Locator:
        return self.root.locator(f".ffgo-handles:not(.ffgo-reach) .ffgo-{corner}")

    def places(self) -> list[tuple[int, int, int, int]]:
        """x, y, width and height of all subjects as their labels say them."""
        labels = self.root.locator(".ffgo-subject").evaluate_all("boxes => boxes.map(box => box.ariaLabel)")
        found = [re.search(r"(\d+) \W (\d+) at (-?\d+), (-?\d+)", label) for label in labels]
        return [(int(m[3]), int(m[4]), int(m[1]), int(m[2])) for m in found if m]

    def pixels(self) -> list[int]:
        """How many pixels of the frame each subject covers, as the labels say."""
        labels = self.root.locator(".ffgo-subject").evaluate_all("boxes => boxes.map(box => box.ariaLabel)")
        return [int(m[1].replace(",", "")) for label in labels if (m := re.search(r"([\d,]+) pixels", label))]

    def on_screen(self, index: int) -> Place:
        """Where the subject's element is drawn, measured in pixels of the frame."""
        frame, box, zoom = _box(self.root.locator(".ffgo-frame")), _box(self.subject(index)), self.zoom()
        return Place(
            (box["x"] - frame["x"]) / zoom, (box["y"] - frame["y"]) / zoom, box["width"] / zoom, box["height"] / zoom
        )

    def zoom(self) -> float:
        """Pixels of the screen for one of the frame."""
        return _box(self.root.locator(".ffgo-frame"))["width"] / self.widget("width")

    def drag(self, target: Locator, dx: float, dy: float, *, steps: int = 8) -> None:
        """Drag an element's middle by so many pixels of the screen, with the mouse."""
        box = self._box_at_rest(target)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=steps)
        self.page.mouse.up()
        self.settle()

    def drop(self, files: Sequence[Path], x: float, y: float) -> None:
        """Drop files from outside the browser onto a place of the frame, given as shares of its width and height."""
        frame = self._box_at_rest(self.root.locator(".ffgo-frame"))
        self.drop_at(files, frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])

    def drop_at(self, files: Sequence[Path], x: float, y: float) -> None:
        """Drop files from outside the browser onto a place of the page."""
        devtools = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            devtools.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
        devtools.detach()

    def _box_at_rest(self, target: Locator) -> dict[str, float]:
        """Where an element is once it no longer moves: a view that has just been opened may still be laid out."""
        box = _box(target)
        for _ in range(20):
            self.settle()
            before, box = box, _box(target)
            if box == before:
                break
        return box

    def widget(self, name: str) -> Any:
        return self.page.evaluate(
            """([kind, name]) => app.canvas.graph.nodes.find(node => node.type === kind)
                .widgets.find(widget => widget.name === name).value""",
            [COMPOSE, name],
        )

    def set_widget(self, name: str, value: Any) -> None:
        self.page.evaluate(
            """([kind, name, value]) => {
                const node = app.canvas.graph.nodes.find(node => node.type === kind)
                const widget = node.widgets.find(widget => widget.name === name)
                widget.value = value
                widget.callback?.(value)
            }""",
            [COMPOSE, name, value],
        )
        self.settle()

    def arrangement(self) -> dict[str, Any]:
        return json.loads(self.widget("arrangement"))
