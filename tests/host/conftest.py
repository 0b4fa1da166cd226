"""The real ComfyUI, started once for all tests of this room."""

import json
import os
import time
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

from lab.workshop.comfyui import REPO, Host
from lab.workshop.fake_gemini import FakeGemini, fake_gemini
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
        self.log = server.log

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
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def run(self, prompt: dict[str, Any], timeout_s: float = 120) -> dict[str, Any]:
        """Queue an API prompt and wait; returns the outputs by node id. Raises HostError."""
        entry = self._finished(self._queue(prompt), timeout_s)
        status = entry["status"]
        if status["status_str"] != "success":
            failure = next((data for name, data in status["messages"] if name == "execution_error"), None)
            assert failure, status
            title = prompt[failure["node_id"]].get("_meta", {}).get("title", failure["node_type"])
            raise HostError(failure["node_id"], title, failure["exception_message"])
        return entry["outputs"]

    def cancel_when(self, prompt: dict[str, Any], ready: Callable[[], bool], timeout_s: float = 120) -> None:
        """Queue an API prompt, cancel it as soon as `ready`, and wait until it has ended."""
        prompt_id, deadline = self._queue(prompt), time.monotonic() + timeout_s
        while not ready() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)  # into the work that was waited for
        urllib.request.urlopen(urllib.request.Request(self.url + "/interrupt", b""), timeout=30).close()
        status = self._finished(prompt_id, timeout_s)["status"]
        assert any(name == "execution_interrupted" for name, _ in status["messages"]), status

    def _queue(self, prompt: dict[str, Any]) -> str:
        prompt_id = str(uuid.uuid4())
        body = json.dumps({"prompt": prompt, "prompt_id": prompt_id}).encode()
        request = urllib.request.Request(self.url + "/prompt", body, {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as refusal:
            answer = json.load(refusal)
            node_id, problem = next(
                iter(answer["node_errors"].items()), ("", {"class_type": "prompt", "errors": [answer["error"]]})
            )
            message = "; ".join(f"{e['message']}: {e['details']}" for e in problem["errors"])
            raise HostError(node_id, problem["class_type"], message) from None
        return prompt_id

    def _finished(self, prompt_id: str, timeout_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if entry := self.get(f"/history/{prompt_id}").get(prompt_id):
                return entry
            time.sleep(0.05)
        pytest.fail(f"the host did not finish within {timeout_s} s; its log ends:\n{self.log()[-3000:]}")

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
