"""A small expert of plain layers and a dataset for it; run as a script, one process of a run.

Usage: python -m tests.unit.training_scene RUNS FOLDER [RANK MEETING]
RUNS: changes of recipe and watcher by folder, as JSON.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, distributed, nn

from ffgo.bases.catalogue import DEFAULT
from ffgo.dataset.encoded import EncodedExample
from ffgo.errors import FFGOError
from ffgo.lora.halves import ConceptPart, Part
from ffgo.training.adapters import Adapters, add_adapters
from ffgo.training.checkpoint import RunFolder
from ffgo.training.loop import StepReport, Task, Trained, train
from ffgo.training.recipe import OFFICIAL_TARGETS, Recipe
from ffgo.training.stage import stage_of
from ffgo.training.world import World

CPU = torch.device("cpu")
DIM, TEXT_DIM, TOKENS = 16, 8, 6
WORDS = "sks1 mvt1"
MIXED = ((2, 3, 4), (1, 4, 4), (3, 2, 2))


class Block(nn.Module):
    """Layers with the names of the official targets."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(DIM, DIM) for _ in range(4))
        self.ffn = nn.Sequential(nn.Linear(DIM, 2 * DIM), nn.GELU(), nn.Linear(2 * DIM, DIM))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.o(torch.tanh(self.q(x)) * self.k(x) + self.v(x))
        return x + self.ffn(x)


class SmallExpert(nn.Module):
    """Takes what an expert takes, every place of the latents by itself."""

    def __init__(self):
        super().__init__()
        self.embed, self.text = nn.Linear(36, DIM), nn.Linear(TEXT_DIM, DIM)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.head = nn.Sequential(nn.LayerNorm(DIM), nn.Linear(DIM, 16))

    def forward(self, x: Tensor, sigma: Tensor, text: Tensor) -> Tensor:
        given = (self.text(text).mean(1) + sigma[:, None])[:, None, None, None]
        x = self.embed(x.movedim(1, -1)) + given
        for block in self.blocks:
            x = block(x)
        return self.head(x).movedim(-1, 1)


def small_expert() -> SmallExpert:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return SmallExpert().requires_grad_(False)


def read(layer: nn.Module, dtype: torch.dtype, device: torch.device) -> Tensor:
    return layer.get_parameter("weight").to(device, dtype)


def adapted(
    network: nn.Module,
    rank: int = 4,
    alpha: float = 4.0,
    targets: Sequence[str] = OFFICIAL_TARGETS,
    key: object = 0,
) -> Adapters:
    return add_adapters(network, targets, rank=rank, alpha=alpha, read=read, device=CPU, key=key)


class Examples:
    """Random encoded examples."""

    base, memory = DEFAULT, 1

    def __init__(
        self,
        count: int = 5,
        shapes: Sequence[tuple[int, int, int]] = ((2, 3, 4),),
        first: int = 0,
        tokens: Sequence[int] = (TOKENS,),
    ):
        self.names = [f"example {index}" for index in range(count)]
        self.shapes = [shapes[index % len(shapes)] for index in range(count)]
        self.weights = [1.0] * count
        self.fingerprint, self.first, self.tokens = f"{count} examples from {first}", first, tokens

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> EncodedExample:
        generator = torch.Generator().manual_seed(self.first + index)
        shape = self.shapes[index]
        shapes = (16, *shape), (20, *shape), (self.tokens[index % len(self.tokens)], TEXT_DIM)
        return EncodedExample(*(torch.randn(shape, generator=generator) for shape in shapes))


@dataclass
class Watch:
    """Keeps all reports; stops, or kills the process, after a step."""

    stop_after: int = -1
    kill_after: int = -1
    reports: list[StepReport] = field(default_factory=list)
    asked: int = 0

    def stepped(self, report: StepReport) -> None:
        self.reports.append(report)

    def wants_to_stop(self) -> bool:
        self.asked += 1
        if self.asked == self.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.asked == self.stop_after

    @property
    def losses(self) -> list[float]:
        return [report.loss for report in self.reports]

    @property
    def norms(self) -> list[float]:
        return [report.gradient_norm for report in self.reports]


RECIPE = {"steps": 10, "rank": 4, "learning_rate": 1e-2, "accumulation": 4, "save_every": 5}
"""Steps that move the loss."""


def run(
    folder: Path,
    watch: Watch | None = None,
    dataset: Examples | None = None,
    *,
    prior: Examples | None = None,
    spoil: Callable[[Callable], Callable] = lambda predict: predict,
    concept: Part | None = None,
    **changes,
) -> Trained:
    """A run on the small expert. spoil: gets the expert and gives what is called in its place.

    concept: the half of one that it learns; relative files to start from lie beside the folder then.
    """
    recipe, network = Recipe.from_dict(RECIPE | changes), small_expert()
    dataset = Examples() if dataset is None else dataset
    adapters = adapted(network, recipe.rank, recipe.alpha, key=recipe.seed)
    if concept:
        stage = stage_of(recipe, "high", folder.parent, ConceptPart(concept, WORDS))
    else:
        stage = stage_of(recipe, "high", folder)
    stage.prepare(adapters)
    task = Task("high", spoil(network), adapters, dataset, recipe, CPU, prior, stage)
    identity = {"expert": "high", "dataset": dataset.fingerprint, "recipe": recipe.shaping() | stage.identity()}
    return train(task, RunFolder(folder, identity), watch or Watch())


def main() -> None:
    runs, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    if sys.argv[3:]:
        distributed.init_process_group("gloo", init_method=sys.argv[4], rank=int(sys.argv[3]), world_size=2)
    for name, changes in runs.items():
        watch = Watch(changes.pop("stop_after", -1), changes.pop("kill_after", -1))
        dataset = Examples(shapes=MIXED) if changes.pop("mixed", False) else None
        try:
            trained = run(folder / name, watch, dataset, **changes)
            result = {"lora": trained.lora, "history": trained.history}
        except FFGOError as error:
            result = {"refused": str(error)}
        torch.save(result, folder / name / f"result_{sys.argv[3]}.pt")
    World.current().leave()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
