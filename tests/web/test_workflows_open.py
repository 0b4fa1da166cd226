"""The shipped workflows open in the page and leave it as they came."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

REPO = Path(__file__).parents[2]
# The renderers measure nodes differently.
MEASURED = ("size",)


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


def test_the_page_saves_what_it_opened(opened, workflow):
    written, saved = json.loads(workflow.read_text()), opened.saved()
    for graph in (written, saved):
        graph["nodes"] = [{key: value for key, value in node.items() if key not in MEASURED} for node in graph["nodes"]]
        graph.pop("extra")
    assert saved == written


def test_the_api_file_is_what_the_page_exports(opened, workflow, request):
    exported = opened.prompt()
    file = REPO / "workflows" / "api" / workflow.name
    if request.config.getoption("update_exports", default=False):
        file.write_text(json.dumps(exported, ensure_ascii=False, indent=2) + "\n")
    assert json.loads(file.read_text()) == exported, "write it anew with: python dev.py test web --update-exports"
