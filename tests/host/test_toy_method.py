"""The method from end to end, in the toy world, on the real host: does training make the subjects appear?

The LoRAs are trained on from half-way, then the shipped workflow makes clips of unseen subjects, and the metrics say
how much of subjects and scene is in them. In copies of the pack that are broken in one place each this does not raise
both, or a few steps do not lower the loss: so these tests can fail. The long form trains with the nodes, on each copy.
"""

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.bases.base import Expert
from ffgo.dataset.cache import CachedDataset
from ffgo.pixels import to_float
from ffgo.remote import load_workflow, run_workflow
from ffgo.training.expert_check import KNOWS, LOST
from ffgo.training.recipe import Recipe
from lab.toyworld.examples import ToyExample, training_set, write_dataset
from lab.toyworld.examples import test_set as unseen_examples
from lab.toyworld.family import MIDWAY_HIGH, MIDWAY_LOW, WEIGHTS
from lab.toyworld.metrics import score_clip
from lab.toyworld.scene import FRAMES, SIZE
from lab.toyworld.train_lora import FILES, RECIPE
from lab.workshop.comfyui import REPO, cache_folder
from lab.workshop.demo import SETTINGS, WORKFLOW, draw_materials, titled, watcher

from ..warm import Command

BEFORE = np.array(json.loads((REPO / "tests" / "data" / "toy_method_before.json").read_text()))
"""Object and scene identity of each clip that the training starts from; the long form measures them anew."""
EXAMPLES, FEW_EXAMPLES, ALL_EXAMPLES = 8, 4, len(BEFORE)
STEPS = 80
RISE, RISE_OF_ALL = 0.1, 0.15
"""Of both, the object identity and the scene identity, on those examples."""
FEW_STEPS = 25
HELD_OUT = 8
"""Of the encoded examples, those that the few steps do not see."""
FALL = 0.5
"""Of the low-noise expert's loss on them, as a share, by the few steps."""


@dataclass(frozen=True)
class Damage:
    """A line of the pack that is broken on purpose."""

    file: str
    right: str
    wrong: str


BROKEN_TRAINING = {
    "sigma window": Damage("ffgo/experts/schedule.py", "= unshifted_time(boundary", "= unshifted_time(boundary / 1000"),
    "windows exchanged": Damage(
        "ffgo/experts/schedule.py",
        'middle if expert == "high" else 0.0, middle if expert == "low" else 1.0',
        'middle if expert == "low" else 0.0, middle if expert == "high" else 1.0',
    ),
    "condition channels": Damage("ffgo/bases/condition.py", "cat((mask, latents)", "cat((latents, mask)"),
}
BROKEN_SAMPLING = {
    "expert order": Damage("nodes/experts/_loading.py", "NodeOutput(*models,", "NodeOutput(*models[::-1],"),
    "trim": Damage("ffgo/clip/trim.py", "clip[one.frames :]", "clip[: one.frames]"),
}
BROKEN = BROKEN_TRAINING | BROKEN_SAMPLING


def broken_copy(folder: Path, damage: Damage) -> Path:
    """The pack with one line changed."""
    folder.mkdir()
    shutil.copy(REPO / "__init__.py", folder)
    for part in ("ffgo", "nodes", "web", "locales"):
        shutil.copytree(REPO / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / damage.file).read_text()
    assert text.count(damage.right) == 1
    (folder / damage.file).write_text(text.replace(damage.right, damage.wrong))
    return folder


def node(class_type: str, **inputs: object) -> dict:
    return {"class_type": class_type, "inputs": inputs}


def encoding() -> dict:
    """Encode the toy dataset; all of a prompt but what uses it."""
    return {
        "examples": node("FFGODatasetFolder", folder="toy"),
        "vae": node("VAELoader", vae_name="toy_vae.safetensors"),
        "clip": node("CLIPLoader", clip_name="toy_umt5.safetensors", type="wan"),
        "encoded": node(
            "FFGOEncodeDataset", dataset=["examples", 0], vae=["vae", 0], clip=["clip", 0], name="toy",
            width=SIZE, height=SIZE, frames=FRAMES,
        ),
    }  # fmt: skip


def identities(url: str, high: str, low: str, folder: Path, count: int) -> np.ndarray:
    """Object and scene identity (count, 2) of what the shipped workflow makes of unseen examples with these LoRAs."""
    workflow = load_workflow(WORKFLOW)
    workflow["kept"] = watcher("Kept", "SaveImage", images=[titled(workflow, "Trim"), 0], filename_prefix="kept")
    loras = [f"FFGo LoRA.lora_high={high}", f"FFGo LoRA.lora_low={low}"]
    scores = []
    for number, example in enumerate(unseen_examples()[:count]):
        (folder / str(number)).mkdir(parents=True)
        background, subjects = draw_materials(example, folder / str(number))
        result = run_workflow(
            url, workflow, folder / str(number) / "out", background=background, subjects=subjects,
            prompt=example.caption, settings=[*SETTINGS, *loras],
        )  # fmt: skip
        scores.append(score(result.files["Kept"], example))
    return np.array(scores)


