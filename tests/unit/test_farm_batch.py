"""Many jobs on many servers: real processes that speak as ComfyUI does, killed and interrupted in the middle."""

import asyncio
import csv
import json
import random
import resource
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from ffgo.locks import LOCK_FILE, sole_writer
from ffgo.remote.__main__ import main
from ffgo.remote.engine import Here
from ffgo.remote.jobs import read_jobs
from ffgo.remote.progress import Silent
from lab.workshop.patience import wait_for

from .farm_scene import FarmServer, QueueingComfyUI, farm, png, start_runner, write_jobs
from .remote_scene import serving


def batch(folder: Path, *words: str) -> int:
    return main(["batch", str(folder / "jobs.toml"), "--out", str(folder / "out"), *words])


def at(*urls: str) -> list[str]:
    return [word for url in urls for word in ("--server", url)]


def rows(folder: Path) -> list[dict]:
    path = folder / "out/results.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def done(folder: Path) -> list[int]:
    return sorted(row["seed"] for row in rows(folder) if row["status"] == "done")


def queued(host: QueueingComfyUI) -> list[int]:
    return [body["prompt"]["2"]["inputs"]["noise_seed"] for what, body in host.posts if what == "prompt"]


def test_every_job_is_done_once_and_its_files_are_called_after_their_nodes(tmp_path, capsys):
    write_jobs(tmp_path, 4, 2)
    one, two = QueueingComfyUI(), QueueingComfyUI()
    with serving(one.app) as a, serving(two.app) as b:
        assert batch(tmp_path, *at(a, b)) == 0
        assert batch(tmp_path, *at(a, b)) == 0
    assert done(tmp_path) == sorted(one.done + two.done) == list(range(8))
    assert one.done
    assert two.done
    for row in rows(tmp_path):
        name = f"{row['case']}_{row['seed']}_{row['key'][:8]}/Save first frame.png"
        assert row["files"] == {"Save first frame": [name]}
        assert (tmp_path / "out" / name).read_bytes() == png(row["seed"])
    said = capsys.readouterr()
    assert "[8/8]" in said.err
    assert "8 of 8 jobs are done, 0 are to be done." in said.err
    assert said.out.splitlines() == [str(tmp_path / "out/results.html")] * 2
    left = {path.name for path in (tmp_path / "out").iterdir() if path.name[0] == "."}
    assert not left


def test_the_table_and_the_page_show_every_job(tmp_path):
    write_jobs(tmp_path, 2, 1, case1="fail")
    host = QueueingComfyUI()
    with serving(host.app) as url:
        assert batch(tmp_path, *at(url.replace("//", "//me:secret@"))) == 1
    with (tmp_path / "out/results.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["case"], row["seed"], row["status"], row["kind"]) for row in table] == [
        ("case0", "0", "done", ""),
        ("case1", "1", "failed", "failed"),
    ]
    page = (tmp_path / "out/results.html").read_text()
    assert page.count("<article>") == 2
    assert "Save first frame (SaveImage): broken" in page
    assert len(list((tmp_path / "out/sheet").glob("*.webp"))) == 1
    for path in (tmp_path / "out").glob("results.*"):
        assert "secret" not in path.read_text()


def test_a_job_that_cannot_be_done_is_told_once_and_stops_nothing(tmp_path, capsys):
    write_jobs(tmp_path, 4, 1, case0="refuse", case2="fail")
    one, two = QueueingComfyUI(), QueueingComfyUI()
    with serving(one.app) as a, serving(two.app) as b:
        assert batch(tmp_path, *at(a, b)) == 1
        assert capsys.readouterr().err.count("The server refuses the workflow") == 1
        assert [row["kind"] for row in rows(tmp_path) if row["status"] == "failed"].count("refused") == 1
        assert done(tmp_path) == [1, 3]
        before = len(queued(one) + queued(two))
        assert batch(tmp_path, *at(a, b)) == 1
        assert "2 failed before (--retry-failed" in capsys.readouterr().err
        assert len(queued(one) + queued(two)) == before
        (tmp_path / "jobs.toml").write_text((tmp_path / "jobs.toml").read_text())
        batch(tmp_path, *at(a, b), "--retry-failed")
        assert len(queued(one) + queued(two)) > before


def test_what_one_server_lacks_another_one_does(tmp_path, capsys):
    write_jobs(tmp_path, 6, 1)
    poor, rich = QueueingComfyUI(), QueueingComfyUI()
    poor.lacks = {"RandomNoise"}
    with serving(poor.app) as a, serving(rich.app) as b:
        assert batch(tmp_path, *at(a, b)) == 0
    assert sorted(rich.done) == list(range(6))
    assert f"{a} has no node RandomNoise, others do." in capsys.readouterr().err


