"""The laws of the house (docs/architecture.md), read off the source. A law over files fails where there are none."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from lab.workshop.archive import archive_names

REPO = Path(__file__).parents[2]
PAGE = (REPO / "docs/architecture.md").read_text()
PYPROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())
FROZEN_IDS = json.loads((REPO / "tests/data/node_ids.json").read_text())
HOST_MODULES = {
    *("comfy", "comfy_api", "comfy_api_nodes", "comfy_execution", "comfy_extras", "folder_paths", "nodes", "server"),
    "execution",
}
# It boots the host where there is no server, and holds what the trainer needs of it.
MAY_TOUCH_THE_HOST = "ffgo/host"
# The page's own requests, by the host's server.
ANSWERS_THE_PAGE = "nodes/cast/_routes.py"
HEAVY = {"google", "sam2", "peft", "accelerate", "kornia", "ray", "dlib"}
# Its layers are peft's; the nodes import it when they train.
MAY_IMPORT_PEFT = "ffgo/training/adapters.py"

# Who may import whom, from the ground up: a wing imports only what stands above it in this table, and is named here.
GROUND = {"charts", "durations", "errors", "files", "locks", "names", "pixels", "plain"}
CORE = {
    "errors": set(),
    "files": {"errors"},
    "names": {"errors"},
    "plain": {"errors"},
    "locks": {"errors", "files", "plain"},
    "charts": {"errors"},
    "durations": set(),
    "pixels": {"errors"},
    "bases": GROUND,
    "cutout": GROUND,
    "frame": GROUND | {"bases"},
    "clip": GROUND | {"bases"},
    "demo": GROUND | {"clip"},
    "gemini": GROUND | {"clip"},
    "words": GROUND | {"gemini"},
    "anchor": GROUND | {"bases", "gemini", "words"},
    "curation": GROUND | {"cutout", "gemini", "words"},
    "lora": GROUND | {"bases"},
    "experts": GROUND | {"bases"},
    "host": GROUND | {"bases"},
    "dataset": GROUND | {"bases", "clip", "experts", "words"},
    "concept": GROUND | {"bases", "clip", "curation", "dataset", "frame", "words"},
    "training": GROUND | {"bases", "concept", "dataset", "experts", "host", "lora"},
    "remote": GROUND,
    "evaluation": GROUND | {"bases", "clip", "curation", "frame", "gemini", "host", "remote", "words"},
    "study": GROUND | {"clip", "evaluation"},
    "cast": GROUND | {"evaluation", "frame"},
}
# A wing of nodes may import the core's wing of its name, what that may import, and these.
NODES = {
    "anchor": set(),
    "cast": set(),
    "clip": set(),
    "concept": {
        "ffgo/experts",
        "ffgo/host",
        "ffgo/lora",
        "ffgo/training",
        "nodes/dataset",
        "nodes/experts",
        "nodes/training",
    },
    "curation": set(),
    "cutout": set(),
    "dataset": set(),
    "evaluation": set(),
    "experts": {"ffgo/lora"},
    "frame": {"ffgo/cutout"},
    "training": {"nodes/dataset"},
    "words": set(),
}
SHARED_BY_NODES = {"nodes/_gemini", "nodes/_pictures", "nodes/_host", "nodes/_types"}
LAB = {
    "toyworld": set(), "workshop": {"toyworld"}, "workflows": {"workshop"}, "benchmarks": {"toyworld", "workshop"},
}  # fmt: skip


# ---------------------------------------------------------------- reading the house


@cache
def files(folder: str, pattern: str = "*.py") -> list[Path]:
    """All files below a folder of the repository, without caches; at least one."""
    found = sorted(path for path in (REPO / folder).rglob(pattern) if "__pycache__" not in path.parts)
    assert found, f"no {pattern} in {folder}: this law looks at nothing"
    return found


def shipped() -> list[Path]:
    return [*files("ffgo"), *files("nodes"), REPO / "__init__.py"]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def named(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


def packages(below: ast.AST) -> set[str]:
    """The packages, by their first name, that absolute imports below a node ask for."""
    found = set()
    for node in ast.walk(below):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


def at_load(path: Path) -> ast.Module:
    """What runs when a file is imported: all but the functions."""

    class WithoutFunctions(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
            return None

    return WithoutFunctions().visit(ast.parse(path.read_text(encoding="utf-8")))


@cache
def imported(path: Path) -> set[Path]:
    """The repository's own files that a file imports, at load or in a function."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            targets = [(REPO / alias.name.replace(".", "/"), None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = path.parents[node.level - 1] if node.level else REPO
            module = start / (node.module or "").replace(".", "/")
            targets = [(module, alias.name) for alias in node.names]
        else:
            continue
        for module, name in targets:
            candidates = [f"{module / name}.py", module / name / "__init__.py"] if name else []
            candidates += [f"{module}.py", module / "__init__.py"]
            found.update([Path(c) for c in candidates if Path(c).is_file()][:1])
    return found


