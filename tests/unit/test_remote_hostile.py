"""Servers that lie: each ends with one error and status 1, nothing in the folder, nothing sent to anybody else."""

import asyncio
import contextlib
import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from PIL import Image

from ffgo.errors import FFGOError
from ffgo.remote import run_workflow, wire
from ffgo.remote.__main__ import main
from ffgo.remote.outputs import MEDIA, check_name

from .remote_scene import PNG, WORKFLOW, ComfyUI, serving

DEEP, DIGITS = b"[" * 200_000, b'{"system": ' + b"9" * 5000 + b"}"
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"


def a_file(name="a.png", **more):
    return {"2": {"images": [{"filename": name, "subfolder": "", "type": "output", **more}]}}


def says(route: str, body: bytes | str, **more):
    """A ComfyUI that gives another answer at one address."""

    async def answer(_):
        return web.Response(body=body, **{"content_type": "application/json", **more})

    return instead(route, answer)


def instead(route: str, answer, when_queued=None):
    comfy = ComfyUI(when_queued, {"a.png": PNG})

    @web.middleware
    async def other(request, handler):
        return await (answer(request) if request.path.startswith(route) else handler(request))

    comfy.app.middlewares.append(other)
    return comfy


def ends_with(outputs=None, files=None, **entry):
    """A ComfyUI whose job ends with this entry in the history."""

    async def ending(comfy, prompt_id):
        usual = {"outputs": outputs or a_file(), "status": {"status_str": "success"}}
        comfy.history[prompt_id] = usual | entry
        comfy.queue.clear()
        await comfy.status()

    return ComfyUI(ending, files or {"a.png": PNG})


def forgets(entry):
    async def ending(comfy, prompt_id):
        comfy.history[prompt_id] = entry
        await comfy.status()

    return ComfyUI(ending)


def hands_out(body: bytes, name="a.png", **more):
    async def view(_):
        return web.Response(body=body, **more)

    return ends_with(a_file(name), {name: view})


def chats(*messages: str | bytes, ending=True):
    async def chat(comfy, prompt_id):
        await comfy.go_on_running(prompt_id)
        for _, ws in comfy.sockets:
            for message in messages:
                with contextlib.suppress(ConnectionError):
                    await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))
        if ending:
            await comfy.finish(prompt_id)

    return ComfyUI(chat, {"a.png": PNG})


def endless(block: bytes, pause_s: float = 0.0, **more):
    async def answer(request):
        response = web.StreamResponse(**more)
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(block)
                await asyncio.sleep(pause_s)
        return response

    return answer


async def bomb(_):
    import gzip

    return web.Response(body=gzip.compress(b"[" * 50_000_000, 1), headers={"Content-Encoding": "gzip"})


async def silence(_):
    await asyncio.sleep(30)


