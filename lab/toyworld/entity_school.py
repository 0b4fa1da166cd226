"""Training with entities and without, in a folder, by the pack's own trainer; what was stopped goes on.

LoRAs by themselves are an ordinary run. For the memory the same loop is given more to train: it has the same draws,
loss, optimizer and schedule, and its checkpoints hold both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors.torch import load_file
from torch import Tensor

from ffgo.bases.base import Expert
from ffgo.bases.catalogue import EXPERTS
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encoders import host_encoders
from ffgo.host.loading import latent_format
from ffgo.lora.saving import save_tensors

from .entity_attention import EntityMemory, LoRAAndMemory, WithEntities, numbers_of, with_entities
from .entity_lesson import OF_ALL, EntityDataset, Lesson, encode_entities, examples_of
from .examples import ToyExample
from .family import BATCH, HIGH, LOW, TEXT_ENCODER, VAE, WEIGHTS, Family
from .kept import key_of
from .models import EXPERT
from .sixteen_bits import expert_in_sixteen_bits, family_in_sixteen_bits, learning, load_sixteen_bits
from .together import Curve, QuietLooker, silent
from .train_lora import FILES, encode_set

if TYPE_CHECKING:
    from ffgo.training.adapters import Adapters
    from ffgo.training.loop import Trained


@dataclass(frozen=True, slots=True)
class EntitySchool:
    """A folder with all that is needed, and with what was learned."""

    folder: Path
    weights: Path
    """Folder of the base models."""

    @classmethod
    def below(cls, folder: Path, steps: int, weights: Path = WEIGHTS) -> "EntitySchool":
        """What is made of other models, or by another recipe, lies in a folder of its own."""
        models = (weights / name for name in (HIGH, LOW, VAE, TEXT_ENCODER))
        return cls(folder / f"{steps}_{key_of(models, [replace(OF_ALL, steps=steps)])}", weights)

    def expert(self, expert: Expert) -> Any:
        return load_sixteen_bits(expert_in_sixteen_bits(self.weights / FILES[expert][0], self.folder / "experts"))

    def family(self) -> Family:
        """The base models, with experts that LoRAs are added to."""
        return family_in_sixteen_bits(self.weights, self.folder / "experts")

    def prepare(self, lesson: Lesson) -> None:
        """Encode what is learned from, where it is not there yet."""
        ready = self.folder / f"encoded_{lesson.data}" / "ready"
        if not ready.exists():
            encode_set(self.folder, lesson.data, examples_of(lesson.data), self.weights)
            ready.touch()

    def lora_file(self, lesson: Lesson, expert: Expert) -> Path:
        return self.folder / "loras" / f"{lesson.name}_{expert}.safetensors"

    def memory_file(self, lesson: Lesson, expert: Expert) -> Path:
        return self.folder / "memories" / f"{lesson.name}_{expert}.safetensors"

    def learn(self, lesson: Lesson, expert: Expert) -> None:
        """Train one expert, where it was not done yet; a run that was stopped goes on."""
        done = [self.lora_file(lesson, expert), *[self.memory_file(lesson, expert)] * lesson.has_entities]
        if all(file.exists() for file in done):
            return
        with learning():
            if lesson.has_entities:
                self._learn_with_entities(lesson, expert)
            else:
                self._learn_lora(lesson, expert)

    def _learn_lora(self, lesson: Lesson, expert: Expert) -> None:
        from ffgo.training.run import TrainingRun, train_expert

        model = self.expert(expert)
        rank = large_rank(model) if lesson.way == "large_lora" else OF_ALL.rank
        loras = self.folder / "loras"
        data = CachedDataset.open(self.folder / f"encoded_{lesson.data}")
        run = TrainingRun(lesson.name, expert, lesson.recipe(rank), data, runs=self.folder / "runs", loras=loras)
        train_expert(model, run, lambda _: self._looker(lesson, expert), silent)

    def _learn_with_entities(self, lesson: Lesson, expert: Expert) -> None:
        from ffgo.host.trainable import read_weight, trainable_expert
        from ffgo.training.adapters import add_adapters

        model, recipe = self.expert(expert), lesson.recipe()
        entities = self.entities(Family.load(self.weights), examples_of(lesson.data))
        with trainable_expert(model, checkpointing=False, offload_block_inputs=False) as frozen:
            memory = EntityMemory.beside(frozen.network, lesson.seed)
            adapters = add_adapters(
                frozen.network, recipe.targets, rank=recipe.rank, alpha=recipe.alpha, read=read_weight,
                device=frozen.device, key=(recipe.seed, expert),
            )  # fmt: skip
            seeing = replace(frozen, network=WithEntities(frozen.network, memory))
            trained = self._train(lesson, expert, seeing, LoRAAndMemory(adapters, memory), entities.clone())
            adapters.remove()
        for file in (self.memory_file(lesson, expert), self.lora_file(lesson, expert)):
            file.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(self.memory_file(lesson, expert), memory.state_dict(), {})
        save_tensors(self.lora_file(lesson, expert), trained.lora, trained.metadata)

    def _train(self, lesson: Lesson, expert: Expert, seeing: Any, both: LoRAAndMemory, entities: Tensor) -> "Trained":
        from ffgo.training.checkpoint import RunFolder
        from ffgo.training.loop import Task, train

        recipe = lesson.recipe()
        data = EntityDataset(CachedDataset.open(self.folder / f"encoded_{lesson.data}"), entities)
        identity = {"expert": expert, "dataset": data.fingerprint, "recipe": recipe.shaping()}
        folder = RunFolder(self.folder / "runs" / lesson.name / expert, identity)
        task = Task(expert, seeing.predict, cast("Adapters", both), data, recipe, seeing.device)
        return train(task, folder, self._looker(lesson, expert))

    def _looker(self, lesson: Lesson, expert: Expert) -> QuietLooker:
        run = f"{lesson.name}_{expert}"
        return QuietLooker(Curve(self.folder / "curves" / f"{run}.jsonl", run))

    def entities(self, family: Family, examples: Sequence[ToyExample]) -> Tensor:
        """The latents of the examples' entities (B, S, C, h, w), in the experts' scale."""
        encoders = host_encoders(family.vae, family.text_encoder, latent_format())
        return encode_entities(examples, encoders.encode_frames)

    def memories(self, lesson: Lesson) -> list[EntityMemory]:
        """Of both experts, the high-noise one first."""
        found = []
        for expert in EXPERTS:
            memory = fresh_memory()
            memory.load_state_dict(load_file(self.memory_file(lesson, expert)))
            found.append(memory)
        return found

    def generate(
        self, family: Family, lesson: Lesson, firsts: Tensor, prompts: Sequence[str], *, seed: int,
        entities: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Clips (N, F, H, W, 3), 0..1, of what was learned; without entities: of its LoRA alone."""
        family = family.with_loras(*(self.lora_file(lesson, expert) for expert in EXPERTS))
        if entities is None:
            return family.generate(firsts, prompts, seed)
        return generate_seeing(family, self.memories(lesson), entities, firsts, prompts, seed=seed)


