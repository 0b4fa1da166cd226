"""HTTP and websocket to a running ComfyUI. What goes wrong on the way comes back in words."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from ..errors import FFGOError
from .fill import InputSpec
from .workflow import UsageError, Workflow

UPLOAD_FOLDER = "ffgo"
"""The folder in the server's input/ that holds what this client uploads."""

SHORT = aiohttp.ClientTimeout(total=60, sock_connect=10)
UPLOAD = aiohttp.ClientTimeout(total=900, sock_connect=10)
DOWNLOAD = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
HEARTBEAT_S = 30.0
CLOSE_S = 1.0
RETRY_S = 0.5

BAD_GATEWAY = {502, 503, 504}
"""What a reverse proxy answers when the ComfyUI behind it is gone."""


class ServerGoneError(FFGOError):
    """The server does not answer, or no longer."""


@dataclass(frozen=True, slots=True)
class LocalPicture:
    """An image file to upload, under a name made from its content: equal files are uploaded under one name."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        """The body as JSON, None if it is something else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self) -> str:
        start = " ".join(self.body[:200].decode("utf-8", "replace").split())
        return f"HTTP {self.status}, {self.content_type}, {start!r}"


@asynccontextmanager
async def connect(address: str) -> AsyncIterator["Server"]:
    """Reach the ComfyUI at `address`. Raises: UsageError for a bad address, FFGOError if no ComfyUI answers there."""
    url = parse_address(address)
    async with aiohttp.ClientSession() as session:
        server = Server(session, url)
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

    def __init__(self, session: aiohttp.ClientSession, url: URL):
        self._session, self._url = session, url
        self.name = str(url.with_user(None))  # for messages: without a password

    async def greet(self) -> None:
        """Make sure that it is a ComfyUI. Raises: FFGOError that says what it is instead."""
        advice = "Give the address of a running ComfyUI with --server; its own default is http://127.0.0.1:8188."
        try:
            reply = await self._send("GET", "system_stats")
        except ServerGoneError as error:
            raise FFGOError(f"{error} Is ComfyUI running there? {advice}") from error
        stats = reply.json()
        system = stats.get("system") if isinstance(stats, dict) else None
        if reply.status in (401, 403):
            raise FFGOError(
                f"{self.name} wants a login ({reply}). Put it into the address: https://user:password@host."
            )
        if reply.status != 200 or not isinstance(system, dict) or "comfyui_version" not in system:
            raise FFGOError(f"What answers at {self.name} is not ComfyUI ({reply}). {advice}")

    async def upload(self, picture: LocalPicture) -> str:
        """Send an image into the server's input folder; returns its name as LoadImage takes it."""
        form = aiohttp.FormData({"subfolder": UPLOAD_FOLDER, "type": "input"})
        form.add_field("image", picture.content, filename=picture.name, content_type="application/octet-stream")
        reply = await self._send("POST", "upload/image", data=form, timeout=UPLOAD)
        if reply.status == 413:
            size = len(picture.content) / 2**20
            raise FFGOError(
                f"{self.name} takes no file of {size:.0f} MiB. Save the image smaller, "
                "or start ComfyUI (and the proxy before it) with a larger --max-upload-size."
            )
        saved = self._expect(reply, "upload/image")
        return f"{saved['subfolder']}/{saved['name']}" if saved.get("subfolder") else saved["name"]

    async def queue(self, workflow: Workflow, prompt_id: str, client_id: str) -> Reply:
        """Hand in a job. The reply has status 400 if the server refuses it."""
        job = {
            "prompt": workflow,
            "prompt_id": prompt_id,
            "client_id": client_id,
            "extra_data": {"preview_method": "none"},  # nobody looks at them here, and they cost time
        }
        return await self._send("POST", "prompt", json=job)

    async def queued(self) -> tuple[list[str], list[str]]:
        """The ids of the running jobs, and of the waiting ones, next first."""
        queue = self._expect(await self._send("GET", "queue"), "queue")
        waiting = sorted(queue["queue_pending"], key=lambda item: item[0])
        return [item[1] for item in queue["queue_running"]], [item[1] for item in waiting]

    async def history(self, prompt_id: str) -> dict[str, Any] | None:
        """What the server keeps of a job that has ended, None while it has not."""
        return self._expect(await self._send("GET", f"history/{prompt_id}"), "history").get(prompt_id)

    async def remove(self, prompt_id: str) -> None:
        """Take a job out of the queue if it still waits there."""
        await self._send("POST", "queue", json={"delete": [prompt_id]})

    async def interrupt(self, prompt_id: str) -> None:
        """Stop a job at the next point where its running node looks, if it is this job that runs."""
        await self._send("POST", "interrupt", json={"prompt_id": prompt_id})

    async def specs(self, classes: Iterable[str]) -> dict[str, dict[str, InputSpec]]:
        """What the server says about the inputs of node classes; those that it has not got are left out."""
        classes = sorted(set(classes))
        replies = await asyncio.gather(*(self._send("GET", f"object_info/{name}") for name in classes))
        infos = {name: reply.json() for name, reply in zip(classes, replies, strict=True)}
        return {
            name: _input_specs(info[name]) for name, info in infos.items() if isinstance(info, dict) and name in info
        }

    async def download(self, query: dict[str, str], path: Path) -> None:
        """Stream one of the server's files to `path`."""
        try:
            async with self._session.get(self._url / "view", params=query, timeout=DOWNLOAD) as answer:
                if answer.status != 200:
                    raise FFGOError(f"{self.name} does not hand out {query['filename']!r}: HTTP {answer.status}.")
                with path.open("wb") as file:
                    async for chunk in answer.content.iter_chunked(1 << 20):
                        file.write(chunk)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise self._gone(error) from error

    def events(self, client_id: str) -> "Events":
        """The messages that the server sends to `client_id`."""
        return Events(self, client_id)

    async def open_socket(self, client_id: str) -> aiohttp.ClientWebSocketResponse:
        """Raises: ServerGoneError if nothing answers, FFGOError if something between does not pass websockets on."""
        try:
            return await self._session.ws_connect(
                self._url / "ws",
                params={"clientId": client_id},
                heartbeat=HEARTBEAT_S,
                max_msg_size=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),  # pyright: ignore[reportCallIssue]
            )
        except aiohttp.WSServerHandshakeError as error:
            if error.status in BAD_GATEWAY:
                raise self._gone(error) from error
            raise FFGOError(
                f"{self.name} opens no websocket (HTTP {error.status} at /ws). "
                "If a reverse proxy stands before ComfyUI, let it pass websockets on."
            ) from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise self._gone(error) from error

    async def _send(self, method: str, path: str, timeout: aiohttp.ClientTimeout = SHORT, **content: Any) -> Reply:
        try:
            async with self._session.request(method, self._url / path, timeout=timeout, **content) as answer:
                reply = Reply(answer.status, answer.content_type, await answer.read())
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise self._gone(error) from error
        if reply.status in BAD_GATEWAY:
            raise ServerGoneError(f"The proxy at {self.name} does not reach it ({reply}).")
        return reply

    def _expect(self, reply: Reply, path: str) -> dict[str, Any]:
        data = reply.json()
        if reply.status != 200 or not isinstance(data, dict):
            raise FFGOError(f"{self.name} gave an answer to /{path} that ComfyUI does not give ({reply}).")
        return data

    def _gone(self, error: Exception) -> ServerGoneError:
        return ServerGoneError(f"{self.name} does not answer: {_reason(error)}.")


