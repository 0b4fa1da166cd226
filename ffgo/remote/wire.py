"""Bytes to and from a server that nobody vouches for: one origin, and an end to every size and every wait."""

import asyncio
import errno
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from ..errors import FFGOError
from ..plain import parse_json
from .kinds import LocalDiskError, ServerLostError

SHORT = aiohttp.ClientTimeout(total=25, sock_connect=10)
STREAM = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=15)
OPEN_SOCKET_S = 15.0
SLOWEST_UPLOAD = 50_000
"""Bytes a second."""
WINDOW_S, LEAST_IN_WINDOW = 15.0, 16_384
"""A file of which less than so many bytes come in so many seconds is given up."""
HEARTBEAT_S = 30.0
CLOSE_S = 1.0

MOST_BODY = 12_000_000
"""Bytes of an answer: a queue of a hundred large workflows. As Python's own values it takes 40 times as much."""
MOST_MESSAGE = 16_000_000
"""Bytes of one message on the websocket."""
MOST_OF_UNKNOWN_SIZE = 512 * 2**20
"""Bytes of a file whose size the server does not say; ComfyUI says it."""
SPARE = 256 * 2**20
"""Bytes that a download leaves on the disk."""
BLOCK = 1 << 20

BAD_GATEWAY = {502, 503, 504}
"""What a reverse proxy answers when the ComfyUI behind it is gone."""

TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, ValueError, RuntimeError)
"""What aiohttp and what stands below it raise for what a server does."""


class ServerGoneError(ServerLostError):
    """The server does not answer, or no longer."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        """The body as JSON, None if it is something else."""
        try:
            return parse_json(self.body.decode("utf-8-sig", "replace"))
        except ValueError:
            return None

    def __str__(self) -> str:
        start = " ".join(self.body[:200].decode("utf-8", "replace").split())
        return f"HTTP {self.status}, {self.content_type[:100]}, {start!r}"


@asynccontextmanager
async def open_wire(url: URL) -> AsyncIterator["Wire"]:
    """A session that keeps to the origin of `url`."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_stay)
    plain = {"Accept-Encoding": "identity"}  # what is packed has no size that could be looked at
    async with aiohttp.ClientSession(trace_configs=[trace], headers=plain, auto_decompress=False) as session:
        yield Wire(session, url)


async def _stay(_session: aiohttp.ClientSession, _context: Any, asked: aiohttp.TraceRequestRedirectParams) -> None:
    """Raises: FFGOError where a server sends the client, and what it carries, to another one."""
    location = asked.response.headers.get("Location", "")
    try:
        target = asked.url.join(URL(location))
    except ValueError:
        target = URL()
    if (target.scheme, target.host, target.port) != (asked.url.scheme, asked.url.host, asked.url.port):
        raise FFGOError(
            f"{_named(asked.url.origin())} sends this client to another server, {location[:200]!r}; nothing was sent "
            "there. If you trust it, give its address with --server."
        )


