"""The frame editor in the page: frames a second while one of eight large cut-outs is dragged, and what drags leave."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import CDPSession, sync_playwright

from lab.workshop.comfyui import CHROMIUM_NAMES, Host
from lab.workshop.page import EditorPage, compose_workflow
from lab.workshop.server import ensure_standins, make_base, running_server

SUBJECTS, SIZE = 8, (4000, 3000)
MOVES, DRAGS, WARM_UP = 120, 200, 60
RENDERERS = {"canvas": False, "elements": True}
WANTED_FPS = 30
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]
COUNT_FRAMES = """() => {
    window.frames_ = []
    const count = time => { if (window.frames_) { frames_.push(time); requestAnimationFrame(count) } }
    requestAnimationFrame(count)
}"""
COUNTED = "() => { const counted = window.frames_; window.frames_ = null; return counted }"


def rows() -> Iterator[dict]:
    """In each renderer: frames a second against the 30 wanted, and the page's memory after 200 drags against before."""
    host = Host.current()
    program = os.environ.get("FFGO_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as folder:
        base = make_base(Path(folder), ensure_standins(host))
        names = [_cut_out(base / "input", i) for i in range(SUBJECTS)]
        settings = base / "user" / "default" / "comfy.settings.json"
        settings.parent.mkdir(parents=True)
        with running_server(host, base) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            for renderer, elements in RENDERERS.items():
                settings.write_text(json.dumps({"Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": elements}))
                page = browser.new_page(viewport={"width": 1600, "height": 900})
                page.set_default_timeout(120_000)
                page.goto(server.url)
                page.wait_for_function("!!window.app?.extensionManager?.workflow.activeWorkflow")
                editor = EditorPage(page)
                editor.open(compose_workflow("background_lake.png", names))
                yield from _rows(editor, renderer)
                page.close()
            browser.close()


def _cut_out(folder: Path, number: int) -> str:
    """A soft-edged ellipse of noise."""
    noise = np.random.default_rng(number).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize(SIZE, Image.Resampling.BICUBIC).convert("RGBA")
    shape = Image.new("L", (SIZE[0] // 8, SIZE[1] // 8))
    ImageDraw.Draw(shape).ellipse((20 + 5 * number, 15, 480 - 5 * number, 360), fill=255)
    picture.putalpha(shape.resize(SIZE))
    picture.save(folder / f"large_{number}.png", compress_level=1)
    return f"large_{number}.png"


def _rows(editor: EditorPage, renderer: str) -> Iterator[dict]:
    fps = _frames_per_second(editor)
    yield {
        "name": f"editor_drag_{renderer}",
        "ratio": fps / WANTED_FPS,
        "ours": fps,
        "other": WANTED_FPS,
        "unit": "fps",
    }
    devtools = editor.page.context.new_cdp_session(editor.page)
    devtools.send("Performance.enable")
    _drag_about(editor, WARM_UP)  # fills the host's list of undo steps, which holds 50
    before = _memory(devtools)
    _drag_about(editor, DRAGS)
    after = _memory(devtools)
    yield {
        "name": f"editor_200_drags_{renderer}",
        "ratio": after / before,
        "ours": after,
        "other": before,
        "unit": "MB",
    }


def _frames_per_second(editor: EditorPage) -> float:
    x, y = _middle(editor)
    mouse = editor.page.mouse
    mouse.move(x, y)
    mouse.down()
    editor.page.evaluate(COUNT_FRAMES)
    for i in range(MOVES):
        mouse.move(x + i % 20 * 3, y + i % 15 * 2)
    times = editor.page.evaluate(COUNTED)
    mouse.up()
    return 1000 * (len(times) - 1) / (times[-1] - times[0])


def _drag_about(editor: EditorPage, count: int) -> None:
    mouse = editor.page.mouse
    for i in range(count):
        x, y = _middle(editor)
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + (10 if i % 2 else -10), y + 2)
        mouse.up()
    editor.settle()


def _middle(editor: EditorPage) -> tuple[float, float]:
    box = editor.subject(3).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _memory(devtools: CDPSession) -> float:
    """Megabytes of JavaScript that are in use after all garbage is gone."""
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    metrics = {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}
    return metrics["JSHeapUsedSize"] / 1e6
