"""Servers that speak as ComfyUI does, work through a queue, and can be killed: a process each.

    python -m tests.unit.farm_scene PORT SECONDS LOG

Each job takes so many seconds; LOG gets a line when one starts, and one when it ends.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from aiohttp import web
from PIL import Image

from lab.workshop.patience import wait_for

from .remote_scene import ComfyUI

REPO = Path(__file__).parents[2]
WORKFLOW = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "b.png"}, "_meta": {"title": "Background"}},
    "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 0}, "_meta": {"title": "Noise"}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "-"}, "_meta": {"title": "Prompt"}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}, "_meta": {"title": "Save first frame"}},
}


def png(seed: int) -> bytes:
    """A picture that is another one for each seed."""
    content = BytesIO()
    Image.new("RGB", (8, 6), (seed % 256, seed // 256 % 256, 90)).save(content, "PNG")
    return content.getvalue()


class QueueingComfyUI(ComfyUI):
    """Works at one job after the other. What a prompt says decides how a job ends: see `_end`."""

    def __init__(self, seconds: float = 0.0, log: Path | None = None):
        super().__init__()
        self.seconds, self.log = seconds, log
        self.waiting: deque[tuple[int, str, dict]] = deque()
        self.running: str | None = None
        self.stop_it = asyncio.Event()
        self.count, self.saved, self.done = 0, 0, []
        self.hold = False
        self.lacks: set[str] = set()
        self.app.on_startup.append(self._start)

    async def _start(self, _):
        self.worker = asyncio.ensure_future(self._work())

    def note(self, event: str, job: dict):
        if self.log:
            line = json.dumps({"event": event, "seed": job["2"]["inputs"]["noise_seed"], "at": time.time()})
            with self.log.open("a") as file:
                file.write(line + "\n")

    async def get_queue(self, _):
        running = [[0, self.running]] if self.running else []
        return web.json_response(
            {"queue_running": running, "queue_pending": [[number, job] for number, job, _ in self.waiting]}
        )

    async def object_info(self, request):
        name = request.match_info["name"]
        return web.json_response({} if name in self.lacks else {name: {"input": {"required": {"x": ["INT", {}]}}}})

    async def prompt(self, request):
        body = await request.json()
        self.posts.append(("prompt", body))
        job = body["prompt"]
        if job["3"]["inputs"]["text"] == "refuse" or any(node["class_type"] in self.lacks for node in job.values()):
            return web.json_response({"error": {"message": "no such thing"}, "node_errors": {}}, status=400)
        self.count += 1
        self.waiting.append((self.count, body["prompt_id"], job))
        await self.status()
        return web.json_response({"prompt_id": body["prompt_id"], "node_errors": {}})

    async def remove(self, request):
        body = await request.json()
        self.posts.append(("queue", body))
        self.waiting = deque(one for one in self.waiting if one[1] not in body["delete"])
        return web.Response()

    async def interrupt(self, request):
        body = await request.json()
        self.posts.append(("interrupt", body))
        if body["prompt_id"] == self.running:
            self.stop_it.set()
        return web.Response()

    async def _work(self):
        while True:
            if not self.waiting or self.hold:
                await asyncio.sleep(0.005)
                continue
            _, prompt_id, job = self.waiting.popleft()
            self.running = prompt_id
            self.stop_it.clear()
            self.note("start", job)
            try:
                await asyncio.wait_for(self.stop_it.wait(), self.seconds)
                status = {"status_str": "error", "messages": [["execution_interrupted", {"node_id": "4"}]]}
                self.history[prompt_id] = {"outputs": {}, "status": status}
            except TimeoutError:
                self.note("end", job)
                self._end(prompt_id, job)
            self.running = None
            await self.status()

    def _end(self, prompt_id, job):
        words, seed = job["3"]["inputs"]["text"], job["2"]["inputs"]["noise_seed"]
        status, outputs = {"status_str": "success", "messages": []}, {}
        if words in ("fail", "lack memory"):
            kind, said = "RuntimeError", "broken"
            if words == "lack memory":
                kind, said = "torch.OutOfMemoryError", "Allocation on device"
            data = {"node_id": "4", "exception_type": kind, "exception_message": said}
            status = {"status_str": "error", "messages": [["execution_error", data]]}
        else:
            self.saved += 1
            name = f"ComfyUI_{self.saved:05}_.png"  # as ComfyUI does: each server numbers its own
            self.files[name] = png(seed)
            outputs = {"4": {"images": [{"filename": name, "subfolder": "", "type": "output"}]}}
            self.done.append(seed)
        self.history[prompt_id] = {"outputs": outputs, "status": status}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class FarmServer:
    """Such a server as a process of its own."""

    def __init__(self, folder: Path, seconds: float):
        self.port, self.seconds, self.log = free_port(), seconds, folder / "jobs.log"
        folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self):
        words = [sys.executable, "-m", "tests.unit.farm_scene", str(self.port), str(self.seconds), str(self.log)]
        self.process = process = subprocess.Popen(words, cwd=REPO, stderr=subprocess.DEVNULL)
        wait_for(lambda: self._listens() or process.poll() is not None)
        assert self._listens()

    def _listens(self):
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def jobs(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@contextmanager
def farm(folder: Path, count: int, seconds: float):
    """So many servers, started."""
    servers = [FarmServer(folder / f"server{number}", seconds) for number in range(count)]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()


def write_jobs(folder: Path, cases: int, seeds: int, **texts: str) -> Path:
    """A list of `cases` x `seeds` jobs; every seed is another one. texts: of cases, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "w.json").write_text(json.dumps(WORKFLOW))
    lines = ['[defaults]\nworkflow = "w.json"\n']
    for case in range(cases):
        name = f"case{case}"
        numbers = [case * seeds + seed for seed in range(seeds)]
        lines.append(f'[[case]]\nname = "{name}"\nprompt = "{texts.get(name, "go")}"\nseeds = {numbers}\n')
    path = folder / "jobs.toml"
    path.write_text("\n".join(lines))
    return path


def start_runner(jobs: Path, out: Path, *words: str, **more) -> subprocess.Popen:
    """`python -m ffgo.remote batch`, as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "ffgo.remote", "batch", str(jobs), "--out", str(out), *words],
        cwd=REPO, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPO), *sys.path])},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more,
    )  # fmt: skip


def main():
    port, seconds, log = sys.argv[1:]
    web.run_app(QueueingComfyUI(float(seconds), Path(log)).app, host="127.0.0.1", port=int(port), print=None)


if __name__ == "__main__":
    main()
