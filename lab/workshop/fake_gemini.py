"""A server that speaks Gemini's wire format on this machine; what it answers is scripted, what it was asked is kept."""

import base64
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from PIL import Image, ImageOps

from ffgo.demo.photos import MATERIALS, PLATE, placed_subjects

RESET = object()
"""Instead of an answer: hang up without one."""


@dataclass
class Reply:
    """One answer, as bytes on the wire."""

    body: bytes | dict[str, Any]
    status: int = 200
    mime: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    hold: Callable[[], object] | None = None
    """Called before the answer is sent, which waits for its return."""
    cut: int = 0
    """Bytes of the body that are promised and never sent."""


@dataclass
class Asked:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    time: float

    @property
    def parts(self) -> list[dict[str, Any]]:
        return self.body["contents"][0]["parts"]

    @property
    def prompt(self) -> str:
        return self.parts[0]["text"]

    @property
    def files(self) -> list[tuple[str, bytes]]:
        """Type and content of the files; google-genai mixes two spellings and sends the URL-safe alphabet."""
        blobs = [part["inlineData"] for part in self.parts if "inlineData" in part]
        return [(blob.get("mimeType") or blob["mime_type"], base64.urlsafe_b64decode(blob["data"])) for blob in blobs]


class FakeGemini(ThreadingHTTPServer):
    """Answers each request with the next of `script`, then with `default`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.script: list[Any] = []
        self.default: Callable[[Asked], Any] = lambda asked: picture()
        self.asked: list[Asked] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def handle_error(self, request, client_address):
        """Clients that hang up are part of the game."""


class _Handler(BaseHTTPRequestHandler):
    server: FakeGemini  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = Asked(self.path, dict(self.headers), body, time.monotonic())
        server = self.server
        with server.lock:
            server.asked.append(asked)
            reply = server.script.pop(0) if server.script else server.default(asked)
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            self._send(reply)
        finally:
            with server.lock:
                server.at_once -= 1

    def _send(self, reply: Any) -> None:
        if reply is RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
            self.close_connection = True
            return
        time.sleep(reply.delay_s)
        if reply.hold:
            reply.hold()
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.mime, "Content-Length": str(len(body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) - reply.cut])
        if reply.cut:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format, *args):
        """Tests and demo read their own output."""


@contextmanager
def fake_gemini() -> Iterator[FakeGemini]:
    server = FakeGemini()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


USAGE = {
    "promptTokenCount": 300,
    "candidatesTokenCount": 1120,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}


def answer(*parts: dict[str, Any], finish: str = "STOP", **candidate: Any) -> Reply:
    content = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **candidate}
    return Reply({"candidates": [content], "usageMetadata": USAGE})


def inline(data: bytes, mime: str = "image/png") -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": base64.b64encode(data).decode()}}


def picture(image: Image.Image | None = None) -> Reply:
    return answer(inline(png(image or Image.new("RGB", (64, 48), "white"))))


def text(words: str) -> Reply:
    return Reply(
        {
            "candidates": [{"content": {"role": "model", "parts": [{"text": words}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 100, "thoughtsTokenCount": 50},
        }
    )


def error(code: int, status: str, *details: dict[str, Any], message: str = "no", **headers: str) -> Reply:
    problem = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    return Reply(problem, code, headers=headers)


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


NATIVE = (1344, 768)
"""What an image model makes of a wide photo: cut and scaled onto its own canvas."""


def answer_for_demo_photo(asked: Asked) -> Reply:
    """What the model could say to the demo's photo: a subject alone on white, or the scene without any."""
    size = Image.open(BytesIO(asked.files[0][1])).size
    wanted = asked.prompt.partition("\n")[0]
    if "remove" in wanted:
        return picture(ImageOps.fit(Image.open(MATERIALS / PLATE).convert("RGB").resize(size), NATIVE))
    subject = next((layer for name, layer in placed_subjects(size).items() if name in wanted), None)
    if subject is None:
        return text("I do not see that in the photo.")
    white = Image.new("RGB", size, "white")
    white.paste(subject, mask=subject)
    return picture(ImageOps.fit(white, NATIVE))