async def chatter(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    with contextlib.suppress(ConnectionError):
        for number in itertools.count():
            await ws.send_json({"type": "x", "data": number})
    return ws


async def too_large(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.send_bytes(bytes(wire.MOST_MESSAGE + 1))
    async for message in ws:
        assert message.type == WSMsgType.TEXT
    return ws


def refuses(**answer):
    comfy = ComfyUI()
    comfy.refusal = 400, answer
    return comfy


HOSTILE = {
    "stats without end": lambda: instead("/system_stats", endless(b" " * 65536)),
    "stats, a byte at a time": lambda: instead("/system_stats", endless(b" ", 0.05)),
    "stats, silence": lambda: instead("/system_stats", silence),
    "stats nested": lambda: says("/system_stats", DEEP),
    "stats of digits": lambda: says("/system_stats", DIGITS),
    "stats packed": lambda: instead("/system_stats", bomb),
    "stats with escapes": lambda: says("/system_stats", ESCAPES.encode(), status=500),
    "upload: no name": lambda: says("/upload", b"{}"),
    "upload: a number": lambda: says("/upload", b'{"name": 7, "subfolder": []}'),
    "upload: silence": lambda: instead("/upload", silence),
    "prompt: a list": lambda: says("/prompt", b"[]"),
    "prompt: odd id": lambda: says("/prompt", b'{"prompt_id": ["x"]}'),
    "prompt: an address": lambda: says("/prompt", b'{"prompt_id": "../../secrets?x=1"}'),
    "prompt: odd refusal": lambda: refuses(
        error=[7], node_errors={"1": None, "9": {"errors": [None, {"type": []}, 3]}}
    ),
    "prompt: odd problems": lambda: refuses(
        node_errors={"9": {"errors": [{"type": "value_not_in_list"}, {"type": "value_not_in_list", "extra_info": 3}]}}
    ),
    "prompt: escapes": lambda: refuses(error={"message": ESCAPES, "details": ESCAPES * 10_000}),
    "websocket: silence": lambda: instead("/ws", silence),
    "websocket: a page": lambda: says("/ws", b"<html>", content_type="text/html"),
    "websocket: too large": lambda: instead("/ws", too_large, ComfyUI.go_on_running),
    "websocket: no JSON": lambda: chats("hello"),
    "websocket: nested": lambda: chats("[" * 100_000),
    "websocket: flood": lambda: instead("/ws", chatter, ComfyUI.go_on_running),
    "queue: nothing": lambda: says("/queue", b"{}"),
    "queue: odd jobs": lambda: says("/queue", b'{"queue_running": [7, []], "queue_pending": [["x", 3]]}'),
    "queue: null": lambda: says("/queue", b"null"),
    "queue: a byte at a time": lambda: instead("/queue", endless(b" ", 0.05)),
    "history: without end": lambda: instead("/history", endless(b"[" * 65536)),
    "history: a list": lambda: says("/history", b"[]"),
    "history: no outputs": lambda: forgets({"status": {}}),
    "history: odd outputs": lambda: forgets({"outputs": [1]}),
    "history: odd messages": lambda: ends_with(
        status={
            "status_str": "error",
            "messages": [None, [], ["execution_error"], ["execution_error", {"node_id": []}]],
        }
    ),
    "history: escapes": lambda: ends_with(
        status={"messages": [["execution_error", {"node_id": ESCAPES, "exception_message": ESCAPES * 1000}]]}
    ),
    "files: too many": lambda: ends_with({"2": {"images": a_file()["2"]["images"] * 3000}}),
    "view: without end": lambda: ends_with(files={"a.png": endless(bytes(1 << 20))}),
    "view: too large": lambda: ends_with(files={"a.png": endless(b"", 1, headers={"Content-Length": str(2**40)})}),
    "view: a byte at a time": lambda: ends_with(files={"a.png": endless(b"x", 0.02)}),
    "view: a page": lambda: hands_out(b"<!DOCTYPE html><p>Sign in", content_type="text/html"),
    "view: a page called a clip": lambda: hands_out(b"\n <html>", "a.mp3", content_type="audio/mpeg"),
    "view: nothing": lambda: hands_out(b""),
    "view: JSON": lambda: hands_out(b'{"error": "x"}', "a.latent"),
    "view: a program": lambda: hands_out(b"MZ\x90\0", "a.png", content_type="image/png"),
    "view: PostScript": lambda: hands_out(b"%!PS-Adobe", "a.jpg"),
    **{
        f"name: {name!r}": lambda name=name: hands_out(PNG, name)
        for name in (
            ".bashrc",
            "evil.py",
            "CON",
            "con.png",
            "a.png ",
            "a.png.",
            "a.exe",
            "a.html",
            "a.svg",
            "a\x1b[2J.png",
        )
    },
}


@pytest.fixture
def hurry(monkeypatch):
    """The same waits and sizes, only smaller."""
    short = aiohttp.ClientTimeout(total=0.4)
    monkeypatch.setattr(wire, "SHORT", short)
    monkeypatch.setattr(wire, "OPEN_SOCKET_S", 0.4)
    monkeypatch.setattr("ffgo.remote.client.upload_timeout", lambda size: short)
    monkeypatch.setattr(wire, "WINDOW_S", 0.2)
    monkeypatch.setattr(wire, "MOST_OF_UNKNOWN_SIZE", 30_000_000)
    monkeypatch.setattr("ffgo.remote.client.RETRY_S", 0.02)
    monkeypatch.setattr("ffgo.remote.client.FLOOD", 3000)


@pytest.fixture
def command(tmp_path):
    (tmp_path / "w.json").write_text(json.dumps(WORKFLOW))
    Image.new("RGB", (8, 6)).save(tmp_path / "b.png")

    def run(url, *more):
        files = ["--workflow", str(tmp_path / "w.json"), "--background", str(tmp_path / "b.png")]
        return main(["run", "--server", url, *files, "--out", str(tmp_path / "out"), *more])

    return run


def one_error(err: str) -> bool:
    return err.count("Error: ") == 1 and "Traceback" not in err and not any(c in err for c in "\x1b\x07\x9b\u202e")


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_server_ends_in_words(command, hurry, tmp_path, capsys, hostile):
    with serving(hostile().app) as url:
        assert command(url) == 1
    printed = capsys.readouterr()
    assert one_error(printed.err), printed.err
    assert "Server got itself in trouble" not in printed.err, "the test's own server failed"
    assert len(printed.err) < 10_000
    assert printed.out == ""
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    assert {path.name for path in tmp_path.iterdir()} <= {"w.json", "b.png", "out"}


ODD = {
    "progress": [
        {"type": "progress_state", "data": data}
        for data in (None, [], {}, {"nodes": []}, {"nodes": {"1": None, "2": {"value": "x", "max": [], "state": 7}}})
    ],
    "numbers": [
        {"type": "progress_state", "data": {"nodes": {"1": {"value": v, "max": m, "state": "running"}}}}
        for v, m in ((float("nan"), 1), (1e308, 1e308), (-5, 3), (10**300, 1), (True, None), (1, 0))
    ],
    "old": [
        {"type": kind, "data": {"node": node}} for kind in ("progress", "executing") for node in (None, [], 7, "1")
    ],
    "others": [[], 7, None, {}, {"type": []}, {"type": "execution_error"}, {"type": "execution_error", "data": [1]}],
    "titles": [
        {"type": "progress_state", "data": {"nodes": {f"{n}{ESCAPES}": {"value": 0, "max": 2, "state": "running"}}}}
        for n in range(200)
    ],
}
BYTES = [b"", b"\0", b"\0\0\0\3", b"\0\0\0\3\xff\xff\xff\xff1", b"\0\0\0\3\0\0\0\1" + b"2" + ESCAPES.encode() * 1000]


@pytest.mark.parametrize(
    "messages", [*([json.dumps(m) for m in odd] for odd in ODD.values()), BYTES], ids=[*ODD, "bytes"]
)
def test_odd_messages_on_the_way_do_not_stop_a_job(command, tmp_path, capsys, messages):
    with serving(chats(*messages).app) as url:
        assert command(url) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(tmp_path / "out" / "a.png")]
    assert not set(printed.err.replace("\x1b[A", "")) & set("\x1b\x07\x9b\u202e\0"), printed.err  # bars go up by it


def test_texts_of_nodes_are_printable_and_of_a_length_that_can_be_shown(command, capsys):
    shown = a_file() | {"1": {"text": [ESCAPES, 7, None, "x" * 100_000, *["y"] * 10_000]}, "3": None, "4": {"text": {}}}
    with serving(ends_with(shown).app) as url:
        assert command(url) == 0
    err = capsys.readouterr().err
    assert "\\x1b]0;owned" in err
    assert not set(err) & set("\x1b\x07\x9b\u202e")
    assert len(err) < 10_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "route", ["/system_stats", "/ws", "/upload", "/prompt", "/queue", "/history", "/view", "/object_info"]
)
def test_nothing_is_sent_to_another_origin(command, capsys, status, route):
    other, reached = web.Application(), []

    async def note(request):
        reached.append(request.path)
        return web.json_response({})

    other.router.add_route("*", "/{path:.*}", note)
    with serving(other) as elsewhere:

        async def away(request):
            return web.Response(status=status, headers={"Location": f"{elsewhere}{request.path_qs}"})

        with serving(instead(route, away).app) as url:
            assert command(url, "--set", "2.filename_prefix=x") in (1, 2)
    assert not reached
    assert one_error(capsys.readouterr().err)


