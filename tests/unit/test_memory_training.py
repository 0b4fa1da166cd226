"""Examples of several composites: found, checked, encoded into the condition of as many latents, exported, shown."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.clip.video_io import read_frames, write_clip
from ffgo.dataset.build import add_example, pictures_of
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encode import Encoders, encode_examples
from ffgo.dataset.examples import load_frames, open_dataset
from ffgo.dataset.export import FORMATS, export_dataset
from ffgo.dataset.records import list_examples, memory_of, read_records
from ffgo.dataset.sheet import FRAMES, contact_sheet
from ffgo.dataset.sizing import Bucket, Sizing
from ffgo.errors import FFGOError
from ffgo.training.output import lora_metadata
from ffgo.training.recipe import Recipe
from ffgo.words.phrase import TRANSITION_PHRASE

from .conftest import HEIGHT, WIDTH

BASE = WAN22_I2V_A14B
COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40))
SIZING = Sizing(width=WIDTH, height=HEIGHT, frames=17)


def canvas(number: int) -> Image.Image:
    return Image.new("RGB", (WIDTH, HEIGHT), COLOURS[number])


@pytest.fixture
def memory_folder(make_dataset: Callable[..., Path]) -> Callable[..., Path]:
    """A dataset of so many canvases an example, clips of 21 frames."""

    def make(memory: int, count: int = 2) -> Path:
        folder = make_dataset(count, frames=21)
        records = json.loads((folder / "train_data.json").read_text())
        for i, record in enumerate(records):
            paths = [f"composites/{i}.png", *(f"composites/{i}.composite.{n}.png" for n in range(2, memory + 1))]
            for n, path in enumerate(paths):
                canvas(n).save(folder / path)
            record["more_image_paths"] = paths[1:]
        (folder / "train_data.json").write_text(json.dumps(records))
        return folder

    return make


def seen(frame: torch.Tensor | np.ndarray) -> int | None:
    """The canvas that a frame (H, W, 3) shows."""
    middle = np.asarray(frame)[HEIGHT // 2, WIDTH // 2] * (255 if np.asarray(frame).dtype != np.uint8 else 1)
    near = [np.abs(middle - colour).max() < 12 for colour in COLOURS]
    return near.index(True) if any(near) else None


def encoders(log: list[torch.Tensor]) -> Encoders:
    """A stand-in for a causal VAE: the first frame alone, then the last of every four."""

    def encode(frames: torch.Tensor) -> torch.Tensor:
        log.append(frames)
        small = frames[::4, ::8, ::8].movedim(-1, 0)
        return torch.cat([small] * 6)[:16].contiguous()

    return Encoders(encode, lambda caption: torch.ones(3, 4), "vae", "text")


# ---------------------------------------------------------------- found


def test_canvases_of_a_list(memory_folder):
    dataset = open_dataset(memory_folder(3))
    assert memory_of(dataset.examples) == 3
    assert [path.name for path in dataset.examples[0].composites] == ["0.png", "0.composite.2.png", "0.composite.3.png"]


@pytest.mark.parametrize("first", ["0.png", "0.composite.png"])
def test_canvases_beside_a_clip(memory_folder, first):
    folder = memory_folder(2, count=1)
    record = json.loads((folder / "train_data.json").read_text())[0]
    (folder / "train_data.json").unlink()
    (folder / "videos/0.txt").write_text(record["text"])
    (folder / "composites/0.png").rename(folder / "composites" / first)
    (example,) = open_dataset(folder).examples
    assert [path.name for path in example.composites] == [first, "0.composite.2.png"]


def test_a_canvas_that_is_missing_between(memory_folder):
    folder = memory_folder(3, count=1)
    (folder / "videos/0.txt").write_text(f"{TRANSITION_PHRASE} A bar.")
    (folder / "train_data.json").unlink()
    (folder / "composites/0.composite.2.png").unlink()
    (problem,) = list_examples(folder).problems
    assert "0.composite.3.png has no composite 2 before it" in problem


def test_a_clip_of_that_name_keeps_its_picture(memory_folder):
    folder = memory_folder(1, count=1)
    (folder / "train_data.json").unlink()
    for name in ("0", "0.composite"):
        (folder / f"videos/{name}.txt").write_text(f"{TRANSITION_PHRASE} A bar.")
    (folder / "videos/0.composite.mp4").write_bytes((folder / "videos/0.mp4").read_bytes())
    canvas(1).save(folder / "composites/0.composite.png")
    assert [example.memory for example in open_dataset(folder).examples] == [1, 1]


def test_a_list_of_one_canvas_is_written_as_before(memory_folder, tmp_path):
    export_dataset(open_dataset(memory_folder(1)).examples, tmp_path / "out", "official", SIZING)
    assert all(len(entry) == 4 for entry in json.loads((tmp_path / "out/train_data.json").read_text()))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("composites/0.png", "must be a list"),
        (["a"] * 4, "3 are the most"),
        ([7], "entry 1"),
        (["gone.png"], "gone.png"),
    ],
)
def test_canvases_that_are_none(memory_folder, more, says):
    folder = memory_folder(1, count=1)
    records = json.loads((folder / "train_data.json").read_text())
    records[0]["more_image_paths"] = more
    (folder / "train_data.json").write_text(json.dumps(records))
    with pytest.raises(FFGOError, match=says):
        open_dataset(folder)


def test_canvases_of_several_sizes(memory_folder):
    folder = memory_folder(2)
    canvas(1).resize((30, 30)).save(folder / "composites/1.composite.2.png")
    with pytest.raises(FFGOError, match="several sizes"):
        open_dataset(folder)


def test_a_clip_that_is_all_memory(memory_folder):
    examples = open_dataset(memory_folder(4, count=1)).examples
    with pytest.raises(FFGOError, match="trained on 13 frames, and its 4 composite"):
        encode_examples(examples, encoders([]), Path("never"), Sizing(width=WIDTH, height=HEIGHT, frames=13))


# ---------------------------------------------------------------- encoded


@pytest.mark.parametrize("memory", [1, 2, 4])
def test_the_expert_is_told_of_as_many_latents(memory_folder, tmp_path, memory):
    log: list[torch.Tensor] = []
    dataset = encode_examples(
        open_dataset(memory_folder(memory, count=1)).examples, encoders(log), tmp_path / "cache", SIZING
    )
    clip, start = log
    assert [seen(frame) for frame in clip] == [
        *(min((frame + 3) // 4, memory - 1) for frame in range(4 * memory)), *[None] * (17 - 4 * memory)
    ]  # fmt: skip
    given = 4 * (memory - 1) + 1
    assert [seen(frame) for frame in start[:given]] == [(frame + 3) // 4 for frame in range(given)]
    assert (start[given:] == 0.5).all()
    again = CachedDataset.open(tmp_path / "cache")
    assert again.memory == dataset.memory == memory
    condition = again[0].condition
    assert (condition[:4, :memory] == 1).all()
    assert (condition[:4, memory:] == 0).all()
    assert (condition[4:7, memory:] == 0.5).all()
    large = condition[4:7].movedim(0, -1).repeat_interleave(8, 1).repeat_interleave(8, 2)
    assert [seen(large[latent]) for latent in range(memory)] == list(range(memory))
    assert ("memory" in (tmp_path / "cache/dataset.json").read_text()) == (memory > 1)
    assert lora_metadata("high", Recipe(), again, 1, {})["ffgo.memory"] == str(memory)


def test_another_canvas_is_another_example(memory_folder, tmp_path):
    folder = memory_folder(2)
    keys = []
    for colour in (1, 3):
        canvas(colour).save(folder / "composites/1.composite.2.png")
        encoded = encode_examples(open_dataset(folder).examples, encoders([]), tmp_path / "cache", SIZING)
        keys.append([entry.example for entry in encoded.entries])
    assert keys[0][0] == keys[1][0]
    assert keys[0][1] != keys[1][1]


def test_one_memory_a_dataset(memory_folder, tmp_path):
    folder = memory_folder(2, count=3)
    records = json.loads((folder / "train_data.json").read_text())
    del records[1]["more_image_paths"]
    (folder / "train_data.json").write_text(json.dumps(records))
    examples = open_dataset(folder).examples
    with pytest.raises(FFGOError, match=r"most have 2, but not these.*\n- videos/1.mp4: 1"):
        encode_examples(examples, encoders([]), tmp_path / "cache", SIZING)
    with pytest.raises(FFGOError, match="most have 2"):
        export_dataset(examples, tmp_path / "out", "official", SIZING)


# ---------------------------------------------------------------- made, exported, shown


def test_the_official_export_is_read_again(memory_folder, tmp_path):
    (note, warning) = export_dataset(open_dataset(memory_folder(2)).examples, tmp_path / "out", "official", SIZING)
    assert "train_data" in note
    assert "begins with 2 composites" in warning
    assert "first one alone" in warning
    again = open_dataset(tmp_path / "out").examples
    assert memory_of(again) == 2
    bucket = Bucket(WIDTH, HEIGHT, 17)
    assert [seen(frame) for frame in load_frames(again[1], bucket)[:9]] == [0, *[1] * 7, None]


@pytest.mark.parametrize("form", FORMATS[1:])
def test_other_trainers_are_noted(memory_folder, tmp_path, form):
    *_, warning = export_dataset(open_dataset(memory_folder(2)).examples, tmp_path / "out", form, SIZING)
    assert "the clip's first frame alone" in warning
    frames = list(read_frames(next((tmp_path / "out/videos").glob("*.mp4"))))
    assert [seen(frame) for frame in frames[:9]] == [0, *[1] * 7, None]


def test_an_example_made_of_several_canvases(tmp_path, frames_of):
    batch = torch.from_numpy(np.stack([np.asarray(canvas(n)) for n in range(3)]).astype(np.float32) / 255)
    example = add_example(
        tmp_path / "mine", lambda path: write_clip(path, frames_of(21), 16), pictures_of(batch), "A bar moves."
    )
    assert example.memory == 3
    assert len(read_records(tmp_path / "mine/train_data.json")[0].more_image_paths) == 2
    (again,) = open_dataset(tmp_path / "mine").examples
    assert again == example
    with pytest.raises(FFGOError, match="holds 5 pictures"):
        pictures_of(torch.zeros(5, HEIGHT, WIDTH, 3))


def test_a_row_shows_all_canvases(memory_folder):
    for memory in (1, 4):
        sheet, _ = contact_sheet(open_dataset(memory_folder(memory, count=1)).examples)
        thumbs = [sheet[0, 80, 131 + 254 * i] for i in range(FRAMES + 1)]
        shown = [
            next((n for n, colour in enumerate(COLOURS) if (thumb * 255 - torch.tensor(colour)).abs().max() < 12), None)
            for thumb in thumbs
        ]
        assert shown == [*range(memory), *[None] * (FRAMES + 1 - memory)]
