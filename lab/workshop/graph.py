"""Write a workflow in the form that ComfyUI's page saves, from tables of nodes that know each other by title."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

ENTRY, EXIT = -10, -20
"""The ends of a subgraph, by the page's own numbers."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a workflow."""

    title: str
    kind: str
    place: tuple[int, int]
    size: tuple[int, int]
    outputs: Sequence[str] = ()
    """Their types."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Input -> the title of what feeds it, with "/number" for an output but the first; "in/name" inside a Sub."""
    widgets: Mapping[str, Any] = field(default_factory=dict)
    """Name -> value of all of them, in the node's order, by which the page knows them."""


@dataclass(frozen=True, slots=True)
class Sub:
    """A subgraph, which stands as one node in the workflow."""

    title: str
    place: tuple[int, int]
    size: tuple[int, int]
    nodes: Sequence[Node]
    takes: Mapping[str, tuple[str, str]]
    """Input -> its type, and the title of what feeds it outside."""
    gives: Mapping[str, str]
    """Output -> the title of the node inside whose first output it is."""

    @property
    def key(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.title))

    @property
    def as_node(self) -> Node:
        kinds = {node.title: node.outputs[0] for node in self.nodes}
        inputs = {name: source for name, (_, source) in self.takes.items()}
        return Node(self.title, self.key, self.place, self.size, [kinds[t] for t in self.gives.values()], inputs)


def write_workflow(nodes: Sequence[Node], subs: Sequence[Sub], values: Mapping[str, str]) -> dict[str, Any]:
    """The workflow of nodes and subgraphs; values: "title.widget" -> the text of a value that replaces the table's."""
    ids = count(1)
    root = _Graph(ids, values)
    root.add([*nodes, *(sub.as_node for sub in subs)])
    inside = [_definition(sub, ids, values) for sub in subs]
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, "ffgo")), "revision": 0, "last_node_id": next(ids) - 1,
        "last_link_id": len(root.links), "nodes": root.nodes, "groups": [], "config": {}, "extra": {}, "version": 0.4,
        "links": [list(link.values()) for link in root.links], "definitions": {"subgraphs": inside},
    }  # fmt: skip


class _Graph:
    """The nodes and links of the workflow, or of one of its subgraphs; ids are the whole file's."""

    def __init__(self, ids: "count[int]", values: Mapping[str, str], entries: Mapping[str, str] | None = None):
        self.ids, self.values = ids, values
        self.nodes: list[dict[str, Any]] = []
        self.links: list[dict[str, Any]] = []
        self.ends = {f"in/{name}": (ENTRY, slot, kind) for slot, (name, kind) in enumerate((entries or {}).items())}

    def add(self, nodes: Sequence[Node]) -> None:
        """Write nodes, which may feed each other in any order."""
        for order, node in enumerate(nodes):
            number = next(self.ids)
            for slot, kind in enumerate(node.outputs):
                self.ends[f"{node.title}/{slot}"] = (number, slot, kind)
            self.nodes.append({
                "id": number, "type": node.kind, "title": node.title, "pos": [*node.place], "size": [*node.size],
                "flags": {}, "order": order, "mode": 0, "properties": {"Node name for S&R": node.kind},
                "outputs": [{"name": kind, "type": kind, "links": []} for kind in node.outputs],
                "widgets_values": [self._value(node, name) for name in node.widgets],
            })  # fmt: skip
        for node, written in zip(nodes, self.nodes, strict=True):
            written["inputs"] = [self._input(written["id"], slot, node, name) for slot, name in enumerate(node.inputs)]

    def link(self, source: str, target: int, slot: int) -> dict[str, Any]:
        origin, origin_slot, kind = self.ends[source if "/" in source else f"{source}/0"]
        self.links.append({
            "id": len(self.links) + 1, "origin_id": origin, "origin_slot": origin_slot, "target_id": target,
            "target_slot": slot, "type": kind,
        })  # fmt: skip
        for node in self.nodes:
            if node["id"] == origin:
                node["outputs"][origin_slot]["links"].append(self.links[-1]["id"])
        return self.links[-1]

    def _input(self, number: int, slot: int, node: Node, name: str) -> dict[str, Any]:
        link = self.link(node.inputs[name], number, slot)
        socket = {"name": name, "type": link["type"], "link": link["id"]}
        return {**socket, "widget": {"name": name}} if name in node.widgets else socket

    def _value(self, node: Node, name: str) -> Any:
        value = node.widgets[name]
        return type(value)(self.values.get(f"{node.title}.{name}", value))


def _definition(sub: Sub, ids: "count[int]", values: Mapping[str, str]) -> dict[str, Any]:
    graph = _Graph(ids, values, {name: kind for name, (kind, _) in sub.takes.items()})
    graph.add(sub.nodes)
    exits = [graph.link(title, EXIT, slot) for slot, title in enumerate(sub.gives.values())]
    entries = [
        {"id": _key(sub, name), "name": name, "type": kind, "linkIds": [
            link["id"] for link in graph.links if (link["origin_id"], link["origin_slot"]) == (ENTRY, slot)
        ]}
        for slot, (name, (kind, _)) in enumerate(sub.takes.items())
    ]  # fmt: skip
    gives = [
        {"id": _key(sub, name), "name": name, "type": link["type"], "linkIds": [link["id"]]}
        for name, link in zip(sub.gives, exits, strict=True)
    ]
    right = max(node.place[0] + node.size[0] for node in sub.nodes)
    return {
        "id": sub.key, "version": 1, "revision": 0, "name": sub.title, "config": {}, "widgets": [], "groups": [],
        "state": {"lastGroupId": 0, "lastNodeId": next(ids), "lastLinkId": len(graph.links), "lastRerouteId": 0},
        "inputNode": {"id": ENTRY, "bounding": [-240, 0, 160, 20 * len(entries) + 40]},
        "outputNode": {"id": EXIT, "bounding": [right + 80, 0, 160, 20 * len(gives) + 40]},
        "inputs": entries, "outputs": gives, "nodes": graph.nodes, "links": graph.links, "extra": {},
    }  # fmt: skip


def _key(sub: Sub, name: str) -> str:
    return str(uuid.uuid5(uuid.UUID(sub.key), name))
