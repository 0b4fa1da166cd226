"""The workflows around the cast, as they ship, on the real host; models are the untrained stand-ins."""

import shutil

import av
import numpy as np
import pytest
from PIL import Image

from ..unit.cast_scene import cutout
from .test_training_workflows import SMALL, of, workflow

WIDE, HIGH = 128, 64
LORAS = {
    title: {f"lora_{expert}": f"standin_{name}_{expert}_noise.safetensors" for expert in ("high", "low")}
    for title, name in (("FFGo LoRA", "ffgo"), ("Distillation LoRA", "distill"))
}


def by_title(prompt):
    return {node["_meta"]["title"]: number for number, node in prompt.items()}


def frames_of(host, shown):
    """The frames of each video that a node saved."""
    clips = []
    for file in shown["images"]:
        with av.open(str(host.base / "output" / file["subfolder"] / file["filename"])) as video:
            clips.append(np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]))
    return clips


@pytest.fixture
def forgotten(host):
    """Who was kept here is nobody's business elsewhere."""
    yield
    shutil.rmtree(host.base / "input/ffgo_cast/workflow-s-robot")


def test_who_is_kept_is_found_and_called_by_name_in_one_run(host, forgotten):
    prompt = workflow("FFGo cast", {"Save to cast": {"name": "Workflow's robot"}})
    run = prompt, host.run(prompt)
    assert of(run, "Save to cast")["text"] == ["Workflow's robot is in the cast now."]
    assert of(run, "Found")["images"]
    (who,) = of(run, "Show who is where")["text"]
    assert who.startswith("1. Workflow's robot, of the cast")
    again = workflow("FFGo cast", {"Save to cast": {"name": "Another name"}})
    run = again, host.run(again)
    assert of(run, "Save to cast")["text"] == ["This picture of Workflow's robot is in the cast already."]
    assert of(run, "Show who is where")["text"][0].startswith("1. Workflow's robot, of the cast")


@pytest.fixture(scope="module")
def pictures(host):
    """A scene, somebody to put into it, and what frames of a clip show: the scene with them, and without."""
    robot, folder = cutout(31, (40, 40), margin=3), host.base / "input"
    Image.fromarray(robot).save(folder / "roll_robot.png")
    coarse = np.random.default_rng(7).integers(40, 220, (4, 8, 3), dtype=np.uint8)
    scene = Image.fromarray(coarse).resize((WIDE, HIGH), Image.Resampling.BICUBIC)
    scene.save(folder / "roll_without.png")
    sprite = Image.fromarray(robot).resize((32, 32))
    scene.paste(sprite, (60, 12), sprite)
    scene.save(folder / "roll_with.png")


def checked(*tries):
    """The workflow with these clips in place of the sampled ones; "broken" is one that cannot be made."""
    prompt = workflow("FFGo check and re-roll", {
        "Background": {"image": "roll_without.png"}, "Subject 1": {"image": "roll_robot.png"},
        "Canvas": {"width": WIDE, "height": HIGH},
    })  # fmt: skip
    at = by_title(prompt)
    del prompt[at["Canvas"]]["inputs"]["subjects.subject1"]
    for trim, shown in zip(("Trim", "Trim again"), tries, strict=True):
        prompt[at[trim]]["inputs"]["images"] = [f"clip {trim}", 0]
        prompt[f"picture {trim}"] = {"class_type": "LoadImage", "inputs": {"image": f"roll_{shown}.png"}}
        clip = {"class_type": "RepeatImageBatch", "inputs": {"image": [f"picture {trim}", 0], "amount": 13}}
        if shown == "broken":
            prompt[f"picture {trim}"]["inputs"]["image"] = "roll_with.png"
            prompt["number"] = {"class_type": "PrimitiveFloat", "inputs": {"value": 1.0}}
            prompt["two"] = {"class_type": "CreateList", "inputs": {f"inputs.input{i}": ["number", 0] for i in (0, 1)}}
            inputs = {"images": [f"picture {trim}", 0], "scores": ["two", 0]}
            clip = {"class_type": "FFGOPickClip", "inputs": inputs}
        prompt[f"clip {trim}"] = clip
    for number, node in prompt.items():
        node.setdefault("_meta", {"title": number})
    return prompt


def test_where_nobody_is_lost_no_second_clip_is_made(host, pictures):
    prompt = checked("with", "broken")
    run = prompt, host.run(prompt)
    assert "everybody stays" in of(run, "Check")["text"][-1]
    assert len(frames_of(host, of(run, "Save video"))[0]) == 13 - 4
    with pytest.raises(Exception, match="1 clips and 2 scores"):
        host.run(checked("without", "broken"))


def test_where_somebody_is_lost_the_better_of_two_is_saved(host, pictures):
    clips = {}
    for tries in (("without", "with"), ("without", "without"), ("with", "without")):
        prompt = checked(*tries)
        run = prompt, host.run(prompt)
        (clips[tries],) = frames_of(host, of(run, "Save video"))
        assert of(run, "Check")["ffgo_persistence"][0] == (tries[0] == "with")
    apart = {tries: np.abs(clip.astype(int) - clips["with", "without"]).mean() for tries, clip in clips.items()}
    assert apart["without", "with"] < 1
    assert apart["without", "without"] > 2


def test_the_second_try_is_another_clip_of_the_same_models(host):
    prompt = workflow("FFGo check and re-roll", SMALL | LORAS)
    outputs = host.run(prompt)
    assert of((prompt, outputs), "Save video")["images"]
    at = by_title(prompt)
    for number, (decode, prefix) in enumerate((("Decode", "first"), ("Decode 2", "second"))):
        inputs = {"images": [at[decode], 0], "filename_prefix": prefix}
        prompt[f"keep {number}"] = {"class_type": "SaveImage", "inputs": inputs}
    outputs = host.run(prompt)
    names = [outputs[f"keep {number}"]["images"][-1]["filename"] for number in (0, 1)]
    last = [np.asarray(Image.open(host.base / "output" / name)).astype(int) for name in names]
    assert np.abs(last[0] - last[1]).mean() > 1


def test_four_seeds_are_four_clips_all_kept_and_the_best_is_the_video(host):
    prompt = workflow("FFGo pick the best seed", SMALL | LORAS)
    run = prompt, host.run(prompt)
    clips = frames_of(host, of(run, "Save each video"))
    assert len(clips) == 4
    assert min(np.abs(a.astype(int) - b).mean() for i, a in enumerate(clips) for b in clips[:i]) > 1
    scores = of(run, "Persistence")["ffgo_persistence"][::3]
    assert len(scores) == 4
    (best,) = frames_of(host, of(run, "Save video"))
    # Untrained models make clips in which nobody is seen: then all have the same score.
    taken = [score for score, clip in zip(scores, clips, strict=True) if np.array_equal(best, clip)]
    assert taken == [max(scores)], scores
