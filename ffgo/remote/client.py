"""What a running ComfyUI is asked, and what it answers. What goes wrong on the way comes back in words."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from ..errors import FFGOError
from ..plain import is_number, parse_json, part
from .fill import InputSpec
from .kinds import ServerLostError
from .wire import CLOSE_S, MOST_BODY, Reply, ServerGoneError, Wire, open_wire, upload_timeout
from .workflow import UsageError, Workflow

UPLOAD_FOLDER = "ffgo"
"""The folder in the server's input/ that holds what this client uploads."""

MOST_SPECS = MOST_BODY
"""Bytes of all that a server says about the node classes of a workflow."""
TAKING_JOB = aiohttp.ClientTimeout(total=45, sock_connect=10)
RETRY_S = 0.5
LONGEST_ID = 200
FLOOD, FLOOD_S = 20_000, 5.0
"""So many messages in so many seconds are more than ComfyUI sends."""


@dataclass(frozen=True, slots=True)
class LocalPicture:
    """An image file to upload, under a name made from its content: equal files are uploaded under one name."""

    name: str
    content: bytes


@asynccontextmanager
async def connect(address: str) -> AsyncIterator["Server"]:
    """Reach the ComfyUI at `address`. Raises: UsageError for a bad address, FFGOError if no ComfyUI answers there."""
    async with open_wire(parse_address(address)) as wire:
        server = Server(wire)
        await server.greet()
        yield server


def parse_address(text: str) -> URL:
    """ "host:port" or an http(s) URL, with a path if a reverse proxy wants one. Raises: UsageError."""
    try:
        url = URL(text if "://" in text else f"http://{text}")
    except ValueError as error:
        raise UsageError(f"--server {text!r} is no address ({error}). Example: http://127.0.0.1:8188") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"--server {text!r} is no http or https address. Example: http://127.0.0.1:8188")
    return url.with_query(None).with_fragment(None)


class Server:
    """A running ComfyUI."""

    def __init__(self, wire: Wire):
        self._wire, self.name = wire, wire.name
        self.version = ""

    async def greet(self) -> None:
        """Make sure that it is a ComfyUI. Raises: ServerLostError, or FFGOError that says what it is instead."""
        advice = "Give the address of a running ComfyUI with --server; its own default is http://127.0.0.1:8188."
        try:
            reply = await self._wire.send("GET", "system_stats")
        except ServerGoneError as error:
            raise ServerLostError(f"{error} Is ComfyUI running there? {advice}") from error
        system = part(reply.json(), "system", of=dict)
        if reply.status in (401, 403):
            raise FFGOError(
                f"{self.name} wants a login ({reply}). Put it into the address: https://user:password@host."
            )
        if reply.status != 200 or "comfyui_version" not in system:
            raise FFGOError(f"What answers at {self.name} is not ComfyUI ({reply}). {advice}")
        self.version = part(system, "comfyui_version", of=str)[:100]

    async def upload(self, picture: LocalPicture) -> str:
        """Send an image into the server's input folder; returns its name as LoadImage takes it."""
        form = aiohttp.FormData({"subfolder": UPLOAD_FOLDER, "type": "input"})
        form.add_field("image", picture.content, filename=picture.name, content_type="application/octet-stream")
        timeout = upload_timeout(len(picture.content))
        reply = await self._wire.send("POST", "upload/image", data=form, timeout=timeout)
        if reply.status == 413:
            size = len(picture.content) / 2**20
            raise FFGOError(
                f"{self.name} takes no file of {size:.0f} MiB. Save the image smaller, "
                "or start ComfyUI (and the proxy before it) with a larger --max-upload-size."
            )
        saved = self._expect(reply, "upload/image")
        name, subfolder = part(saved, "name", of=str), part(saved, "subfolder", of=str)
        if not name:
            raise self._odd(reply, "upload/image")
        return f"{subfolder}/{name}" if subfolder else name

    async def queue(self, workflow: Workflow, prompt_id: str, client_id: str) -> Reply:
        """Hand in a job. The reply has status 400 if the server refuses it."""
        job = {
            "prompt": workflow,
            "prompt_id": prompt_id,
            "client_id": client_id,
            "extra_data": {"preview_method": "none"},  # nobody looks at them here, and they cost time
        }
        return await self._wire.send("POST", "prompt", json=job, timeout=TAKING_JOB)

    def job_id(self, reply: Reply, ours: str) -> str:
        """The id of a job that was handed in: older hosts choose it themselves."""
        job = part(reply.json(), of=dict).get("prompt_id", ours)
        if not isinstance(job, str) or not job.replace("-", "").replace("_", "").isalnum() or len(job) > LONGEST_ID:
            raise self._odd(reply, "prompt")
        return job

    async def queued(self) -> tuple[list[str], list[str]]:
        """The ids of the running jobs, and of the waiting ones, next first."""
        reply = await self._wire.send("GET", "queue")
        queue = self._expect(reply, "queue")
        running, waiting = _jobs(queue.get("queue_running")), _jobs(queue.get("queue_pending"))
        if running is None or waiting is None:
            raise self._odd(reply, "queue")
        return [job for _, job in running], [job for _, job in sorted(waiting)]

    async def history(self, prompt_id: str) -> dict[str, Any] | None:
        """What the server keeps of a job that has ended, None while it has not."""
        reply = await self._wire.send("GET", f"history/{prompt_id}")
        entry = self._expect(reply, "history").get(prompt_id)
        if entry is not None and not isinstance(part(entry, of=dict).get("outputs"), dict):
            raise self._odd(reply, "history")
        return entry

    async def remove(self, prompt_id: str) -> None:
        """Take a job out of the queue if it still waits there."""
        await self._wire.send("POST", "queue", json={"delete": [prompt_id]})

    async def interrupt(self, prompt_id: str) -> None:
        """Stop a job at the next point where its running node looks, if it is this job that runs."""
        await self._wire.send("POST", "interrupt", json={"prompt_id": prompt_id})

    async def specs(self, classes: Iterable[str]) -> dict[str, dict[str, InputSpec]]:
        """What the server says about the inputs of node classes; those that it has not got are left out."""
        specs, left = {}, MOST_SPECS
        for name in sorted(set(classes)):
            reply = await self._wire.send("GET", f"object_info/{name}", most=left)
            left -= len(reply.body)
            if info := part(reply.json(), name, of=dict):
                specs[name] = _input_specs(info)
        return specs

    async def download(self, query: dict[str, str], path: Path, most: int) -> str:
        """Stream one of the server's files to `path`; returns its type. Raises: as `Wire.download`."""
        return await self._wire.download(query, path, most)

    def events(self, client_id: str) -> "Events":
        """The messages that the server sends to `client_id`."""
        return Events(self._wire, client_id)

    def _expect(self, reply: Reply, path: str) -> dict[str, Any]:
        data = reply.json()
        if reply.status != 200 or not isinstance(data, dict):
            raise self._odd(reply, path)
        return data

    def _odd(self, reply: Reply, path: str) -> FFGOError:
        return FFGOError(f"{self.name} gave an answer to /{path} that ComfyUI does not give ({reply}).")


