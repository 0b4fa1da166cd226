"""The files of the described workflows, as ComfyUI's own page saves them.

A workflow is opened in both renderers, since nodes have other sizes in each; its columns stand so that both have room.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playwright.sync_api import Page

from .graph import NOTE, Column, Defs, Graph, Node, Subgraph, draft
from .look import Look, look_at

TITLE_BAR = 30
MARGIN, GROUP_TITLE = 14, 34
_SET = """async ([file, values]) => {
    await app.loadGraphData(file)
    const problems = []
    for (const [graphId, title, wanted] of values) {
        const graph = graphId ? app.rootGraph.subgraphs.get(graphId) : app.rootGraph
        const node = graph.nodes.find(node => node.title === title)
        for (const [name, value] of Object.entries(wanted)) {
            const widget = node.widgets?.find(widget => widget.name === name || !name)
            if (!widget) { problems.push(`${title} has no widget ${name}`); continue }
            widget.value = value
        }
    }
    if (problems.length) throw new Error(problems.join(', '))
}"""
_SAVED = "async () => JSON.stringify((await app.graphToPrompt()).workflow)"
_OPEN = "async file => { await app.loadGraphData(file) }"
_ENTER = "id => app.canvas.setGraph(id ? app.rootGraph.subgraphs.get(id) : app.rootGraph)"
_PROMPT = """async () => {
    for (let last; ; await new Promise(done => setTimeout(done, 300))) {
        const now = JSON.stringify((await app.graphToPrompt()).output)
        if (now === last) return now
        last = now
    }
}"""


def prompt_of(page: Page) -> dict[str, Any]:
    """What Run would queue, once the widgets of the open workflow have settled."""
    return json.loads(page.evaluate(_PROMPT))


def written(graph: Graph, defs: Defs, canvas: Page, elements: Page) -> dict[str, Any]:
    """The file of a workflow. canvas, elements: a page in each renderer."""
    drawn = draft(graph, defs)
    canvas.evaluate(_SET, [drawn, list(_values(graph, defs))])
    file = json.loads(canvas.evaluate(_SAVED))
    _keep_titles(drawn, file)
    every = {None: graph, **graph.subgraphs()}
    least = {key: look.least for key, look in _looks(every, canvas).items()}
    for key, inside in every.items():
        _place(file, key, inside, least[key], least[key])  # each node as low as it can be: what grows, does so now
    looks = []
    for page in (elements, canvas):
        page.evaluate(_OPEN, file)
        looks.append(_looks(every, page))
    for key, inside in every.items():
        rooms = [_heights(inside, look[key]) for look in looks]
        rooms.append({node.title: node.height for node in inside.nodes})
        room = {title: max(one[title] for one in (least[key], *rooms)) for title in least[key]}
        notes = {node.title: room[node.title] for node in inside.nodes if node.kind == NOTE}
        _place(file, key, inside, {**looks[-1][key].least, **notes}, room)
    canvas.evaluate(_OPEN, file)
    return _tidied(json.loads(canvas.evaluate(_SAVED)))


def _heights(graph: Graph, look: Look) -> dict[str, float]:
    """The room that each node takes, without its title; a note takes what its text does."""
    return {
        title: look.least[title] if graph.node(title).kind == NOTE else box[3] - TITLE_BAR
        for title, box in look.boxes.items()
    }


def _keep_titles(drawn: Mapping[str, Any], file: Mapping[str, Any]) -> None:
    """The page leaves a title out where it is the one that the node has by itself."""
    titles = {node["id"]: node["title"] for one in _contents(drawn) for node in one["nodes"]}
    for content in _contents(file):
        for node in content["nodes"]:
            node["title"] = titles[node["id"]]


def _contents(file: Mapping[str, Any]) -> Iterator[Any]:
    yield file
    yield from file.get("definitions", {}).get("subgraphs", ())


def _values(graph: Graph, defs: Defs) -> Iterator[tuple[str | None, str, dict[str, Any]]]:
    """What to set: the graph's id, the node's title, values by their widgets' names."""
    for inside in (*graph.subgraphs().values(), graph):
        for node in inside.nodes:
            values = dict(node.values)
            if isinstance(node.kind, Subgraph):
                values = {name: shown(node, name, defs) for name in node.kind.widgets if name not in node.links}
            if values:
                yield inside.id if isinstance(inside, Subgraph) else None, node.title, values


