"""The headless client against small real servers: some that are no ComfyUI, and one that speaks as ComfyUI does."""

import asyncio
import json
import socket
import threading
from contextlib import contextmanager

import pytest
from aiohttp import web
from PIL import Image

from ffgo.errors import FFGOError
from ffgo.files import unfinished_name
from ffgo.locks import LOCK_FILE, sole_writer
from ffgo.remote import UsageError, run, run_workflow
from ffgo.remote.__main__ import main
from ffgo.remote.client import parse_address
from ffgo.remote.outputs import check_name

from .remote_scene import PNG, WORKFLOW, ComfyUI, serving


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.new("RGBA", (8, 6), (200, 10, 10, 128)).save(path)
    return path


def failure(url, out, **options):
    """The text of the error; nothing may be left in `out`."""
    with pytest.raises(FFGOError) as caught:
        run_workflow(url, WORKFLOW, out, reconnect_s=0.2, **options)
    assert not out.exists() or not list(out.iterdir())
    return str(caught.value)


@contextmanager
def answering(status, content_type, body):
    async def answer(_):
        return web.Response(status=status, content_type=content_type, body=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    with serving(app) as url:
        yield url


@pytest.mark.parametrize(
    ("status", "kind", "body", "complaint"),
    [
        (200, "text/html", b"<html><title>Router</title>", "is not ComfyUI (HTTP 200, text/html, '<html><title>Router"),
        (404, "text/plain", b"no", "is not ComfyUI (HTTP 404"),
        (200, "application/json", b'{"system": {"os": "posix"}}', "is not ComfyUI"),
        (200, "application/json", b'["a"]', "is not ComfyUI"),
        (200, "application/json", b'{"system": "up"}', "is not ComfyUI"),
        (200, "application/octet-stream", b"\xff\xfe\x00", "is not ComfyUI"),
        (401, "text/plain", b"who?", "wants a login"),
        (502, "text/html", b"Bad gateway", "does not reach it (HTTP 502"),
    ],
)  # fmt: skip
def test_a_server_that_is_not_comfyui_is_told_apart(tmp_path, status, kind, body, complaint):
    with answering(status, kind, body) as url:
        text = failure(url.replace("http://", "http://me:secret@"), tmp_path / "out")
    assert complaint in text
    assert "secret" not in text
    assert "http://127.0.0.1" in text


def test_a_server_that_does_not_speak_http(tmp_path):
    def greet():
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
            connection.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet)
        thread.start()
        text = failure(f"127.0.0.1:{listener.getsockname()[1]}", tmp_path / "out")
        thread.join()
    assert "not what HTTP asks for" in text


def test_nothing_listens(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text = failure(f"localhost:{port}", tmp_path / "out")
    assert f"http://localhost:{port} does not answer: nothing listens there" in text
    assert "Is ComfyUI running there?" in text


def test_https_at_a_plain_server(tmp_path):
    with serving(ComfyUI().app) as url:
        assert "write http://" in failure(url.replace("http:", "https:"), tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost:8188", "http://localhost:8188/queue"),
        ("[::1]:8188", "http://[::1]:8188/queue"),
        ("https://gpu.example/comfy/", "https://gpu.example/comfy/queue"),
        ("http://gpu.example/a/b?x=1#y", "http://gpu.example/a/b/queue"),
    ],
)
def test_addresses(text, url):
    assert str(parse_address(text) / "queue") == url
    assert "?" not in str(parse_address(text))


@pytest.mark.parametrize("text", ["", "ftp://host/", "host:port", "http://", "http://host:99999"])
def test_no_addresses(text):
    with pytest.raises(UsageError, match=r"Example: http://127\.0\.0\.1:8188"):
        parse_address(text)