class Events:
    """The server's messages to one client, over a websocket that can be opened anew."""

    def __init__(self, wire: Wire, client_id: str):
        self._wire, self._client_id = wire, client_id
        self._seen, self._since = 0, 0.0

    async def __aenter__(self) -> "Events":
        self._socket = await self._wire.open_socket(self._client_id)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        with suppress(
            TimeoutError
        ):  # a server that goes on talking is not listened to; the session ends the connection
            async with asyncio.timeout(2 * CLOSE_S):
                await self._socket.close()

    async def next(self, timeout_s: float) -> dict[str, Any] | bytes | None:
        """The next message, None if none came for `timeout_s`. Raises: ServerGoneError when the websocket closes."""
        try:
            message = await self._socket.receive(timeout_s)
        except TimeoutError:
            return None
        self._count()
        if message.type == aiohttp.WSMsgType.BINARY:
            return message.data
        if message.type == aiohttp.WSMsgType.TEXT:
            return self._json_object(message.data)
        raise ServerGoneError(f"{self._wire.name} closed the websocket.")

    def _count(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._since > FLOOD_S:
            self._seen, self._since = 0, now
        self._seen += 1
        if self._seen > FLOOD:
            raise FFGOError(f"{self._wire.name} sends more messages than ComfyUI does: {FLOOD:,} in {FLOOD_S:g} s.")

    def _json_object(self, text: str) -> dict[str, Any]:
        try:
            return part(parse_json(text), of=dict)
        except ValueError as error:
            raise FFGOError(f"A message of {self._wire.name} {error}, which ComfyUI does not send.") from None

    async def reopen(self, patience_s: float) -> None:
        """Open the websocket again, trying for `patience_s`. Raises: ServerGoneError."""
        await self._close()
        clock = asyncio.get_running_loop()
        deadline = clock.time() + patience_s
        while True:
            await asyncio.sleep(RETRY_S)
            try:
                self._socket = await self._wire.open_socket(self._client_id)
                return
            except ServerGoneError:
                if clock.time() > deadline:
                    raise


def _jobs(listed: Any) -> list[tuple[float, str]] | None:
    """Number and id of the jobs of a queue; None where it is none."""
    jobs = [[*part(job, of=list), None, None][:2] for job in part(listed, of=list)]
    right = isinstance(listed, list) and all(is_number(number) and isinstance(job, str) for number, job in jobs)
    return [(float(number), job) for number, job in jobs] if right else None


def _input_specs(info: dict[str, Any]) -> dict[str, InputSpec]:
    groups = [part(info, "input", group, of=dict) for group in ("required", "optional")]
    return {name: _input_spec(part(spec, of=list)) for group in groups for name, spec in group.items()}


def _input_spec(spec: list[Any]) -> InputSpec:
    if spec and isinstance(spec[0], list):
        return InputSpec("COMBO", tuple(spec[0]))
    kind = part(spec, 0, of=str)
    return InputSpec(kind, tuple(part(spec, 1, "options", of=list)) if kind == "COMBO" else ())
