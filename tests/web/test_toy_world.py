"""What `dev.py serve` opens: a workflow that runs on the toy world's models at one press."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from ffgo.remote import load_workflow
from ffgo.remote.fill import fill
from ffgo.remote.workflow import title_of
from lab.toyworld.examples import test_set as unseen_examples
from lab.toyworld.metrics import score_clip
from lab.toyworld.scene import FRAMES
from lab.workshop.demo import ENLARGED, EXAMPLE, SETTINGS, WORKFLOW, titled
from lab.workshop.server import OPENS_TOY_WORLD


@pytest.fixture
def toy_world(comfy):
    """The page as the address that `serve` prints opens it."""
    comfy.page.goto(f"{comfy.server.url}/{OPENS_TOY_WORLD}")
    comfy.page.wait_for_function("() => window.app?.rootGraph?.nodes.some(node => node.title === 'Toy models')")
    yield comfy
    comfy.page.goto(comfy.server.url)
    comfy.page.wait_for_function("!!window.app?.extensionManager?.workflow.activeWorkflow")


def test_run_pressed_once_gives_the_clip(toy_world, server):
    entry = toy_world.finished(toy_world.run())
    assert entry["status"]["status_str"] == "success"
    (saved,) = [
        file for output in entry["outputs"].values() for file in output.get("images", []) if file["type"] == "output"
    ]
    with av.open(Path(server.base, "output", saved["subfolder"], saved["filename"])) as video:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])
    middle = ENLARGED // 2
    clip = torch.from_numpy(frames[:, middle::ENLARGED, middle::ENLARGED] / np.float32(255))
    scores = score_clip(clip, unseen_examples()[EXAMPLE].clip.shot, FRAMES - len(clip))
    assert scores.object_identity > 0.7
    assert scores.scene_identity > 0.8
    expect(toy_world.page.locator("video").first).to_be_visible()


def test_nothing_is_missing_and_it_is_what_the_demo_runs(toy_world):
    """Node by node, by title: the class and each value."""
    assert not toy_world.missing()
    prompt = toy_world.prompt()
    demo = fill(load_workflow(WORKFLOW), settings=SETTINGS)
    for setting in SETTINGS:
        title, name = setting.partition("=")[0].rsplit(".", 1)
        assert prompt[titled(prompt, title)]["inputs"][name] == demo[titled(demo, title)]["inputs"][name], setting
    ours, theirs = ({title_of(one, node): one[node]["class_type"] for node in one} for one in (prompt, demo))
    both = ours.keys() & theirs
    assert len(both) > 20
    assert {title: ours[title] for title in both} == {title: theirs[title] for title in both}
