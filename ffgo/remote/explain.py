"""What a server says about a job that it refused or that failed, in words: which node, what, and what to do."""

import difflib
from typing import Any

from .fill import Specs
from .workflow import Workflow, title_of

CHOICES_SHOWN = 5


def describe_refusal(workflow: Workflow, answer: dict[str, Any], specs: Specs) -> str:
    """Say why the server did not take the job: its answer to POST /prompt, with the choices out of `specs`."""
    problems = [
        f"{node_name(workflow, node_id)}: {_describe_problem(workflow, node_id, problem, specs)}"
        for node_id, node in (answer.get("node_errors") or {}).items()
        for problem in node["errors"]
    ]
    return "The server refuses the workflow.\n" + "\n".join(problems or [_describe_general(answer.get("error"))])


def describe_failure(workflow: Workflow, entry: dict[str, Any]) -> str | None:
    """Say what went wrong in a job that has ended, from its history entry; None if nothing did."""
    status = entry.get("status") or {}
    for event, data in status.get("messages", []):
        if event == "execution_error":
            return describe_error(workflow, data)
        if event == "execution_interrupted":
            return f"{node_name(workflow, data['node_id'])}: somebody else interrupted the job on the server."
    return "The job failed; the server's log says more." if status.get("status_str") == "error" else None


def describe_error(workflow: Workflow, data: dict[str, Any]) -> str:
    """The text of an execution_error message: "title (class): message"."""
    message = str(data.get("exception_message", "")).strip() or data.get("exception_type", "unknown error")
    return f"{node_name(workflow, data['node_id'])}: {message}"


def node_name(workflow: Workflow, node_id: str) -> str:
    """ "title (class)" of a node."""
    node = workflow.get(node_id)
    return f"{title_of(workflow, node_id)} ({node['class_type']})" if node else title_of(workflow, node_id)


def classes_with_errors(workflow: Workflow, answer: dict[str, Any]) -> set[str]:
    """The classes of the nodes that the server complains about."""
    return {workflow[node_id]["class_type"] for node_id in answer.get("node_errors") or {} if node_id in workflow}


def _describe_problem(workflow: Workflow, node_id: str, problem: dict[str, Any], specs: Specs) -> str:
    name = (problem.get("extra_info") or {}).get("input_name", "")
    if problem.get("type") == "value_not_in_list":
        value = problem["extra_info"].get("received_value")
        spec = specs.get(workflow[node_id]["class_type"], {}).get(name)
        return f"{name}: the server has no {value!r}. {_choices(str(value), spec.options if spec else ())}"
    if problem.get("type") == "required_input_missing":
        return f"the input {name} is missing."
    return f"{problem.get('message', 'not accepted')}: {problem.get('details', '')}"


def _choices(value: str, options: tuple[Any, ...]) -> str:
    if not options:
        return "It has no such file at all: put one into its models folder, and reload ComfyUI."
    texts = [str(option) for option in options]
    near = difflib.get_close_matches(value, texts, n=2)
    shown = list(dict.fromkeys([*near, *texts]))[:CHOICES_SHOWN]
    rest = f" and {len(texts) - len(shown)} more" if len(texts) > len(shown) else ""
    return f"It has: {', '.join(shown)}{rest}."


def _describe_general(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    text = f"{error.get('message', '')} {error.get('details', '')}".strip()
    if error.get("type") == "missing_node_type":
        kind = (error.get("extra_info") or {}).get("class_type")
        return f"{text}. Install the node pack that has {kind} on the server, or update it."
    if error.get("type") == "prompt_no_outputs":
        return f"{text}: no node in it saves or shows anything. Add a SaveImage or SaveVideo node."
    return text
