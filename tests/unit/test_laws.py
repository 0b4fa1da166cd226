"""The laws of the house (docs/architecture.md), read off the source."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
CORE = sorted((REPO / "ffgo").rglob("*.py"))
NODES = sorted(path for path in (REPO / "nodes").rglob("*.py"))
ROOMS = [path for path in NODES if path.parent.name != "nodes" and not path.name.startswith("_")]
HOST_MODULES = {
    "comfy",
    "comfy_api",
    "comfy_api_nodes",
    "comfy_execution",
    "comfy_extras",
    "folder_paths",
    "nodes",
    "server",
    "execution",
}
HEAVY = {"google", "sam2", "peft", "accelerate", "kornia"}
# It boots the host where there is no server, and holds what the trainer needs of it.
MAY_TOUCH_THE_HOST = REPO / "ffgo" / "host"
# Its layers are peft's; the nodes import it when they train.
MAY_IMPORT_PEFT = REPO / "ffgo" / "training" / "adapters.py"


def named(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


def imports(tree: ast.AST) -> set[str]:
    """Top-level names of all absolute imports below `tree`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


def node_ids(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [
        k.value.value
        for call in calls
        for k in call.keywords
        if k.arg == "node_id" and isinstance(k.value, ast.Constant)
    ]


@pytest.mark.parametrize("path", CORE, ids=named)
def test_core_knows_no_host(path):
    if path.parent != MAY_TOUCH_THE_HOST:
        assert not imports(ast.parse(path.read_text())) & HOST_MODULES


@pytest.mark.parametrize("path", CORE + NODES, ids=named)
def test_imports_inside_the_pack_are_relative(path):
    assert "ffgo" not in imports(ast.parse(path.read_text()))
    if path.parent != MAY_TOUCH_THE_HOST:
        assert "sys.path" not in path.read_text()


@pytest.mark.parametrize("path", CORE + NODES, ids=named)
def test_heavy_packages_are_not_imported_at_load(path):
    module_level = ast.Module(
        [node for node in ast.parse(path.read_text()).body if not isinstance(node, ast.FunctionDef)], []
    )
    assert not imports(module_level) & (HEAVY - {"peft"} if path == MAY_IMPORT_PEFT else HEAVY)


def test_the_nodes_import_nothing_heavy():
    """What the nodes need of the core at load, and what that needs in turn."""
    modules = set()
    for path in NODES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ffgo"):
                modules.add(node.module)
    heavy = HEAVY | {"av", "transformers"}
    code = f"import sys, {', '.join(sorted(modules))}; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", [*CORE, *NODES, REPO / "__init__.py"], ids=named)
def test_nothing_that_ships_starts_programs_or_evaluates_text(path):
    tree = ast.parse(path.read_text())
    assert not imports(tree) & {"subprocess", "pip", "ensurepip", "ctypes"}
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"eval", "exec", "compile", "__import__"}
    assert "os.system" not in path.read_text()


@pytest.mark.parametrize("path", ROOMS, ids=named)
def test_a_room_holds_one_node_of_at_most_120_lines(path):
    assert len(node_ids(path)) == 1
    assert len(path.read_text().splitlines()) <= 120


def test_node_ids_are_frozen():
    """Ids live in users' workflow files: add new ones to tests/data/node_ids.json, never change or remove one."""
    frozen = json.loads((REPO / "tests/data/node_ids.json").read_text())
    assert sorted(i for path in ROOMS for i in node_ids(path)) == sorted(frozen)


def test_every_node_has_a_help_page():
    for node_id in json.loads((REPO / "tests/data/node_ids.json").read_text()):
        assert (REPO / f"web/docs/{node_id}.md").is_file(), node_id


def test_one_browser_file_registers_the_extension():
    scripts = [path for path in (REPO / "web").rglob("*.js") if "registerExtension" in path.read_text()]
    assert len(scripts) <= 1


def test_the_headless_client_starts_without_torch():
    code = "import sys, ffgo.remote; sys.exit(bool({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0
