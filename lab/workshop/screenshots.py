"""Pictures of the frame editor for the README, in both renderers and both themes: docs/images/editor_*.webp."""

import json
import os
import shutil
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from .comfyui import CHROMIUM_NAMES, REPO, Host
from .page import EditorPage, compose_workflow
from .server import Server, ensure_standins, make_base, running_server

IMAGES = REPO / "docs" / "images"
RENDERERS = {"canvas": False, "elements": True}
THEMES = ("dark", "light")
SUBJECTS = ["subject_robot.png", "subject_boat.png", "subject_balloon.png"]
ARRANGED = [(16, 296, 252, 395), (296, 416, 320, 255), (372, 28, 222, 275)]
FLAGS = ["--no-sandbox", "--disable-gpu"]


def main() -> None:
    host = Host.current()
    with tempfile.TemporaryDirectory(prefix="ffgo-screenshots-") as folder:
        base = make_base(Path(folder), ensure_standins(host))
        settings = base / "user" / "default" / "comfy.settings.json"
        settings.parent.mkdir(parents=True)
        program = os.environ.get("FFGO_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
        with running_server(host, base) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            for renderer, elements in RENDERERS.items():
                for theme in THEMES:
                    settings.write_text(
                        json.dumps(
                            {
                                "Comfy.TutorialCompleted": True,
                                "Comfy.VueNodes.Enabled": elements,
                                "Comfy.ColorPalette": theme,
                                "Comfy.Minimap.Visible": False,
                            }
                        )
                    )
                    file = IMAGES / f"editor_{renderer}_{theme}.webp"
                    photograph(browser, server, file)
                    print(f"[ffgo] {file.relative_to(REPO)}", flush=True)
            browser.close()


def photograph(browser: Browser, server: Server, file: Path) -> None:
    """The node with three subjects arranged by hand, one of them chosen."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000}, device_scale_factor=1.25)
    page.goto(server.url)
    page.wait_for_function("!!window.app?.extensionManager?.workflow.activeWorkflow")
    editor = EditorPage(page)
    editor.open(compose_workflow("background_lake.png", SUBJECTS))
    editor.set_widget("arrangement", arrangement())
    editor.set_widget("layout", "custom")
    editor.subject(1).click()
    editor.settle()
    box = editor.root.bounding_box()
    assert box
    taken = page.screenshot(
        clip={"x": box["x"] - 24, "y": box["y"] - 324, "width": box["width"] + 48, "height": box["height"] + 348},
    )  # fmt: skip
    Image.open(BytesIO(taken)).convert("RGB").save(file, quality=75, method=6)
    page.close()


def arrangement() -> str:
    subjects = [{"x": x, "y": y, "width": width, "height": height} for x, y, width, height in ARRANGED]
    subjects[1]["angle"] = -6
    return json.dumps({"version": 1, "canvas": {"width": 1280, "height": 720}, "subjects": subjects})


if __name__ == "__main__":
    main()