def wing(path: Path) -> str:
    """`ffgo/frame` for a file in it, `ffgo/errors` for a room that stands right below `ffgo/`."""
    return "/".join(path.relative_to(REPO).with_suffix("").parts[:2])


def arrows(folder: str) -> dict[str, set[str]]:
    """Of each wing below a folder, the wings that it imports."""
    found: dict[str, set[str]] = {}
    for path in files(folder):
        if path != REPO / folder / "__init__.py":
            found.setdefault(wing(path), set()).update(wing(target) for target in imported(path))
    return {start: ends - {start} for start, ends in found.items()}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def node_files() -> list[Path]:
    return [path for path in files("nodes") if path.parent.name != "nodes" and not path.name.startswith("_")]


def node_ids(path: Path) -> list[str]:
    keywords = (k for call in ast.walk(tree(path)) if isinstance(call, ast.Call) for k in call.keywords)
    return [str(k.value.value) for k in keywords if k.arg == "node_id" and isinstance(k.value, ast.Constant)]


def test_a_law_over_no_files_fails():
    with pytest.raises(AssertionError, match="looks at nothing"):
        files("ffgo", "*.nothing")


# ---------------------------------------------------------------- who imports whom


def test_core_knows_no_host():
    for path in files("ffgo"):
        if named(path.parent) != MAY_TOUCH_THE_HOST:
            assert not packages(tree(path)) & HOST_MODULES, named(path)
        assert not [target for target in imported(path) if not named(target).startswith("ffgo/")], named(path)


def test_imports_inside_the_pack_are_relative():
    for path in [*files("ffgo"), *files("nodes")]:
        assert not packages(tree(path)) & {"ffgo", "lab", "tests"}, named(path)
        if named(path.parent) != MAY_TOUCH_THE_HOST:
            assert "sys.path" not in path.read_text(), named(path)


def test_wings_import_downwards():
    for upper, table in (("ffgo", CORE), ("lab", LAB)):
        lower: set[str] = set()
        for name, allowed in table.items():
            assert allowed <= lower, f"{upper}/{name} looks up to {allowed - lower}"
            lower.add(name)
        found = arrows(upper)
        assert {f"{upper}/{name}" for name in table} == set(found), "the table names each wing"
        for name, allowed in table.items():
            below = {end for end in found[f"{upper}/{name}"] if end.startswith(f"{upper}/") and end in found}
            assert below <= {f"{upper}/{end}" for end in allowed}, f"{upper}/{name}"


def test_nodes_import_their_wing_and_what_is_below():
    found = arrows("nodes")
    assert set(found) - SHARED_BY_NODES == {f"nodes/{name}" for name in NODES}
    for name, more in NODES.items():
        core = {f"ffgo/{end}" for end in CORE[name] | {name}}
        assert found[f"nodes/{name}"] <= core | more | SHARED_BY_NODES, name
    for shared in SHARED_BY_NODES:
        assert not {end for end in found[shared] if end.startswith("nodes/")} - SHARED_BY_NODES, shared


