"""A workflow as nodes with titles in columns, and the file that ComfyUI's page opens.

The file holds no widget values: the page makes the nodes with their defaults, `values` says what to set on them.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = uuid.UUID("3e9cbb7e-4e5b-5a3c-8c0f-0d5a5b0f6d51")
INPUTS_ID, OUTPUTS_ID = -10, -20
NOTE, NOTE_COLOUR = "MarkdownNote", {"color": "#432", "bgcolor": "#653"}
PREVIEW = "$$canvas-image-preview"  # the page's name for the picture on a node
CORE, PACK = {"cnr_id": "comfy-core", "ver": "0.30.0"}, {"cnr_id": "ffgo", "ver": "0.1.0"}

Defs = Mapping[str, Any]
"""What the host says of its nodes, by type: its /object_info."""
Source = str | tuple[str, str]
"""A node's title and the name of its output; the title alone for its first."""


@dataclass(slots=True)
class Node:
    title: str
    kind: "str | Subgraph"
    links: dict[str, Source] = field(default_factory=dict)
    """Where each linked input comes from; "" is the graph's own input, as in ("", "image")."""
    values: dict[str, Any] = field(default_factory=dict)
    height: int = 0
    """Without its title; 0: as low as the node can be."""
    models: Sequence[str] = ()
    """Addresses of the files that it is set to, for the page's offer to fetch what is missing."""

    @property
    def type(self) -> str:
        return self.kind if isinstance(self.kind, str) else self.kind.id


@dataclass(slots=True)
class Column:
    """Nodes below each other; pixels of the graph."""

    width: int
    titles: Sequence[str]
    top: int = 0
    left: int = 50
    """Between the column before and this one."""
    between: int = 24
    at: Mapping[str, int] = field(default_factory=dict)
    """Tops of nodes that do not stand right below the one before."""


@dataclass(slots=True)
class Group:
    """A frame around the nodes that it names."""

    title: str
    titles: Sequence[str]
    color: str


@dataclass(slots=True)
class Graph:
    """What is seen at once: a workflow, or the inside of a subgraph."""

    name: str
    nodes: list[Node]
    columns: Sequence[Column]
    groups: Sequence[Group] = ()

    def node(self, title: str) -> Node:
        return next(node for node in self.nodes if node.title == title)

    def subgraphs(self) -> "dict[str, Subgraph]":
        """All below it, by their id."""
        found: dict[str, Subgraph] = {}
        for node in self.nodes:
            if isinstance(node.kind, Subgraph):
                found |= {node.kind.id: node.kind} | node.kind.subgraphs()
        return found