class Wire:
    """HTTP and websockets to one server. Raises everywhere: ServerGoneError where it does not answer, FFGOError."""

    def __init__(self, session: aiohttp.ClientSession, url: URL):
        self._session, self._url = session, url
        self.name = _named(url)

    async def send(
        self,
        method: str,
        path: str,
        *,
        most: int = MOST_BODY,
        timeout: aiohttp.ClientTimeout | None = None,
        **content: Any,
    ) -> Reply:
        """Ask; the answer has at most so many bytes."""
        try:
            async with self._session.request(method, self._url / path, timeout=timeout or SHORT, **content) as answer:
                reply = Reply(answer.status, answer.content_type, await self._body(answer, path, most))
        except FFGOError:
            raise
        except TROUBLE as error:
            raise self.gone(error) from error
        if reply.status in BAD_GATEWAY:
            raise ServerGoneError(f"The proxy at {self.name} does not reach it ({reply}).")
        return reply

    async def _body(self, answer: aiohttp.ClientResponse, path: str, most: int) -> bytes:
        body = bytearray()
        async for block in answer.content.iter_chunked(BLOCK):
            body += block
            if len(body) > most:
                raise FFGOError(f"The answer of {self.name} to /{path} is larger than {most:,} bytes, and was left.")
        return bytes(body)

    async def download(self, query: dict[str, str], path: Path, most: int) -> str:
        """Stream one of the server's files, of at most so many bytes, to `path`; returns its type as the server says.

        Raises: OSError where the disk refuses.
        """
        name = query["filename"]
        try:
            async with self._session.get(self._url / "view", params=query, timeout=STREAM) as answer:
                if answer.status != 200:
                    raise FFGOError(f"{self.name} does not hand out {name!r}: HTTP {answer.status}.")
                size = answer.content_length
                if size is not None and size > most:
                    raise FFGOError(
                        f"{name!r} on {self.name} has {size:,} bytes; {most:,} are the most that is fetched."
                    )
                if size is not None and size > shutil.disk_usage(path.parent).free - SPARE:
                    raise LocalDiskError(
                        f"{name!r} on {self.name} has {size:,} bytes; the disk of --out lacks room for it."
                    )
                await self._stream(answer, path, name, min(most, MOST_OF_UNKNOWN_SIZE) if size is None else most)
                return answer.content_type
        except FFGOError:
            raise
        except (aiohttp.ClientError, TimeoutError, ConnectionError, ValueError, RuntimeError) as error:
            raise self.gone(error) from error

    async def _stream(self, answer: aiohttp.ClientResponse, path: Path, name: str, most: int) -> None:
        clock = asyncio.get_running_loop()
        total, window, since = 0, 0, clock.time()
        with path.open("wb") as file:
            async for block in answer.content.iter_chunked(BLOCK):
                file.write(block)
                total, window = total + len(block), window + len(block)
                if total > most:
                    raise FFGOError(f"{name!r} on {self.name} does not end after {most:,} bytes, and was left.")
                if clock.time() - since > WINDOW_S:
                    if window < LEAST_IN_WINDOW:
                        raise ServerGoneError(
                            f"{self.name} sends {name!r} too slowly: {window} bytes in {WINDOW_S:g} s."
                        )
                    window, since = 0, clock.time()

    async def open_socket(self, client_id: str) -> aiohttp.ClientWebSocketResponse:
        """Open the websocket. Raises: FFGOError also where something between does not pass websockets on."""
        try:
            async with asyncio.timeout(OPEN_SOCKET_S):
                return await self._session.ws_connect(
                    self._url / "ws",
                    params={"clientId": client_id},
                    heartbeat=HEARTBEAT_S,
                    max_msg_size=MOST_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),  # pyright: ignore[reportCallIssue]
                )
        except FFGOError:
            raise
        except aiohttp.WSServerHandshakeError as error:
            if error.status in BAD_GATEWAY:
                raise self.gone(error) from error
            raise FFGOError(
                f"{self.name} opens no websocket (HTTP {error.status} at /ws). "
                "If a reverse proxy stands before ComfyUI, let it pass websockets on."
            ) from error
        except TROUBLE as error:
            raise self.gone(error) from error

    def gone(self, error: Exception) -> ServerGoneError:
        """Why there was no answer, in words."""
        return ServerGoneError(f"{self.name} does not answer: {_reason(error)}.")


def upload_timeout(size: int) -> aiohttp.ClientTimeout:
    """For so many bytes."""
    return aiohttp.ClientTimeout(total=30 + size / SLOWEST_UPLOAD, sock_connect=10)


def _named(url: URL) -> str:
    """For messages: without a password."""
    return str(url.with_user(None))


def _reason(error: Exception) -> str:
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
        return f"the answer is not what HTTP asks for ({str(error.message or error.status)[:200]})"
    return f"the connection broke ({(str(error) or type(error).__name__)[:200]})"
