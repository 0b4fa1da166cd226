"""The shipped workflows open in the page and leave it as they came."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from playwright.sync_api import expect

REPO = Path(__file__).parents[2]
PAGE = "1.47.12"
"""That wrote the files."""
# The renderers measure nodes differently.
MEASURED = {"size", "bounding", "pos"}


@pytest.fixture(scope="module")
def opened(comfy, workflow):
    comfy.problems.clear()
    comfy.open_template(workflow.stem)
    return comfy


def test_nothing_is_missing_and_nothing_complains(opened):
    assert opened.missing() is None
    for complaint in ("[data-testid=error-overlay]", "[role=dialog]:visible", ".p-toast-message"):
        expect(opened.page.locator(complaint)).to_have_count(0)
    assert opened.problems == []


@pytest.fixture
def own_page(request):
    """The page that the files were written with; another writes the same in other words."""
    if request.config.getoption("--page", default=None) or version("comfyui-frontend-package") != PAGE:
        pytest.skip("another page than the one that wrote the files")


def test_the_page_saves_what_it_opened(opened, workflow, own_page):
    written, saved = json.loads(workflow.read_text()), opened.saved()
    for graph in (written, saved):
        graph.pop("extra")
    assert _unmeasured(saved) == _unmeasured(written)


def _unmeasured(part, inside=False):
    """Without what a renderer measures; places are the file's own, but for those of sockets in a subgraph."""
    if isinstance(part, list):
        return [_unmeasured(one, inside) for one in part]
    if not isinstance(part, dict):
        return part
    inside = inside or "inputNode" in part
    return {
        key: _unmeasured(value, inside)
        for key, value in part.items()
        if key not in MEASURED or (key == "pos" and "size" in part) or (key == "bounding" and not inside)
    }


def test_the_api_file_is_what_the_page_exports(opened, workflow, own_page, request):
    exported = opened.prompt()
    file = REPO / "workflows" / "api" / workflow.name
    if request.config.getoption("update_exports", default=False):
        file.write_text(json.dumps(exported, ensure_ascii=False, indent=2) + "\n")
    assert json.loads(file.read_text()) == exported, "write it anew with: python dev.py test web --update-exports"


@pytest.mark.every_page
def test_the_api_file_means_what_any_page_exports(opened, workflow):
    """A newer ComfyUI's own nodes may have got inputs, such as Save Video's `format.codec` in 0.33."""
    written = meaning(json.loads((REPO / "workflows" / "api" / workflow.name).read_text()))
    exported = meaning(opened.prompt())
    assert exported.keys() == written.keys()
    for title, (class_type, values) in written.items():
        now_type, now = exported[title]
        assert now_type == class_type
        if class_type.startswith("FFGO"):
            assert now == values
        assert {name: now.get(name) for name in values} == values


def meaning(prompt):
    """Each node by its title: its class, its values, and the titles of what it takes."""
    titles = {number: node["_meta"]["title"] for number, node in prompt.items()}
    assert len(set(titles.values())) == len(titles)
    return {
        titles[number]: (
            node["class_type"],
            {
                name: (titles[value[0]], value[1]) if isinstance(value, list) else value
                for name, value in node["inputs"].items()
                if name != "video-preview"  # what page 1.47 shows on Load Video; no input
            },
        )
        for number, node in prompt.items()
    }
