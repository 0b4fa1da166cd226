"""How a graph is seen on ComfyUI's page: boxes, what overlaps, links that run behind nodes."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, ViewportSize

NOTE_FRAME = 50
"""Pixels of a note around its text."""
SCREEN: ViewportSize = {"width": 1920, "height": 1080}
# Boxes with their titles, in the graph's own pixels. LiteGraph and the page's elements agree once they are drawn.
_MEASURE = """async () => {
    const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    const text = node => {
        const element = document.querySelector(`[data-node-id="${node.id}"]`) ?? node.widgets?.[0]?.element
        const parts = element?.querySelector('.comfy-markdown-content, .ProseMirror')?.children
        const last = parts?.[parts.length - 1]
        return last ? last.offsetTop + last.offsetHeight - parts[0].offsetTop + NOTE_FRAME : 0
    }
    const boxes = () => app.canvas.graph.nodes.map(node => ({
        title: node.title, box: [...node.boundingRect],
        least: node.type === 'MarkdownNote' ? text(node) : node.computeSize()[1],
    }))
    const settled = async () => {
        for (let last, same = 0; same < 8;) {
            await frame()
            const now = JSON.stringify(boxes())
            same = now === last ? same + 1 : 0
            last = now
        }
    }
    await settled()
    await app.extensionManager.command.execute('Comfy.Canvas.FitView')
    for (let last; last !== app.canvas.ds.scale;) {
        last = app.canvas.ds.scale
        for (let i = 0; i < 30; i++) await frame()
    }
    await settled()
    app.canvas.draw(true, true)
    return {nodes: boxes(), links: LINKS, scale: app.canvas.ds.scale, titles: !app.canvas.low_quality}
}"""


@dataclass(frozen=True, slots=True)
class Look:
    """What a graph looks like when it fits the screen."""

    boxes: dict[str, tuple[float, float, float, float]]
    """Of each node, by its title: left, top, width, height, with the bar of its title."""
    least: dict[str, float]
    """How low each node can be, without its title."""
    scale: float
    titles: bool
    """Whether titles are drawn at that scale."""
    behind: list[str]
    """Links that run behind a node."""

    @property
    def overlaps(self) -> list[str]:
        every = list(self.boxes.items())
        return [f"{a} / {b}" for i, (a, one) in enumerate(every) for b, two in every[:i] if _overlap(one, two)]


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


# Each link's drawn path is painted and looked for inside the nodes, a little off their edges: sockets stand on those.
_LINKS = """(() => {
    const scale = 0.5, bounds = app.canvas.graph.nodes.map(node => node.boundingRect)
    const left = Math.min(...bounds.map(b => b[0])) - 200, top = Math.min(...bounds.map(b => b[1])) - 200
    const width = Math.ceil((Math.max(...bounds.map(b => b[0] + b[2])) + 200 - left) * scale)
    const height = Math.ceil((Math.max(...bounds.map(b => b[1] + b[3])) + 200 - top) * scale)
    const paper = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true})
    const named = id => app.canvas.graph.getNodeById(id)?.title ?? 'the edge'
    const found = []
    for (const link of app.canvas.graph.links.values()) {
        const name = `${named(link.origin_id)} -> ${named(link.target_id)}`
        if (!link.path) { found.push(`${name} is not drawn`); continue }
        paper.setTransform(1, 0, 0, 1, 0, 0)
        paper.clearRect(0, 0, width, height)
        paper.setTransform(scale, 0, 0, scale, -left * scale, -top * scale)
        paper.lineWidth = 3
        paper.stroke(link.path)
        for (const node of app.canvas.graph.nodes) {
            const end = [link.origin_id, link.target_id].some(id => String(id) === String(node.id))
            const edge = end ? 22 : 3, b = node.boundingRect
            const [x, y] = [(b[0] + edge - left) * scale, (b[1] + edge - top) * scale].map(Math.round)
            const [w, h] = [(b[2] - 2 * edge) * scale, (b[3] - 2 * edge) * scale].map(Math.round)
            if (w > 0 && h > 0 && paper.getImageData(x, y, w, h).data.some(byte => byte > 64)) {
                found.push(`${name} behind ${node.title}`)
            }
        }
    }
    return found
})()"""


def look_at(page: Page) -> Look:
    """Fit the graph that is open into the view, and measure it once it is at rest."""
    seen: dict[str, Any] = page.evaluate(_MEASURE.replace("LINKS", _LINKS).replace("NOTE_FRAME", str(NOTE_FRAME)))
    return Look(
        {node["title"]: tuple(node["box"]) for node in seen["nodes"]},
        {node["title"]: node["least"] for node in seen["nodes"]},
        seen["scale"],
        seen["titles"],
        seen["links"],
    )