def test_no_imports_go_in_circles():
    graph = {}
    for folder in ("ffgo", "nodes", "lab"):
        for path in files(folder):
            graph[named(path)] = {named(target) for target in imported(path)} - {named(path)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_heavy_packages_are_not_imported_at_load():
    for path in shipped():
        heavy = HEAVY - {"peft"} if named(path) == MAY_IMPORT_PEFT else HEAVY
        assert not packages(at_load(path)) & heavy, named(path)


def test_the_nodes_import_nothing_heavy():
    """What the nodes need of the core at load, and what that needs in turn."""
    modules = {
        node.module
        for path in files("nodes")
        for node in tree(path).body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ffgo")
    }
    assert modules
    heavy = HEAVY | {"av", "transformers"}
    code = f"import sys, {', '.join(sorted(modules))}; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_headless_client_starts_without_torch():
    code = "import sys, ffgo.remote; sys.exit(bool({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0


def test_nothing_that_ships_starts_programs_or_evaluates_text_or_downloads():
    for path in shipped():
        asked = packages(tree(path))
        assert not asked & {"subprocess", "pip", "ensurepip", "ctypes", "multiprocessing", "pty"}, named(path)
        assert not asked & {"urllib", "http", "socket", "requests", "httpx", "huggingface_hub"}, named(path)
        # Two ask the user's ComfyUI, and Gemini; the others are servers, and ask nobody.
        if named(path.parent) not in ("ffgo/remote", "ffgo/gemini", "ffgo/study") and named(path) != ANSWERS_THE_PAGE:
            assert "aiohttp" not in asked, named(path)
        calls = (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
        called = {ast.unparse(function) for function in calls}
        assert not called & {"eval", "exec", "compile", "__import__", "torch.hub.load"}, named(path)
        assert not [name for name in called if re.match(r"os\.(system|popen|exec|spawn|fork)", name)], named(path)


# ---------------------------------------------------------------- sizes and names


def test_a_file_of_nodes_holds_one_node_of_at_most_120_lines():
    for path in node_files():
        assert len(node_ids(path)) == 1, named(path)
        assert len(path.read_text().splitlines()) <= 120, named(path)


def test_rooms_have_at_most_300_lines():
    every = [*files("ffgo"), *files("nodes")]
    assert not [named(path) for path in every if len(path.read_text().splitlines()) > 300]


def test_functions_have_at_most_60_lines():
    every = [*shipped(), *files("lab"), *files("tests"), REPO / "dev.py"]
    long = [f"{named(p)}: {f.name}" for p in every for f in functions(p) if (f.end_lineno or 0) - f.lineno >= 60]
    assert long == []


def test_public_names_say_one_thing():
    """A class has its name for itself in all that ships."""
    names = Counter(
        node.name
        for path in shipped()
        for node in tree(path).body
        if isinstance(node, ast.ClassDef)
        if node.name[0] != "_"
    )
    assert names
    assert not [name for name, times in names.items() if times > 1]


def test_node_ids_are_frozen():
    """Ids live in users' workflow files: add new ones to tests/data/node_ids.json, never change or remove one."""
    assert sorted(i for path in node_files() for i in node_ids(path)) == sorted(FROZEN_IDS)


# The base's channels and widths; and what turns frames and pixels into latents. Limits and hashes mean other numbers.
A_BASES_NUMBERS, A_BASES_STRIDES = {16, 20, 36, 48, 65, 1152, 3072, 3584, 4096, 5120}, {4, 8}
NO_NUMBERS_OF_A_BASE = ("dataset", "training", "clip", "experts", "lora", "host", "words")
LIMITS = {"digest_size", "max", "most"}
DRAWING = {"ffgo/dataset/sheet.py", "ffgo/experts/schedule_strip.py"}
OTHER_NUMBERS = {
    ("ffgo/clip/shown.py", "{8: 'linear', 9: 'log100', 10: 'log316', 16: 'PQ', 17: 'smpte428', 18: 'HLG'}"),  # H.273
    ("ffgo/training/memory.py", "GB / 20"),  # what is too little to be shown
    ("ffgo/training/recipe.py", ":16"),  # of a hash
}


def numbers_of_a_base(path: Path) -> Iterator[str]:
    """The expressions of a file in which one of a base's numbers stands."""
    limits = {id(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.keyword) and node.arg in LIMITS}
    for node in ast.walk(tree(path)):
        wanted = set(A_BASES_NUMBERS)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv | ast.Mod | ast.Mult):
            wanted |= A_BASES_STRIDES
        numbers = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.Constant)]
        if any(type(one.value) is int and one.value in wanted and id(one) not in limits for one in numbers):
            yield ast.unparse(node)


