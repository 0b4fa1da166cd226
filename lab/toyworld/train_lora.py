"""Train the toy LoRAs on the 32 examples with the pack's own trainer: `python -m lab.toyworld.train_lora FOLDER OUT`.

FOLDER is for the dataset and the runs; a run that was stopped goes on. One process for each expert, at the same time.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.multiprocessing.spawn import spawn

from ffgo.bases.base import Expert
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encode import encode_examples
from ffgo.dataset.encoders import host_encoders
from ffgo.dataset.examples import open_dataset
from ffgo.dataset.sizing import Sizing
from ffgo.host.boot import boot_here
from ffgo.host.loading import latent_format, load_expert
from ffgo.training.recipe import Recipe

from .examples import training_set, write_dataset
from .family import BOUNDARY, HIGH, LORA_HIGH, LORA_LOW, LOW, MIDWAY_HIGH, MIDWAY_LOW, SHIFT, WEIGHTS, Family
from .scene import FRAMES, SIZE
from .together import Curve

if TYPE_CHECKING:
    from ffgo.training.loop import StepReport

RECIPE = Recipe(
    steps=1000, batch_size=8, accumulation=1, rank=8, alpha=8.0, learning_rate=2e-3, schedule="cosine",
    warmup_steps=20, clip_norm=1.0, checkpointing="none", save_dtype="bfloat16", save_every=25, keep=40,
    boundary=BOUNDARY, shift=SHIFT,
)  # fmt: skip
"""The trainer's defaults are for 14 billion weights; a model a thousand times smaller takes larger steps."""
MIDWAY = 25
"""The step whose checkpoint is kept for the test that goes on from it."""
FILES: dict[Expert, tuple[str, str, str]] = {"high": (HIGH, LORA_HIGH, MIDWAY_HIGH), "low": (LOW, LORA_LOW, MIDWAY_LOW)}
"""Of each expert: its own, its LoRA's, and that of the LoRA half-way."""


class Looker:
    """Keeps the curve, and prints a line now and then."""

    def __init__(self, curve: Curve):
        self.curve = curve

    def stepped(self, report: "StepReport") -> None:
        self.curve.add(report.step, report.loss)
        if report.step % 20 == 0:
            print(f"{self.curve.run}: step {report.step}/{report.steps}  loss {report.loss:.5f}", flush=True)

    def wants_to_stop(self) -> bool:
        return False


def encode_training_set(folder: Path) -> CachedDataset:
    """The 32 examples as a dataset of the pack's format, encoded."""
    raw = folder / "dataset"
    if not raw.exists():
        write_dataset(raw, training_set())
    family = Family.load()
    encoders = host_encoders(family.vae, family.text_encoder, latent_format())
    return encode_examples(open_dataset(raw).examples, encoders, folder / "encoded", Sizing(SIZE, SIZE, FRAMES))


def train_lora(dataset: CachedDataset, expert: Expert, folder: Path, recipe: Recipe = RECIPE) -> Path:
    """Train one expert's LoRA; returns its file."""
    from ffgo.training.run import TrainingRun, train_expert

    model = load_expert(WEIGHTS / FILES[expert][0])
    looker = Looker(Curve(folder / f"lora_{expert}.jsonl", f"LoRA, {expert} noise"))
    job = TrainingRun("toy", expert, recipe, dataset, runs=folder / "runs", loras=folder)
    with torch.inference_mode():  # as the host runs nodes
        return train_expert(model, job, lambda _: looker, print).path


def _worker(rank: int, folder: Path, steps: int) -> None:
    boot_here("--cpu")
    torch.set_num_threads(1)
    train_lora(CachedDataset.open(folder / "encoded"), tuple(FILES)[rank], folder, replace(RECIPE, steps=steps))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=RECIPE.steps)
    arguments = parser.parse_args()
    boot_here("--cpu")
    encode_training_set(arguments.folder)
    spawn(_worker, (arguments.folder, arguments.steps), len(FILES))  # raises what a process raises
    for expert, (_, done, midway) in FILES.items():
        shutil.copy(arguments.folder / f"toy_{expert}.safetensors", arguments.out / done)
        checkpoint = arguments.folder / "runs" / "toy" / expert / f"step_{MIDWAY:06}.safetensors"
        shutil.copy(checkpoint, arguments.out / midway)
