"""The lanes of the test command, each a real pytest."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.workshop.comfyui import REPO
from lab.workshop.lanes import lanes_of
from lab.workshop.patience import wait_for

RUN = """
import sys
from lab.workshop.comfyui import Host
from lab.workshop.lanes import Lanes
lanes = {word.partition("=")[0]: ["-p", "no:cacheprovider", word.partition("=")[2]] for word in sys.argv[2:]}
sys.exit(Lanes(Host.current(), lanes, stop_early=sys.argv[1] == "stop").run())
"""
SLEEPS = """
import pathlib, pytest, time
here = pathlib.Path(__file__)

@pytest.fixture(scope="session")
def server():
    yield
    here.with_suffix(".stopped").touch()

def test_sleeps(server):
    here.with_suffix(".started").touch()
    time.sleep(3600)
"""
FAILS_LATE = """
import pathlib, time

def test_fails_when_the_sleeper_sleeps():
    while not pathlib.Path(__file__).with_name("test_sleeper.started").exists():
        time.sleep(0.05)
    assert False
"""
LANES = {
    "good": "def test_a(): pass\ndef test_b(): print('hello')\n",
    "bad": "import pytest\ndef test_a(): assert 1 == 2\ndef test_b(): pytest.skip('no card')\n",
    "empty": "",
    "ill": "import os\ndef test_a(): os._exit(7)\n",
    "sleeper": SLEEPS,
    "late": FAILS_LATE,
}


@pytest.fixture
def start(tmp_path: Path):
    """Starts lanes of one file each, in a process of its own."""
    for name, code in LANES.items():
        (tmp_path / f"test_{name}.py").write_text(code)

    def start(*names: str, stop_early: bool = False) -> subprocess.Popen[str]:
        words = ["stop" if stop_early else "go", *(f"{name}={tmp_path / f'test_{name}.py'}" for name in names)]
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # they take a second of each start
        return subprocess.Popen([sys.executable, "-c", RUN, *words], cwd=REPO, env=env, **output)

    return start


def test_the_verdict_is_that_of_all_lanes(start):
    process = start("good", "empty", "bad")
    output, _ = process.communicate()
    assert process.returncode == 1
    lines = output.splitlines()
    assert any(line.startswith("bad   | E ") and "assert 1 == 2" in line for line in lines)
    assert lines[-1].startswith("[ffgo] 2 passed, 1 failed, 1 skipped in ")
    assert [line.split(" in ")[0] for line in lines[-4:-1]] == [
        "[ffgo] good: 2 passed", "[ffgo] empty: no tests ran", "[ffgo] bad: 1 failed, 1 skipped"
    ]  # fmt: skip
    again = lines[lines.index("[ffgo] bad, once more:") :]
    assert any("assert 1 == 2" in line for line in again)
    assert "bad   | " not in "".join(again)


def test_an_empty_lane_is_no_failure_and_nothing_but_empty_lanes_is_one(start):
    for names, status in ((("good", "empty"), 0), (("empty",), 5)):
        process = start(*names)
        process.communicate()
        assert process.returncode == status


def test_a_lane_that_dies_is_a_failure(start):
    process = start("good", "ill")
    output, _ = process.communicate()
    assert process.returncode == 7
    assert "[ffgo] ill: ended with exit status 7" in output


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_lanes_in_order(start, tmp_path, number):
    process = start("sleeper", "good")
    wait_for((tmp_path / "test_sleeper.started").exists)
    process.send_signal(number)
    process.communicate()
    assert process.returncode != 0
    assert (tmp_path / "test_sleeper.stopped").exists()


def test_the_first_failure_ends_the_other_lanes_where_that_is_wanted(start, tmp_path):
    process = start("sleeper", "late", stop_early=True)
    process.communicate()
    assert process.returncode in (1, 2)
    assert (tmp_path / "test_sleeper.stopped").exists()


def test_lanes_have_caches_of_their_own_and_tell_pytest_what_was_said():
    lanes = lanes_of(["unit", "web"], ["-k", "trim"])
    assert list(lanes) == ["unit 1", "unit 2", "canvas", "elements", "newest page"]
    assert set(lanes_of(["web"], [], nightly=True)) == {"canvas", "elements", "newest page", "page 1.49"}
    assert lanes["canvas"] == ["tests/web", "--renderer=canvas", "-o", "cache_dir=.pytest_cache/canvas", "-k", "trim"]