def test_a_job_behind_a_proxy_path_from_upload_to_file(tmp_path, picture):
    comfy = ComfyUI(files={"a.png": PNG})
    proxy = web.Application()
    proxy.add_subapp("/comfy", comfy.app)
    with serving(proxy) as url:
        result = run_workflow(f"{url}/comfy/", WORKFLOW, tmp_path / "new" / "out", background=picture)
    ((name, content),) = comfy.uploads.items()
    assert content == picture.read_bytes()
    ((_, body),) = comfy.posts
    assert body["prompt"]["1"]["inputs"]["image"] == f"ffgo/{name}"
    assert result.workflow == body["prompt"]
    assert result.prompt_id == body["prompt_id"]
    assert result.files == {"Save first frame": [tmp_path / "new" / "out" / "a.png"]}
    assert result.outputs["2"]["images"][0]["filename"] == "a.png"
    assert (tmp_path / "new" / "out" / "a.png").read_bytes() == PNG
    assert [path.name for path in (tmp_path / "new" / "out").iterdir()] == ["a.png"]


def test_the_subjects_reach_the_canvas(tmp_path, picture):
    canvas = {"class_type": "FFGOComposeCanvas", "inputs": {"background": ["1", 0], "subjects.subject0": ["4", 0]}}
    subject = {"class_type": "LoadImage", "inputs": {"image": "s.png"}}
    other = tmp_path / "other.png"
    Image.new("RGB", (8, 6)).save(other)
    comfy = ComfyUI()
    with serving(comfy.app) as url:
        run_workflow(
            url, WORKFLOW | {"3": canvas, "4": subject}, tmp_path / "out", background=picture, subjects=[other, picture]
        )
    images = {node: comfy.posts[0][1]["prompt"][node]["inputs"]["image"] for node in ("1", "4", "5")}
    assert images["1"] == images["5"] != images["4"]
    assert comfy.uploads[images["4"].removeprefix("ffgo/")] == other.read_bytes()


def test_equal_images_are_uploaded_under_one_name_and_others_not(tmp_path, picture):
    copied, other = tmp_path / "copy.jpg", tmp_path / "other.png"
    copied.write_bytes(picture.read_bytes())
    Image.new("RGB", (8, 6)).save(other)
    comfy = ComfyUI()
    with serving(comfy.app) as url:
        for path in (picture, copied, other):
            run_workflow(url, WORKFLOW, tmp_path / "out", background=path)
    assert len(comfy.uploads) == 2


def test_downloads_of_clients_that_died_are_swept_and_those_of_living_ones_stay(tmp_path):
    dead, living = (unfinished_name(tmp_path / "download") for _ in range(2))
    for folder in (dead, living):
        folder.mkdir()
        (folder / "0").write_bytes(b"half")
    (dead / LOCK_FILE).write_text(" who died")
    with serving(ComfyUI(files={"a.png": PNG}).app) as url, sole_writer(living / LOCK_FILE, ""):
        run_workflow(url, WORKFLOW, tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["a.png", living.name])
        assert (living / "0").exists()


