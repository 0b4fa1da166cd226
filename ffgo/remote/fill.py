"""Fill in a workflow: which node, which input, which value. Nothing here talks to a server."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..plain import is_number, parse_json
from .factorized import FIRST_FRAME, OWN_ANCHOR, OWN_ANCHOR_SWITCH, titled_switches
from .subjects import find_canvas, set_subjects
from .workflow import (
    UsageError,
    Workflow,
    all_names,
    did_you_mean,
    find_node,
    is_link,
    listed,
    matching_nodes,
    title_of,
)


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a server says about one input of a node class: its type, and the choices of a COMBO."""

    type: str
    options: tuple[Any, ...] = ()


Specs = Mapping[str, Mapping[str, InputSpec]]
"""Node class -> input name -> what the server says about it."""


def fill(
    workflow: Workflow,
    *,
    background: str | None = None,
    first_frame: str | None = None,
    subjects: Sequence[str] = (),
    prompt: str | None = None,
    negative: str | None = None,
    seed: int | None = None,
    settings: Iterable[str] = (),
    specs: Specs | None = None,
) -> Workflow:
    """Return a copy of `workflow` with the user's values in it; what is None or empty stays as it is.

    background, first_frame, subjects: image names as LoadImage on the server takes them ("ffgo/1a2b.png"); the canvas
    gets as many subjects as there are names, and a first frame is used, not only loaded. settings:
    "Node.input=value" each, applied last and in order. specs: what the server says about the inputs, so that a value
    gets the type that its input declares; without it, that of the present value.
    Raises: UsageError if a node or an input is not there, or a value does not fit.
    """
    filled = copy.deepcopy(workflow)
    if background is not None:
        node_id, name = _background_input(filled)
        filled[node_id]["inputs"][name] = background
    if first_frame is not None:
        _set_first_frame(filled, first_frame)
    if subjects:
        set_subjects(filled, subjects)
    for role, value in ((PROMPT, prompt), (NEGATIVE, negative), (SEED, seed)):
        if value is not None:
            node_id, name = _role_input(filled, role)
            filled[node_id]["inputs"][name] = value
    for setting in settings:
        _apply_setting(filled, setting, specs or {})
    return filled


@dataclass(frozen=True, slots=True)
class Role:
    """An input that an option of the command fills: in the node of this title, else in the one node that `fits`."""

    option: str
    title: str
    inputs: tuple[str, ...]
    fits: Callable[[dict[str, Any]], bool]


def _makes_noise(node: dict[str, Any]) -> bool:
    """Whether the node's seed counts: the second half of a split KSamplerAdvanced pair adds no noise."""
    return node["inputs"].get("add_noise") != "disable"


BACKGROUND = Role("--background", "Background", ("image",), lambda node: False)
ANCHOR = Role("--first-frame", OWN_ANCHOR, ("image",), lambda node: False)
START = Role("--first-frame", FIRST_FRAME, ("image",), lambda node: False)
PROMPT = Role(
    "--prompt", "Prompt", ("prompt", "text", "value"), lambda node: node["class_type"] == "FFGOTransitionPrompt"
)
NEGATIVE = Role("--negative", "Negative prompt", ("text",), lambda node: False)
SEED = Role("--seed", "Noise", ("noise_seed", "seed"), _makes_noise)


def _role_input(workflow: Workflow, role: Role) -> tuple[str, str]:
    """The node id and input name that `role` stands for. Raises: UsageError if no node or several could be meant."""
    able = {
        node_id: name
        for node_id, node in workflow.items()
        for name in role.inputs
        if name in node["inputs"] and _can_be_filled(name, node["inputs"][name])
    }
    titled = [node_id for node_id in able if title_of(workflow, node_id).casefold() == role.title.casefold()]
    meant = titled or [node_id for node_id in able if role.fits(workflow[node_id])]
    if len(meant) == 1:
        return meant[0], able[meant[0]]
    candidates = listed(workflow, meant or able) or "none"
    raise UsageError(
        f'{role.option} goes into the node titled "{role.title}", and the workflow has {len(titled) or "none"} such. '
        f"Title one node so, or use --set. Nodes with an input {' or '.join(role.inputs)}: {candidates}."
    )


def find_seed(workflow: Workflow) -> int:
    """The seed that the workflow has. Raises: UsageError if no node or several could be meant."""
    node_id, name = _role_input(workflow, SEED)
    value = workflow[node_id]["inputs"][name]
    return int(value) if is_number(value) else 0


def _can_be_filled(name: str, value: Any) -> bool:
    """Whether an input holds a value, and not a link; `value` is what primitives of every type call theirs."""
    return isinstance(value, str) if name == "value" else not is_link(value)


