"""A server that speaks as ComfyUI does, for tests of the headless client; it can be made to speak otherwise."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import contextmanager, suppress
from typing import Any

from aiohttp import WSMsgType, web

PNG = b"\x89PNG\r\n\x1a\n and so on"
WORKFLOW = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "b.png"}, "_meta": {"title": "Background"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}, "_meta": {"title": "Save first frame"}},
}


@contextmanager
def serving(app):
    """Serve an aiohttp application from a thread; gives its address."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def call(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

    async def start():
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

    try:
        call(start())
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        call(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class ComfyUI:
    """As much of ComfyUI's protocol as the client uses. `when_queued` decides what becomes of a job."""

    def __init__(self, when_queued=None, files=None):
        self.when_queued = when_queued or ComfyUI.finish
        self.files: dict[str, bytes | Callable[[web.Request], Awaitable[web.StreamResponse]]] = files or {}
        self.posts, self.sockets, self.queue, self.history, self.uploads = [], [], {}, {}, {}
        self.jobs, self.dead = [], False
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.app = web.Application(middlewares=[self.die_if_dead])
        self.app.add_routes(
            [
                web.get("/system_stats", self.stats),
                web.get("/ws", self.websocket),
                web.get("/queue", self.get_queue),
                web.get("/history/{id}", self.get_history),
                web.get("/view", self.view),
                web.get("/object_info/{name}", self.object_info),
                web.post("/upload/image", self.upload),
                web.post("/prompt", self.prompt),
                web.post("/queue", self.remove),
                web.post("/interrupt", self.interrupt),
            ]
        )

    @web.middleware
    async def die_if_dead(self, request, handler):
        if self.dead:
            request.transport.abort()
            return web.Response()
        return await handler(request)

    async def stats(self, _):
        return web.json_response({"system": {"comfyui_version": "0.30.0"}})

    async def websocket(self, request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.sockets.append((request, ws))
        await self.status()
        async for message in ws:
            assert message.type == WSMsgType.TEXT
        return ws

    async def say(self, event, data):
        for _, ws in self.sockets:
            with suppress(ConnectionError):
                await ws.send_json({"type": event, "data": data})

    async def status(self):
        await self.say("status", {"status": {"exec_info": {"queue_remaining": len(self.queue)}}})

    async def get_queue(self, _):
        return web.json_response({"queue_running": [], "queue_pending": []} | self.queue)

    async def get_history(self, request):
        entry = self.history.get(request.match_info["id"])
        return web.json_response({request.match_info["id"]: entry} if entry else {})

    async def view(self, request):
        content = self.files.get(request.query["filename"])
        return await content(request) if callable(content) else web.Response(body=content)

    async def object_info(self, _):
        return web.json_response({"LoadImage": {"input": {"required": {"image": [["a.png", "bb.png"], {}]}}}})

    async def upload(self, request):
        form = await request.post()
        assert (form["subfolder"], form["type"]) == ("ffgo", "input")
        assert "overwrite" not in form
        self.uploads[form["image"].filename] = form["image"].file.read()
        return web.json_response({"name": form["image"].filename, "subfolder": "ffgo", "type": "input"})

    async def prompt(self, request):
        body = await request.json()
        self.posts.append(("prompt", body))
        if self.refusal:
            return web.json_response(self.refusal[1], status=self.refusal[0])
        self.jobs.append(asyncio.ensure_future(self.when_queued(self, body["prompt_id"])))
        return web.json_response({"prompt_id": body["prompt_id"], "node_errors": {}})

    async def remove(self, request):
        self.posts.append(("queue", await request.json()))
        self.queue.pop("queue_pending", None)
        return web.Response()

    async def interrupt(self, request):
        self.posts.append(("interrupt", await request.json()))
        self.queue.pop("queue_running", None)
        return web.Response()

    async def finish(self, prompt_id, status=None, outputs=None):
        """The job runs to its end and leaves the files."""
        shown = {"images": [{"filename": name, "subfolder": "", "type": "output"} for name in self.files]}
        self.history[prompt_id] = {
            "outputs": {"2": shown} if outputs is None else outputs,
            "status": status or {"status_str": "success", "messages": []},
        }
        self.queue.clear()
        await self.status()

    async def wait_in_queue(self, prompt_id):
        self.queue = {"queue_running": [[0, "other"]], "queue_pending": [[4, "z"], [1, "a"], [3, prompt_id], [2, "b"]]}
        await self.status()

    async def go_on_running(self, prompt_id):
        self.queue = {"queue_running": [[0, prompt_id]], "queue_pending": []}
        await self.status()

    async def die(self, prompt_id):
        await self.go_on_running(prompt_id)
        self.dead = True
        self.drop_websockets()

    def drop_websockets(self):
        for request, _ in self.sockets:
            request.transport.abort()
        self.sockets.clear()