def test_numbers_of_a_base_stand_in_bases_alone():
    every = [*(path for name in NO_NUMBERS_OF_A_BASE for path in files(f"ffgo/{name}")), *files("nodes")]
    found = {(named(p), text) for p in every if named(p) not in DRAWING for text in numbers_of_a_base(p)}
    assert found == OTHER_NUMBERS


# ---------------------------------------------------------------- what belongs to a node


def test_every_node_has_a_help_page():
    pages = files("web/docs", "*.md")
    assert {path.stem for path in pages if path.parent.name == "docs"} == set(FROZEN_IDS)
    assert {path.parent.name for path in pages} <= {"docs", *FROZEN_IDS}  # <NodeId>/<locale>.md: the translations


def test_every_node_has_its_texts_in_the_locale():
    texts = json.loads((REPO / "locales/en/nodeDefs.json").read_text())
    assert set(texts) == set(FROZEN_IDS)
    assert all(text["display_name"] and text["description"] for text in texts.values())


# The local workflow for captions and prompts does without Gemini; cut-outs on white, as Gemini's are, need no SAM2.
IN_NO_WORKFLOW = {"FFGOGeminiCaption", "FFGOGeminiEnhancePrompt", "FFGOSAM2Loader"}


def test_every_node_has_a_place_in_a_workflow():
    shown = set()
    for path in [*files("workflows/api", "*.json"), *files("subgraphs", "*.json")]:
        shown |= set(re.findall(r'"(?:class_type|type)": ?"(FFGO\w+)"', path.read_text()))
    assert set(FROZEN_IDS) - shown == IN_NO_WORKFLOW


# ---------------------------------------------------------------- what users get


def test_requirements_are_those_of_the_project():
    lines = (REPO / "requirements.txt").read_text().splitlines()
    required = [line for line in lines if line and not line.startswith("#")]
    assert sorted(required) == sorted(PYPROJECT["project"]["dependencies"])


def test_the_archive_holds_what_users_need_and_nothing_of_ours():
    archive = set(archive_names())
    # The pictures that the shipped workflows open with are the only part of lab/ that ships.
    parts = {name.split("/")[0] for name in archive if not name.startswith("lab/materials/")}
    files_at_the_top = {"__init__.py", "pyproject.toml", "requirements.txt", "CHANGELOG.md", "LICENSE"}
    files_at_the_top |= {"README.md", "README_zh.md"}
    assert parts == files_at_the_top | {"ffgo", "nodes", "web", "locales", "workflows", "subgraphs", "docs"}
    assert {named(path) for folder in ("ffgo", "nodes") for path in files(folder)} <= archive


# ---------------------------------------------------------------- the page


def plan() -> dict[str, set[str]]:
    """The words that stand behind each folder in the page's plan."""
    block = PAGE.split("## The plan")[1].split("\n## ")[0]
    return {
        path: set(re.findall(r"\w+", text)) for path, text in re.findall(r"^    (\S+)(.*\n(?:     .*\n)*)", block, re.M)
    }


def test_every_room_is_named_on_the_architecture_page():
    words = plan()
    for folder, pattern in (
        ("ffgo", "*.py"),
        ("nodes", "*.py"),
        ("lab", "*.py"),
        ("web/ffgo", "*.js"),
        ("ffgo/study/pages", "*.js"),
    ):
        for path in files(folder, pattern):
            if path.stem != "__init__":
                assert path.stem in words.get(f"{named(path.parent)}/", ()), f"{named(path)} is not on the page"
    assert not [path for path in words if not (REPO / path).exists()]


def test_the_page_names_the_test_of_each_law():
    laws = re.findall(r"^\d+\. (.*\n(?: {3,}.*\n)*)", PAGE.split("## Laws")[1].split("\n## ")[0], re.M)
    written = {path: {f.name for f in functions(path)} for path in files("tests", "test_*.py")}
    claimed = {name: re.findall(r"`(test_\w+)`", name) for name in laws}
    assert laws
    assert not [law for law, tests in claimed.items() if not tests]
    for test in {test for tests in claimed.values() for test in tests}:
        assert any(test in names for names in written.values()), f"there is no {test}"
    here = {f.name for f in functions(Path(__file__)) if f.name.startswith("test_")}
    assert here == {test for tests in claimed.values() for test in tests if test in written[Path(__file__)]}
