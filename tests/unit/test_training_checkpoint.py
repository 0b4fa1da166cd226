"""Where the disk refuses: nothing that was written is lost, and the message says what to do."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ffgo.errors import FFGOError

from .training_scene import Watch, run

resource = pytest.importorskip("resource", reason="only Unix can limit the size of files")


@contextlib.contextmanager
def full_disk(limit: int = 4000) -> Iterator[None]:
    """No file can grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class FillsTheDisk(Watch):
    """From step 7 on."""

    def __init__(self, stack: contextlib.ExitStack):
        super().__init__()
        self.stack = stack

    def stepped(self, report):
        super().stepped(report)
        if report.step == 7:
            self.stack.enter_context(full_disk())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_full_disk(tmp_path):
    run(tmp_path, steps=5)
    before = contents(tmp_path)
    with contextlib.ExitStack() as stack, pytest.raises(FFGOError) as error:
        run(tmp_path, FillsTheDisk(stack))
    message = str(error.value)
    assert "step_000010 could not be written" in message
    assert "The last good checkpoint is step_000005" in message
    assert "File too large" in message
    assert contents(tmp_path) == before  # and no remains
    assert run(tmp_path).finished


def test_a_full_disk_with_room_elsewhere(tmp_path, monkeypatch):
    """What was trained goes to the temporary folder, and from there back into the run."""
    temporary, folder = tmp_path / "temporary", tmp_path / "run"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    whole = run(tmp_path / "whole")

    class RunFolderTurnsIntoAFile(Watch):
        def stepped(self, report):
            if report.step == 4:
                folder.rename(tmp_path / "moved")
                folder.write_text("in the way")

    with pytest.raises(FFGOError) as error:
        run(folder, RunFolderTurnsIntoAFile())
    (rescue,) = temporary.iterdir()
    assert str(rescue) in str(error.value)
    assert "training goes on after step 5" in str(error.value)
    folder.unlink()
    (tmp_path / "moved").rename(folder)
    for file in rescue.iterdir():
        file.rename(folder / file.name)
    watch = Watch()
    resumed = run(folder, watch)
    assert [report.step for report in watch.reports] == [6, 7, 8, 9, 10]
    assert resumed.history.equal(whole.history)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FFGOError, match=r"cannot be written to .*Choose another output folder"):
        run(tmp_path / "file" / "run")
    with pytest.raises(FFGOError, match="cannot be written to"):
        run(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("root may write everywhere")
        with pytest.raises(FFGOError, match="cannot be written to"):
            run(tmp_path)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["run.json", "step_000005.state.safetensors"])
def test_a_damaged_file_is_named(tmp_path, name):
    run(tmp_path, steps=5)
    (tmp_path / name).write_bytes(b"{ damaged")
    before = contents(tmp_path)
    with pytest.raises(FFGOError, match=name.replace(".", r"\.")):
        run(tmp_path)
    assert contents(tmp_path) == before


HOSTILE_RUNS = {
    "a list": "[1, 2]", "null": "null", "a number": "9" * 5000, "deep": "[" * 100_000, "not UTF-8": b"\xff\xfe{",
    "huge": " " * 11_000_000, "lists where objects are": json.dumps({"recipe": [1], "expert": {"high": 1}}),
}  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE_RUNS.values(), ids=HOSTILE_RUNS)
def test_a_run_file_that_is_none_is_said(tmp_path, content):
    file = tmp_path / "run.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FFGOError, match=r"run\.json|holds a run that was started otherwise"):
        run(tmp_path)


def changed(about: dict, **changes) -> str:
    return json.dumps(about | changes)


HOSTILE_STATES = {
    "nothing": lambda about: "",
    "a list": lambda about: "[]",
    "deep": lambda about: "[" * 10_000,
    "a step in words": lambda about: changed(about, step="five"),
    "a step without end": lambda about: changed(about, step=10**30),
    "NaN": lambda about: changed(about, best=[5, float("nan")]),
    "three numbers": lambda about: changed(about, best=[1, 2, 3]),
    "an identity that is a list": lambda about: changed(about, identity=["high"]),
    "an optimizer that is a list": lambda about: changed(about, optimizer=[1]),
    "a key without a name": lambda about: changed(about, optimizer={"exp": 1.0}),
    "a parameter that is not there": lambda about: changed(about, optimizer={"99/step": 1.0}),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    run(folder, steps=5)
    return folder


@pytest.mark.parametrize("spoil", HOSTILE_STATES.values(), ids=HOSTILE_STATES)
def test_a_state_that_is_none_is_said(tmp_path, finished, spoil):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "step_000005.state.safetensors"
    with safe_open(file, "pt") as opened:
        about = json.loads(opened.metadata()["ffgo.state"])
    save_file(load_file(file), file, {"ffgo.state": spoil(about)})
    with pytest.raises(FFGOError, match=r"checkpoint.*goes on from the one before"):
        run(tmp_path)


@pytest.mark.parametrize("name", ["history", "optimizer/0/exp_avg", "optimizer/0/step"])
def test_a_state_with_tensors_of_other_sizes_is_said(tmp_path, finished, name):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "step_000005.state.safetensors"
    with safe_open(file, "pt") as opened:
        about = opened.metadata()
    tensors = load_file(file)
    assert name in tensors
    if name.endswith("step"):
        del tensors[name]
    else:
        tensors[name] = torch.zeros(3)
    save_file(tensors, file, about)
    with pytest.raises(FFGOError, match=r"checkpoint.*goes on from the one before"):
        run(tmp_path)


def test_a_checkpoint_of_which_the_lora_alone_was_written_is_made_anew(tmp_path, finished):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    (tmp_path / "step_000007.safetensors").write_bytes(b"whole, and its state is not there")
    run(tmp_path, steps=6)
    assert not (tmp_path / "step_000007.safetensors").exists()
