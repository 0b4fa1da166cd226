"""The headless client and the real host."""

import json
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ffgo.errors import FFGOError
from ffgo.remote import run_workflow
from lab.workshop.patience import wait_for

REPO = Path(__file__).parents[2]


def node(class_type, title, **inputs):
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title}}


PICTURE = {
    "1": node("LoadImage", "Background", image="none.png"),
    "2": node("SaveImage", "Save", images=["1", 0], filename_prefix="remote/picture"),
    "3": node("PreviewImage", "Look", images=["1", 0]),
}

LONG = {
    "1": node("UNETLoader", "Expert", unet_name="standin_low_noise.safetensors", weight_dtype="default"),
    "2": node("VAELoader", "VAE", vae_name="standin_vae.safetensors"),
    "3": node("CLIPLoader", "Text encoder", clip_name="standin_umt5.safetensors", type="wan"),
    "4": node("CLIPTextEncode", "Prompt", clip=["3", 0], text="a red robot"),
    "5": node("CLIPTextEncode", "Negative prompt", clip=["3", 0], text=""),
    "6": node(
        "WanImageToVideo",
        "Latent",
        positive=["4", 0],
        negative=["5", 0],
        vae=["2", 0],
        width=64,
        height=64,
        length=5,
        batch_size=1,
    ),
    "7": node(
        "KSampler",
        "Noise",
        model=["1", 0],
        positive=["6", 0],
        negative=["6", 1],
        latent_image=["6", 2],
        seed=1,
        steps=10000,
        cfg=1.0,
        sampler_name="euler",
        scheduler="simple",
        denoise=1.0,
    ),
    "8": node("VAEDecode", "Decode", samples=["7", 0], vae=["2", 0]),
    "9": node("SaveImage", "Save", images=["8", 0], filename_prefix="remote/long"),
}

SUBJECTS = {
    "1": node("LoadImage", "Background", image="none.png"),
    "2": node("LoadImage", "Subject 1", image="none.png"),
    "3": node("JoinImageWithAlpha", "Cut-out 1", image=["2", 0], alpha=["2", 1]),
    "4": node("FFGOComposeCanvas", "Canvas", background=["1", 0], width=320, height=192),
    "5": node("MaskToImage", "Masks", mask=["4", 1]),
    "6": node("SaveImage", "Save masks", images=["5", 0], filename_prefix="remote/mask"),
    "7": node("SaveImage", "Save first frame", images=["4", 0], filename_prefix="remote/first"),
}
SUBJECTS["4"]["inputs"]["subjects.subject0"] = ["3", 0]