def shown(node: Node, name: str, defs: Defs) -> Any:
    """The value of a widget, wherever it is given."""
    if name in node.values:
        return node.values[name]
    if not isinstance(node.kind, Subgraph):
        return default(node, name, defs)
    title, inside = node.kind.widgets[name][0]
    return shown(node.kind.node(title), inside, defs)


def default(node: Node, name: str, defs: Defs) -> Any:
    """What the node itself begins with."""
    inputs = defs[node.type]["input"]
    kind, options = (inputs.get("required", {}) | inputs.get("optional", {}))[name]
    choices = kind if isinstance(kind, list) else options.get("options", [None])
    return options.get("default", choices[0])


def _looks(every: Mapping[str | None, Graph], page: Page) -> dict[str | None, Look]:
    """How the open workflow is seen, and its subgraphs."""
    looks = {}
    for key in every:
        page.evaluate(_ENTER, key)
        looks[key] = look_at(page)
    page.evaluate(_ENTER, None)
    return looks


def _place(
    file: dict[str, Any], key: str | None, graph: Graph, least: Mapping[str, float], heights: Mapping[str, float]
) -> None:
    """Put the nodes of a graph into its columns. least: of a node in the file; heights: the room that it takes."""
    content = file
    if key:
        content = next(one for one in file["definitions"]["subgraphs"] if one["id"] == key)
    nodes = {node["title"]: node for node in content["nodes"]}
    boxes: dict[str, tuple[float, float, float, float]] = {}
    for left, column in _lefts(graph.columns):
        top = column.top
        for title in column.titles:
            top = column.at.get(title, top)
            nodes[title]["pos"] = [left, top + TITLE_BAR]
            nodes[title]["size"] = [column.width, max(least[title], graph.node(title).height)]
            boxes[title] = (left, top, column.width, heights[title] + TITLE_BAR)
            top += heights[title] + TITLE_BAR + column.between
    assert boxes.keys() == nodes.keys(), f"in no column, or in none of the nodes: {boxes.keys() ^ nodes.keys()}"
    content["groups"] = [
        {
            "id": number, "title": group.title, "color": group.color, "flags": {}, "font_size": 22,
            "bounding": _around([boxes[title] for title in group.titles]),
        }
        for number, group in enumerate(graph.groups, 1)
    ]  # fmt: skip
    if key:
        right = max(box[0] + box[2] for box in boxes.values())
        content["inputNode"]["bounding"][:2] = [-240, 0]
        content["outputNode"]["bounding"][:2] = [right + 80, 0]


def _lefts(columns: Sequence[Column]) -> Iterator[tuple[int, Column]]:
    right = -columns[0].left
    for column in columns:
        left = right + column.left
        yield left, column
        right = left + column.width


def _around(boxes: Sequence[tuple[float, float, float, float]]) -> list[float]:
    left, top = min(box[0] for box in boxes) - MARGIN, min(box[1] for box in boxes) - MARGIN - GROUP_TITLE
    right = max(box[0] + box[2] for box in boxes) + MARGIN
    bottom = max(box[1] + box[3] for box in boxes) + MARGIN
    return [left, top, right - left, bottom - top]


def _tidied(file: dict[str, Any]) -> dict[str, Any]:
    """Without what belongs to the page that wrote it."""
    file["extra"] = {"frontendVersion": file["extra"]["frontendVersion"], "ds": {"scale": 0.6, "offset": [280, 120]}}
    return file
