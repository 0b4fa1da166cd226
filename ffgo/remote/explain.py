"""What a server says about a job that it refused or that failed, in words: which node, what, and what to do.

All that it says is foreign JSON: of any type, and of any length.
"""

import difflib
from typing import Any

from ..plain import part
from .fill import Specs
from .kinds import NodeFailedError, NodeMemoryError
from .workflow import Workflow, title_of

CHOICES_SHOWN = 5
PROBLEMS_SHOWN = 20
LONGEST = 2000
"""Characters of what the server says in one place."""


def describe_refusal(workflow: Workflow, answer: dict[str, Any], specs: Specs) -> str:
    """Say why the server did not take the job: its answer to POST /prompt, with the choices out of `specs`."""
    problems = [
        f"{node_name(workflow, node_id)}: {_describe_problem(workflow, node_id, problem, specs)}"
        for node_id, node in part(answer, "node_errors", of=dict).items()
        for problem in part(node, "errors", of=list)
    ]
    shown = problems[:PROBLEMS_SHOWN] or [_describe_general(answer.get("error"))]
    return "The server refuses the workflow.\n" + "\n".join(shown)


def failure_of(workflow: Workflow, entry: dict[str, Any]) -> NodeFailedError | None:
    """What went wrong in a job that has ended, from its history entry; None if nothing did."""
    for message in part(entry, "status", "messages", of=list):
        event, data = part(message, 0, of=str), part(message, 1, of=dict)
        if event == "execution_error":
            kind = NodeMemoryError if _lacked_memory(data) else NodeFailedError
            return kind(describe_error(workflow, data))
        if event == "execution_interrupted":
            name = node_name(workflow, data.get("node_id"))
            return NodeFailedError(f"{name}: somebody else interrupted the job on the server.")
    failed = part(entry, "status", "status_str", of=str) == "error"
    return NodeFailedError("The job failed; the server's log says more.") if failed else None


def _lacked_memory(data: dict[str, Any]) -> bool:
    """ComfyUI sends the exception's class; drivers that have none of their own say it in words alone."""
    kind = part(data, "exception_type", of=str).rpartition(".")[2]
    words = shortened(data.get("exception_message")).casefold()
    return kind in ("OutOfMemoryError", "MemoryError") or "out of memory" in words


def describe_error(workflow: Workflow, data: dict[str, Any]) -> str:
    """The text of an execution_error message: "title (class): message"."""
    message = shortened(data.get("exception_message")).strip() or shortened(data.get("exception_type"))
    return f"{node_name(workflow, data.get('node_id'))}: {message or 'unknown error'}"


def node_name(workflow: Workflow, node_id: Any) -> str:
    """ "title (class)" of a node."""
    name = shortened(node_id)
    node = workflow.get(name)
    return f"{title_of(workflow, name)} ({node['class_type']})" if node else title_of(workflow, name)


def classes_with_errors(workflow: Workflow, answer: dict[str, Any]) -> set[str]:
    """The classes of the nodes that the server complains about."""
    return {workflow[node_id]["class_type"] for node_id in part(answer, "node_errors", of=dict) if node_id in workflow}


def shortened(value: Any) -> str:
    """What a server says, as text of a length that can be shown; nothing where it is a list or the like."""
    return str(value)[:LONGEST] if isinstance(value, str | float) or (type(value) is int and abs(value) < 2**64) else ""


def _describe_problem(workflow: Workflow, node_id: str, problem: Any, specs: Specs) -> str:
    about = part(problem, "extra_info", of=dict)
    name, kind = shortened(about.get("input_name")), part(problem, "type", of=str)
    if kind == "value_not_in_list":
        value = shortened(about.get("received_value"))
        spec = specs.get(part(workflow, node_id, "class_type", of=str), {}).get(name)
        return f"{name}: the server has no {value!r}. {_choices(value, spec.options if spec else ())}"
    if kind == "required_input_missing":
        return f"the input {name} is missing."
    said = shortened(part(problem, of=dict).get("message")) or "not accepted"
    return f"{said}: {shortened(part(problem, of=dict).get('details'))}"


def _choices(value: str, options: tuple[Any, ...]) -> str:
    if not options:
        return "It has no such file at all: put one into its models folder, and reload ComfyUI."
    texts = [text for option in options if (text := shortened(option))]
    near = difflib.get_close_matches(value[:200], texts[:10_000], n=2)
    shown = list(dict.fromkeys([*near, *texts]))[:CHOICES_SHOWN]
    rest = f" and {len(texts) - len(shown)} more" if len(texts) > len(shown) else ""
    return f"It has: {', '.join(text[:200] for text in shown)}{rest}."


def _describe_general(error: Any) -> str:
    if not isinstance(error, dict):
        return shortened(error) or "It does not say why."
    text = f"{shortened(error.get('message'))} {shortened(error.get('details'))}".strip()
    if error.get("type") == "missing_node_type":
        kind = shortened(part(error, "extra_info", of=dict).get("class_type"))
        return f"{text}. Install the node pack that has {kind} on the server, or update it."
    if error.get("type") == "prompt_no_outputs":
        return f"{text}: no node in it saves or shows anything. Add a SaveImage or SaveVideo node."
    return text
