"""The real ComfyUI, started once for all tests of this room."""

import json
import os
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from websockets.sync.client import connect

from lab.workshop.comfyui import REPO, Host
from lab.workshop.fake_gemini import FakeGemini, fake_gemini
from lab.workshop.patience import SILENCE_S, wait_for
from lab.workshop.server import Server, ensure_standins, make_base, running_server

KEYS_TO_GEMINI = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE")


class HostError(Exception):
    """A node failed, or the host refused the prompt."""

    def __init__(self, node_id: str, title: str, message: str):
        super().__init__(f"{title}: {message}")
        self.node_id, self.title, self.message = node_id, title, message


class RunningHost:
    """A running ComfyUI with the pack and the stand-ins in it."""

    def __init__(self, host: Host, server: Server):
        self._host, self._server = host, server
        self.url, self.base, self.process = server.url, server.base, server.process
        self.comfyui, self.python = host.comfyui, str(host.python)
        self.log, self.log_size = server.log, server.log_size

    def input(self, name: str, content: Image.Image | bytes) -> str:
        """Put a file into the host's input folder; returns its name."""
        path = self.base / "input" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Image.Image):
            buffer = BytesIO()
            content.save(buffer, "PNG")
            content = buffer.getvalue()
        path.write_bytes(content)
        return name

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=SILENCE_S) as answer:
            return json.load(answer)

    def run(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Queue an API prompt and wait; returns the outputs by node id. Raises HostError."""
        entry = self._finished(self._queue(prompt))
        status = entry["status"]
        if status["status_str"] != "success":
            failure = next((data for name, data in status["messages"] if name == "execution_error"), None)
            assert failure, status
            title = prompt[failure["node_id"]].get("_meta", {}).get("title", failure["node_type"])
            raise HostError(failure["node_id"], title, failure["exception_message"])
        return entry["outputs"]

    def cancel_in_the_middle(self, prompt: dict[str, Any], node_id: str) -> None:
        """Queue an API prompt, cancel it when the node tells of its progress, and wait until it has ended."""
        with connect(f"{self.url.replace('http', 'ws', 1)}/ws?clientId=canceller", max_size=None) as events:
            prompt_id = self._queue(prompt, client_id="canceller")
            while not self._tells(events.recv(SILENCE_S), node_id):
                pass
        self._cancel(prompt_id)

    def cancel_when(self, prompt: dict[str, Any], ready: Callable[[], object]) -> None:
        """Queue an API prompt, cancel it as soon as `ready`, and wait until it has ended."""
        prompt_id = self._queue(prompt)
        wait_for(ready, self.log_size)
        self._cancel(prompt_id)

    def _cancel(self, prompt_id: str) -> None:
        request = urllib.request.Request(self.url + "/interrupt", b"{}", {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=SILENCE_S).close()
        status = self._finished(prompt_id)["status"]
        assert any(name == "execution_interrupted" for name, _ in status["messages"]), status

    @staticmethod
    def _tells(message: str | bytes, node_id: str) -> bool:
        if isinstance(message, bytes):  # a preview
            return False
        event = json.loads(message)
        assert event["type"] not in ("execution_success", "execution_error"), event
        return event["type"] == "progress" and event["data"]["node"] == node_id and event["data"]["value"] > 0

    def _queue(self, prompt: dict[str, Any], **more: str) -> str:
        prompt_id = str(uuid.uuid4())
        body = json.dumps({"prompt": prompt, "prompt_id": prompt_id, **more}).encode()
        request = urllib.request.Request(self.url + "/prompt", body, {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=SILENCE_S).close()
        except urllib.error.HTTPError as refusal:
            answer = json.load(refusal)
            node_id, problem = next(
                iter(answer["node_errors"].items()), ("", {"class_type": "prompt", "errors": [answer["error"]]})
            )
            message = "; ".join(f"{e['message']}: {e['details']}" for e in problem["errors"])
            raise HostError(node_id, problem["class_type"], message) from None
        return prompt_id

    def _finished(self, prompt_id: str) -> dict[str, Any]:
        try:
            return wait_for(lambda: self.get(f"/history/{prompt_id}").get(prompt_id), self.log_size)
        except TimeoutError as error:
            pytest.fail(f"the host does not finish: {error}; its log ends:\n{self.log()[-3000:]}")

    @contextmanager
    def gemini_key(self, key: str) -> Iterator[Path]:
        """The key to Gemini, in its private file."""
        file = self.base / "user" / "__ffgo" / "gemini_api_key"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_text(key)
        try:
            yield file
        finally:
            file.unlink()

    @contextmanager
    def start_another(self, base: Path, pack: Path = REPO) -> Iterator["RunningHost"]:
        """A second host in its own base folder, for tests that kill it or change the pack."""
        with running_server(self._host, make_base(base, ensure_standins(self._host), pack=pack)) as server:
            yield RunningHost(self._host, server)


class Probes:
    """A process with ComfyUI's modules in it, for what no prompt can tell; probe.py is its side of the talk."""

    def __init__(self, process: subprocess.Popen[str], log_file: Path):
        self._process, self._log_file = process, log_file
        self._before = ""

    def ask(self, module: str, *arguments: Any) -> Any:
        """What the `find` of a module beside this one returns for the arguments."""
        assert self._process.stdin
        assert self._process.stdout
        self._before = self._log()
        self._process.stdin.write(json.dumps([module, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the probes' process has ended: {self._log()[-3000:]}"
        answer = json.loads(line)
        assert "found" in answer, answer["failed"]
        return answer["found"]

    def said(self) -> str:
        """What was logged for the last answer."""
        return self._log().removeprefix(self._before)

    def _log(self) -> str:
        return self._log_file.read_text(errors="replace")


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probes]:
    host = Host.current()
    base = make_base(tmp_path_factory.mktemp("probes"), ensure_standins(host))
    script, log_file = Path(__file__).with_name("probe.py"), base / "probes.log"
    with (
        log_file.open("w") as log,
        host.start(
            *map(str, (script, host.comfyui, base)),
            pythonpath=[host.tools], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        ) as process,
    ):  # fmt: skip
        yield Probes(process, log_file)
        process.kill()


@pytest.fixture(scope="session")
def gemini() -> Iterator[FakeGemini]:
    """What the host takes for Google: no test ever leaves this machine or pays."""
    with fake_gemini() as server:
        yield server


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory, gemini: FakeGemini) -> Iterator[RunningHost]:
    for name in KEYS_TO_GEMINI:
        os.environ.pop(name, None)
    os.environ["GOOGLE_GEMINI_BASE_URL"] = gemini.url
    installed = Host.current()
    base = make_base(tmp_path_factory.mktemp("host"), ensure_standins(installed))
    with running_server(installed, base) as server:
        yield RunningHost(installed, server)
