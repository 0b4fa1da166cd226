"""Composing frames against a node that does what the official FFGo script does, with Pillow, on the same pictures.

Both take IMAGEs and give one: ComfyUI hands pictures on as floats, and Pillow knows 8 bits only.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ffgo.frame.compose import compose
from ffgo.frame.layout import LAYOUTS, LayoutName

from .measure import Spent, in_turn, time_row

REPO = Path(__file__).parents[2]
RUNS, SMALL_RUNS = 31, 1


def rows(*, small: bool = False) -> Iterator[dict]:
    """One row for each layout, then the slower of the two that the official script can be compared with."""
    tensors = [[_tensor(Image.open(path)) for path in case] for case in _cases()[: 1 if small else None]]
    ways: dict[str, Callable[[], object]] = {"other": lambda: _each(_official_node, tensors)}
    for layout in LAYOUTS:
        ways[f"compose_{layout}"] = lambda layout=layout: _each(partial(_composed, layout), tensors)
    runs = in_turn(ways, SMALL_RUNS if small else RUNS)
    usual = {name: Spent(wall / len(tensors), cpu / len(tensors)) for name, (wall, cpu) in runs.items()}
    other = usual.pop("other")
    for name, ours in [*usual.items(), ("compose", max(usual["compose_published"], usual["compose_script"]))]:
        yield time_row(name, ours, other)


def _each(way: Callable[..., object], cases: Sequence[Sequence]) -> None:
    for case in cases:
        way(*case)  # what it makes is dropped at once, as a user's frame is before the next


def _composed(layout: LayoutName, scene: torch.Tensor, *subjects: torch.Tensor) -> object:
    return compose(scene, {f"subject{n}": image for n, image in enumerate(subjects)}, layout=layout)


def _official_node(*images: torch.Tensor) -> torch.Tensor:
    """The official script as a node, with the host's own way from floats to 8 bits and back (its SaveImage)."""
    pictures = [Image.fromarray(np.clip(255.0 * image[0].numpy(), 0, 255).astype(np.uint8)) for image in images]
    return _tensor(official_script(*pictures))


def official_script(background: Image.Image, *subjects: Image.Image) -> Image.Image:
    """What combine_materials.py of the FFGo repository computes, on pictures that are decoded already."""
    scene = background.convert("RGB").resize((1280, 720))
    scene.thumbnail((640, 720), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (1280, 720), (255, 255, 255))
    canvas.paste(scene, (640 + (640 - scene.width) // 2, (720 - scene.height) // 2))
    slot = 720 // len(subjects)
    for i, subject in enumerate(subjects):
        flat = Image.new("RGB", subject.size, (255, 255, 255))
        rgba = subject.convert("RGBA")
        flat.paste(rgba, mask=rgba.split()[3])
        flat = flat.convert("RGB")
        flat.thumbnail((640, slot), Image.Resampling.LANCZOS)
        canvas.paste(flat, ((640 - flat.width) // 2, i * slot + (slot - flat.height) // 2))
    return canvas


def _cases() -> list[list[Path]]:
    """Background and subjects of every case: the official materials, else the pack's own."""
    official = Path(os.environ.get("FFGO_SHARED", REPO.parent / "shared")) / "data" / "ffgo-official"
    backgrounds = sorted(official.glob("*/**/main_entity.png"))
    if backgrounds:
        return [[path, *sorted(set(path.parent.glob("*.png")) - {path})] for path in backgrounds]
    own = REPO / "lab" / "materials"
    subjects = sorted(own.glob("subject_*.png"))
    return [[path, *subjects] for path in sorted(own.glob("background_*.png"))]


def _tensor(picture: Image.Image) -> torch.Tensor:
    """An IMAGE as the host's LoadImage and JoinImageWithAlpha make it; loads the picture."""
    return torch.from_numpy(np.array(picture)).float().div_(255)[None]
