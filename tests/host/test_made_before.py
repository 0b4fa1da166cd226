"""What users saved with commit e515c26 works as it did: its README says what lies in DATA and how it was made.

Only by the users' own doors (prompts, commands, /object_info), so that no move inside the pack touches this file.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from ..warm import Command

REPO = Path(__file__).parents[2]
DATA = REPO / "tests" / "data" / "made_by_e515c26"
NODES: dict[str, dict[str, Any]] = json.loads((DATA / "object_info.json").read_text("utf-8"))
WORKFLOWS = sorted(path.stem for path in (DATA / "workflows").glob("*.json"))
FROM_OUTSIDE = ("lora_high", "lora_low", "checkpoint", "scheduler")
"""Inputs whose choices are files on the disk, or the host's."""
NEW = {
    "FFGOComposeCanvas": ["min_alpha"],
    "FFGOEncodeDataset": ["model", "clip_vision"],
    "FFGOTrimCompressionFrames": ["memory"],
    "FFGOWanMoELoRALoader": ["memory"],
}
"""Inputs that nodes have got since, all optional."""
NEW_CHOICES = {
    "FFGOComposeCanvas": {"preset": ["1280x704", "704x1280"]},
    "FFGOTrainExpertLoRA": {"expert": ["only"], "preset": ["16 GB", "12 GB"]},
    "FFGOSaveExpertLoRA": {"expert": ["only"]},
}
"""Choices that their inputs have got since, behind the others."""
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")


MODELS_OF_THEN = {
    "diffusion_models/toy_high_noise.safetensors": "47258d36637ffe501ee6cdb12d5d746947ec2ad0",
    "diffusion_models/toy_low_noise.safetensors": "d3dc006a376097265eae56e89d6d1ededc451252",
    "text_encoders/toy_umt5.safetensors": "d66dadbb7d3f9a0df61747c275c8f72ca514b579",
}
"""The toy world's models of then, by their places, and what git calls them: today's are others."""
THEN = "then"
"""The folder that each lies in, beside today's."""


def read(name: str) -> Any:
    return json.loads((DATA / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def saved(host):
    """The host's folders with the saved files in them, as they lay in those of e515c26."""
    places = {
        "dataset": "output/datasets/made_before",
        "encoded": "output/encoded_datasets/made_before",
        "node_runs": "output/ffgo_training",
        "loras": "output/loras",
        "pictures": "input/saved_pictures",
        "gemini_cache": "user/__ffgo/gemini_cache",
    }
    for place in MODELS_OF_THEN:
        folder, name = place.split("/")
        model_of_then(place, host.base / "models" / folder / THEN / name)
    for kept, place in places.items():
        shutil.copytree(DATA / kept, host.base / place, dirs_exist_ok=True)
    with (host.base / "user/__ffgo/gemini_ledger.jsonl").open("a") as ledger:
        ledger.write((DATA / "gemini_ledger.jsonl").read_text())
    return host


@pytest.mark.parametrize("name", NODES)
def test_a_node_looks_as_it_did(host, name):
    now = host.get(f"/object_info/{name}")[name]
    for inputs in now["input"].values():
        for input_name in inputs.keys() & set(FROM_OUTSIDE):
            del inputs[input_name][1]["options"]
        for input_name in inputs.keys() & NEW_CHOICES.get(name, {}).keys():
            options, new = inputs[input_name][1]["options"], NEW_CHOICES[name][input_name]
            assert options[-len(new) :] == new
            del options[-len(new) :]
    for new in NEW.get(name, ()):
        del now["input"]["optional"][new]
        now["input_order"]["optional"].remove(new)
    if name == "FFGOComposeCanvas":
        template = now["input"]["required"]["subjects"][1]["template"]["input"]
        template["required"] = template.pop("optional")  # the first subject may be left out now
    assert untold({key: now[key] for key in NODES[name]}) == untold(NODES[name])
    assert now["input_order"] == {kind: list(inputs) for kind, inputs in now["input"].items()}


def untold(about: Any) -> Any:
    """Without tooltips, whose words may become better."""
    if isinstance(about, dict):
        return {key: untold(value) for key, value in about.items() if key not in ("tooltip", "output_tooltips")}
    return [untold(value) for value in about] if isinstance(about, list) else about


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_means_what_it_meant(host, name):
    """The values lie in the workflow by their places alone: with today's nodes they give the prompt of then."""
    prompt, found = read(f"workflows/api/{name}.json"), 0
    for node in read(f"workflows/{name}.json")["nodes"]:
        if node["type"] not in NODES:
            continue
        then = prompt[str(node["id"])]["inputs"]
        names = widgets(host, node["type"])
        new = [name for name in NEW.get(node["type"], ()) if name in names]
        assert names[len(names) - len(new) :] == new, "the values of what was there go by their places"
        values = dict(zip(names[: len(names) - len(new)], node["widgets_values"], strict=True))
        linked = {one["name"] for one in node["inputs"] if one["link"] is not None}
        assert values.keys() | linked == then.keys()
        assert {key: value for key, value in then.items() if key not in linked}.items() <= values.items()
        found += 1
    assert found


def widgets(host, class_type: str) -> list[str]:
    """A node's inputs that hold a value, in their order."""
    inputs = host.get(f"/object_info/{class_type}")[class_type]["input"]
    every = inputs.get("required", {}) | inputs.get("optional", {})
    return [name for name, (kind, *_) in every.items() if kind in WIDGETS]


def test_pictures_and_loras_give_the_clip_that_they_gave(saved, tmp_path):
    """A canvas that was arranged by hand, the LoRA files with their metadata, and all that is between them."""
    workflow = tmp_path / "video.json"
    workflow.write_text(with_models_of_then(DATA / "prompts/video.json"), "utf-8")
    words = "run", "--server", saved.url, "--workflow", str(workflow), "--out", str(tmp_path / "out")
    done = Command(REPO, "ffgo.remote", *words, log=tmp_path / "log.txt").finished()
    assert done[0] == 0, done[1]
    first, last = (pixels(max((tmp_path / "out").glob(f"{name}_*.png"))) for name in ("first", "frame"))
    assert (first == pixels(DATA / "first_frame.png")).all()
    # Another processor rounds otherwise, and so a few pixels; a tenth less of the high-noise LoRA is 0.18.
    assert np.abs(last - pixels(DATA / "last_frame.png")).mean() < 0.05


def model_of_then(place: str, file: Path) -> None:
    """Out of the repository's history, which has to be there: a clone of some depth is not enough."""
    file.parent.mkdir(parents=True, exist_ok=True)
    words = "git", "-C", str(REPO), "cat-file", "blob", MODELS_OF_THEN[place]
    found = subprocess.run(words, check=False, capture_output=True)
    if found.returncode:
        pytest.skip("the models of then are in the repository's history, which this clone lacks: git fetch --unshallow")
    file.write_bytes(found.stdout)


def with_models_of_then(prompt: Path) -> str:
    text = prompt.read_text("utf-8")
    for place in MODELS_OF_THEN:
        name = Path(place).name
        text = text.replace(f'"{name}"', f'"{THEN}/{name}"')
    return text


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), int)