def generate_seeing(
    family: Family, memories: Sequence[EntityMemory], entities: Tensor, firsts: Tensor, prompts: Sequence[str],
    *, seed: int,
) -> Tensor:  # fmt: skip
    """As `Family.generate`, each clip with its entities. memories: of the high-noise expert and the low-noise one."""
    clips = []
    for start in range(0, len(prompts), BATCH):
        part = slice(start, start + BATCH)
        with torch.inference_mode():
            high, low = (
                with_entities(model, memory, entities[part])
                for model, memory in zip((family.high, family.low), memories, strict=True)
            )
        clips.append(replace(family, high=high, low=low).generate(firsts[part], prompts[part], seed + start))
    return torch.cat(clips)


def fresh_memory() -> EntityMemory:
    """One that fits the toy world's experts."""
    return EntityMemory(EXPERT["in_dim"], EXPERT["dim"], EXPERT["num_heads"], EXPERT["num_layers"])


def large_rank(model: Any) -> int:
    """The rank at which a LoRA trains no fewer numbers than the usual one and a memory together."""
    from ffgo.training.adapters import BOTH, count_numbers, target_layers

    network = model.model.diffusion_model
    one = count_numbers(network, target_layers(network, OF_ALL.targets), 1, BOTH)
    return OF_ALL.rank + ceil(numbers_of(fresh_memory()) / one)
