"""Workflows in ComfyUI's API format: read a file, and find nodes in it by the names that people use."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard

from ..errors import FFGOError
from ..plain import Source, part

Workflow = dict[str, dict[str, Any]]
"""Node id -> {"class_type": str, "inputs": {name: value or [node id, output]}, "_meta": {"title": str}}."""


class UsageError(FFGOError):
    """The request does not fit the workflow or the local files; nothing was queued."""


def load_workflow(path: Path) -> Workflow:
    """Read an API-format workflow file. Raises: UsageError for anything else."""
    source = Source(str(path), "Export it with File > Export (API) in ComfyUI.", whole=str(path), error=UsageError)
    data = source.json(source.file(path)).value
    return check_workflow(data, str(path))


def check_workflow(data: Any, name: str = "The workflow") -> Workflow:
    """Return `data` if it is a workflow in API format. Raises: UsageError; `name` is what the error calls it."""
    if isinstance(data, dict) and isinstance(data.get("nodes"), list):
        raise UsageError(
            f"{name} is in the format of ComfyUI's page; a server takes the API format. "
            "Export it with File > Export (API) in ComfyUI, or use one of workflows/api/."
        )
    if not isinstance(data, dict) or not data:
        raise UsageError(f"{name} holds no nodes. Export it with File > Export (API) in ComfyUI.")
    for node_id, node in data.items():
        if not _is_node(node):
            raise UsageError(
                f"{name} is not in API format: its entry {node_id!r} is no node with a class_type and inputs. "
                "Export it with File > Export (API) in ComfyUI."
            )
    return data


def _is_node(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)


def is_link(value: Any) -> TypeGuard[list[Any]]:
    """Whether an input's value is a link [node id, output number] to another node."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and type(value[1]) is int


def title_of(workflow: Workflow, node_id: str) -> str:
    """The title that the node shows on the canvas; its class where it has none."""
    node = workflow.get(node_id)
    if node is None:
        return f"node {node_id}"
    return str(part(node, "_meta", of=dict).get("title") or node["class_type"])


def matching_nodes(workflow: Workflow, name: str) -> list[str]:
    """Ids of the nodes called `name`: by title (any case), else by id, else by class."""
    wanted = name.strip().casefold()
    if titled := [node_id for node_id in workflow if title_of(workflow, node_id).casefold() == wanted]:
        return titled
    if name in workflow:
        return [name]
    return [node_id for node_id, node in workflow.items() if node["class_type"].casefold() == wanted]


def find_node(workflow: Workflow, name: str) -> str:
    """The id of the one node called `name`. Raises: UsageError with the candidates if there is none or several."""
    found = matching_nodes(workflow, name)
    if not found:
        raise UsageError(
            f'The workflow has no node "{name}". {did_you_mean(name, all_names(workflow))}'
            f"Its nodes: {listed(workflow, workflow)}."
        )
    if len(found) > 1:
        raise UsageError(
            f'"{name}" names {len(found)} nodes: {listed(workflow, found)}. '
            "Use the number after # instead of the title, or give the nodes different titles."
        )
    return found[0]


def all_names(workflow: Workflow) -> list[str]:
    """Every title and class in the workflow."""
    return [title_of(workflow, node_id) for node_id in workflow] + [node["class_type"] for node in workflow.values()]


def listed(workflow: Workflow, node_ids: Iterable[str]) -> str:
    """The nodes by title, with id and class, for an error message."""
    return ", ".join(f'"{title_of(workflow, i)}" (#{i}, {workflow[i]["class_type"]})' for i in node_ids)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence with the nearest known names, or nothing."""
    by_key = {text.casefold(): text for text in known}
    near = difflib.get_close_matches(name.strip().casefold(), by_key, n=3)
    return f"Did you mean {' or '.join(repr(by_key[key]) for key in near)}? " if near else ""
