"""Small training examples, made on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ffgo.clip.video_io import write_clip
from ffgo.dataset.records import Record, write_records
from ffgo.words.phrase import TRANSITION_PHRASE

WIDTH, HEIGHT = 64, 48


def moving(count: int, width: int = WIDTH, height: int = HEIGHT, seed: int = 0):
    """A colour ramp with a white bar that moves down."""
    for i in range(count):
        picture = np.zeros((height, width, 3), np.uint8)
        picture[..., 0] = np.linspace(20, 220, width)[None]
        picture[..., 1], picture[..., 2] = 60 + 20 * seed % 160, 200
        picture[2 * i % height : 2 * i % height + 4] = 250
        yield picture


@pytest.fixture
def frames_of() -> Callable:
    return moving


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder in the official format: `count` clips of 64x48 px; returns it."""

    def make(count: int = 2, frames: int = 9, fps: float = 16, folder: str = "dataset") -> Path:
        root, records = tmp_path / folder, []
        for i in range(count):
            write_clip(root / f"videos/{i}.mp4", moving(frames, seed=i), fps)
            composite = root / f"composites/{i}.png"
            composite.parent.mkdir(exist_ok=True)
            Image.new("RGB", (WIDTH, HEIGHT), (30 * i % 255, 120, 40)).save(composite)
            records.append(Record(f"videos/{i}.mp4", f"{TRANSITION_PHRASE}  Bar {i} moves.", f"composites/{i}.png"))
        write_records(root / "train_data.json", records)
        return root

    return make
