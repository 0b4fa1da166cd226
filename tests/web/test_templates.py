"""The workflows stand in ComfyUI's template browser, each with its picture."""

import json
import urllib.parse
import urllib.request
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from lab.workshop.server import PACK_FOLDER

WORKFLOWS = Path(__file__).parents[2] / "workflows"
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))


def test_the_host_lists_the_workflows_and_not_their_api_form(server):
    with urllib.request.urlopen(f"{server.url}/workflow_templates") as answer:
        listed = json.load(answer)
    assert sorted(listed[PACK_FOLDER]) == NAMES
    assert sorted(path.stem for path in (WORKFLOWS / "api").glob("*.json")) == NAMES


def test_each_workflow_has_a_wide_thumbnail(server):
    for name in NAMES:
        address = f"{server.url}/api/workflow_templates/{PACK_FOLDER}/{urllib.parse.quote(name)}.jpg"
        with urllib.request.urlopen(address) as answer:
            picture = Image.open(BytesIO(answer.read()))
        assert (picture.format, picture.size) == ("JPEG", (640, 360))


def test_the_template_browser_shows_them(comfy):
    comfy.browse_templates()
    for name in NAMES:
        card = comfy.page.get_by_test_id(f"template-workflow-{name}")
        card.scroll_into_view_if_needed()  # pictures come when they are seen
        picture = card.locator("img")
        expect(picture).to_have_js_property("naturalWidth", 640)
    comfy.page.keyboard.press("Escape")