@pytest.fixture(scope="module")
def went_on(saved):
    """The host after a prompt that encodes the dataset and goes on with two runs; when its files were written."""
    encoded = saved.base / "output/encoded_datasets/made_before"
    before = written(encoded)
    saved.run(json.loads(with_models_of_then(DATA / "prompts/training.json")))
    return saved, before, written(encoded)


def written(folder: Path) -> dict[str, int]:
    return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in folder.glob("*/*")}


def test_an_encoded_dataset_is_not_encoded_again(went_on):
    host, before, after = went_on
    assert after == before
    assert len(before) == 4
    index = json.loads((host.base / "output/encoded_datasets/made_before/dataset.json").read_text())
    assert read("encoded/dataset.json").items() <= index.items()


@pytest.mark.parametrize(("name", "expert"), [("made_before_second_b", "high"), ("made_before_frozen_b", "low")])
def test_a_run_on_its_node_goes_on_to_what_it_became(went_on, name, expert):
    """The host computes on as many threads as it likes: to the last bit, only the command's run can be the same."""
    host, *_ = went_on
    became = f"{name}_{expert}.safetensors"
    begun = DATA / f"node_runs/{name}/{expert}/step_000002.safetensors"
    assert off(host.base / "output/loras" / became, DATA / "finished" / became, begun) < 1e-3


def test_a_job_on_a_cluster_goes_on_to_what_it_became(host, tmp_path):
    """One expert from its third step on, the other from its first, as the job's file of then says."""
    shutil.copytree(DATA / "cluster", tmp_path, dirs_exist_ok=True)
    shutil.copytree(DATA / "encoded", tmp_path / "encoded")
    for place in MODELS_OF_THEN:
        model_of_then(place, tmp_path / "models" / Path(place).name)
    begun = tmp_path / "training/runs/made_before/high/step_000003.state.safetensors"
    before = begun.stat().st_mtime_ns
    status, output = Command(REPO, "ffgo.training", tmp_path / "job.toml", log=tmp_path / "log.txt").finished()
    assert status == 0, output
    assert begun.stat().st_mtime_ns == before, "it began anew"
    for name in ("made_before_high.safetensors", "made_before_low.safetensors"):
        there = DATA / "cluster/training/runs/made_before/high/step_000003.safetensors" if "high" in name else None
        difference = off(tmp_path / "training" / name, DATA / "loras" / name, there)
        assert difference == 0 if arithmetic() == read("made_on.json") else difference < 1e-3


def off(ours: Path, theirs: Path, begun: Path | None) -> float:
    """How far a LoRA is from what it became then, as a share of the way there; what the files say of it is the same."""
    with safe_open(ours, framework="pt") as now, safe_open(theirs, framework="pt") as then:
        assert then.metadata().items() <= now.metadata().items()
    found, wanted = load_file(ours), load_file(theirs)
    assert {name: (one.shape, one.dtype) for name, one in found.items()} == {
        name: (one.shape, one.dtype) for name, one in wanted.items()
    }
    start = load_file(begun) if begun else {name: torch.zeros_like(one) for name, one in wanted.items()}
    return float(distance(found, wanted) / distance(start, wanted))


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.stack([(one[name] - other[name]).norm() for name in other]).norm()


def arithmetic() -> dict[str, str]:
    """What the last bits of a sum depend on."""
    about = Path("/proc/cpuinfo")
    text = about.read_text() if about.is_file() else ""
    facts = re.findall(r"^(?:vendor_id|cpu family|model|stepping)\s*:\s*(.+)$", text, re.MULTILINE)
    return {
        "torch": torch.__version__,
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "processor": " ".join(facts[:4]),
    }


def test_what_gemini_answered_is_not_paid_again(saved, gemini):
    """There is no key: a question that would go out is an error."""
    gemini.asked = []
    outputs = saved.run(read("prompts/gemini.json"))
    assert not gemini.asked
    assert outputs["10"]["text"] == ["the round red robot with the yellow earmuffs\nthe yellow sailing boat"]
    assert json.loads(outputs["11"]["text"][0])["returned_size"] == [256, 144]
    assert outputs["12"]["text"] == ["A red robot waves at a yellow boat on a lake."]
    assert outputs["13"]["text"] == ["A round red robot waves at a yellow boat while the camera stays still."]
