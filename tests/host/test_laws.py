"""The laws of the house (docs/architecture.md) that only the host can tell: what its nodes say of themselves."""

import ast
import json
import re
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
FROZEN_IDS = json.loads((REPO / "tests/data/node_ids.json").read_text())


@pytest.fixture(scope="module")
def inputs(host) -> dict[str, list[str]]:
    """The ids of the inputs of each node."""
    nodes = {name: host.get(f"/object_info/{name}")[name]["input"] for name in FROZEN_IDS}
    return {
        name: [i for group in ("required", "optional") for i in given.get(group, {})] for name, given in nodes.items()
    }


def parameters() -> dict[str, list[str]]:
    """The parameters of each node's `execute`, read off the source."""
    found = {}
    for path in (REPO / "nodes").glob("*/[!_]*.py"):
        text = path.read_text()
        for node in (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name == "execute"):
            (node_id,) = re.findall(r'node_id="(\w+)"', text)
            found[node_id] = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)][1:]
    return found


def test_input_ids_are_the_parameters_of_execute(inputs):
    assert {name: sorted(ids) for name, ids in inputs.items()} == {n: sorted(ids) for n, ids in parameters().items()}


def test_no_input_asks_for_a_key(inputs):
    """What stands in a widget is saved into every workflow and picture."""
    assert [i for ids in inputs.values() for i in ids]
    assert not [
        i for ids in inputs.values() for i in ids if re.search(r"key|token|secret|password|credential", i, re.I)
    ]
