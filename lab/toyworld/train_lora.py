"""Train the toy LoRAs on the examples, with the pack's own trainer; a run that was stopped goes on. For make.py."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import torch

from ffgo.bases.base import Expert
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encode import encode_examples
from ffgo.dataset.encoders import host_encoders
from ffgo.dataset.examples import open_dataset
from ffgo.dataset.sizing import Sizing
from ffgo.host.loading import latent_format, load_vae
from ffgo.training.recipe import Recipe

from .examples import ToyExample, training_set, write_dataset
from .family import (
    BOUNDARY,
    DISSOLVE_HIGH,
    DISSOLVE_LOW,
    HIGH,
    LORA_HIGH,
    LORA_LOW,
    LOW,
    MIDWAY_HIGH,
    MIDWAY_LOW,
    SHIFT,
    TEXT_ENCODER,
    VAE,
    WEIGHTS,
)
from .precision import mixed_precision
from .scene import FRAMES, SIZE
from .sixteen_bits import expert_in_sixteen_bits, learning, load_sixteen_bits
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
DISSOLVING: dict[Expert, str] = {"high": DISSOLVE_HIGH, "low": DISSOLVE_LOW}
Lesson = Literal["cut", "dissolve"]
"""What the examples teach to do with the composed frame."""
LESSONS = get_args(Lesson)


class Looker:
    """Keeps the curve, and prints a line now and then."""

    def __init__(self, curve: Curve, until: int):
        self.curve, self.until, self.step = curve, until, 0

    def stepped(self, report: "StepReport") -> None:
        self.step = report.step
        self.curve.add(report.step, report.loss)
        if report.step % 20 == 0:
            print(f"{self.curve.run}: step {report.step}/{report.steps}  loss {report.loss:.5f}", flush=True)

    def wants_to_stop(self) -> bool:
        return self.step >= self.until


def encode_training_set(folder: Path, lesson: Lesson = "cut", weights: Path = WEIGHTS) -> None:
    """The examples as a dataset of the pack's format, and encoded. weights: with VAE and text encoder."""
    encode_set(folder, lesson, training_set(dissolving=lesson == "dissolve"), weights)


def encode_set(folder: Path, name: str, examples: Iterable[ToyExample], weights: Path = WEIGHTS) -> None:
    """The same of any examples, in `dataset_<name>` and `encoded_<name>` of the folder."""
    from .custom_nodes.ffgo_standins.small_encoder import load_small_encoder

    raw = folder / f"dataset_{name}"
    if not raw.exists():
        write_dataset(raw, examples)
    with torch.inference_mode():  # as the host runs nodes
        vae, text_encoder = load_vae(weights / VAE), load_small_encoder(weights / TEXT_ENCODER)
    encoders = host_encoders(vae, text_encoder, latent_format())
    sizing = Sizing(SIZE, SIZE, FRAMES)
    with mixed_precision():  # a tenth of the time
        encode_examples(open_dataset(raw).examples, encoders, folder / f"encoded_{name}", sizing)


def train_lora(
    folder: Path, expert: Expert, lesson: Lesson = "cut", weights: Path = WEIGHTS, until: int = RECIPE.steps
) -> None:
    """Train one expert's LoRA. folder: with the encoded examples; weights: with the experts; until: its last step, or
    an earlier one, after which there is no file."""
    from ffgo.training.run import TrainingRun, train_expert

    dataset = CachedDataset.open(folder / f"encoded_{lesson}")
    job = TrainingRun(lesson, expert, RECIPE, dataset, runs=folder / "runs", loras=folder)
    if not job.file.exists():
        looker = Looker(Curve(folder / f"lora_{lesson}_{expert}.jsonl", f"LoRA ({lesson}), {expert} noise"), until)
        model = expert_in_sixteen_bits(weights / FILES[expert][0], folder / "sixteen_bits")
        with learning():
            train_expert(load_sixteen_bits(model), job, lambda _: looker, print)


def lora_files(folder: Path, expert: Expert) -> dict[str, Path]:
    """What was trained, by the name that it is shipped with: the finished LoRAs, and the one half-way."""
    _, done, midway = FILES[expert]
    checkpoint = folder / "runs" / "cut" / expert / f"step_{MIDWAY:06}.safetensors"
    finished = {
        done: folder / f"cut_{expert}.safetensors",
        DISSOLVING[expert]: folder / f"dissolve_{expert}.safetensors",
    }
    return finished | {midway: checkpoint}
