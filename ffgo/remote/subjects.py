"""Give a workflow's canvas as many subjects as there are files, each through its own chain of nodes."""

import copy
import re
from collections.abc import Sequence

from ..plain import part
from .workflow import UsageError, Workflow, is_link, listed, title_of

CANVAS_CLASS = "FFGOComposeCanvas"
LOADERS = "FFGOLoadSubject", "LoadImage"
"""Classes of nodes whose input `image` names a picture in the server's folders."""
MAX_SUBJECTS = 8
SLOT = re.compile(r"subjects\.subject(\d+)")


def find_canvas(workflow: Workflow) -> str | None:
    """The id of the canvas node, None if there is none. Raises: UsageError if there are several."""
    found = [node_id for node_id, node in workflow.items() if node["class_type"] == CANVAS_CLASS]
    if len(found) > 1:
        raise UsageError(f"The workflow has several canvas nodes: {listed(workflow, found)}. Keep one of them.")
    return found[0] if found else None


def set_subjects(workflow: Workflow, images: Sequence[str]) -> None:
    """Show exactly `images` (names as LoadImage takes them) on the canvas of `workflow`, which is changed in place.

    Each subject input of the canvas is fed by a Load Subject, or by a LoadImage, often through JoinImageWithAlpha: that
    chain is copied for further subjects, and removed with its input for missing ones; a node that something else uses
    too is kept.
    Raises: UsageError.
    """
    canvas = find_canvas(workflow)
    if canvas is None:
        nodes = listed(workflow, workflow)
        raise UsageError(f"--subject needs a {CANVAS_CLASS} node, and the workflow has none. Its nodes: {nodes}.")
    if len(images) > MAX_SUBJECTS:
        raise UsageError(f"The canvas takes at most {MAX_SUBJECTS} subjects, and {len(images)} were given.")

    inputs = workflow[canvas]["inputs"]
    slots = sorted((name for name in inputs if SLOT.fullmatch(name)), key=_slot_number)
    if not slots:
        title = title_of(workflow, canvas)
        raise UsageError(f'The canvas "{title}" has no subject to take as a pattern: connect a Load Subject to it.')
    links = [inputs.pop(slot) for slot in slots]

    for number in range(len(links) + 1, len(images) + 1):
        links.append(_copy_chain(workflow, links[-1], number))
    loaders = [_loader(workflow, link, number) for number, link in enumerate(links[: len(images)], start=1)]
    if len(set(loaders)) < len(loaders):
        raise UsageError("Several subjects of the canvas come from one node. Give each subject its own.")
    for index, (link, loader, image) in enumerate(zip(links, loaders, images, strict=False)):
        inputs[f"subjects.subject{index}"] = link
        workflow[loader]["inputs"]["image"] = image
    for link in links[len(images) :]:
        _remove_unused(workflow, _upstream(workflow, link))


def _slot_number(name: str) -> int:
    return int(name.rpartition("subject")[2])


def _upstream(workflow: Workflow, link: object) -> set[str]:
    """The node that `link` comes from and all nodes that feed it."""
    found: set[str] = set()
    waiting = [link]
    while waiting:
        value = waiting.pop()
        if is_link(value) and value[0] in workflow and value[0] not in found:
            found.add(value[0])
            waiting += workflow[value[0]]["inputs"].values()
    return found


def _loader(workflow: Workflow, link: object, number: int) -> str:
    """The one node that loads the picture of a subject."""
    found = [node_id for node_id in sorted(_upstream(workflow, link)) if workflow[node_id]["class_type"] in LOADERS]
    if len(found) != 1:
        came = listed(workflow, found) or "none"
        raise UsageError(
            f"Subject {number} of the canvas must come from one Load Subject or LoadImage node for --subject to fill; "
            f"here: {came}."
        )
    return found[0]


def _copy_chain(workflow: Workflow, link: object, number: int) -> object:
    """Copy the nodes from what loads a subject to the canvas, with new ids; returns the link that ends the copy.

    What feeds the chain from the side, such as a model loader, is shared with the original.
    """
    loader = _loader(workflow, link, number - 1)
    chain = [i for i in sorted(_upstream(workflow, link)) if loader in _upstream(workflow, [i, 0])]
    first = _unused_id(workflow)
    new_ids = {old: str(first + offset) for offset, old in enumerate(chain)}
    for old, new in new_ids.items():
        node = copy.deepcopy(workflow[old])
        node["inputs"] = {name: _moved(value, new_ids) for name, value in node["inputs"].items()}
        title = f"Subject {number}" if old == loader else re.sub(r"(?<=\s)\d+$", str(number), title_of(workflow, old))
        node["_meta"] = {**part(node, "_meta", of=dict), "title": title}
        workflow[new] = node
    return _moved(link, new_ids)


def _moved(value: object, new_ids: dict[str, str]) -> object:
    return [new_ids[value[0]], value[1]] if is_link(value) and value[0] in new_ids else value


def _unused_id(workflow: Workflow) -> int:
    return 1 + max((int(node_id) for node_id in workflow if node_id.isdecimal()), default=0)


def _remove_unused(workflow: Workflow, candidates: set[str]) -> None:
    """Remove those of `candidates` whose output nothing takes any more."""
    while unused := candidates & workflow.keys() - _linked_ids(workflow):
        for node_id in unused:
            del workflow[node_id]


def _linked_ids(workflow: Workflow) -> set[str]:
    return {value[0] for node in workflow.values() for value in node["inputs"].values() if is_link(value)}