def test_servers_that_are_killed_again_and_again_lose_no_job(tmp_path):
    jobs = write_jobs(tmp_path, 6, 2)
    with farm(tmp_path, 2, 0.3) as (mortal, other):
        runner = start_runner(jobs, tmp_path / "out", *at(mortal.url, other.url))
        for kill in range(3):
            wait_for(lambda n=kill: len(mortal.jobs()) > 2 * n or runner.poll() is not None, lambda: rows(tmp_path))
            mortal.kill()
            mortal.start()
        said, _ = runner.communicate()
    assert runner.returncode == 0, said
    assert done(tmp_path) == list(range(12))
    assert "lost" in {row["kind"] for row in rows(tmp_path)}


def test_a_server_that_is_gone_for_good_is_told_and_the_other_one_does_the_rest(tmp_path, capsys):
    write_jobs(tmp_path, 3, 1)
    gone = FarmServer(tmp_path / "gone", 0)
    with serving(QueueingComfyUI(0.1).app) as url:
        assert batch(tmp_path, *at(gone.url, url), "--patience", "0.1") == 0
    assert f"{gone.url} does not answer: nothing listens there" in capsys.readouterr().err


def test_jobs_that_nobody_is_left_for_are_done_by_the_next_start(tmp_path, capsys):
    jobs = write_jobs(tmp_path, 3, 1)
    with farm(tmp_path, 1, 0.2) as (server,):
        runner = start_runner(jobs, tmp_path / "out", *at(server.url), "--patience", "0.1")
        wait_for(lambda: done(tmp_path))
        server.kill()
        said, _ = runner.communicate()
        assert runner.returncode == 1
        assert "for no server works any more: start one" in said
        server.start()
        assert batch(tmp_path, *at(server.url)) == 0
    assert done(tmp_path) == [0, 1, 2]


def test_no_server_at_all_is_told_at_once(tmp_path, capsys):
    write_jobs(tmp_path, 1, 1)
    one, two = FarmServer(tmp_path / "a", 0), FarmServer(tmp_path / "b", 0)
    assert batch(tmp_path, *at(one.url)) == 1
    assert "Is ComfyUI running there?" in capsys.readouterr().err
    assert batch(tmp_path, *at(one.url, two.url)) == 1
    assert f"None of {one.url}, {two.url} answers" in capsys.readouterr().err


def test_a_runner_that_was_killed_goes_on_and_what_its_servers_have_is_waited_for(tmp_path):
    jobs = write_jobs(tmp_path, 6, 2)
    with farm(tmp_path, 2, 0.4) as servers:
        words = at(*(server.url for server in servers))
        first = start_runner(jobs, tmp_path / "out", *words)
        wait_for(lambda: len(done(tmp_path)) >= 2, lambda: rows(tmp_path))
        first.kill()
        first.communicate()
        assert first.returncode == -signal.SIGKILL  # in the middle, by what was on the disk by then
        second = start_runner(jobs, tmp_path / "out", *words)
        said, _ = second.communicate()
        started = Counter(job["seed"] for server in servers for job in server.jobs() if job["event"] == "start")
    assert second.returncode == 0, said
    assert done(tmp_path) == list(range(12))
    assert set(started.values()) == {1}  # nothing was made twice
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".job")]


def test_ctrl_c_takes_every_job_off_every_server(tmp_path):
    jobs = write_jobs(tmp_path, 8, 1)
    one, two = QueueingComfyUI(600), QueueingComfyUI(600)
    with serving(one.app) as a, serving(two.app) as b:
        runner = start_runner(jobs, tmp_path / "out", *at(a, b))
        wait_for(lambda: one.running and two.running and one.waiting and two.waiting)
        runner.send_signal(signal.SIGINT)
        said, _ = runner.communicate()
        assert runner.returncode == 130, said
        for host in (one, two):
            assert not host.waiting
            wait_for(lambda host=host: not host.running)
            host.seconds = 0
        assert rows(tmp_path) == []
        assert batch(tmp_path, *at(a, b)) == 0
    assert done(tmp_path) == list(range(8))


def test_the_second_of_two_runners_is_told_who_is_the_first(tmp_path, capsys):
    write_jobs(tmp_path, 1, 1)
    with serving(QueueingComfyUI().app) as url, sole_writer(tmp_path / "out" / LOCK_FILE, ""):
        assert batch(tmp_path, *at(url)) == 1
    assert "being written by process" in capsys.readouterr().err


