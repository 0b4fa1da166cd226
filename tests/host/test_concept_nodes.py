"""A concept from one clip to four files: on the canvas, and by a job; and what comes of it on the experts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open

from ffgo.clip.video_io import write_clip
from lab.workshop.comfyui import Host
from lab.workshop.server import ensure_standins

from ..unit.concept_scene import HEIGHT, WIDTH, mask, picture
from ..warm import Command
from .conftest import HostError

REPO = Path(__file__).parents[2]
FRAMES, SIZE = 9, {"width": 64, "height": 48, "frames": 9}
FILES = [f"cat_{part}_{expert}.safetensors" for part in ("identity", "motion") for expert in ("high", "low")]
RECIPE = "accumulation = 2\nlearning_rate = 1e-3\n[identity]\nb_dropout = 0.3\n"


def models() -> dict:
    experts = {
        expert: {"class_type": "UNETLoader", "inputs": {"unet_name": f"standin_{expert}_noise.safetensors",
                                                        "weight_dtype": "default"}}
        for expert in ("high", "low")
    }  # fmt: skip
    return experts | {
        "vae": {"class_type": "VAELoader", "inputs": {"vae_name": "standin_vae.safetensors"}},
        "clip": {"class_type": "CLIPLoader", "inputs": {"clip_name": "standin_umt5.safetensors", "type": "wan"}},
    }  # fmt: skip


def material(**changes) -> dict:
    concept = {
        "clip": ["video", 0], "mask": ["mask", 0], "appearance": "a [v] cat", "motion": "It swings.", "name": "cat",
    }  # fmt: skip
    return {
        "video": {"class_type": "LoadVideo", "inputs": {"file": "concept.mp4"}},
        "mask video": {"class_type": "LoadVideo", "inputs": {"file": "concept_mask.mp4"}},
        "mask frames": {"class_type": "GetVideoComponents", "inputs": {"video": ["mask video", 0]}},
        "mask": {"class_type": "ImageToMask", "inputs": {"image": ["mask frames", 0], "channel": "red"}},
        "concept": {"class_type": "FFGOConceptDataset", "inputs": concept | changes},
    }


def training(**changes) -> dict:
    encoded = {"concept": ["concept", 0], "vae": ["vae", 0], "clip": ["clip", 0], "name": "cat", **SIZE}
    steps = {"steps_identity": 2, "steps_motion": 2, "rank": 4, "recipe": RECIPE, "name": "cat"}
    nodes = {"encode": {"class_type": "FFGOEncodeConcept", "inputs": encoded}}
    for expert in ("high", "low"):
        data = {"model": [expert, 0], "set": ["encode", 0], "sequence": ["encode", 1], "expert": expert}
        nodes[f"train {expert}"] = {"class_type": "FFGOTrainConcept", "inputs": data | steps | changes}
    return nodes


@pytest.fixture(scope="module")
def trained(host) -> dict:
    """What the nodes say, from a clip to four files."""
    for name, make in (("concept", picture), ("concept_mask", lambda i: mask(i)[..., None].repeat(3, -1))):
        write_clip(host.base / "input" / f"{name}.mp4", (make(i) for i in range(FRAMES)), 16)
    return host.run(models() | material() | training())


def lora(host, name: str) -> Path:
    return host.base / "output" / "loras" / name


def test_a_clip_becomes_four_files_that_say_what_they_are(host, trained):
    told = json.dumps(trained["concept"])
    assert "1 clip(s) of 1 concept(s), 0 other scene(s); words: sks1 mvt1" in told
    assert "9 stills and 11 sequences" in json.dumps(trained["encode"])
    said = {}
    for name in FILES:
        with safe_open(lora(host, name), "pt") as file:
            said[name] = file.metadata()
    assert [said[name]["ffgo.part"] for name in FILES] == ["identity", "identity", "motion", "motion"]
    assert [said[name]["ffgo.expert"] for name in FILES] == ["high", "low", "high", "low"]
    assert {one["ffgo.words"] for one in said.values()} == {"sks1 mvt1"}
    for expert in ("high", "low"):
        bases = {said[f"cat_{part}_{expert}.safetensors"]["ffgo.basis"] for part in ("identity", "motion")}
        assert len(bases) == 1


def job(host, folder: Path, *, encodes: bool = False, **recipe) -> Path:
    """On what the nodes encoded, or from what they kept of the clip."""
    standins = ensure_standins(Host.current())
    paths = {expert: standins / f"diffusion_models/standin_{expert}_noise.safetensors" for expert in ("high", "low")}
    concept = {"encoded": host.base / "output/encoded_datasets/cat"}
    if encodes:
        encoders = {"vae": "vae/standin_vae", "text_encoder": "text_encoders/standin_umt5"}
        paths |= {name: standins / f"{file}.safetensors" for name, file in encoders.items()}
        concept = {"path": host.base / "output/datasets/cat"}
    lines = ['name = "cat"', 'output = "out"', "[models]", *(f"{name} = '{path}'" for name, path in paths.items())]
    lines += ["[concept]", *(f"{name} = '{path}'" for name, path in concept.items())]
    lines += [f"{name} = {size}" for name, size in SIZE.items()]
    lines += ["[recipe]", "rank = 4", *(f"{key} = {value}" for key, value in recipe.items())]
    lines += RECIPE.replace("[identity]", "[recipe.identity]\nsteps = 2").splitlines()
    path = folder / "job.toml"
    path.write_text("\n".join([*lines, "[recipe.motion]", "steps = 2"]))
    return path


@pytest.mark.parametrize(("command", "encodes"), [("ffgo.training", False), ("tests.host.small_job", True)])
def test_a_job_gives_the_same_four_files_to_the_bit(host, trained, tmp_path, command, encodes):
    """On what the nodes encoded, and from concept.json on."""
    made = Command(REPO, command, job(host, tmp_path, encodes=encodes), log=tmp_path / "log.txt")
    status, output = made.finished()
    assert status == 0, output
    assert ("encoding " in output) == encodes
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == lora(host, name).read_bytes(), name


def test_a_prior_weight_without_a_prior_is_refused_in_both_doors(host, trained, tmp_path):
    said = "prior_weight is set and does nothing"
    with pytest.raises(HostError, match=said):
        host.run(models() | material() | training(recipe=f"prior_weight = 1\n{RECIPE}", name="other"))
    status, output = Command(
        REPO, "ffgo.training", job(host, tmp_path, prior_weight=1), log=tmp_path / "log.txt"
    ).finished()
    assert status == 1
    assert said in output
    assert "Traceback" not in output


def test_the_same_clip_again_changes_nothing_but_its_words(host, trained):
    folder = host.base / "output/datasets/cat"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.mp4")}
    host.run(material(motion="It runs."))
    (clip,) = json.loads((folder / "concept.json").read_text())["clips"]
    assert clip["motion"] == "It runs."
    assert {path.name for path in folder.rglob("*.mp4")} == {path.name for path in before}
    host.run(material())


def test_prior_clips_are_made_once_and_learned_beside(host, trained):
    prior = {
        "prior": {
            "class_type": "FFGOPriorClips",
            "inputs": {
                "model_high": ["high", 0], "model_low": ["low", 0], "vae": ["vae", 0], "clip": ["clip", 0],
                "prompts": "A dog. It runs.\nA woman. She waves.", "name": "prior", "count": 3, "steps": 3, **SIZE,
            },
        },
    }  # fmt: skip
    shown = {"show": {"class_type": "PreviewAny", "inputs": {"source": ["prior", 0]}}}
    assert "3 were made now" in json.dumps(host.run(models() | prior | shown)["prior"])
    index = json.loads((host.base / "output/encoded_datasets/prior/dataset.json").read_text())
    assert len({entry["example"] for entry in index["entries"]}) == 3
    beside = training(prior=["prior", 0], name="beside")
    del beside["train low"]
    host.run(models() | material() | prior | beside)
    run = json.loads((host.base / "output/ffgo_training/beside_motion/high/run.json").read_text())
    assert run["recipe"]["prior_weight"] == 1
    assert "prior" in run


def test_the_loader_and_the_merged_file(host, trained):
    loaded = {
        "load": {
            "class_type": "FFGOConceptLoader",
            "inputs": {"model_high": ["high", 0], "model_low": ["low", 0], "concept": "cat", "motion": 0.5},
        },
        "words": {"class_type": "PreviewAny", "inputs": {"source": ["load", 2]}},
        "report": {"class_type": "PreviewAny", "inputs": {"source": ["load", 3]}},
    }
    told = host.run(models() | loaded)
    assert told["words"]["text"] == ["sks1 mvt1"]
    assert "low-noise expert: motion 0.5, merged" in told["report"]["text"][0]
    command = ("ffgo.training", "merge-concept", lora(host, "cat"), "--motion", "0.5")
    for status, said in ((0, "Wrote"), (1, "exists. Move it away")):
        done = subprocess.run(
            [sys.executable, "-m", *map(str, command)], cwd=REPO, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        assert said in done.stdout + done.stderr
    for expert in ("high", "low"):
        lora(host, f"cat_merged_{expert}.safetensors").unlink()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mask": None}, "Nothing tells where the concept is"),
        ({"word_v": "ad23r2"}, "a word of FFGo's own phrase"),
        ({"appearance": ""}, "appearance is empty"),
        ({"name": "../x"}, "begins or ends with a dot"),
    ],
)
def test_what_is_no_concept(host, trained, changes, says):
    prompt = material(**{name: value for name, value in changes.items() if value is not None})
    for name, value in changes.items():
        if value is None:
            del prompt["concept"]["inputs"][name]
    with pytest.raises(HostError, match=says):
        host.run(prompt)


def test_a_mask_of_one_frame_is_refused(host, trained):
    prompt = material(mask=["one", 0]) | {
        "one": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": WIDTH, "height": HEIGHT}}
    }
    with pytest.raises(HostError, match="There are 1 masks, and the clip has 9 frames"):
        host.run(prompt)
