"""The factorized workflows on the real host, as `dev.py demo --factorized` runs them."""

import json

import numpy as np
import pytest
from PIL import Image

from ffgo.errors import FFGOError
from ffgo.remote import factorized_settings, load_workflow, run_workflow
from lab.toyworld import family
from lab.toyworld.examples import test_set as unseen_examples
from lab.toyworld.render import render_clip, render_scene
from lab.toyworld.scene import FRAMES, SIZE
from lab.workshop.demo import EXAMPLE, titled
from lab.workshop.factorized import ANCHORED, ANCHORED_SETTINGS, anchored, painter_of, with_background

pytest.importorskip("google.genai")

KEPT = FRAMES - 4
FRESH = ("First frame caption.timeout=99", "Anchor picture.timeout=99")
"""So that the host does not take the last run's answers, without any change of what is asked."""
NO_STEPS = ("Expert switch.steps=3",)


@pytest.fixture(scope="module")
def example():
    return unseen_examples()[EXAMPLE]


@pytest.fixture(autouse=True)
def script(gemini, example):
    gemini.script, gemini.asked, gemini.default = [], [], painter_of(example)


@pytest.fixture
def key(host):
    with host.gemini_key("made-up-key"):
        yield


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), float)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.square(a - b).mean())


@pytest.mark.usefixtures("key")
def test_the_anchor_is_the_first_frame_of_the_video(host, gemini, example, tmp_path):
    result = anchored(host.url, example, tmp_path)
    anchor, frames = read(result.files["Save anchor"][0]), result.files["Demo: frames"]
    assert anchor.shape == (SIZE, SIZE, 3)
    assert psnr(anchor, 255 * render_clip(example.clip)[0]) > 30
    assert len(frames) == FRAMES  # none is trimmed
    assert psnr(read(frames[0]), anchor) >= 25
    assert len(gemini.asked) == 2
    again = anchored(host.url, example, tmp_path / "again", settings=FRESH)
    assert len(gemini.asked) == 2
    assert np.array_equal(read(again.files["Save anchor"][0]), anchor)


@pytest.mark.usefixtures("key")
def test_an_own_first_frame_is_not_drawn(host, gemini, example, tmp_path):
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "mine.png")
    mine = {"first_frame": tmp_path / "mine.png", "settings": [*NO_STEPS, "First frame caption.variant=1"]}
    result = anchored(host.url, example, tmp_path, **mine)
    assert (read(result.files["Save anchor"][0]) == (0, 128, 128)).all()
    assert len(gemini.asked) == 1
    assert "Anchor picture" not in result.texts
    assert any("33% of its width is cut off" in text for text in result.texts["Anchor frame"])
    mine["settings"] = [*NO_STEPS, "First frame caption.mode=offline"]
    anchored(host.url, example, tmp_path / "offline", **mine)
    assert len(gemini.asked) == 1


@pytest.mark.usefixtures("key")
def test_ffgo_brings_the_cut_outs_into_a_drawn_scene(host, gemini, example, tmp_path):
    result = with_background(host.url, example, tmp_path)
    drawn = read(result.files["Save background"][0])
    assert psnr(drawn, 255 * render_scene(example.clip.shot.scene)) > 30
    assert len(result.files["Demo: frames"]) == KEPT
    assert psnr(read(result.files["Demo: frames"][-1]), 255 * render_clip(example.clip)[-1]) > 15
    assert len(gemini.asked) == 2


LOCAL = ANCHORED.with_stem("FFGo factorized video (local)")
LOCAL_SETTINGS = [
    *(one for one in ANCHORED_SETTINGS if not one.startswith("First frame caption.")),
    *NO_STEPS,
    "First frame instruction.aspect_ratio=1:1",
    # The first cannot write, the others draw two pictures, which no anchor can be: what is not skipped fails.
    f"Language model.clip_name={family.TEXT_ENCODER}",
    f"Picture text encoder.clip_name={family.TEXT_ENCODER}",
    f"Picture model.unet_name={family.HIGH}",
    f"Picture VAE.vae_name={family.VAE}",
    "Picture size.batch_size=2",
]


def run_locally(host, example, folder, *, skip_reasoning=True, skip_anchor=True, change=lambda workflow: None, **more):
    workflow = load_workflow(LOCAL)
    change(workflow)
    skips = factorized_settings(workflow, skip_reasoning=skip_reasoning, skip_anchor=skip_anchor)
    return run_workflow(host.url, workflow, folder, prompt=example.caption, settings=[*LOCAL_SETTINGS, *skips], **more)


def test_what_is_skipped_locally_is_not_run(host, gemini, example, tmp_path):
    Image.new("RGB", (300, 300), "teal").save(tmp_path / "mine.png")
    result = run_locally(host, example, tmp_path, first_frame=tmp_path / "mine.png")
    assert (read(result.files["Save anchor"][0]) == (0, 128, 128)).all()
    assert result.texts["Show prompts"] == [example.caption]
    assert gemini.asked == []
    with pytest.raises(FFGOError, match="First frame caption"):
        run_locally(host, example, tmp_path, skip_reasoning=False)
    with pytest.raises(FFGOError, match=r"Anchor frame.*holds 2 pictures"):
        run_locally(host, example, tmp_path, skip_anchor=False)


def test_the_local_answer_is_read(host, example, tmp_path):
    """A stand-in for the language model's node: what it gives is the whole answer, with all that is around it."""

    def answered(workflow):
        node = workflow[titled(workflow, "First frame caption")]
        node["class_type"] = "PrimitiveStringMultiline"
        node["inputs"] = {
            "value": "<think>Hm.</think>\n**<first_frame>** Two figures. **</first_frame>**\n<motion>They sink."
        }

    result = run_locally(host, example, tmp_path, skip_reasoning=False, change=answered)
    assert result.texts["Show prompts"] == ["Two figures. They sink."]


def test_no_ffgo_in_a_video_that_keeps_its_first_frame():
    """The LoRA alone cuts away from the first frame, and a trim would throw it away."""
    for path in (ANCHORED, LOCAL):
        nodes = json.loads(path.read_text())
        kinds = {node["class_type"] for node in nodes.values()}
        assert kinds.isdisjoint({"FFGOWanMoELoRALoader", "FFGOTransitionPrompt", "FFGOTrimCompressionFrames"})
        by_title = {node["_meta"]["title"]: node["inputs"] for node in nodes.values()}
        assert by_title["Save anchor"]["images"] == by_title["First frame"]["start_image"]