def test_a_full_disk_stops_cleanly_and_the_next_start_goes_on(tmp_path):
    """A limit on the size of files, which is refused by the system as a full disk is."""
    jobs = write_jobs(tmp_path, 6, 1)
    host = QueueingComfyUI()
    with serving(host.app) as url:
        limit = (1200, 1200)
        full = start_runner(
            jobs, tmp_path / "out", *at(url), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        )
        said, _ = full.communicate()
        assert full.returncode == 1, said
        assert "What is done is there; make room, then run the same command again" in said
        assert "Traceback" not in said
        wait_for(lambda: not host.running and not host.waiting)  # nothing is left on the server
        kept = (tmp_path / "out/results.jsonl").read_text().count('"status": "done"')
        assert batch(tmp_path, *at(url)) == 0
    lines = (tmp_path / "out/results.jsonl").read_text().splitlines()
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    assert sorted({row["seed"] for row in whole if row["status"] == "done"}) == list(range(6))
    assert kept < 6


def test_a_line_that_a_kill_cut_short_and_a_lost_file_are_done_again(tmp_path):
    write_jobs(tmp_path, 3, 1)
    host = QueueingComfyUI()
    with serving(host.app) as url:
        assert batch(tmp_path, *at(url)) == 0
        path = tmp_path / "out/results.jsonl"
        lines = path.read_text().splitlines()
        path.write_text("\n".join(lines[:2]) + "\n" + lines[2][:50])
        (tmp_path / "out" / next(iter(json.loads(lines[0])["files"].values()))[0]).unlink()
        before = len(host.done)
        assert batch(tmp_path, *at(url)) == 0
    assert sorted(host.done[before:]) == [0, 2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--server", "a:1", "--server", "http://a:1/"], "is given twice"),
        (["--server", "ftp://a"], "no http or https address"),
        (["--address", "auto"], "Give --engine ray"),
    ],
)
def test_wrong_use(tmp_path, capsys, words, said):
    write_jobs(tmp_path, 1, 1)
    assert batch(tmp_path, *words) == 2
    assert said in capsys.readouterr().err


def test_an_example_is_printed_without_a_list(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["batch", "--example"])
    assert ended.value.code == 0
    assert "[[case]]" in capsys.readouterr().out


@pytest.mark.nightly
def test_fifty_cases_by_three_seeds_while_one_server_is_killed_twenty_times(tmp_path, capsys):
    """Nothing of the clock is tested; what docs/farm.md says of it is printed."""
    seconds, kills, dice = 4.0, 20, random.Random(3)
    jobs = write_jobs(tmp_path, 50, 3)
    with farm(tmp_path, 2, seconds) as (mortal, other):
        began, down = time.monotonic(), 0.0
        runner = start_runner(jobs, tmp_path / "out", *at(mortal.url, other.url))
        for moment in sorted(dice.uniform(1, 150 * seconds / 2) for _ in range(kills)):
            time.sleep(max(0, began + moment - time.monotonic()))
            died = time.monotonic()
            mortal.kill()
            mortal.start()
            down += time.monotonic() - died
        said, _ = runner.communicate()
        wall = time.monotonic() - began
    assert runner.returncode == 0, said
    keys = [row["key"] for row in rows(tmp_path) if row["status"] == "done"]
    assert len(keys) == len(set(keys)) == 150
    least = 150 * seconds / (2 - down / wall)
    with capsys.disabled():
        lost = sum(row["kind"] == "lost" for row in rows(tmp_path))
        print(f"\n{wall:.0f} s; job times / servers alive {least:.0f} s: {wall / least:.2f}; {lost} tries were lost")


@pytest.mark.nightly
def test_what_fifty_jobs_cost_above_run(tmp_path, capsys):
    """Nothing of the clock is tested; the figures are printed. The page and its pictures are made when all is done."""
    jobs = read_jobs(write_jobs(tmp_path, 50, 1), 60)
    with serving(QueueingComfyUI(0.05).app) as url:
        began = time.monotonic()
        for job in jobs:
            asyncio.run(Here([url]).run(url, job.request, tmp_path / "alone", show=Silent))
        alone = (time.monotonic() - began) / len(jobs)
        for ahead in (0, 1):
            out, began = tmp_path / str(ahead), time.time()
            main(["batch", str(tmp_path / "jobs.toml"), "--out", str(out), *at(url), "--ahead", str(ahead)])
            lines = (out / "results.jsonl").read_text().splitlines()
            assert len(lines) == len(jobs)
            took = ((out / "results.jsonl").stat().st_mtime - began) / len(jobs)
            with capsys.disabled():
                print(f"\n{1000 * alone:.0f} ms a job by run; --ahead {ahead}: {1000 * (took - alone):+.0f} ms")
