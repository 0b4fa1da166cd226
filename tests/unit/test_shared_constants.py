"""Numbers and names that stand in Python and in the page's scripts are the same: one table for both.

tests/web/constants.test.mjs holds web/ffgo/pure/constants.js to it.
"""

import ast
import json
from pathlib import Path

import pytest

from ffgo.frame import advice, arrangement, compose, custom, geometry, layout, packing
from ffgo.remote import subjects

REPO = Path(__file__).parents[2]
TABLE = json.loads((REPO / "tests/data/shared_constants.json").read_text())
MODULES = (advice, arrangement, compose, custom, geometry, layout, packing, subjects)


def defaults_of_the_node() -> dict[str, object]:
    """The defaults of the canvas node's widgets, as an API caller gets them who leaves them out."""
    tree = ast.parse((REPO / "nodes/frame/compose_canvas.py").read_text())
    (execute,) = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "execute")
    names = [argument.arg for argument in execute.args.args][-len(execute.args.defaults) :]
    return dict(zip(names, map(ast.literal_eval, execute.args.defaults), strict=True))


@pytest.mark.parametrize("name", sorted(TABLE.keys() - {"DEFAULTS"}))
def test_python_has_what_the_table_says(name):
    found = [vars(module)[name] for module in MODULES if name in vars(module)]
    assert found
    assert all(json.loads(json.dumps(value)) == TABLE[name] for value in found)


def test_the_node_has_the_defaults_of_the_table():
    assert defaults_of_the_node() == TABLE["DEFAULTS"]
