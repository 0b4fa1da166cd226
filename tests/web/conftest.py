"""The page of a real ComfyUI in a real Chromium, in both of its renderers."""

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from ffgo.bases.catalogue import EXPERTS
from ffgo.lora.halves import files_of
from lab.workshop.archive import unpacked
from lab.workshop.comfyui import CHROMIUM_NAMES, PAGES, Host, ensure_page
from lab.workshop.page import EditorPage
from lab.workshop.patience import SILENCE_S, wait_for
from lab.workshop.server import PACK_FOLDER, Server, ensure_standins, make_base, running_server
from lab.workshop.toy_workflow import lay_out as lay_out_toy_world

REPO = Path(__file__).parents[2]
WORKFLOWS = sorted((REPO / "workflows").glob("*.json"))
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
# ComfyUI draws nodes on a canvas, or as elements of the page where a user switched "Nodes 2.0" on.
RENDERERS = {"canvas": False, "elements": True}
MODEL_FOLDERS = {
    "UNETLoader": "diffusion_models",
    "CLIPLoader": "text_encoders",
    "DualCLIPLoader": "text_encoders",
    "CLIPVisionLoader": "clip_vision",
    "VAELoader": "vae",
    "FFGOWanMoELoRALoader": "loras",
    "FFGOLoRALoader": "loras",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-exports",
        action="store_true",
        help="write workflows/api/ and locales/en/nodeDefs.json anew, as the page and the nodes give them",
    )
    parser.addoption("--page", choices=PAGES, help="ComfyUI's page; without it the one that ComfyUI brings")
    parser.addoption("--renderer", choices=RENDERERS, help="this one's tests only; those of none go with the first")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out what the other renderer's lane runs."""
    if not (wanted := config.getoption("--renderer")):
        return

    def renderer(item: pytest.Item) -> str:
        parameters = getattr(item, "callspec", None)
        return parameters.params.get("comfy", "canvas") if parameters else "canvas"

    config.hook.pytest_deselected(items=[item for item in items if renderer(item) != wanted])
    items[:] = [item for item in items if renderer(item) == wanted]


