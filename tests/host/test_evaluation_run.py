"""A run over the toy world on the real host, killed in the middle: nothing is made twice, and nothing is lost."""

import json
import os
import signal
import subprocess
import sys

import pytest
from PIL import Image

from ffgo.evaluation.runs import read_runs
from lab.toyworld.evaluate import write_toy_set
from lab.toyworld.examples import test_set as unseen_examples
from lab.toyworld.scene import HEIGHT, WIDTH
from lab.workshop.comfyui import REPO
from lab.workshop.demo import SETTINGS, WORKFLOW
from lab.workshop.patience import wait_for

METHODS = {
    "ffgo": [],
    "base": ["FFGo LoRA.strength_high=0", "FFGo LoRA.strength_low=0"],
    "script": ["Canvas.layout=script"],
}


def command(host, folder, *arguments):
    """`python -m ffgo.evaluation run`, started."""
    words = ["run", "set", "methods.toml", "--out", "runs", "--server", host.url, *arguments]
    return subprocess.Popen(
        [sys.executable, "-m", "ffgo.evaluation", *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(REPO)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def prepare(folder, cases, methods, steps):
    write_toy_set(folder / "set", unseen_examples()[:cases])
    text = "".join(
        f"[[method]]\nname = {json.dumps(name)}\nworkflow = {json.dumps(str(WORKFLOW))}\n"
        f"set = {json.dumps([*SETTINGS, 'Trim.frames=0', f'Expert switch.steps={steps}', *METHODS[name]])}\n"
        'trim = "auto"\n'
        for name in methods
    )
    (folder / "methods.toml").write_text(text)


def killed_and_run_again(host, folder, kill_at):
    """Kill -9 after so many results, run to the end; returns how many jobs the server did for each."""

    def results():
        return len(list((folder / "runs").glob("*/*/*/result.json")))

    before = len(host.get("/history"))
    first = command(host, folder)
    wait_for(lambda: results() >= kill_at or first.poll() is not None, lambda: (results(), host.log_size()))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    kept = results()
    queue = "/queue"
    wait_for(lambda: not any(host.get(queue).values()), host.log_size)  # the job that nobody waits for any more
    between = len(host.get("/history"))
    second = command(host, folder)
    _, said = second.communicate()
    assert second.returncode == 0, said
    return kept, between - before, len(host.get("/history")) - between


def test_a_killed_run_goes_on_where_it_was(host, tmp_path):
    prepare(tmp_path, 2, ("ffgo", "script"), steps=2)
    kept, _, after = killed_and_run_again(host, tmp_path, 1)
    assert kept >= 1
    assert after == 4 - kept
    runs = read_runs(tmp_path / "runs")
    assert [str(result.place) for result in runs.results] == [
        f"{method} / toy_0{case} / 42" for method in ("ffgo", "script") for case in (0, 1)
    ]
    assert {result.frames for result in runs.results} == {17}
    for result in runs.results:
        with Image.open(result.frame) as frame:
            assert frame.size == (WIDTH, HEIGHT)  # as the setting says, not as the workflow does
    assert not list((tmp_path / "runs").glob(".clip*"))


@pytest.mark.nightly
def test_eight_cases_by_three_methods_killed_after_ten(host, tmp_path):
    prepare(tmp_path, 8, tuple(METHODS), steps=12)
    kept, _, after = killed_and_run_again(host, tmp_path, 10)
    assert kept >= 10
    assert after == 24 - kept
    assert len(read_runs(tmp_path / "runs").results) == 24


@pytest.mark.nightly
def test_our_metrics_put_the_toy_worlds_rows_in_the_order_of_the_exact_ones(probes):
    """Motion is left out: the exact metric asks which law a sprite follows, ours how far things go."""
    order = probes.ask("toy_evaluate_probe", 12)
    assert order["scene_identity"] > 0.85
    assert order["object_identity"] > 0.8