@dataclass(slots=True)
class Subgraph(Graph):
    """A graph in a node of its own."""

    inputs: Sequence[tuple[str, str]] = ()
    """Name and type of each socket."""
    widgets: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Each widget on the node, and the inputs inside that it sets: (title, input)."""
    outputs: Mapping[str, Source] = field(default_factory=dict)
    previews: Sequence[str] = ()
    """Nodes inside whose pictures are shown on the node."""

    @property
    def id(self) -> str:
        return str(uuid.uuid5(NAMESPACE, self.name))


def draft(graph: Graph, defs: Defs) -> dict[str, Any]:
    """The file without widget values and places. Raises: KeyError for a title, a type or a name that does not exist."""
    numbers = _Numbers()
    nodes, links = _nodes_and_links(graph, defs, numbers)
    definitions = [_definition(one, defs, numbers) for one in graph.subgraphs().values()]
    for one, content in zip((graph, *graph.subgraphs().values()), [{"nodes": nodes}, *definitions], strict=True):
        _show_previews(one, content["nodes"], definitions)
    return {
        "id": str(uuid.uuid5(NAMESPACE, f"workflow {graph.name}")), "revision": 0,
        "last_node_id": numbers.node, "last_link_id": numbers.link, "nodes": nodes,
        "links": [
            [one["id"], one["origin_id"], one["origin_slot"], one["target_id"], one["target_slot"], one["type"]]
            for one in links
        ],
        "groups": [], "definitions": {"subgraphs": definitions}, "config": {}, "extra": {}, "version": 0.4,
    }  # fmt: skip


def _show_previews(graph: Graph, files: Sequence[Any], definitions: Sequence[Any]) -> None:
    inside = {one["id"]: {node["title"]: node["id"] for node in one["nodes"]} for one in definitions}
    for node, file in zip(graph.nodes, files, strict=True):
        if isinstance(node.kind, Subgraph):
            file["properties"]["previewExposures"] = [
                {"name": PREVIEW, "sourceNodeId": str(inside[node.kind.id][title]), "sourcePreviewName": PREVIEW}
                for title in node.kind.previews
            ]


class _Numbers:
    """Ids, each once over a workflow and all that it holds."""

    def __init__(self) -> None:
        self.node = self.link = 0

    def next_node(self) -> int:
        self.node += 1
        return self.node

    def next_link(self) -> int:
        self.link += 1
        return self.link


def _definition(graph: Subgraph, defs: Defs, numbers: _Numbers) -> dict[str, Any]:
    nodes, links = _nodes_and_links(graph, defs, numbers)
    by_id = {node["id"]: node for node in nodes}
    ids = {node["title"]: node["id"] for node in nodes}
    inputs, outputs = [], []
    for name, given in (*graph.inputs, *((name, "") for name in graph.widgets)):
        kind = given
        inside = [one for one in links if one["origin_id"] == INPUTS_ID and one.get("name") == name]
        for title, input_name in graph.widgets.get(name, ()):
            file = by_id[ids[title]]
            entry = _socket(file, graph.node(title), input_name, defs)
            kind = entry["type"]
            link = _link(numbers, (INPUTS_ID, 0), (ids[title], file["inputs"].index(entry)), kind)
            entry["link"] = link["id"]
            inside.append(link)
            links.append(link)
        for link in inside:
            link["origin_slot"] = len(inputs)
        inputs.append(_slot(graph, "input", name, kind, inside))
    for name, source in graph.outputs.items():
        slot, kind = output(graph, source, defs)
        link = _link(numbers, (ids[_title(source)], slot), (OUTPUTS_ID, len(outputs)), kind)
        by_id[link["origin_id"]]["outputs"][slot]["links"].append(link["id"])
        links.append(link)
        outputs.append(_slot(graph, "output", name, kind, [link]))
    for link in links:
        link.pop("name", None)
    return {
        "id": graph.id, "version": 1, "revision": 0, "config": {}, "name": graph.name,
        "state": {"lastGroupId": 0, "lastNodeId": numbers.node, "lastLinkId": numbers.link, "lastRerouteId": 0},
        "inputNode": {"id": INPUTS_ID, "bounding": [-250, 0, 130, 20 * len(inputs) + 40]},
        "outputNode": {"id": OUTPUTS_ID, "bounding": [3000, 0, 130, 20 * len(outputs) + 40]},
        "inputs": inputs, "outputs": outputs, "widgets": [], "nodes": nodes, "links": links, "groups": [], "extra": {},
    }  # fmt: skip


def _nodes_and_links(graph: Graph, defs: Defs, numbers: _Numbers) -> tuple[list[Any], list[Any]]:
    ids = {node.title: numbers.next_node() for node in graph.nodes}
    assert len(ids) == len(graph.nodes), f"{graph.name}: titles must be unique"
    files = [_file_of(node, ids[node.title], defs) for node in graph.nodes]
    for node, file in zip(graph.nodes, files, strict=True):
        if isinstance(node.kind, Subgraph):  # the page takes its sockets from here, all of them
            for name in (*dict(node.kind.inputs), *node.kind.widgets):
                _socket(file, node, name, defs)
    outputs = {file["id"]: file["outputs"] for file in files}
    links = []
    for node, file in zip(graph.nodes, files, strict=True):
        for name, source in node.links.items():
            if _title(source):
                slot, kind = output(graph, source, defs)
                origin = ids[_title(source)]
            else:
                slot, kind, origin = 0, dict(graph.inputs)[source[1]], INPUTS_ID  # type: ignore[attr-defined]
            entry = _socket(file, node, name, defs)
            link = _link(numbers, (origin, slot), (ids[node.title], file["inputs"].index(entry)), kind)
            entry["link"] = link["id"]
            if origin == INPUTS_ID:
                link["name"] = source[1]
            else:
                outputs[origin][slot]["links"].append(link["id"])
            links.append(link)
    return files, links


def _socket(file: dict[str, Any], node: Node, name: str, defs: Defs) -> dict[str, Any]:
    """The entry of an input in a node's file, which is made where it is not there."""
    for entry in file["inputs"]:
        if entry["name"] == name:
            return entry
    kind = input_type(node, name, defs)
    entry = {"name": name, "type": kind, **({"widget": {"name": name}} if kind in WIDGETS else {}), "link": None}
    file["inputs"].append(entry)
    return entry


WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")


def _file_of(node: Node, number: int, defs: Defs) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if isinstance(node.kind, Subgraph):
        properties = {**PACK}
        outputs = [(name, output(node.kind, source, defs)[1]) for name, source in node.kind.outputs.items()]
    elif node.kind == NOTE:
        outputs = []
    else:
        outputs = list(zip(defs[node.kind]["output_name"], defs[node.kind]["output"], strict=True))
        properties = {"Node name for S&R": node.kind, **(PACK if node.kind.startswith("FFGO") else CORE)}
    if node.models:
        properties["models"] = [_model(address) for address in node.models]
    return {
        "id": number, "type": node.type, "pos": [0, 0], "size": [200, 100], "flags": {}, "order": 0, "mode": 0,
        "inputs": [], "outputs": [{"name": name, "type": kind, "links": []} for name, kind in outputs],
        "title": node.title, "properties": properties, **(NOTE_COLOUR if node.kind == NOTE else {}),
    }  # fmt: skip


def _model(address: str) -> dict[str, str]:
    name = address.rpartition("/")[2]
    directory = next(
        part for part in ("diffusion_models", "text_encoders", "vae", "loras", "clip_vision") if part in address.lower()
    )
    return {"name": name, "url": address, "directory": directory}


def output(graph: Graph, source: Source, defs: Defs) -> tuple[int, str]:
    """Number and type of an output."""
    node, name = graph.node(_title(source)), None if isinstance(source, str) else source[1]
    if isinstance(node.kind, Subgraph):
        names = list(node.kind.outputs)
        slot = names.index(name) if name else 0
        return slot, output(node.kind, node.kind.outputs[names[slot]], defs)[1]
    names = defs[node.kind]["output_name"]
    slot = names.index(name) if name else 0
    return slot, defs[node.kind]["output"][slot]


def input_type(node: Node, name: str, defs: Defs) -> str:
    if isinstance(node.kind, Subgraph):
        if name in node.kind.widgets:
            title, inside = node.kind.widgets[name][0]
            return input_type(node.kind.node(title), inside, defs)
        return dict(node.kind.inputs)[name]
    inputs = defs[node.kind]["input"]
    every = inputs.get("required", {}) | inputs.get("optional", {})
    if name not in every and "." in name:
        return "*"  # one of a growing row
    kind = every[name][0]
    return kind if isinstance(kind, str) else "COMBO"


def _title(source: Source) -> str:
    return source if isinstance(source, str) else source[0]


def _link(numbers: _Numbers, origin: tuple[int, int], target: tuple[int, int], kind: str) -> dict[str, Any]:
    return {
        "id": numbers.next_link(), "origin_id": origin[0], "origin_slot": origin[1],
        "target_id": target[0], "target_slot": target[1], "type": kind,
    }  # fmt: skip


def _slot(graph: Subgraph, side: str, name: str, kind: str, links: Sequence[Any]) -> dict[str, Any]:
    number = uuid.uuid5(NAMESPACE, f"{graph.name} {side} {name}")
    return {"id": str(number), "name": name, "type": kind, "linkIds": [link["id"] for link in links], "pos": [0, 0]}
