"""Learning the concepts of the toy world with the pack's own runs, in a folder; what was stopped goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ffgo.bases.base import Expert
from ffgo.bases.catalogue import EXPERTS
from ffgo.clip.video_io import write_clip
from ffgo.concept.encode import encode_concept, encoded_folders
from ffgo.concept.material import ConceptClip, ConceptMaterial, write_material
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encoded import EncodedDataset
from ffgo.dataset.encoders import Encoders, host_encoders
from ffgo.dataset.generated import GeneratedClip, keep_generated
from ffgo.dataset.sizing import Bucket, Sizing
from ffgo.host.loading import latent_format
from ffgo.lora.halves import PARTS, Part, files_of
from ffgo.training.concept import ConceptRun, train_concept
from ffgo.training.world import World

from .concept import METHODS, PLATES, STEPS, Concept, Training, all_recipes, plates
from .examples import ToyExample, enlarged
from .family import HIGH, LOW, TEXT_ENCODER, VAE, WEIGHTS, Family, noise
from .family import STEPS as SAMPLING_STEPS
from .kept import key_of
from .precision import mixed_precision
from .render import render_clip, render_scene, render_shot, render_sprites
from .scene import FRAME_RATE, FRAMES, SIZE, draw_framed
from .sixteen_bits import expert_in_sixteen_bits, family_in_sixteen_bits, learning, load_sixteen_bits
from .together import Curve, QuietLooker, silent
from .train_lora import FILES

if TYPE_CHECKING:
    from ffgo.training.run import TrainingRun, WatcherOf

PRIORS, PRIOR_SEED = 24, 5
"""Clips that the experts make by themselves."""


@dataclass(frozen=True, slots=True)
class School:
    """A folder with all that is needed to learn concepts, and with what was learned."""

    folder: Path
    weights: Path
    """Folder of the base models."""
    identity: int
    motion: int
    """Steps of both runs."""

    @classmethod
    def below(
        cls, folder: Path, weights: Path = WEIGHTS, identity: int = STEPS["identity"], motion: int = STEPS["motion"]
    ) -> "School":
        """What is made of other models, or by other recipes, lies in a folder of its own."""
        school = cls(folder, weights, identity, motion)
        models = (weights / name for name in (HIGH, LOW, VAE, TEXT_ENCODER))
        recipes = (recipe for method in METHODS for recipe in all_recipes(method, school.steps))
        return replace(school, folder=folder / f"{identity}_{motion}_{key_of(models, recipes)}")

    @property
    def loras(self) -> Path:
        return self.folder / "loras"

    @property
    def steps(self) -> Mapping[Part, int]:
        return {"identity": self.identity, "motion": self.motion}

    def expert_file(self, expert: Expert) -> Path:
        return expert_in_sixteen_bits(self.weights / FILES[expert][0], self.folder / "experts")

    def family(self) -> Family:
        """The base models, with experts that LoRAs are added to."""
        return family_in_sixteen_bits(self.weights, self.folder / "experts")

    def prepare(self, training: Training) -> None:
        """Encode what is learned, where it is not there yet."""
        place = self._lesson(training)
        for expert in EXPERTS:
            self.expert_file(expert)
        if not (place / "ready").exists():
            family = Family.load(self.weights)
            material = write_clips(place / "material", training.lesson)
            with mixed_precision():  # a tenth of the time
                encode_concept(material, _encoders(family), place, Sizing(SIZE, SIZE, FRAMES))
            (place / "ready").touch()
        if training.method == "two_stage_reg" and not (self.folder / "prior" / "dataset.json").exists():
            family = self.family()
            with mixed_precision():
                clips, encoders = _prior_clips(family), _encoders(family)
                keep_generated(clips, encoders, self.folder / "prior", progress=lambda *_: None)

    def learned(self, training: Training, expert: Expert) -> list[Path]:
        """The files of a training: identity and motion, or a plain LoRA."""
        if training.method == "plain":
            return [self.loras / f"{training.name}_{expert}.safetensors"]
        return [self.loras / file for file in files_of(training.name, [expert]).values()]

    def learn(self, training: Training, expert: Expert) -> None:
        """Train one expert, where it was not done yet; a run that was stopped goes on."""
        if all(file.exists() for file in self.learned(training, expert)):
            return
        from ffgo.training.run import TrainingRun, train_expert

        data, runs = self._datasets(training), self.folder / "runs"
        with learning():
            model = load_sixteen_bits(self.expert_file(expert))
            if training.method == "plain":
                recipe = training.plain_recipe(self.steps)
                run = TrainingRun(training.name, expert, recipe, data["motion"], runs=runs, loras=self.loras)
                train_expert(model, run, self._watcher_of(run), silent)
                return
            job = ConceptRun(
                training.name, expert, training.recipes(expert, self.steps), data, training.words, runs=runs,
                loras=self.loras, prior=self._prior() if training.method == "two_stage_reg" else None,
            )  # fmt: skip
            train_concept(model, job, self._watcher_of, silent, World.current())

    def _lesson(self, training: Training) -> Path:
        return self.folder / "lessons" / training.lesson_name

    def _datasets(self, training: Training) -> dict[Part, EncodedDataset]:
        folders = encoded_folders(self._lesson(training))
        return {part: CachedDataset.open(folder) for part, folder in zip(PARTS, folders, strict=True)}

    def _prior(self) -> EncodedDataset:
        return CachedDataset.open(self.folder / "prior")

    def _watcher_of(self, run: "TrainingRun") -> "WatcherOf":
        return lambda _: QuietLooker(Curve(self.folder / "curves" / f"{run.file.stem}.jsonl", run.file.stem))


def _encoders(family: Family) -> Encoders:
    return host_encoders(family.vae, family.text_encoder, latent_format())


def write_clips(folder: Path, lesson: Sequence[Concept]) -> ConceptMaterial:
    """A folder as FFGo Concept Dataset writes it."""
    pictures = [folder / "plates" / f"{number:02}.png" for number in range(PLATES)]
    for path, scene in zip(pictures, plates(), strict=True):
        _save_large(render_scene(scene), path)
    clips = []
    for concept in lesson:
        place, shot = folder / concept.name, concept.shot()
        write_clip(place / "clip.mp4", map(enlarged, render_shot(shot)), FRAME_RATE)
        places = [shot.subjects[0].place(frame / (FRAMES - 1)) for frame in range(FRAMES)]
        for frame, alpha in enumerate(render_sprites(concept.sprite, places)[1]):
            _save_large(alpha, place / "mask" / f"{frame:03}.png")
        _save_large(render_scene(concept.scene), place / "plate.png")
        texts = f"a [v] {concept.sprite.shape}", f"[u] {{{concept.scene.words}}}"
        files = place / "clip.mp4", place / "mask", place / "plate.png"
        clips.append(ConceptClip(*files, *texts, concept.who, concept.how))
    material = ConceptMaterial(folder, tuple(clips), tuple(pictures))
    write_material(material)
    return material


def _save_large(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(enlarged(pixels)).save(path)


def _prior_clips(family: Family) -> list[GeneratedClip]:
    """Ordinary clips of known sprites, as the experts make them in the three forms that a concept is learned in."""
    rng = np.random.default_rng(PRIOR_SEED)
    examples = [ToyExample(draw_framed(rng, "train")) for _ in range(PRIORS)]
    forms: list[Callable[[ToyExample], tuple[Tensor, str]]] = [
        lambda example: (example.scene, example.caption),
        lambda example: (torch.from_numpy(render_clip(example.clip)[0]), example.caption),
        lambda example: (example.composed(), example.prompt),
    ]
    begun = [forms[number % len(forms)](example) for number, example in enumerate(examples)]

    @cache
    def made() -> Tensor:
        with torch.inference_mode():
            told = family.conditioning(torch.stack([first for first, _ in begun]), [words for _, words in begun])
            latents = family.denoise(noise(PRIORS, PRIOR_SEED), told, range(SAMPLING_STEPS))
            return latent_format().process_in(latents.float()).clone()

    return [
        GeneratedClip(
            f"prior {number}", words, [PRIOR_SEED, number], Bucket(SIZE, SIZE, FRAMES), first,
            lambda place=number: made()[place],
        )
        for number, (first, words) in enumerate(begun)
    ]  # fmt: skip