def test_no_local_file_is_overwritten(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    (out / "a (1).png").write_bytes(b"mine too")
    with serving(ComfyUI(files={"a.png": PNG}).app) as url:
        for _ in range(2):  # the second time the same file is there already
            result = run_workflow(url, WORKFLOW, out)
            assert result.files["Save first frame"] == [out / "a (2).png"]
    assert sorted(path.name for path in out.iterdir()) == ["a (1).png", "a (2).png", "a.png"]
    assert (out / "a.png").read_bytes() == b"mine"


def test_previews_only_when_asked_for_and_texts_always(tmp_path):
    async def ending(comfy, prompt_id):
        shown = {
            "images": [{"filename": "t.png", "subfolder": "", "type": "temp"}],
            "gifs": [{"filename": "v.mp4", "subfolder": "", "type": "output", "format": "video/mp4"}],
            "text": ["switch at 8"],
            "animated": [True],
        }
        await comfy.finish(prompt_id, outputs={"2": shown})

    with serving(ComfyUI(ending, {"t.png": PNG, "v.mp4": b"\0\0\0\x18ftypisom"}).app) as url:
        result = run_workflow(url, WORKFLOW, tmp_path / "out")
        assert [path.name for path in result.files["Save first frame"]] == ["v.mp4"]
        assert result.texts == {"Save first frame": ["switch at 8"]}
        result = run_workflow(url, WORKFLOW, tmp_path / "out", previews=True)
        assert [path.name for path in result.files["Save first frame"]] == ["t.png", "v.mp4"]


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/b", "..\\a", "C:\\a", "C:a", "..", ".", "", "a\0b", "a\n"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path, name):
    with pytest.raises(FFGOError, match="no plain file name"):
        check_name(name)


def test_a_server_that_sends_such_a_name_gets_nothing_written(tmp_path):
    with serving(ComfyUI(files={"good.png": PNG, "../../evil.png": PNG}).app) as url:
        assert "no plain file name" in failure(url, tmp_path / "deep" / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["deep", "out"]


async def break_off(request):
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b"half")
    request.transport.abort()
    return answer


def test_a_server_that_dies_in_the_middle_of_a_file_leaves_none(tmp_path):
    with serving(ComfyUI(files={"whole.png": PNG, "half.mp4": break_off}).app) as url:
        assert "does not answer: the connection broke" in failure(url, tmp_path / "out")


def test_a_file_that_is_gone_is_named(tmp_path):
    async def gone(_):
        raise web.HTTPNotFound

    with serving(ComfyUI(files={"gone.png": gone}).app) as url:
        assert "does not hand out 'gone.png': HTTP 404" in failure(url, tmp_path / "out")


def test_a_server_that_dies_in_the_middle_of_the_job(tmp_path):
    with serving(ComfyUI(ComfyUI.die).app) as url:
        text = failure(url, tmp_path / "out")
    assert "stopped answering in the middle of the job, which may be lost" in text


@pytest.mark.parametrize("away_s", [0, 0.8], ids=["websocket only", "longer than the first try"])
def test_a_connection_that_breaks_for_a_moment_costs_nothing(tmp_path, capsys, away_s):
    async def drop_then_finish(comfy, prompt_id):
        await comfy.go_on_running(prompt_id)
        await asyncio.sleep(0.2)
        comfy.dead = away_s > 0
        comfy.drop_websockets()
        await asyncio.sleep(away_s)
        comfy.dead = False
        await comfy.finish(prompt_id)

    comfy = ComfyUI(drop_then_finish, {"a.png": PNG})
    with serving(comfy.app) as url:
        result = run_workflow(url, WORKFLOW, tmp_path / "out")
    assert result.files["Save first frame"] == [tmp_path / "out" / "a.png"]
    assert [name for name, _ in comfy.posts] == ["prompt"]  # and not queued twice
    assert "closed the websocket. Trying to reach it again" in capsys.readouterr().err


def test_a_job_that_the_server_forgot_is_reported(tmp_path):
    async def forget(comfy, prompt_id):
        await comfy.wait_in_queue(prompt_id)
        comfy.queue.clear()
        await comfy.status()

    with serving(ComfyUI(forget).app) as url:
        assert "no longer knows the job" in failure(url, tmp_path / "out")


def test_the_place_in_the_queue_is_shown(tmp_path, capsys):
    async def wait_then_finish(comfy, prompt_id):
        await comfy.wait_in_queue(prompt_id)
        await asyncio.sleep(0.2)
        await comfy.status()
        await asyncio.sleep(0.2)
        await comfy.finish(prompt_id)

    with serving(ComfyUI(wait_then_finish).app) as url:
        run_workflow(url, WORKFLOW, tmp_path / "out")
    assert capsys.readouterr().err == "Waiting in the server's queue, 3 before this one.\n"


@pytest.mark.parametrize(
    ("state", "expected"),
    [(ComfyUI.wait_in_queue, ["prompt", "queue"]), (ComfyUI.go_on_running, ["prompt", "queue", "interrupt", "queue"])],
)
def test_cancelling_takes_this_job_off_and_no_other(tmp_path, capsys, state, expected):
    async def cancel_when_queued(url):
        task = asyncio.create_task(run(url, WORKFLOW, tmp_path / "out"))
        while not comfy.queue:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    comfy = ComfyUI(state)
    with serving(comfy.app) as url:
        asyncio.run(cancel_when_queued(url))
    assert [name for name, _ in comfy.posts] == expected
    prompt_id = comfy.posts[0][1]["prompt_id"]
    assert all(body in ({"delete": [prompt_id]}, {"prompt_id": prompt_id}) for _, body in comfy.posts[1:])
    assert "The job was taken off the server." in capsys.readouterr().err


@pytest.mark.parametrize("state", [ComfyUI.wait_in_queue, ComfyUI.go_on_running])
def test_a_job_that_never_ends_is_taken_off(tmp_path, capsys, state):
    comfy = ComfyUI(state)
    with serving(comfy.app) as url:
        text = failure(url, tmp_path / "out", timeout_s=0.3)
    assert text.startswith("The job has not ended within 0.3 s")
    assert "--timeout" in text
    assert comfy.posts[-1][0] == "queue"
    assert "The job was taken off the server." in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_a_timeout_is_a_number_of_seconds(tmp_path, capsys, seconds):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--workflow", "x.json", "--out", str(tmp_path), "--timeout", seconds])
    assert ended.value.code == 2
    assert "--timeout" in capsys.readouterr().err


def missing_model(status):
    problem = {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": "image: 'b.png' not in (list of length 40)",
        "extra_info": {"input_name": "image", "received_value": "b.png", "input_config": None},
    }
    return status, {
        "error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"},
        "node_errors": {"1": {"class_type": "LoadImage", "errors": [problem]}},
        "prompt_id": "11111111-1111-4111-8111-111111111111",
    }


