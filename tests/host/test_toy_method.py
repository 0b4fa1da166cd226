"""The method from end to end, in the toy world, on the real host: does training make the subjects appear?

The LoRAs are trained on from half-way with the training nodes, then the shipped workflow makes clips of unseen
subjects, and the metrics say how much of subjects and scene is in them. In copies of the pack that are broken in one
place each, the same training does not raise both: so this test can fail.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.pixels import to_float
from ffgo.remote import load_workflow, run_workflow
from lab.toyworld.examples import ToyExample, training_set, write_dataset
from lab.toyworld.examples import test_set as unseen_examples
from lab.toyworld.family import MIDWAY_HIGH, MIDWAY_LOW, WEIGHTS
from lab.toyworld.metrics import score_clip
from lab.toyworld.scene import FRAMES, SIZE
from lab.toyworld.train_lora import RECIPE
from lab.workshop.comfyui import REPO
from lab.workshop.demo import SETTINGS, WORKFLOW, draw_materials, titled, watcher

EXAMPLES = 12
STEPS = 80
RISE = 0.25
"""Of both, the object identity and the scene identity, on those examples."""


@dataclass(frozen=True)
class Damage:
    """A line of the pack that is broken on purpose."""

    file: str
    right: str
    wrong: str


BROKEN = {
    "sigma window": Damage("ffgo/experts/schedule.py", "= unshifted_time(boundary", "= unshifted_time(1 - boundary"),
    "condition channels": Damage("ffgo/dataset/cache.py", "cat((given, composite))", "cat((composite, given))"),
    "expert order": Damage("nodes/experts/moe_lora_loader.py", "NodeOutput(*models,", "NodeOutput(*models[::-1],"),
    "trim": Damage("ffgo/clip/trim.py", "images[found.frames :]", "images[: found.frames]"),
}


def broken_copy(folder: Path, damage: Damage) -> Path:
    """The pack with one line changed."""
    shutil.copy(REPO / "__init__.py", folder)
    for part in ("ffgo", "nodes", "web", "locales"):
        shutil.copytree(REPO / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / damage.file).read_text()
    assert text.count(damage.right) == 1
    (folder / damage.file).write_text(text.replace(damage.right, damage.wrong))
    return folder


def node(class_type: str, **inputs: object) -> dict:
    return {"class_type": class_type, "inputs": inputs}


def training() -> dict:
    """Train both experts' LoRAs a little further; the files are trained_high and trained_low."""
    recipe = f"batch_size = {RECIPE.batch_size}\nlearning_rate = {RECIPE.learning_rate}\nsave_dtype = 'bfloat16'\n"
    prompt = {
        "examples": node("FFGODatasetFolder", folder="toy"),
        "vae": node("VAELoader", vae_name="toy_vae.safetensors"),
        "clip": node("CLIPLoader", clip_name="toy_umt5.safetensors", type="wan"),
        "encoded": node(
            "FFGOEncodeDataset", dataset=["examples", 0], vae=["vae", 0], clip=["clip", 0], name="toy",
            width=SIZE, height=SIZE, frames=FRAMES,
        ),
    }  # fmt: skip
    for expert, start in (("high", MIDWAY_HIGH), ("low", MIDWAY_LOW)):
        prompt |= {
            expert: node("UNETLoader", unet_name=f"toy_{expert}_noise.safetensors", weight_dtype="default"),
            f"train {expert}": node(
                "FFGOTrainExpertLoRA", model=[expert, 0], dataset=["encoded", 0], expert=expert, name="trained",
                steps=STEPS, rank=RECIPE.rank, accumulation=1, preview_every=0,
                recipe=f"{recipe}clip_norm = {RECIPE.clip_norm}\nschedule = 'cosine'\nstart_lora = '{WEIGHTS / start}'",
            ),
        }  # fmt: skip
    return prompt


def identities(url: str, high: str, low: str, folder: Path) -> np.ndarray:
    """Object and scene identity of what the shipped workflow makes of unseen examples with these LoRAs."""
    workflow = load_workflow(WORKFLOW)
    workflow["kept"] = watcher("Kept", "SaveImage", images=[titled(workflow, "Trim"), 0], filename_prefix="kept")
    loras = [f"FFGo LoRA.lora_high={high}", f"FFGo LoRA.lora_low={low}"]
    scores = []
    for number, example in enumerate(unseen_examples()[:EXAMPLES]):
        (folder / str(number)).mkdir(parents=True)
        background, subjects = draw_materials(example, folder / str(number))
        result = run_workflow(
            url, workflow, folder / str(number) / "out", background=background, subjects=subjects,
            prompt=example.caption, settings=[*SETTINGS, *loras],
        )  # fmt: skip
        scores.append(score(result.files["Kept"], example))
    return np.mean(scores, axis=0)


def score(files: list[Path], example: ToyExample) -> tuple[float, float]:
    """Both identities; nothing for a clip that is not the one after the cut."""
    if len(files) != FRAMES - 4:
        return 0.0, 0.0
    clip = torch.stack([torch.from_numpy(to_float(Image.open(file).convert("RGB"))) for file in files])
    scores = score_clip(clip, example.clip.shot, 4)
    return scores.object_identity, scores.scene_identity


def trained(host, base: Path) -> np.ndarray:
    """Both identities after the training on a host."""
    write_dataset(base / "output" / "datasets" / "toy", training_set())
    host.run(training(), timeout_s=300)
    return identities(host.url, "trained_high.safetensors", "trained_low.safetensors", base / "clips")


@pytest.fixture(scope="module")
def before(host, tmp_path_factory) -> np.ndarray:
    """Both identities that the training starts from."""
    return identities(host.url, MIDWAY_HIGH, MIDWAY_LOW, tmp_path_factory.mktemp("before"))


def test_training_brings_the_subjects_into_the_scene(host, before, tmp_path):
    with host.start_another(tmp_path / "base") as other:
        after = trained(other, other.base)
    print(f"identities {before} -> {after}")
    assert (after > before + RISE).all()


@pytest.mark.parametrize("what", BROKEN)
def test_it_would_be_noticed(host, before, what, tmp_path):
    (tmp_path / "pack").mkdir()
    pack = broken_copy(tmp_path / "pack", BROKEN[what])
    with host.start_another(tmp_path / "base", pack) as other:
        after = trained(other, other.base)
    print(f"{what} broken: identities {before} -> {after}")
    assert not (after > before + RISE).all()
