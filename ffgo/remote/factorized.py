"""What is chosen and what is skipped in a factorized workflow, as settings of its nodes."""

from collections.abc import Iterator

from .workflow import UsageError, Workflow, is_link, listed, title_of

OWN_ANCHOR, OWN_ANCHOR_SWITCH, SKIP_REASONING = "Own anchor", "Own anchor?", "Skip reasoning?"
"""Titles of nodes: the loader of the user's own first frame, and the switches."""
FIRST_FRAME = "First frame"
"""Title of the loader of a first frame that nothing else could take the place of."""
HAS_STYLE = "FFGOGeminiFirstFrame", "FFGOFirstFrameInstruction", "FFGOFactorizedPrompts"
HAS_STRATEGY = ("FFGOFactorizedPrompts",)
DIVIDES = ("FFGOGeminiFirstFrame",)


def factorized_settings(
    workflow: Workflow,
    *,
    style: str | None = None,
    strategy: str | None = None,
    skip_reasoning: bool = False,
    skip_anchor: bool = False,
) -> list[str]:
    """Settings, as `run` takes them, for the choices that are given: each on all nodes that it concerns.

    skip_reasoning: the prompt itself is the caption and the motion; skip_anchor: nothing is drawn, the user's own
    picture is the first frame.
    Raises: UsageError where the workflow has no node for a choice.
    """
    settings: list[str] = []
    for option, classes, name, value in (
        ("--style", HAS_STYLE, "style", style),
        ("--strategy", HAS_STRATEGY, "strategy", strategy),
    ):
        if value is not None:
            settings += [f"{node_id}.{name}={value}" for node_id in _required(workflow, classes, name, option)]
    if skip_reasoning:
        switches = list(titled_switches(workflow, SKIP_REASONING))
        settings += [f"{node_id}.value=true" for node_id in switches]
        nodes = [] if switches else _required(workflow, DIVIDES, "mode", "--skip-reasoning")
        settings += [f"{node_id}.mode=offline" for node_id in nodes]
    if skip_anchor:
        switches = list(titled_switches(workflow, OWN_ANCHOR_SWITCH))
        if not switches:
            raise UsageError(
                f'--skip-anchor switches the node titled "{OWN_ANCHOR_SWITCH}" on, and the workflow has none. '
                f"Its nodes: {listed(workflow, workflow)}."
            )
        settings += [f"{node_id}.value=true" for node_id in switches]
    return settings


def titled_switches(workflow: Workflow, title: str) -> Iterator[str]:
    """The ids of the nodes of this title that hold yes or no."""
    for node_id, node in workflow.items():
        same = title_of(workflow, node_id).casefold() == title.casefold()
        if same and isinstance(node["inputs"].get("value"), bool):
            yield node_id


def _required(workflow: Workflow, classes: tuple[str, ...], name: str, option: str) -> list[str]:
    found = [
        node_id
        for node_id, node in workflow.items()
        if node["class_type"] in classes and not is_link(node["inputs"].get(name))
    ]
    if not found:
        raise UsageError(
            f"{option} needs a node of the class {' or '.join(classes)}, and the workflow has none. Its nodes: "
            f"{listed(workflow, workflow)}."
        )
    return found