def score(files: list[Path], example: ToyExample) -> tuple[float, float]:
    """Both identities; nothing for a clip that is not the one after the cut."""
    if len(files) != FRAMES - 4:
        return 0.0, 0.0
    clip = torch.stack([torch.from_numpy(to_float(Image.open(file).convert("RGB"))) for file in files])
    scores = score_clip(clip, example.clip.shot, 4)
    return scores.object_identity, scores.scene_identity


def risen(after: np.ndarray, rise: float = RISE) -> bool:
    """Whether both identities are higher on these examples than before the training."""
    before, after = BEFORE[: len(after)].mean(0), after.mean(0)
    print(f"identities {before} -> {after}")
    return bool((after > before + rise).all())


@pytest.fixture(scope="module")
def encoded(host) -> Path:
    """The examples, encoded once for all runs of the same code; the node looks through what was kept."""
    write_dataset(host.base / "output" / "datasets" / "toy", training_set())
    folder, kept = host.base / "output" / "encoded_datasets" / "toy", kept_encoded()
    if kept.is_dir():
        shutil.copytree(kept, folder)
    host.run(encoding() | {"end": node("PreviewAny", source=["encoded", 0])})
    if not kept.is_dir():
        partial = kept.with_name(f"{kept.name}-{os.getpid()}")
        shutil.copytree(folder, partial)
        partial.rename(kept)
    return folder


def kept_encoded() -> Path:
    """Where the encoded examples of this code lie, in the folder of the stand-ins."""
    digest = hashlib.sha256()
    for part in ("ffgo", "nodes/dataset", "nodes/training", "lab/toyworld"):
        for file in sorted((REPO / part).rglob("*")):
            if file.suffix in (".py", ".safetensors"):
                digest.update(file.read_bytes())
    return cache_folder() / f"toy-encoded-{digest.hexdigest()[:10]}"


def train(pack: Path, expert: Expert, recipe: Recipe, dataset: Path, out: Path) -> Path:
    """Train one expert's LoRA with a pack's own command, on one core; returns its file."""
    out.mkdir()
    job = out / "job.toml"
    job.write_text(
        f"name = 'trained'\nexperts = ['{expert}']\noutput = '{out}'\n[dataset]\nencoded = '{dataset}'\n"
        f"[models]\n{expert} = '{WEIGHTS / FILES[expert][0]}'\n[recipe]\n{recipe.to_toml()}"
    )
    status, output = Command(pack, "ffgo.training", job, log=out / "log.txt").finished()
    assert status == 0, output
    return out / f"trained_{expert}.safetensors"


@pytest.fixture(scope="module")
def trained(encoded, tmp_path_factory) -> dict[Expert, Path]:
    """Both experts' LoRAs, trained on from half-way, side by side."""
    folder = tmp_path_factory.mktemp("trained")
    starts: dict[Expert, str] = {"high": MIDWAY_HIGH, "low": MIDWAY_LOW}

    def train_on(expert: Expert) -> Path:
        recipe = replace(RECIPE, steps=STEPS, warmup_steps=0, start_lora=str(WEIGHTS / starts[expert]))
        return train(REPO, expert, recipe, encoded, folder / expert)

    with ThreadPoolExecutor(len(starts)) as pool:
        return dict(zip(starts, pool.map(train_on, starts), strict=True))


def clips_with(host, trained: dict[Expert, Path], folder: Path, count: int) -> np.ndarray:
    """Both identities of clips that a host makes with the trained LoRAs."""
    for file in trained.values():
        shutil.copy(file, host.base / "models" / "loras")
    return identities(host.url, trained["high"].name, trained["low"].name, folder, count)


def test_training_brings_the_subjects_into_the_scene(host, trained, tmp_path):
    assert risen(clips_with(host, trained, tmp_path, EXAMPLES))


@pytest.fixture(scope="module")
def made_by_broken(host, trained, tmp_path_factory) -> dict[str, np.ndarray]:
    """Both identities of clips that each copy with broken sampling makes with the same LoRAs, side by side."""
    folder = tmp_path_factory.mktemp("broken_sampling")

    def made_by(what: str) -> np.ndarray:
        pack = broken_copy(folder / f"{what} pack", BROKEN_SAMPLING[what])
        with host.start_another(folder / what, pack) as other:
            return clips_with(other, trained, folder / f"{what} clips", FEW_EXAMPLES)

    with ThreadPoolExecutor(len(BROKEN_SAMPLING)) as pool:
        return dict(zip(BROKEN_SAMPLING, pool.map(made_by, BROKEN_SAMPLING), strict=True))


@pytest.mark.parametrize("what", BROKEN_SAMPLING)
def test_broken_sampling_would_be_noticed(made_by_broken, what):
    assert not risen(made_by_broken[what])