@pytest.mark.parametrize(
    "location", ["", "//evil.example/x", "file:///etc/passwd", "http://[", "ftp://127.0.0.1/", "\\\\host\\x"]
)
def test_odd_redirections_end_in_words(command, hurry, capsys, location):
    async def away(_):
        return web.Response(status=302, headers={"Location": location})

    with serving(instead("/queue", away).app) as url:
        assert command(url) == 1
    assert one_error(capsys.readouterr().err)


def test_a_proxy_may_redirect_to_itself(command, tmp_path):
    async def to_itself(request):
        if request.query.get("again"):
            return web.json_response({"queue_running": [], "queue_pending": []})
        return web.Response(status=302, headers={"Location": f"{request.path}?again=1"})

    with serving(instead("/queue", to_itself).app) as url:
        assert command(url) == 0
    assert (tmp_path / "out" / "a.png").read_bytes() == PNG


def test_what_is_told_of_a_class_has_a_limit(command, capsys):
    with serving(instead("/object_info", endless(b'["' + b"x" * 65536)).app) as url:
        assert command(url, "--set", "2.filename_prefix=x") == 1
    assert one_error(capsys.readouterr().err)


@pytest.mark.parametrize("info", [b"[]", b"7", b'{"SaveImage": 7}', b'{"SaveImage": {"input": {"required": [1]}}}'])
def test_odd_descriptions_of_a_class_are_as_none(command, capsys, info):
    with serving(says("/object_info", info).app) as url:
        assert command(url, "--set", "1.image=x.png") == 0