def test_a_refused_workflow_is_explained_by_node_with_the_choices(tmp_path):
    comfy = ComfyUI()
    comfy.refusal = missing_model(400)
    with serving(comfy.app) as url:
        text = failure(url, tmp_path / "out")
    assert "Background (LoadImage): image: the server has no 'b.png'. It has: bb.png, a.png." in text
    assert len(comfy.posts) == 1


def test_a_workflow_of_which_the_server_would_run_a_part_is_taken_off(tmp_path):
    comfy = ComfyUI()
    comfy.refusal = missing_model(200)
    with serving(comfy.app) as url:
        assert "the server has no 'b.png'" in failure(url, tmp_path / "out")
    assert comfy.posts[1] == ("queue", {"delete": ["11111111-1111-4111-8111-111111111111"]})


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (
            {"type": "missing_node_type", "message": "Node 'X' not found.", "extra_info": {"class_type": "FancyNode"}},
            "Install the node pack that has FancyNode",
        ),
        ({"type": "prompt_no_outputs", "message": "Prompt has no outputs"}, "Add a SaveImage or SaveVideo"),
        ("plain words", "plain words"),
    ],
)
def test_a_workflow_refused_as_a_whole_is_explained(tmp_path, error, complaint):
    comfy = ComfyUI()
    comfy.refusal = 400, {"error": error, "node_errors": {}}
    with serving(comfy.app) as url:
        assert complaint in failure(url, tmp_path / "out")


@pytest.mark.parametrize(
    ("event", "data", "text"),
    [
        (
            "execution_error",
            {"node_id": "1", "exception_message": "no room\n", "exception_type": "E"},
            "Background (LoadImage): no room",
        ),
        (
            "execution_error",
            {"node_id": "1", "exception_message": "", "exception_type": "KeyError"},
            "Background (LoadImage): KeyError",
        ),
        (
            "execution_interrupted",
            {"node_id": "2"},
            "Save first frame (SaveImage): somebody else interrupted the job on the server.",
        ),
    ],
)
def test_a_failed_job_says_which_node_and_why(tmp_path, event, data, text):
    async def fail(comfy, prompt_id):
        await comfy.finish(prompt_id, {"status_str": "error", "messages": [["execution_start", {}], [event, data]]})

    with serving(ComfyUI(fail, {"half.png": PNG}).app) as url:
        assert failure(url, tmp_path / "out") == text


def test_a_node_that_blocks_its_output_fails_the_job_though_the_server_calls_it_a_success(tmp_path):
    async def block(comfy, prompt_id):
        data = {"node_id": "2", "exception_type": "ExecutionBlocked", "exception_message": "Execution Blocked: no key"}
        await comfy.say("execution_error", data | {"prompt_id": prompt_id})
        await comfy.finish(prompt_id)

    with serving(ComfyUI(block).app) as url:
        assert failure(url, tmp_path / "out") == "Save first frame (SaveImage): Execution Blocked: no key"


