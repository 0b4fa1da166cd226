"""FFGo Evaluate Clip and FFGo Compare Clips in the real host."""

import json

import numpy as np
import pytest
from PIL import Image

from lab.workshop.comfyui import REPO

from ..unit.evaluation_scene import COLOURS, clip_of, disc, make_case_set


@pytest.fixture(scope="module")
def graph(host, tmp_path_factory):
    """A clip of a disc before its scenery, with the cut-out, the background and three others."""
    case = make_case_set(tmp_path_factory.mktemp("set"), 1).cases[0]
    pictures = {f"frame_{n}": Image.fromarray(frame) for n, frame in enumerate(clip_of(case, frames=9))}
    pictures["scene"] = Image.open(case.background)
    pictures |= {f"disc_{n}": disc(colour) for n, colour in enumerate(COLOURS)}
    for name, picture in pictures.items():
        picture.save(host.base / "input" / f"evaluation_{name}.png")

    def load(name):
        return {"class_type": "LoadImage", "inputs": {"image": f"evaluation_{name}.png"}}

    nodes = {name: load(name) for name in pictures}
    nodes |= {
        f"cut_{n}": {
            "class_type": "JoinImageWithAlpha",
            "inputs": {"image": [f"disc_{n}", 0], "alpha": [f"disc_{n}", 1]},
        }
        for n in range(len(COLOURS))
    }
    last = "frame_0"
    for number in range(1, 9):
        inputs = {"image1": [last, 0], "image2": [f"frame_{number}", 0]}
        nodes[f"batch_{number}"] = {"class_type": "ImageBatch", "inputs": inputs}
        last = f"batch_{number}"
    evaluate = {"frames": [last, 0], "background": ["scene", 0], "subjects.subject0": ["cut_0", 0], "fps": 16.0}
    evaluate |= {f"others.other{n - 1}": [f"cut_{n}", 0] for n in (1, 2, 3)}
    nodes["evaluate"] = {"class_type": "FFGOEvaluateClip", "inputs": evaluate}
    nodes["other"] = {"class_type": "FFGOEvaluateClip", "inputs": evaluate | {"subjects.subject0": ["cut_1", 0]}}
    nodes["compare"] = {"class_type": "FFGOCompareClips", "inputs": {"a": ["evaluate", 1], "b": ["other", 1]}}
    return nodes


def test_a_clip_is_measured_and_two_are_compared(host, graph):
    outputs = host.run(graph)
    lines = {line.partition(":")[0]: line.partition(": ")[2] for line in outputs["evaluate"]["text"]}
    assert float(lines["Scene identity"].split()[0]) > 0.6
    assert float(lines["Motion"].split()[0]) > 0.5
    assert lines["Transition"].startswith("undefined")
    assert lines["Scene similarity"].startswith("undefined (no embedder")
    assert lines["Colour of subject0"].endswith("3 other subjects only, and with itself in 5 other hues; 20 say more)")
    raw = "Colour (raw) of subject0: "
    right, wrong = (
        next(float(line.removeprefix(raw)) for line in outputs[name]["text"] if line.startswith(raw))
        for name in ("evaluate", "other")
    )
    assert right > wrong + 0.3
    (strip,) = outputs["evaluate"]["images"]
    with Image.open(host.base / "temp" / strip["subfolder"] / strip["filename"]) as picture:
        assert picture.height == 120
        assert np.asarray(picture).std() > 10
    assert any(line.startswith(raw) and "difference -" in line for line in outputs["compare"]["text"])


def test_the_shipped_workflow_tells_the_clip_of_its_subject_from_another(host):
    prompt = json.loads((REPO / "workflows/api/FFGo compare two LoRAs.json").read_text("utf-8"))
    (compare,) = [number for number, node in prompt.items() if node["class_type"] == "FFGOCompareClips"]
    rows = dict(line.split(": ", 1) for line in host.run(prompt)[compare]["text"])
    a, b = (float(word) for word in rows["Scene identity"].split(",")[0].split(" and "))
    assert a > 0.9
    assert b < 0.2
    assert "difference -" in rows["Colour (raw) of subject0"]


def test_a_batch_of_backgrounds_is_refused_in_words(host, graph):
    evaluate = graph["evaluate"]["inputs"] | {"background": ["batch_1", 0]}
    with pytest.raises(Exception, match="background holds 2 pictures"):
        host.run(graph | {"evaluate": {"class_type": "FFGOEvaluateClip", "inputs": evaluate}})


def test_the_hosts_vision_models_and_transformers_clip_are_embedders(probes, tmp_path):
    found = probes.ask("evaluation_probe", str(tmp_path))
    assert found["vectors"] == [4, 16]
    assert found["lengths"] == pytest.approx([1] * 4)
    assert found["same"] == pytest.approx(1, abs=1e-5)
    assert found["other"] < 0.9999
    assert "other.safetensors" in found["no_vision"]
    assert "transformers' format" in found["no_clip"]
    score, sentences, frames, cut_off = found["text"]
    assert (sentences, frames) == (2, 3)
    assert -1 <= score <= 1
    assert cut_off > 80  # of a sentence of 200 words; CLIP reads 77 tokens
    assert found["text_agrees"] < 1e-5
    score, sentences, frames, cut_off = found["host_text"]
    assert (sentences, frames) == (2, 3)
    assert -1 <= score <= 1
    assert cut_off > 80
    assert "32 and 16 numbers" in found["of_two"]
    assert "no text projection" in found["unprojected"]
    assert "clip is no CLIP model" in found["no_words"]
