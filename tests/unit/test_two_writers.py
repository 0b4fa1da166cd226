"""Whatever the pack writes has one writer, who is named to the second; the next one sweeps what the dead left.

Every kind of writer by its own door; how locks work: test_locks.py.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image

from ffgo.clip.video_io import write_clip
from ffgo.dataset import build, encode
from ffgo.dataset.build import add_example
from ffgo.dataset.encode import encode_examples
from ffgo.dataset.encoders import Encoders
from ffgo.dataset.examples import open_dataset
from ffgo.dataset.export import export_dataset
from ffgo.dataset.records import RECORDS_FILE, read_records
from ffgo.dataset.sizing import Sizing
from ffgo.files import unfinished_name
from ffgo.locks import LOCK_FILE, BusyError, lock_for, try_lock
from ffgo.lora import saving
from ffgo.lora.saving import Factors, lora_tensors, save_lora

from .conftest import moving
from .training_scene import Watch, run

LORA = lora_tensors({"head.head": Factors(torch.ones(2, 3), torch.ones(4, 2), 2.0)})
ENCODERS = Encoders(lambda frames: torch.zeros(16, 3, 6, 8), lambda caption: torch.ones(2, 4), "vae", "text")


@dataclass(frozen=True)
class Writer:
    """One door to the disk."""

    write: Callable[[Path, list], object]
    """Gets a folder, and examples of another dataset."""
    folders: tuple[str, ...]
    """That it writes into, where its lock keeps others out."""
    lock: Callable[[Path], Path] = lambda folder: folder / LOCK_FILE


def add(folder, colour="teal", caption="A bar moves."):
    return add_example(
        folder, lambda path: write_clip(path, moving(9), 16), Image.new("RGB", (64, 48), colour), caption
    )


WRITERS = {
    "dataset": Writer(lambda folder, _: add(folder), (".", "videos", "composites")),
    "encoded dataset": Writer(
        lambda folder, examples: encode_examples(examples, ENCODERS, folder, Sizing(64, 48, 9)),
        (".", "examples", "texts"),
    ),
    "export": Writer(
        lambda folder, examples: export_dataset(examples, folder / "demo", "official", Sizing(64, 48, 9)),
        (".",),
        lambda folder: lock_for(folder / "demo"),
    ),
    "LoRA": Writer(lambda folder, _: save_lora(LORA, folder, "mine", "high", "float32"), (".",)),
    "run": Writer(lambda folder, _: run(folder, steps=1), (".",)),
}


@pytest.fixture
def examples(make_dataset):
    return open_dataset(make_dataset(1)).examples


@pytest.mark.parametrize("kind", WRITERS)
def test_the_second_is_told_and_writes_nothing(kind, tmp_path, examples, monkeypatch):
    for room in (build, encode, saving):
        monkeypatch.setattr(room, "PATIENCE_S", 0)
    folder, writer = tmp_path / "place", WRITERS[kind]
    folder.mkdir()
    held = try_lock(writer.lock(folder))
    assert held is not None
    with pytest.raises(BusyError, match=rf"by process {os.getpid()} on .* since 20.*Wait until it is done"):
        writer.write(folder, examples)
    assert list(folder.rglob("*")) == [held.path]
    held.let_go()
    writer.write(folder, examples)
    assert [path for path in folder.rglob("*") if not path.name.startswith(".")]


@pytest.mark.parametrize("kind", WRITERS)
def test_what_the_dead_left_is_gone_after_the_next(kind, tmp_path, examples):
    folder, writer = tmp_path / "place", WRITERS[kind]
    name = "demo" if kind == "export" else "step_000001.safetensors"
    for place in writer.folders:
        (folder / place).mkdir(parents=True, exist_ok=True)
        unfinished_name(folder / place / name).write_bytes(b"half")
        (folder / place / f".{Path(name).stem}-{'0f' * 16}{Path(name).suffix}").write_bytes(b"half, by version 0.1.0")
        half = unfinished_name(folder / place / name)
        half.mkdir()
        (half / ".tmpAbCd12").write_bytes(b"as safetensors calls what is not finished")
    writer.write(folder, examples)
    assert [path.name for path in folder.rglob(".*")] == []


def test_another_export_beside_it_goes_on(tmp_path, examples):
    others = [unfinished_name(tmp_path / name) for name in ("demo_2", "demo.2", "de", f"{'long' * 49}.demo")]
    for other in others:
        other.mkdir()
    export_dataset(examples, tmp_path / "demo", "official", Sizing(64, 48, 9))
    assert all(other.exists() for other in others)


def test_all_examples_of_two_writers_are_listed(tmp_path):
    colours = [[f"#{who}{i}8040" for i in range(10, 16)] for who in (10, 20)]
    with ThreadPoolExecutor(2) as writers:
        list(writers.map(lambda mine: [add(tmp_path, colour) for colour in mine], colours))
    listed = read_records(tmp_path / RECORDS_FILE)
    assert len(listed) == len({record.image_path for record in listed}) == 12


def test_a_second_trainer_is_refused_while_the_first_one_goes_on(tmp_path):
    """Also with another recipe, of which it would be said that it does not fit."""
    whole, refused = run(tmp_path / "whole"), []

    class Second(Watch):
        def stepped(self, report):
            for learning_rate in (1e-2, 5e-2):
                with pytest.raises(BusyError, match="is being trained by process"):
                    run(tmp_path / "run", learning_rate=learning_rate)
                refused.append(report.step)

    first = run(tmp_path / "run", Second(), save_every=2)
    assert len(refused) == 20
    assert first.history.equal(whole.history)
