"""The frame editor in the page: frames a second while eight large cut-outs are dropped onto it and while one of them is
dragged about, and what drags leave."""

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

from .measure import row

SUBJECTS, SIZE = 8, (4000, 3000)
MOVES, DRAGS, WARM_UP = 120, 200, 60
SMALL = 20
"""How many times fewer in the small form."""
RENDERERS = {"canvas": False, "elements": True}
WANTED_FPS = 30
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]
COUNT_FRAMES = """() => {
    window.frames_ = []
    const count = time => { if (window.frames_) { frames_.push(time); requestAnimationFrame(count) } }
    requestAnimationFrame(count)
}"""
COUNTED = "() => { const counted = window.frames_; window.frames_ = null; return counted }"


def rows(*, small: bool = False) -> Iterator[dict]:
    """In each renderer: frames a second against the 30 wanted, and the page's memory after 200 drags against before.

    The pictures are dropped: from then on until they are all shown the page reads, uploads, decodes and measures them.
    """
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
                yield _dropped(editor, renderer, [base / "input" / name for name in names])
                editor.open(compose_workflow("background_lake.png", names))
                yield from _rows(editor, renderer, SMALL if small else 1)
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


def _dropped(editor: EditorPage, renderer: str, files: list[Path]) -> dict:
    """Frames a second from the drop of the files until all are shown, and the CPU seconds of one."""
    editor.page.evaluate(
        "async workflow => { await app.loadGraphData(workflow) }", compose_workflow("background_lake.png", [])
    )
    editor.look()
    devtools = editor.page.context.new_cdp_session(editor.page)
    devtools.send("Performance.enable")
    started = _metric(devtools, "ProcessTime")
    editor.page.evaluate(COUNT_FRAMES)
    editor.drop(files, 0.2, 0.5)
    editor.page.wait_for_function(
        "count => document.querySelectorAll('.ffgo-subject:not([data-hint])').length === count", arg=len(files)
    )
    times = editor.page.evaluate(COUNTED)
    cpu = (_metric(devtools, "ProcessTime") - started) / len(times)
    fps = 1000 * (len(times) - 1) / (times[-1] - times[0])
    return row(f"editor_drop_{len(files)}_{renderer}", fps, WANTED_FPS, "fps", (cpu, 1 / WANTED_FPS))


def _rows(editor: EditorPage, renderer: str, fewer: int) -> Iterator[dict]:
    """The page's CPU seconds: for a frame against what 30 of one core's second leave it, for a drag against earlier."""
    devtools = editor.page.context.new_cdp_session(editor.page)
    devtools.send("Performance.enable")
    started = _metric(devtools, "ProcessTime")
    frames, fps = _frames(editor, MOVES // fewer)
    cpu = (_metric(devtools, "ProcessTime") - started) / frames
    yield row(f"editor_drag_{renderer}", fps, WANTED_FPS, "fps", (cpu, 1 / WANTED_FPS))
    # The first ones fill the host's list of undo steps, which holds 50.
    before, early = _drags(editor, devtools, WARM_UP // fewer)
    after, late = _drags(editor, devtools, DRAGS // fewer)
    yield row(f"editor_200_drags_{renderer}", after, before, "MB", (late, early))


def _drags(editor: EditorPage, devtools: CDPSession, count: int) -> tuple[float, float]:
    """Megabytes in use after so many drags, and the page's CPU seconds for one."""
    started = _metric(devtools, "ProcessTime")
    _drag_about(editor, count)
    cpu = (_metric(devtools, "ProcessTime") - started) / count
    return _memory(devtools), cpu


def _frames(editor: EditorPage, moves: int) -> tuple[int, float]:
    """How many frames were drawn during a drag of so many moves, and how many in a second."""
    x, y = _middle(editor)
    mouse = editor.page.mouse
    mouse.move(x, y)
    mouse.down()
    editor.page.evaluate(COUNT_FRAMES)
    for i in range(moves):
        mouse.move(x + i % 20 * 3, y + i % 15 * 2)
    times = editor.page.evaluate(COUNTED)
    mouse.up()
    return len(times), 1000 * (len(times) - 1) / (times[-1] - times[0])


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
    return _metric(devtools, "JSHeapUsedSize") / 1e6


def _metric(devtools: CDPSession, name: str) -> float:
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == name)
