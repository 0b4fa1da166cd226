"""Pixels of the smallest of eight subjects on the canvases of a memory, beside one canvas of all of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ffgo.frame.memory import MOST_SUBJECTS, Look, Memory, Spread, spread_subjects

from .measure import Spent, row, spent

REPO = Path(__file__).parents[2]
WAYS: dict[str, tuple[int, Spread]] = {
    "memory_2": (2, "scene_first"),
    "memory_3": (3, "scene_first"),
    "memory_2_halves": (2, "halves"),
}
LOOK = Look(max_upscale=4)
"""Enlarging is allowed, else the smallest is as large as its own picture on one canvas already."""


def rows(*, small: bool = False) -> Iterator[dict]:
    """A row for each way, then how long sixteen subjects take, with the one second that they may take beside it."""
    scene, *cutouts = (_tensor(path) for path in _pictures())
    eight = {f"subject{i}": cutouts[i % len(cutouts)] for i in range(8)}
    one = _smallest(spread_subjects(scene, eight, LOOK, frames=1))
    for name, (frames, spread) in WAYS.items():
        made = spread_subjects(scene, eight, LOOK, frames=frames, spread=spread)
        yield row(name, _smallest(made), one, "px of the smallest of 8", (0, 0))
    many = {f"subject{i}": cutouts[i % len(cutouts)] for i in range(4 if small else MOST_SUBJECTS)}
    took = [spent(lambda: spread_subjects(scene, many, Look())) for _ in range(1 if small else 5)]
    least = Spent(min(one.wall for one in took), min(one.cpu for one in took))
    yield row("memory_of_16", least.wall, 1.0, "s, of 1 allowed", (least.cpu, 1.0))


def _smallest(memory: Memory) -> float:
    return min(area for plan in memory.plans for area in plan.pixels)


def _pictures() -> list[Path]:
    """A background and cut-outs: the eight official ones, else the pack's own."""
    official = Path(os.environ.get("FFGO_SHARED", REPO.parent / "shared")) / "data" / "ffgo-official"
    backgrounds = sorted(official.glob("*/**/main_entity.png"))
    if backgrounds:
        cutouts = [file for path in backgrounds for file in sorted(set(path.parent.glob("*.png")) - {path})]
        return [backgrounds[0], *cutouts]
    own = REPO / "lab" / "materials"
    return [own / "background_lake.png", *sorted(own.glob("subject_*.png"))]


def _tensor(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path))).float().div_(255)[None]