@pytest.fixture(scope="module")
def falls(encoded, tmp_path_factory) -> dict[str, float]:
    """By what share a few steps of each pack, whole or broken, lower the low-noise expert's loss."""
    folder = tmp_path_factory.mktemp("few_steps")
    dataset = CachedDataset.open(encoded)
    shutil.copytree(encoded, folder / "seen")
    CachedDataset(folder / "seen", dataset.entries[HELD_OUT:]).save_index()
    packs = {"nothing": REPO} | {what: broken_copy(folder / what, BROKEN_TRAINING[what]) for what in BROKEN_TRAINING}
    # A pack that gives the experts a broken condition would be refused before its first step.
    recipe = replace(RECIPE, steps=FEW_STEPS, warmup_steps=5, check_expert=False)

    def lora(what: str) -> str:
        return str(train(packs[what], "low", recipe, folder / "seen", folder / f"{what} LoRA"))

    with ThreadPoolExecutor(len(packs)) as pool:
        loras = list(pool.map(lora, packs))
    names = ",".join(dataset.names[:HELD_OUT])
    probe = Command(REPO, "tests.host.toy_loss_probe", "low", encoded, names, *loras, log=folder / "losses.txt")
    status, output = probe.finished()
    assert status == 0, output
    start, *losses = json.loads(output.splitlines()[-1])
    print(f"loss {start} -> {dict(zip(packs, losses, strict=True))}")
    return {what: 1 - loss / start for what, loss in zip(packs, losses, strict=True)}


def test_a_few_steps_lower_the_loss(falls):
    assert falls["nothing"] > FALL, falls


@pytest.mark.parametrize("what", BROKEN_TRAINING)
def test_broken_training_would_be_noticed(falls, what):
    assert not falls[what] > FALL, falls


@pytest.mark.nightly
def test_the_loss_tells_the_experts_apart(host, encoded, tmp_path):
    """The table in docs/training.md. `-s` shows the numbers."""
    standins = host.base / "models" / "diffusion_models"
    models = [WEIGHTS / FILES["high"][0], WEIGHTS / FILES["low"][0]]
    models += [standins / f"standin_{expert}_noise.safetensors" for expert in ("high", "low")]
    probe = Command(REPO, "tests.host.expert_loss_probe", encoded, *models, log=tmp_path / "log.txt")
    status, output = probe.finished()
    assert status == 0, output
    every = json.loads(output.splitlines()[-1])
    for model, (little, much) in zip(models, every, strict=True):
        for name, losses in (("little", little), ("much", much)):
            spans = ", of three ".join(f"{min(losses[of]):.2f} to {max(losses[of]):.2f}" for of in ("one", "three"))
            print(f"{model.stem}: {name} noise {spans}")
    (high, much_of_high), (low, much_of_low), *untrained = every
    assert min(high["three"]) > max(KNOWS, *low["three"])
    assert max(low["three"]) < LOST
    assert max(much_of_high["three"] + much_of_low["three"]) < KNOWS
    assert min(min(much["one"]) for _, much in untrained) > KNOWS


def training() -> dict:
    """Train both experts' LoRAs a little further with the nodes; the files are trained_high and trained_low."""
    recipe = f"batch_size = {RECIPE.batch_size}\nlearning_rate = {RECIPE.learning_rate}\nsave_dtype = 'bfloat16'\n"
    recipe += "check_expert = false\n"  # a broken pack would be refused before its first step
    prompt = encoding()
    for expert, start in (("high", MIDWAY_HIGH), ("low", MIDWAY_LOW)):
        prompt |= {
            expert: node("UNETLoader", unet_name=f"toy_{expert}_noise.safetensors", weight_dtype="default"),
            f"train {expert}": node(
                "FFGOTrainExpertLoRA", model=[expert, 0], dataset=["encoded", 0], expert=expert, name="trained",
                steps=STEPS, rank=RECIPE.rank, accumulation=1, preview_every=0,
                recipe=f"{recipe}clip_norm = {RECIPE.clip_norm}\nschedule = 'cosine'\nstart_lora = '{start}'",
            ),
        }  # fmt: skip
    return prompt


def trained_with_nodes(host, base: Path) -> np.ndarray:
    """Both identities after the training on a host."""
    write_dataset(base / "output" / "datasets" / "toy", training_set())
    host.run(training())
    return identities(host.url, "trained_high.safetensors", "trained_low.safetensors", base / "clips", ALL_EXAMPLES)


@pytest.mark.nightly
def test_before_is_what_the_shipped_loras_make(host, tmp_path):
    before = identities(host.url, MIDWAY_HIGH, MIDWAY_LOW, tmp_path, ALL_EXAMPLES)
    print(before.round(4).tolist())
    assert np.abs((before - BEFORE).mean(0)).max() < 0.05


@pytest.mark.nightly
def test_training_with_the_nodes_does_so_too(host, tmp_path):
    with host.start_another(tmp_path / "base") as other:
        assert risen(trained_with_nodes(other, other.base), RISE_OF_ALL)


@pytest.mark.nightly
@pytest.mark.parametrize("what", BROKEN)
def test_it_would_be_noticed_from_end_to_end(host, what, tmp_path):
    pack = broken_copy(tmp_path / "pack", BROKEN[what])
    with host.start_another(tmp_path / "base", pack) as other:
        assert not risen(trained_with_nodes(other, other.base), RISE_OF_ALL)