def _set_first_frame(workflow: Workflow, image: str) -> None:
    """Load the user's own first frame, and switch to it where another could be drawn."""
    titles = {title_of(workflow, node_id).casefold() for node_id in workflow}
    node_id, name = _role_input(workflow, ANCHOR if OWN_ANCHOR.casefold() in titles else START)
    workflow[node_id]["inputs"][name] = image
    for switch in titled_switches(workflow, OWN_ANCHOR_SWITCH):
        workflow[switch]["inputs"]["value"] = True


def _background_input(workflow: Workflow) -> tuple[str, str]:
    """The background's loader: the LoadImage titled so, else the one that feeds the canvas' background."""
    canvas = find_canvas(workflow)
    link = workflow[canvas]["inputs"].get("background") if canvas else None
    untitled = not any(title_of(workflow, node_id).casefold() == BACKGROUND.title.casefold() for node_id in workflow)
    if untitled and is_link(link) and workflow.get(link[0], {}).get("class_type") == "LoadImage":
        return link[0], "image"
    return _role_input(workflow, BACKGROUND)


def _apply_setting(workflow: Workflow, setting: str, specs: Specs) -> None:
    address, equals, text = setting.partition("=")
    if not equals or "." not in address:
        raise UsageError(f'--set takes Node.input=value, for example "Canvas.width=832"; this is {setting!r}.')
    node_id, name = find_input(workflow, address, specs)
    node = workflow[node_id]
    spec = specs.get(node["class_type"], {}).get(name)
    try:
        value = to_value(text, node["inputs"].get(name), spec)
    except ValueError as error:
        raise UsageError(f"--set {address}: this input takes {error}, and {text!r} is not.") from error
    if is_link(value) and value[0] not in workflow:
        raise UsageError(f"--set {address}: there is no node #{value[0]}. Nodes: {listed(workflow, workflow)}.")
    node["inputs"][name] = value


def find_input(workflow: Workflow, address: str, specs: Specs) -> tuple[str, str]:
    """Split "Node.input" into node id and input name.

    Titles ("Wan2.2 expert") and inputs ("subjects.subject0") may hold dots themselves: the last dot counts that leaves
    a node of the workflow and one of its inputs. Raises: UsageError with the candidates.
    """
    dots = [i for i, letter in enumerate(address) if letter == "."]
    splits = [(address[:dot], address[dot + 1 :]) for dot in reversed(dots)]
    nodes = [(find_node(workflow, node), node, name) for node, name in splits if matching_nodes(workflow, node)]
    if not nodes:
        hint = next(filter(None, (did_you_mean(node, all_names(workflow)) for node, _ in splits)), "")
        raise UsageError(f"--set {address}: no such node. {hint}Nodes: {listed(workflow, workflow)}.")
    for node_id, _, name in nodes:
        if name in known_inputs(workflow, node_id, specs):
            return node_id, name
    node_id, node, name = nodes[0]
    known = known_inputs(workflow, node_id, specs)
    hint = did_you_mean(name, known)
    raise UsageError(f'--set {address}: "{node}" has no input "{name}". {hint}Inputs: {", ".join(known) or "none"}.')


def known_inputs(workflow: Workflow, node_id: str, specs: Specs) -> list[str]:
    """The inputs that the workflow gives the node, and those that the server says its class has besides."""
    node = workflow[node_id]
    return list(dict.fromkeys([*node["inputs"], *specs.get(node["class_type"], {})]))


def to_value(text: str, present: Any, spec: InputSpec | None) -> Any:
    """Read `text` as the type that the input declares, or else as that of its present value.

    Raises: ValueError with what the input takes, in words.
    """
    if spec is not None and spec.type == "COMBO":
        return next((option for option in spec.options if str(option) == text), text)
    if spec is not None and spec.type in _READERS:
        return _READERS[spec.type](text)
    if isinstance(present, bool):
        return _boolean(text)
    if isinstance(present, int | float):
        return _number(text)
    if isinstance(present, str):
        return text
    value = _json_or_text(text)
    if is_link(present) and not is_link(value) and spec is not None and not _has_widget(spec.type):
        raise ValueError(f'{spec.type} by a link such as ["12", 0] (node id, output number)')
    return value


def _has_widget(type_name: str) -> bool:
    """Whether a value can be typed in for this type; an input may name several ("FLOAT,INT") or any ("*")."""
    return bool(set(type_name.split(",")) & {*_READERS, "COMBO", "*"})


def _boolean(text: str) -> bool:
    if text.strip().lower() not in ("true", "false"):
        raise ValueError("true or false")
    return text.strip().lower() == "true"


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("a whole number") from None


def _number(text: str) -> int | float:
    """A whole number stays one: ComfyUI's page writes 6.0 as 6, so the present value cannot tell INT from FLOAT."""
    try:
        value = parse_json(text)
    except ValueError:
        value = None
    if not is_number(value):
        raise ValueError("a number")
    return value


def _json_or_text(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return text


_READERS: dict[str, Callable[[str], Any]] = {"INT": _whole, "FLOAT": _number, "BOOLEAN": _boolean, "STRING": str}
