"""What a newcomer meets first: the README in both languages, its links and commands, and what the registry has."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from PIL import Image

from lab.workshop.archive import archive_names, pack
from lab.workshop.film import EXAMPLES

from .reading import AT_HOME, REPO, page

READMES = [REPO / "README.md", REPO / "README_zh.md"]
PYPROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())
MB = 1_000_000
QUICK = {"python -m ffgo.training --example > job.toml", "python -m ffgo.evaluation check lab/materials"}
_NAME = re.compile(r"python -m ffgo\.\w+")
both = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.stem)


def pages() -> list[Path]:
    """Every page of Markdown that there is to read."""
    folders = [REPO.glob("*.md"), (REPO / "docs").glob("*.md"), (REPO / "web/docs").rglob("*.md")]
    found = [*sorted(path for folder in folders for path in folder), REPO / "lab/materials/README.md"]
    assert len(found) > 20
    return found


# ---------------------------------------------------------------- how it is shown


@both
def test_tables_and_pictures_come_out_whole(readme):
    shown = page(readme)
    lines = [line for line in readme.read_text("utf-8").splitlines() if line.startswith("|")]
    rules = [line for line in lines if re.fullmatch(r"[|\-: ]+", line)]
    assert sum(map(len, shown.tables)) == len(lines) - len(rules), "a line with | is in no table"
    assert len(shown.tables) == len(rules) >= 6
    for table in shown.tables:
        assert len(table) > 2
        assert len({len(row) for row in table}) == 1
    assert len(shown.images) >= 2
    assert len(readme.read_text("utf-8").splitlines()) <= 130


@both
def test_a_moving_picture_comes_first(readme):
    (first, *_) = page(readme).images
    with Image.open(REPO / first) as film:
        assert getattr(film, "n_frames", 1) > len(EXAMPLES) * 4
    assert (REPO / first).stat().st_size < 600_000


def test_the_two_readmes_say_the_same():
    """The same links to the same nodes, the same pictures and commands, and tables of the same shape."""
    english, chinese = map(page, READMES)
    other = {"README_zh.md": "README.md"}
    assert [other.get(link, link) for link in english.links] == chinese.links
    assert english.images == chinese.images
    assert [[len(row) for row in table] for table in english.tables] == [
        [len(row) for row in table] for table in chinese.tables
    ]
    assert [line for line in english.commands if runs(line)] == [line for line in chinese.commands if runs(line)]
    numbers = [re.findall(r"\d[\d.]*\d", "\n".join(map(str, one.tables))) for one in (english, chinese)]
    assert numbers[0] == numbers[1]


@both
def test_every_node_has_its_place_in_the_tables(readme):
    linked = re.findall(r"web/docs/(\w+)\.md", " ".join(page(readme).links))
    assert sorted(linked) == sorted(json.loads((REPO / "tests/data/node_ids.json").read_text()))


@both
def test_what_was_measured_stands_on_its_page(readme):
    """Row of the table of proofs -> the page that it links."""
    table = page(readme).tables[4]
    for row, name in {1: "toy-world", 2: "cutouts"}.items():
        numbers, text = re.findall(r"\d+\.\d+", table[row][1]), (REPO / f"docs/{name}.md").read_text("utf-8")
        assert numbers
        assert not [number for number in numbers if number not in text], f"docs/{name}.md says otherwise"


# ---------------------------------------------------------------- links


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(REPO).as_posix())
def test_no_link_leads_nowhere(path):
    for link, target, anchor in page(path).targets():
        assert target.exists(), f"{path.name}: {link}"
        if anchor:
            assert anchor in page(target).anchors, f"{path.name}: {link}"


def test_no_link_of_the_archive_leads_out_of_it():
    kept = {(REPO / name).resolve() for name in archive_names()}
    for path in kept:
        if path.suffix == ".md":
            for link, target, _ in page(path).targets():
                assert AT_HOME.fullmatch(link) or target in kept or any(target in one.parents for one in kept), link


# ---------------------------------------------------------------- commands


def runs(command: str) -> bool:
    """Whether it is one, and not the mere name of a module."""
    return command.startswith(("python ", "accelerate ", "git ", "pip ", "cd ")) and not _NAME.fullmatch(command)


def commands() -> list[str]:
    """Every command of the README, and of the pages that are nothing but commands."""
    every = [*READMES, *(REPO / f"docs/{name}.md" for name in ("headless", "evaluation", "study", "farm"))]
    found = sorted({line for path in every for line in page(path).commands if runs(line)})
    assert len(found) > 8
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_one_that_the_program_takes(command, capsys):
    """Against the parsers themselves; what is between commands and files is there, too."""
    words = shlex.split(command.partition(" >")[0], comments=True)
    if words[0] == "accelerate":
        from accelerate.commands.launch import launch_command_parser

        options = launch_command_parser().parse_args(words[2:])
        assert options.module
        words = ["python", "-m", options.training_script, *options.training_script_args]
    try:
        if words[:2] == ["python", "dev.py"]:
            dev_py().command_line().parse_known_args(words[2:])
        elif words[:2] == ["python", "-m"]:
            _parse(words[2], [word for word in words[3:] if word != "..."])
        else:
            assert words[0] in ("git", "cd", "pip")
            assert (
                words[0] != "pip"
                or words[-1] in ("-e", ".", "sam2", "ffgo[farm]")
                or (REPO / Path(words[-1]).name).is_file()
            )
    except SystemExit as error:
        if error.code:
            pytest.fail(f"{command}: {error}, {capsys.readouterr().err}")


def _parse(module: str, words: list[str]) -> None:
    if module == "ffgo.remote":
        from ffgo.remote.__main__ import parse

        asked = parse(words)
        assert asked.command == "batch" or asked.workflow.is_file()
    elif module == "ffgo.evaluation":
        from ffgo.evaluation.__main__ import parser

        parser().parse_args(words)
    elif module == "ffgo.study":
        from ffgo.study.__main__ import parse

        parse(words)
    elif module in ("lab.toyworld.evaluate", "lab.toyworld.case_set", "lab.benchmarks.embedders"):
        assert importlib.util.find_spec(module)
        folders = [word for word in words if not word.startswith("--")]
        assert len(folders) == (module != "lab.toyworld.evaluate")
    else:
        assert module == "ffgo.training"
        assert len(words) == 1
        assert words[0] in ("--example", "--recipe") or words[0].endswith(".toml")


def dev_py():
    spec = importlib.util.spec_from_file_location("dev", REPO / "dev.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("command", sorted(QUICK))
def test_the_quick_ones_run(command):
    assert command in commands()
    words = shlex.split(command.partition(" >")[0])
    done = subprocess.run([sys.executable, *words[1:]], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- the registry, and what runs at GitHub


def test_the_archive_is_small(tmp_path):
    archive = pack(tmp_path / "node.zip")
    assert archive.stat().st_size <= 2.2 * MB
    with zipfile.ZipFile(archive) as packed:
        assert packed.testzip() is None
        assert sorted(packed.namelist()) == archive_names()


def test_the_registry_has_pictures_and_addresses():
    urls, comfy = PYPROJECT["project"]["urls"], PYPROJECT["tool"]["comfy"]
    for name, largest in (("Icon", (400, 400)), ("Banner", (2100, 900))):
        found = AT_HOME.fullmatch(comfy[name])
        assert found, comfy[name]
        with Image.open(REPO / found[1]) as picture:
            assert picture.width / picture.height == largest[0] / largest[1]
            assert picture.size <= largest
    assert {"Repository", "Documentation", "Changelog", "Issues"} <= set(urls)
    assert PYPROJECT["project"]["license"] == "Apache-2.0"  # an SPDX expression: PEP 639
    assert re.fullmatch(r"\d+\.\d+\.\d+", PYPROJECT["project"]["version"])


def test_what_github_runs_are_commands_that_there_are():
    run = []
    for path in (REPO / ".github/workflows").glob("*.yml"):
        jobs = yaml.safe_load(path.read_text())["jobs"].values()
        run += [step["run"] for job in jobs for step in job.get("steps", []) if "run" in step]
    ours = [shlex.split(command) for command in run if "dev.py" in command]
    assert [words[2:] for words in ours] == [["check"], ["test"], ["test", "unit"]]
    for words in ours:
        dev_py().command_line().parse_known_args(words[2:])


def test_issue_forms_ask_for_versions_and_log():
    forms = {p.stem: yaml.safe_load(p.read_text()) for p in (REPO / ".github/ISSUE_TEMPLATE").glob("[1-9]*.yml")}
    assert len(forms) >= 2
    for form in forms.values():
        assert {"name", "description", "body"} <= set(form)
        ids = [part["id"] for part in form["body"]]
        assert len(ids) == len(set(ids))
    asked = {part["id"]: part for part in forms["1-error"]["body"]}
    assert {"versions", "log", "workflow"} <= set(asked)
    assert all(asked[name]["validations"]["required"] for name in ("versions", "log"))