class Events:
    """The server's messages to one client, over a websocket that can be opened anew."""

    def __init__(self, server: Server, client_id: str):
        self._server, self._client_id = server, client_id

    async def __aenter__(self) -> "Events":
        self._socket = await self._server.open_socket(self._client_id)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    async def next(self, timeout_s: float) -> dict[str, Any] | bytes | None:
        """The next message, None if none came for `timeout_s`. Raises: ServerGoneError when the websocket closes."""
        try:
            message = await self._socket.receive(timeout_s)
        except TimeoutError:
            return None
        if message.type == aiohttp.WSMsgType.BINARY:
            return message.data
        if message.type == aiohttp.WSMsgType.TEXT:
            return _json_object(message.data)
        raise ServerGoneError(f"{self._server.name} closed the websocket.")

    async def reopen(self, patience_s: float) -> None:
        """Open the websocket again, trying for `patience_s`. Raises: ServerGoneError."""
        await self._socket.close()
        clock = asyncio.get_running_loop()
        deadline = clock.time() + patience_s
        while True:
            await asyncio.sleep(RETRY_S)
            try:
                self._socket = await self._server.open_socket(self._client_id)
                return
            except ServerGoneError:
                if clock.time() > deadline:
                    raise


def _json_object(text: str) -> dict[str, Any]:
    data = json.loads(text)
    return data if isinstance(data, dict) else {}


def _input_specs(info: dict[str, Any]) -> dict[str, InputSpec]:
    groups = (info["input"].get(group) or {} for group in ("required", "optional"))
    return {name: _input_spec(*spec) for group in groups for name, spec in group.items()}


def _input_spec(kind: str | list[Any], extra: dict[str, Any] | None = None) -> InputSpec:
    if isinstance(kind, list):
        return InputSpec("COMBO", tuple(kind))
    return InputSpec(kind, tuple((extra or {}).get("options") or ()) if kind == "COMBO" else ())


def _reason(error: Exception) -> str:
    """Why there was no answer, in words."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "this name is not known"
    if isinstance(error, aiohttp.ClientSSLError):
        return f"no secure connection ({error}); if the server speaks plain HTTP, write http://"
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = error.os_error.errno == errno.ECONNREFUSED
        return "nothing listens there (connection refused)" if refused else str(error.os_error.strerror or error)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the answer is not what HTTP asks for ({error.message or error.status})"
    return f"the connection broke ({error or type(error).__name__})"