def picture(path, size=(40, 24), seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    pixels[..., 3] = 255
    Image.fromarray(pixels).save(path)
    return path


@contextmanager
def command(host, workflow, tmp_path, *more):
    """The command in a process of its own, which ends with the test."""
    (tmp_path / "workflow.json").write_text(json.dumps(workflow))
    options = ["run", "--server", host.url, "--workflow", tmp_path / "workflow.json", "--out", tmp_path / "out", *more]
    line = [sys.executable, "-m", "ffgo.remote", *map(str, options)]
    with subprocess.Popen(line, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def jobs(host):
    queue = host.get("/queue")
    return len(queue["queue_running"]), len(queue["queue_pending"])


def sampling(host, log_before):
    """Whether the sampler has begun: its own bar is in the host's log."""
    return "/10000" in host.log()[log_before:]


def test_upload_run_fetch(host, tmp_path):
    local = picture(tmp_path / "local.png")
    result = run_workflow(host.url, PICTURE, tmp_path / "out", background=local)
    (path,) = result.files["Save"]
    assert np.array_equal(np.asarray(Image.open(path).convert("RGB")), np.asarray(Image.open(local).convert("RGB")))
    assert [p.name for p in (tmp_path / "out").iterdir()] == [path.name]  # no preview, nothing left over
    assert set(result.outputs) == {"2", "3"}


def test_equal_images_are_uploaded_once_and_previews_come_when_asked_for(host, tmp_path):
    uploaded = host.base / "input" / "ffgo"
    run_workflow(host.url, PICTURE, tmp_path / "out", background=picture(tmp_path / "a.png", seed=1))
    count = len(list(uploaded.iterdir()))
    result = run_workflow(
        host.url, PICTURE, tmp_path / "out", background=picture(tmp_path / "b.png", seed=1), previews=True
    )
    assert len(list(uploaded.iterdir())) == count
    assert [len(result.files[title]) for title in ("Save", "Look")] == [1, 1]


def test_the_canvas_gets_the_subjects_that_are_given_and_its_warning_is_shown(host, tmp_path, capsys):
    files = [picture(tmp_path / f"{i}.png", (30 + i, 40), seed=i) for i in range(6)]
    result = run_workflow(host.url, SUBJECTS, tmp_path / "out", background=files[0], subjects=files[1:])
    assert len(result.files["Save masks"]) == 5
    assert "Canvas (FFGOComposeCanvas): ⚠" in capsys.readouterr().err


def test_a_node_that_fails_comes_back_by_its_title(host, tmp_path):
    workflow = {
        "1": node("ComfyMathExpression", "Sum", expression="1 / (a - 1)", **{"values.a": 1}),
        "2": node("PreviewAny", "Show", source=["1", 0]),
    }
    with pytest.raises(FFGOError, match=r"^Sum \(ComfyMathExpression\): .*zero"):
        run_workflow(host.url, workflow, tmp_path / "out")
    result = run_workflow(host.url, workflow, tmp_path / "out", settings=["Sum.values.a=3"])
    assert result.texts == {"Show": ["0.5"]}


def test_a_refused_workflow_is_explained_by_node(host, tmp_path):
    with pytest.raises(FFGOError) as caught:
        run_workflow(
            host.url, LONG, tmp_path / "out", settings=["Expert.unet_name=standin_hig.safetensors", "Noise.cfg=-1"]
        )
    text = str(caught.value)
    assert "Expert (UNETLoader): unet_name: the server has no 'standin_hig.safetensors'. It has: standin_" in text
    assert "Noise (KSampler): Value -1.0 smaller than min of 0.0: cfg" in text


def test_an_image_that_is_not_on_the_server_stops_the_whole_job(host, tmp_path):
    workflow = PICTURE | {
        "4": node("EmptyImage", "Empty", width=8, height=8),
        "5": node("PreviewImage", "P", images=["4", 0]),
    }
    with pytest.raises(FFGOError, match=r"Background \(LoadImage\).*Invalid image file: none.png"):
        run_workflow(host.url, workflow, tmp_path / "out")
    wait_for(lambda: jobs(host) == (0, 0))


def test_a_fraction_for_a_whole_number_is_refused(host, tmp_path):
    with pytest.raises(FFGOError, match="takes a whole number, and '7"):
        run_workflow(host.url, LONG, tmp_path / "out", settings=["Noise.steps=7.5"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_job_on_the_host(host, tmp_path, number):
    log_before = len(host.log())
    with command(host, LONG, tmp_path) as process:
        wait_for(lambda: sampling(host, log_before))
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert "The job was taken off the server." in errors
    assert jobs(host) == (0, 0)
    assert "Processing interrupted" in host.log()[log_before:]
    assert not list((tmp_path / "out").iterdir())


def test_a_signal_takes_a_waiting_job_out_of_the_queue_and_leaves_the_running_one(host, tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    with command(host, LONG, tmp_path / "first") as first:
        wait_for(lambda: jobs(host) == (1, 0))
        with command(host, LONG, tmp_path / "second", "--seed", "2") as second:
            wait_for(lambda: jobs(host) == (1, 1))
            second.send_signal(signal.SIGINT)
            second.communicate()
        assert second.returncode == 130
        assert jobs(host) == (1, 0)
        first.send_signal(signal.SIGINT)
        first.communicate()
    assert jobs(host) == (0, 0)


def test_a_job_that_somebody_else_stops_fails(host, tmp_path):
    log_before = len(host.log())
    with command(host, LONG, tmp_path) as process:
        wait_for(lambda: sampling(host, log_before))
        urllib.request.urlopen(host.url + "/interrupt", b"").close()
        _, errors = process.communicate()
    assert process.returncode == 1
    assert "Noise (KSampler): somebody else interrupted the job on the server." in errors


def test_a_host_that_is_killed_in_the_middle(host, tmp_path):
    with host.start_another(tmp_path / "base") as other, command(other, LONG, tmp_path) as process:
        wait_for(lambda: sampling(other, 0))
        other.process.kill()
        _, errors = process.communicate()
    assert process.returncode == 1
    assert "stopped answering in the middle of the job, which may be lost" in errors
    assert not list((tmp_path / "out").iterdir())
