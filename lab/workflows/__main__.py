"""Write workflows/, workflows/api/ and subgraphs/ anew, with the real page.

Run by dev.py in the host's Python: `python -m lab.workflows [NAME ...]`.
"""

import json
import os
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from lab.workshop.comfyui import CHROMIUM_NAMES, REPO, Host
from lab.workshop.server import Server, ensure_standins, make_base, running_server

from .blueprints import BLUEPRINTS
from .look import SCREEN
from .shipped import WORKFLOWS
from .write import prompt_of, written


def main(names: Sequence[str]) -> None:
    """Write those whose names hold one of the words; all if there are none."""
    with (
        tempfile.TemporaryDirectory(prefix="ffgo-workflows-") as folder,
        pages(Path(folder)) as (defs, canvas, elements),
    ):
        for graph in (*WORKFLOWS, *BLUEPRINTS):
            if names and not any(name in graph.name for name in names):
                continue
            file = written(graph, defs, canvas, elements)
            if graph in BLUEPRINTS:
                _write(REPO / "subgraphs" / f"{graph.name}.json", in_lines(file))
            else:
                _write(REPO / "workflows" / f"{graph.name}.json", in_lines(file))
                _write(
                    REPO / "workflows/api" / f"{graph.name}.json",
                    json.dumps(prompt_of(canvas), ensure_ascii=False, indent=2),
                )
            print(f"[ffgo] {graph.name}", flush=True)


@contextmanager
def pages(folder: Path) -> Iterator[tuple[Any, Page, Page]]:
    """A ComfyUI's nodes, and its page in either renderer."""
    host = Host.current()
    base = make_base(folder, ensure_standins(host))
    with running_server(host, base) as server, sync_playwright() as playwright:
        with urllib.request.urlopen(f"{server.url}/object_info") as answer:
            defs = json.load(answer)
        program = os.environ.get("FFGO_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield defs, _opened(browser, server, elements=False), _opened(browser, server, elements=True)
        browser.close()


def _opened(browser: Browser, server: Server, *, elements: bool) -> Page:
    for name, value in {"Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": elements}.items():
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{server.url}/settings/{name}", json.dumps(value).encode(), headers)
        urllib.request.urlopen(request).close()
    page = browser.new_page(viewport=SCREEN)
    page.set_default_timeout(300_000)
    page.goto(server.url)
    page.wait_for_function("!!window.app?.extensionManager?.workflow.activeWorkflow")
    return page


def in_lines(file: Any, depth: int = 3) -> str:
    """JSON with a line for each node and link, so that a difference can be read."""
    if not depth or not file or not isinstance(file, dict | list):
        return json.dumps(file, ensure_ascii=False)
    if isinstance(file, dict):
        deeper = {"definitions": 5, "nodes": 1, "links": 1, "subgraphs": 3, "groups": 1}
        parts = [f"{json.dumps(key)}: {in_lines(value, deeper.get(key, 0))}" for key, value in file.items()]
        return "{\n" + ",\n".join(parts) + "\n}"
    return "[\n" + ",\n".join(in_lines(one, depth - 1) for one in file) + "\n]"


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