def test_media_are_fetched_and_nothing_that_starts():
    for name in ("ComfyUI_00001_.png", "a b (1).MP4", "größe.webm", "x.flac", "女.jpeg"):
        check_name(name)
    for suffix in (
        ".py",
        ".exe",
        ".html",
        ".svg",
        ".js",
        ".json",
        ".txt",
        ".lnk",
        ".desktop",
        ".pt",
        ".pkl",
        ".zip",
        "",
    ):
        assert suffix not in MEDIA
        with pytest.raises(FFGOError, match="Nothing was fetched"):
            check_name(f"a{suffix}")


def test_many_clients_with_one_folder_lose_nothing(tmp_path):
    contents = [PNG + bytes([number]) for number in range(8)]
    start = threading.Barrier(len(contents))

    def client(content):
        async def view(_):
            await asyncio.get_running_loop().run_in_executor(None, start.wait)
            return web.Response(body=content)

        with serving(ends_with(files={"a.png": view}).app) as url:
            return run_workflow(url, WORKFLOW, tmp_path / "out").files["Save first frame"][0]

    with ThreadPoolExecutor(len(contents)) as pool:
        paths = list(pool.map(client, contents))
    assert [path.read_bytes() for path in paths] == contents
    assert len(list((tmp_path / "out").iterdir())) == len(contents)


@pytest.mark.parametrize("hostile", [{"out": "a\0b"}, {"background": "a\0b"}, {"background": "/dev/zero"}])
def test_odd_local_paths_are_refused_in_words(tmp_path, hostile):
    from pathlib import Path

    options = {"out": tmp_path / "out"} | {name: Path(path) for name, path in hostile.items()}
    with serving(ComfyUI().app) as url, pytest.raises(FFGOError, match=r"cannot be (written|read)"):
        run_workflow(url, WORKFLOW, options.pop("out"), **options)
