"""One writer at a time, who is named to the second; and what the dead leave is gone after the next writer."""

import json
import logging
import platform
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ffgo import locks
from ffgo.errors import FFGOError
from ffgo.files import complete_file, leftovers, unfinished_name
from ffgo.locks import LOCK_FILE, BusyError, lock_for, sole_writer, try_lock

REPO = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from ffgo.files import unfinished_name
from ffgo.locks import sole_writer
with sole_writer(Path(sys.argv[1]), "It is being written"):
    unfinished_name(Path(sys.argv[1]).with_name("big.safetensors")).write_bytes(b"half")
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def another_process(path):
    """Holds the lock, and writes a file that it does not finish."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], cwd=REPO, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_a_lock_is_held_by_one(tmp_path):
    path = tmp_path / "lock"
    first = try_lock(path)
    assert first is not None
    assert try_lock(path) is None
    first.let_go()
    second = try_lock(path)
    assert second is not None
    second.let_go()
    assert not path.exists()


def test_the_second_is_told_who_holds_it_and_what_a_living_process_writes_stays(tmp_path):
    path = tmp_path / LOCK_FILE
    with another_process(path) as holder:
        (half,) = leftovers(tmp_path)
        with pytest.raises(BusyError) as refusal, sole_writer(path, "It is being written"):
            pass
        today = time.strftime("%Y-%m-%d", time.gmtime())
        assert f"It is being written by process {holder.pid} on {platform.node()} since {today}" in str(refusal.value)
        assert half.exists()
        assert f"-{holder.pid}-" in half.name


def test_the_lock_of_a_dead_process_is_taken_over_and_what_it_left_goes(tmp_path):
    path = tmp_path / LOCK_FILE
    with another_process(path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert path.exists()
        with sole_writer(path, "It is being written") as hold:
            hold.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_who_waits_gets_it_or_an_end_or_a_cancel(tmp_path):
    path = tmp_path / LOCK_FILE
    first = try_lock(path)
    assert first is not None
    with sole_writer(path, "It is being written", patience_s=60, waiting=first.let_go):
        assert path.exists()

        def cancel():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), sole_writer(path, "", patience_s=60, waiting=cancel):
            pass
        with pytest.raises(BusyError), sole_writer(path, "", patience_s=0.1):
            pass


@pytest.mark.parametrize("words", [b"", b"\xff\xfe", b" [1, 2]", b' {"pid": 7, "host": null}', b" " + b"[" * 5000])
def test_words_that_say_nothing_are_no_error(tmp_path, words, monkeypatch):
    monkeypatch.setattr(locks, "WORDS_S", 0)
    path = tmp_path / LOCK_FILE
    first = try_lock(path)
    assert first is not None
    path.write_bytes(words)
    with pytest.raises(BusyError), sole_writer(path, "It is being written"):
        pass
    first.let_go()


def test_who_holds_it_is_waited_for(tmp_path):
    """Two that start at the same instant: the first one has it, and has not said so yet."""
    path = tmp_path / LOCK_FILE
    first = try_lock(path)
    assert first is not None
    words = path.read_bytes()
    path.write_bytes(b"")
    with (
        pytest.raises(BusyError, match="by process"),
        sole_writer(path, "It is being written", waiting=lambda: path.write_bytes(words)),
    ):
        pass
    first.let_go()


def test_words_of_a_stranger_are_printable(tmp_path):
    path = tmp_path / LOCK_FILE
    first = try_lock(path)
    assert first is not None
    path.write_text(" " + json.dumps({"pid": "1", "host": "\x1b[2J", "since": "now"}))
    with pytest.raises(BusyError) as refusal, sole_writer(path, ""):
        pass
    assert "\x1b" not in str(refusal.value)
    first.let_go()


def test_a_lock_file_that_was_replaced_meanwhile_is_left_to_its_holder(tmp_path):
    path = tmp_path / LOCK_FILE
    first = try_lock(path)
    assert first is not None
    path.unlink()
    second = try_lock(path)
    assert second is not None
    first.let_go()
    assert path.exists()
    assert try_lock(path) is None
    second.let_go()


def test_a_lock_file_that_its_holder_deletes_meanwhile_locks_nothing(tmp_path, monkeypatch):
    path, open_it = tmp_path / LOCK_FILE, locks._open

    def opened_just_before(path):
        descriptor = open_it(path)
        path.unlink()
        return descriptor

    monkeypatch.setattr(locks, "_open", opened_just_before)
    assert try_lock(path) is None


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FFGOError, match="cannot be written to"), sole_writer(tmp_path / "file" / "x" / LOCK_FILE, ""):
        pass


def test_a_file_system_without_locks_is_warned_of_and_nothing_is_swept(tmp_path, monkeypatch, caplog):
    """The error is what Lustre gives where it is mounted without them."""

    def refuse(descriptor, *, blocking):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    other = unfinished_name(tmp_path / "a.txt")
    other.write_text("half")
    with caplog.at_level(logging.WARNING, "ffgo"), sole_writer(tmp_path / LOCK_FILE, "") as hold:
        hold.sweep(tmp_path)
    assert other.exists()
    assert "keeps no locks (Function not implemented)" in caplog.text


def test_only_what_is_unfinished_is_swept(tmp_path):
    kept = [tmp_path / name for name in (".hidden", "a.ffgo-x-1-00000000.txt", ".git", ".a-0123.txt", ".step_by_step")]
    mine, others = unfinished_name(tmp_path / "demo"), unfinished_name(tmp_path / "other")
    old = [f".step_000007-{'0f' * 16}.safetensors", f".{'0f' * 16}.mp4", ".step_000007.state.safetensors.partial"]
    for path in [*kept, *(tmp_path / name for name in old)]:
        path.write_text("x")
    for folder in (mine, others):
        (folder / "videos").mkdir(parents=True)
    with sole_writer(lock_for(tmp_path / "demo"), "") as hold:
        hold.sweep(tmp_path, of=tmp_path / "demo")
        assert not mine.exists()
        assert others.exists()
        hold.sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_the_longest_name_has_room_for_what_is_around_it(tmp_path):
    path = tmp_path / f"{'ä' * 100}_high.safetensors"
    with complete_file(path) as partial:
        partial.write_text("x")
    with sole_writer(lock_for(path), ""):
        pass
    assert list(tmp_path.iterdir()) == [path]