@pytest.mark.parametrize("name", ["missing.png", "folder", "text.png", "cut.png", "cut.jpg"])
def test_a_bad_local_image_is_found_before_anything_is_sent(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.png").write_text("not a picture")
    for cut in ("cut.png", "cut.jpg"):
        Image.effect_noise((64, 64), 50).save(tmp_path / cut)
        (tmp_path / cut).write_bytes((tmp_path / cut).read_bytes()[:-200])
    comfy = ComfyUI()
    with serving(comfy.app) as url, pytest.raises(UsageError, match=name):
        run_workflow(url, WORKFLOW, tmp_path / "out", background=tmp_path / name)
    assert not comfy.uploads
    assert not comfy.posts
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{"settings": ["Save.x=1"]}, {"prompt": "x"}, {"subjects": ["picture"]}])
def test_what_does_not_fit_the_workflow_is_found_before_anything_is_sent(tmp_path, picture, options):
    options = {key: [picture] if key == "subjects" else value for key, value in options.items()}
    comfy = ComfyUI()
    with serving(comfy.app) as url, pytest.raises(UsageError):
        run_workflow(url, WORKFLOW, tmp_path / "out", background=picture, **options)
    assert not comfy.uploads
    assert not comfy.posts


def test_an_out_that_cannot_be_written_is_found_before_the_job_is_queued(picture):
    comfy = ComfyUI()
    with serving(comfy.app) as url:
        for out in (picture, picture / "below"):
            with pytest.raises(UsageError, match=r"cannot be written to .*Choose another --out"):
                run_workflow(url, WORKFLOW, out)
    assert not comfy.posts


def test_an_out_that_goes_away_meanwhile_is_explained(tmp_path):
    async def remove_out(comfy, prompt_id):
        (tmp_path / "out").rmdir()
        await comfy.finish(prompt_id)

    with serving(ComfyUI(remove_out, {"a.png": PNG}).app) as url:
        assert "still in the server's output folder" in failure(url, tmp_path / "out")


def test_the_servers_types_decide_what_set_takes(tmp_path):
    comfy = ComfyUI()
    with serving(comfy.app) as url:
        run_workflow(url, WORKFLOW, tmp_path / "out", settings=["1.image=a.png"])
        result = run_workflow(
            url,
            WORKFLOW | {"3": {"class_type": "LoadImage", "inputs": {}}},
            tmp_path / "out",
            settings=["3.image=a.png"],
        )
    assert result.workflow["3"]["inputs"] == {"image": "a.png"}


def command(tmp_path, url, *more):
    (tmp_path / "w.json").write_text(json.dumps(WORKFLOW))
    return ["run", "--server", url, "--workflow", str(tmp_path / "w.json"), "--out", str(tmp_path / "out"), *more]


def test_the_command_prints_the_paths_and_nothing_else_to_stdout(tmp_path, picture, capsys):
    with serving(ComfyUI(files={"a.png": PNG, "b.png": PNG}).app) as url:
        assert main(command(tmp_path, url, "--background", str(picture), "--set", "2.filename_prefix=p")) == 2
        assert "has no input" in capsys.readouterr().err
        assert main(command(tmp_path, url, "--background", str(picture))) == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "out" / "a.png"), str(tmp_path / "out" / "b.png")]


def test_the_command_says_what_failed(tmp_path, capsys):
    assert main(command(tmp_path, "127.0.0.1:1")) == 1
    assert "Error: http://127.0.0.1:1 does not answer" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["run", "--workflow", "w.json"])
    assert ended.value.code == 2


def test_unknown_messages_are_passed_over(tmp_path):
    async def chat(comfy, prompt_id):
        await comfy.go_on_running(prompt_id)
        await comfy.say("some.pack.event", [1, 2])
        await comfy.say("progress", {"value": 1, "max": 2, "node": None})
        for _, ws in comfy.sockets:
            await ws.send_bytes(b"\0\0\0\1jpeg")
        await comfy.finish(prompt_id)

    with serving(ComfyUI(chat).app) as url:
        assert run_workflow(url, WORKFLOW, tmp_path / "out").files == {}
