"""The same list on a real Ray, started on this machine: 200 MB and eight processes, so each night alone."""

import importlib.util
import json
import signal
from pathlib import Path

import pytest

from ffgo.remote.__main__ import main
from lab.workshop.patience import wait_for

from .farm_scene import QueueingComfyUI, start_runner, write_jobs
from .remote_scene import serving
from .test_farm_batch import at, done

NO_RAY = 'Ray is not installed: pip install "ffgo[farm]"'


def files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.glob("case*/*")}


def run_on_ray(jobs: Path, out: Path, *words: str) -> str:
    """What it said; skips where Ray does not start, which is a matter of the machine."""
    runner = start_runner(jobs, out, *words, "--engine", "ray")
    said, _ = runner.communicate()
    if "Ray does not start on this machine" in said:
        pytest.skip(said.strip()[-500:])
    assert "Traceback" not in said, said
    return said


def test_ray_is_asked_for_where_it_is_missing(tmp_path, capsys):
    if importlib.util.find_spec("ray"):
        pytest.skip("Ray is installed")
    jobs = write_jobs(tmp_path, 1, 1)
    assert main(["batch", str(jobs), "--out", str(tmp_path / "out"), "--engine", "ray"]) == 2
    assert 'pip install "ffgo[farm]"' in capsys.readouterr().err


@pytest.mark.nightly
@pytest.mark.skipif(not importlib.util.find_spec("ray"), reason=NO_RAY)
def test_both_engines_make_the_same_files_and_go_on_with_each_others_list(tmp_path):
    jobs = write_jobs(tmp_path, 5, 2, case1="refuse", case2="fail")
    with serving(QueueingComfyUI().app) as a, serving(QueueingComfyUI().app) as b:
        main(["batch", str(jobs), "--out", str(tmp_path / "here"), *at(a, b)])
        run_on_ray(jobs, tmp_path / "out", *at(a, b))
        assert files(tmp_path / "out") == files(tmp_path / "here")
        assert done(tmp_path) == [0, 1, 6, 7, 8, 9]
        lines = (tmp_path / "out/results.jsonl").read_text().splitlines()
        assert {json.loads(line)["kind"] for line in lines} == {None, "refused", "failed"}
        assert main(["batch", str(jobs), "--out", str(tmp_path / "out"), *at(a, b)]) == 1
        assert (tmp_path / "out/results.jsonl").read_text().splitlines() == lines


@pytest.mark.nightly
@pytest.mark.skipif(not importlib.util.find_spec("ray"), reason=NO_RAY)
def test_ctrl_c_takes_every_job_off_every_server(tmp_path):
    jobs = write_jobs(tmp_path, 8, 1)
    one, two = QueueingComfyUI(600), QueueingComfyUI(600)
    with serving(one.app) as a, serving(two.app) as b:
        runner = start_runner(jobs, tmp_path / "out", *at(a, b), "--engine", "ray")
        wait_for(lambda: (one.running and two.running and one.waiting and two.waiting) or runner.poll() is not None)
        runner.send_signal(signal.SIGINT)
        said, _ = runner.communicate()
        if "Ray does not start on this machine" in said:
            pytest.skip(said.strip()[-500:])
        assert runner.returncode == 130, said
        for host in (one, two):
            wait_for(lambda host=host: not host.running and not host.waiting)
