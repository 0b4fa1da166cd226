"""`python -m ffgo.training` as a user starts it: one process, two, and stopped in between."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from ffgo.dataset.cache import CachedDataset, Entry, write_example, write_text
from lab.workshop.comfyui import Host
from lab.workshop.patience import wait_for
from lab.workshop.server import ensure_standins

from ..warm import Command

REPO = Path(__file__).parents[2]
SHAPE = (3, 6, 8)


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded")
    entries = []
    for i in range(3):
        draw = torch.Generator().manual_seed(i)
        write_example(
            folder, f"clip{i}", torch.randn(16, *SHAPE, generator=draw), torch.randn(16, *SHAPE, generator=draw)
        )
        write_text(folder, f"text{i}", torch.randn(512, 4096, generator=draw))
        entries.append(Entry(f"example {i}", f"clip{i}", f"text{i}", SHAPE))
    CachedDataset(folder, entries).save_index()
    return folder


@pytest.fixture
def job(tmp_path, encoded):
    """Writes a job file; returns its path."""
    experts = ensure_standins(Host.current()) / "diffusion_models"

    def write(name, experts_to_train='["high"]', **recipe):
        lines = [f"{key} = {value}" for key, value in ({"steps": 3, "rank": 4, "accumulation": 2} | recipe).items()]
        path = tmp_path / f"{name}.toml"
        models = [f"{expert} = '{experts / f'standin_{expert}_noise.safetensors'}'" for expert in ("high", "low")]
        head = [f'name = "{name}"', f"experts = {experts_to_train}", 'output = "out"', "[models]", *models]
        path.write_text("\n".join([*head, "[dataset]", f"encoded = '{encoded}'", "[recipe]", *lines]))
        return path

    return write


def train(path):
    """The command for a job file, but begun in a process that has its imports done."""
    return Command(REPO, "ffgo.training", path, log=path.with_suffix(".log"))


def python(*command):
    """The command as it is; returns the exit status and what it printed."""
    env = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run([sys.executable, "-m", *map(str, command)], cwd=REPO, env=env, check=False, **output)
    return done.returncode, done.stdout


def test_two_processes_train_what_one_does(job):
    one, two = job("one", '["high", "low"]'), job("two")
    launch = ("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "-m", "ffgo.training")
    alone = train(one)
    for status, output in (python(*launch, two), alone.finished()):
        assert status == 0, output
    histories = [
        load_file(path.parent / f"out/runs/{path.stem}/high/step_000003.state.safetensors")["history"]
        for path in (one, two)
    ]
    torch.testing.assert_close(*histories, rtol=0, atol=1e-6)
    for expert in ("high", "low"):
        with safe_open(one.parent / f"out/one_{expert}.safetensors", framework="pt") as file:
            assert file.metadata()["ffgo.expert"] == expert


def test_sigterm_saves_and_the_same_command_goes_on(job):
    path = job("stopped", steps=100000, save_every=100000)
    process = train(path)
    run = path.parent / "out/runs/stopped/high"
    wait_for(lambda: (run / "run.json").exists() or process.has_ended)
    process.send_signal(signal.SIGTERM)
    status, output = process.finished()
    assert status == 130, output
    (state,) = run.glob("*.state.safetensors")
    done = int(state.name.split("_")[1].split(".")[0])
    job("stopped", steps=done + 1, save_every=100000)
    status, output = train(path).finished()
    assert status == 0, output
    with safe_open(path.parent / "out/stopped_high.safetensors", framework="pt") as file:
        assert file.metadata()["ffgo.steps"] == str(done + 1)


def test_a_job_that_cannot_be_is_refused_in_words(job):
    path = job("bad", ranks=3)
    status, output = python("ffgo.training", path)
    assert status == 1
    assert 'unknown key "ranks"' in output
    assert "Traceback" not in output
