"""Learning to use a memory, in each way on the same examples; what was stopped goes on.

All begin with FFGo's LoRA, as users would: it knows to cut to the shot, from one canvas, and not to choose of many.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image

from ffgo.bases.base import Expert
from ffgo.bases.catalogue import EXPERTS
from ffgo.dataset.build import add_example
from ffgo.dataset.cache import CachedDataset, read_example, write_example
from ffgo.dataset.encode import encode_examples
from ffgo.dataset.encoders import Encoders, host_encoders
from ffgo.dataset.examples import open_dataset
from ffgo.dataset.sizing import Sizing
from ffgo.host.loading import latent_format
from ffgo.pixels import to_uint8

from .examples import write_enlarged
from .family import HIGH, LORA_HIGH, LORA_LOW, LOW, TEXT_ENCODER, VAE, WEIGHTS, Family
from .kept import key_of
from .memory import MemoryExample, Way, memory_of, training_set
from .precision import mixed_precision
from .render import render_shot
from .scene import FRAMES, SIZE
from .sixteen_bits import expert_in_sixteen_bits, family_in_sixteen_bits, load_sixteen_bits
from .together import Curve, QuietLooker, silent
from .train_experts import attention_at_once
from .train_lora import FILES
from .train_lora import RECIPE as OF_LORAS

if TYPE_CHECKING:
    from ffgo.training.recipe import Recipe

STEPS = 300
RECIPE = replace(OF_LORAS, save_dtype="float32", save_every=50, keep=1, check_expert=False)
"""The check of experts is for large ones: near no noise the small low-noise expert can do worse than a guess."""


@dataclass(frozen=True, slots=True)
class MemorySchool:
    """A folder with all that is needed to learn, and with what was learned."""

    folder: Path
    weights: Path
    """Folder of the base models."""
    steps: int
    """Of each expert."""

    @classmethod
    def below(cls, folder: Path, weights: Path = WEIGHTS, steps: int = STEPS) -> "MemorySchool":
        """What is made of other models, or by another recipe, lies in a folder of its own."""
        school = cls(folder, weights, steps)
        begun_with = (weights / name for name in (HIGH, LOW, VAE, TEXT_ENCODER, LORA_HIGH, LORA_LOW))
        recipes = (school.recipe(0, expert) for expert in EXPERTS)
        return replace(school, folder=folder / f"{steps}_{key_of(begun_with, recipes)}")

    def recipe(self, seed: int, expert: Expert) -> "Recipe":
        return replace(RECIPE, steps=self.steps, seed=seed, start_lora=FILES[expert][1])

    def lora(self, way: Way, seed: int, expert: Expert) -> Path:
        return self.folder / "loras" / f"{way}_{seed}_{expert}.safetensors"

    def family(self) -> Family:
        """The base models, with experts that LoRAs are added to."""
        return family_in_sixteen_bits(self.weights, self.folder / "experts")

    def with_learned(self, family: Family, way: Way, seed: int) -> Family:
        """With what both experts learned."""
        return family.with_loras(self.lora(way, seed, "high"), self.lora(way, seed, "low"))

    def prepare(self, way: Way, examples: Sequence[MemoryExample] = ()) -> None:
        """Encode the examples, by default all, where they are not there yet."""
        done = self._encoded(way) / "ready"
        if done.exists():
            return
        family, examples, raw = Family.load(self.weights), examples or training_set(), self.folder / "datasets" / way
        if not raw.exists():
            write_dataset(raw, examples, way)
        with torch.inference_mode(), mixed_precision():  # a tenth of the time
            encoders = host_encoders(family.vae, family.text_encoder, latent_format())
            encode_examples(open_dataset(raw).examples, encoders, done.parent, Sizing(SIZE, SIZE, FRAMES))
            if way == "shadow":
                _encode_shadows(done.parent, examples, encoders)
        done.touch()

    def dataset(self, way: Way) -> CachedDataset:
        """What was prepared."""
        return CachedDataset.open(self._encoded(way))

    def learn(self, way: Way, seed: int, expert: Expert) -> None:
        """Train one expert, where it was not done yet; a run that was stopped goes on."""
        if self.lora(way, seed, expert).exists():
            return
        from ffgo.training.run import TrainingRun, train_expert

        run = TrainingRun(
            f"{way}_{seed}", expert, self.recipe(seed, expert), self.dataset(way), runs=self.folder / "runs",
            loras=self.folder / "loras", starts=self.weights,
        )  # fmt: skip
        looker = QuietLooker(Curve(self.folder / "curves" / f"{run.file.stem}.jsonl", run.file.stem))
        with torch.inference_mode(), attention_at_once():  # as the host runs nodes
            train_expert(load_sixteen_bits(self._expert(expert)), run, lambda _: looker, silent)

    def _expert(self, expert: Expert) -> Path:
        return expert_in_sixteen_bits(self.weights / FILES[expert][0], self.folder / "experts")

    def _encoded(self, way: Way) -> Path:
        return self.folder / "encoded" / way


def write_dataset(folder: Path, examples: Sequence[MemoryExample], way: Way) -> None:
    """The examples as a dataset of the pack's own format, each with as many composites as are given."""
    for example in examples:
        canvases = [Image.fromarray(to_uint8(canvas)) for canvas in example.canvases(way)[: memory_of(way)]]
        add_example(folder, partial(write_enlarged, render_shot(example.shot)), canvases, example.prompt)


def _encode_shadows(folder: Path, examples: Sequence[MemoryExample], encoders: Encoders) -> None:
    """Put the cast into what the experts are told, where it was grey."""
    for entry, example in zip(CachedDataset.open(folder).entries, examples, strict=True):
        latents, _ = read_example(folder, entry.example)
        write_example(folder, entry.example, latents, encoders.encode_frames(example.start("shadow")))