class ComfyPage:
    """What a user does and sees on ComfyUI's page."""

    def __init__(self, page: Page, server: Server):
        self.page, self.server = page, server
        self.problems: list[str] = []
        page.on("pageerror", self._note)
        page.on("console", self._note_our_errors)
        page.goto(server.url)
        # The page opens a workflow of its own when all else is ready.
        page.wait_for_function("!!window.app?.extensionManager?.workflow.activeWorkflow")

    def _note(self, error: Error) -> None:
        # Page 1.58 says so of every node with growing sockets that is removed, also of ComfyUI's own.
        if "LGraph reference that was null" not in str(error):
            self.problems.append(str(error))

    def _note_our_errors(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and PACK_FOLDER in message.text + message.location.get("url", ""):
            self.problems.append(message.text)

    def browse_templates(self) -> None:
        self.page.evaluate("app.extensionManager.command.execute('Comfy.BrowseTemplates')")

    def open_template(self, name: str) -> None:
        """Choose a workflow in the template browser and wait until it is there."""
        self.page.evaluate("app.rootGraph.clear()")
        card = self.page.get_by_test_id(f"template-workflow-{name}")
        nodes = len(json.loads((REPO / "workflows" / f"{name}.json").read_text())["nodes"])
        loaded = f"app.rootGraph.nodes.length === {nodes}"
        for patience_ms in (60_000, 60_000, 300_000):  # a click while the cards are drawn anew is lost
            if not card.is_visible():
                self.browse_templates()
            card.click()
            try:
                self.page.wait_for_function(loaded, timeout=patience_ms)
                break
            except PlaywrightTimeout:
                if patience_ms > 60_000:
                    raise
        self.prompt()

    def missing(self) -> dict[str, Any] | None:
        """Node types, models and pictures that the page says are not there."""
        return self.page.evaluate("() => app.extensionManager.workflow.activeWorkflow.pendingWarnings")

    def saved(self) -> dict[str, Any]:
        """The workflow as Save would write it."""
        return json.loads(self.page.evaluate("async () => JSON.stringify((await app.graphToPrompt()).workflow)"))

    def prompt(self) -> dict[str, Any]:
        """The prompt as Run would queue it, once the widgets have settled."""
        code = """async () => {
            for (let last; ; await new Promise(resolve => setTimeout(resolve, 300))) {
                const now = JSON.stringify((await app.graphToPrompt()).output)
                if (now === last) return now
                last = now
            }
        }"""
        return json.loads(self.page.evaluate(code))

    def set_widgets(self, title: str, **values: Any) -> None:
        code = """([title, values]) => {
            const node = app.rootGraph.nodes.find(node => node.title === title)
            for (const [name, value] of Object.entries(values)) {
                const widget = node.widgets.find(widget => widget.name === name)
                widget.value = value
                widget.callback?.(value)
            }
        }"""
        self.page.evaluate(code, [title, values])

    def select(self, title: str) -> None:
        code = """title => {
            const node = app.canvas.graph.nodes.find(node => node.title === title)
            app.canvas.selectNode(node)
            app.canvas.centerOnNode(node)
        }"""
        self.page.evaluate(code, title)

    def enter(self, title: str) -> None:
        """Open the subgraph that a node holds."""
        code = "title => app.canvas.setGraph(app.rootGraph.nodes.find(node => node.title === title).subgraph)"
        self.page.evaluate(code, title)

    def run(self) -> str:
        """Press Run; returns the id of the queued prompt."""
        with self.page.expect_response(lambda answer: answer.url.endswith("/prompt")) as queued:
            self.page.get_by_test_id("queue-button").click()
        answer = queued.value
        assert answer.ok, answer.text()
        return answer.json()["prompt_id"]

    def finished(self, prompt_id: str) -> dict[str, Any]:
        """Wait for the prompt's end; returns its entry in the history."""
        return wait_for(lambda: get_json(self.server, f"/history/{prompt_id}").get(prompt_id), self.server.log_size)


def get_json(server: Server, path: str) -> Any:
    with urllib.request.urlopen(server.url + path, timeout=SILENCE_S) as answer:
        return json.load(answer)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    installed = Host.current()
    wanted = request.config.getoption("--page")
    folder = tmp_path_factory.mktemp("web")
    # What users get, not this checkout: a file that the archive lacks is missed here.
    pack = unpacked(folder / PACK_FOLDER)
    base = make_base(folder / "base", ensure_standins(installed), pack=pack, pictures=False)
    _add_named_models(base)
    settings = base / "user" / "default" / "comfy.settings.json"
    lay_out_toy_world(base)
    settings.write_text(json.dumps({"Comfy.TutorialCompleted": True}))
    with running_server(installed, base, page=ensure_page(installed, wanted) if wanted else None) as running:
        # The pack's own: it draws the pictures of its workflows when it is loaded for the first time.
        wait_for((base / "user/__ffgo/pictures.txt").exists, running.log_size)
        yield running


def _add_named_models(base: Path) -> None:
    """An empty file for each model that a workflow names: the page then has nothing to complain about."""
    for workflow in WORKFLOWS:
        for node in all_nodes(json.loads(workflow.read_text())):
            for value in node.get("widgets_values") or []:
                if node["type"] in MODEL_FOLDERS and str(value).endswith(".safetensors"):
                    (base / "models" / MODEL_FOLDERS[node["type"]] / value).touch()
            if node["type"] == "FFGOConceptLoader":
                concept = (node.get("widgets_values") or [""])[0]
                for file in files_of(concept, EXPERTS).values():
                    (base / "models" / "loras" / file).touch()


def all_nodes(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those of a workflow's file and of its subgraphs."""
    for graph in (workflow, *workflow.get("definitions", {}).get("subgraphs", ())):
        yield from graph["nodes"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # None is the one that Playwright has installed for itself.
    program = os.environ.get("FFGO_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session", params=RENDERERS)
def comfy(request: pytest.FixtureRequest, server: Server, browser: Browser) -> Iterator[ComfyPage]:
    """An open page; each test that takes it runs in both renderers."""
    setting = urllib.request.Request(
        f"{server.url}/settings/Comfy.VueNodes.Enabled",
        json.dumps(RENDERERS[request.param]).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(setting, timeout=SILENCE_S).close()
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.set_default_timeout(300_000)
    expect.set_options(timeout=300_000)
    opened = ComfyPage(page, server)
    assert page.evaluate("LiteGraph.vueNodesMode") == RENDERERS[request.param]
    yield opened
    page.close()


@pytest.fixture
def editor(comfy: ComfyPage) -> EditorPage:
    return EditorPage(comfy.page)


@pytest.fixture(scope="module", params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> Path:
    """Each shipped workflow."""
    return request.param
