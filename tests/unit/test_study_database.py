"""What is acknowledged is on the disk, whatever happens next."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ffgo.errors import FFGOError
from ffgo.study.database import StorageError, Writer, back_up, open_database, open_to_read
from ffgo.study.people import RefusedError

from .study_scene import arrive, do_set, make_study

REPO = Path(__file__).parents[2]


def add(name):
    return lambda database: database.execute("INSERT INTO meta VALUES (?, '')", (name,)).rowcount


def names(path):
    with closing(open_to_read(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM meta")} - {"secret", "study"}


def in_writer(path, work):
    async def go():
        writer = Writer(open_database(path, "toys"))
        try:
            return await work(writer)
        finally:
            writer.close()

    return asyncio.run(go())


def test_many_at_once_are_all_written_and_one_that_fails_alone_is_not(tmp_path):
    def refuse(database):
        add("never")(database)
        raise RefusedError(409, "no")

    async def work(writer):
        parts = [add(f"n{number}") for number in range(100)]
        parts[50:50] = [refuse, add("n1")]  # the second of one name breaks a rule of the table
        return await asyncio.gather(*(writer.run(part) for part in parts), return_exceptions=True)

    outcomes = in_writer(tmp_path / "a.sqlite", work)
    assert [type(one) for one in outcomes if not isinstance(one, int)] == [RefusedError, sqlite3.IntegrityError]
    assert names(tmp_path / "a.sqlite") == {f"n{number}" for number in range(100)}


def test_a_full_disk_is_said_and_what_was_written_stays(tmp_path):
    path = tmp_path / "a.sqlite"

    async def work(writer):
        await writer.run(add("before"))
        await writer.run(lambda database: database.execute("PRAGMA max_page_count=1").fetchone())
        with pytest.raises(StorageError, match="All that was saved before is there"):
            await writer.run(add("x" * 100_000))
        await writer.run(lambda database: database.execute("PRAGMA max_page_count=100000").fetchone())
        await writer.run(add("after"))

    in_writer(path, work)
    assert names(path) == {"before", "after"}


KILLED = """
import asyncio, sys
from pathlib import Path
from ffgo.study.database import Writer, open_database
async def one(writer, number):
    await writer.run(lambda database: database.execute("INSERT INTO meta VALUES (?, '')", (f"n{number}",)))
    print(number, flush=True)
async def go():
    writer = Writer(open_database(Path(sys.argv[1]), "toys"))
    for start in range(0, 1_000_000, 8):
        await asyncio.gather(*(one(writer, start + number) for number in range(8)))
asyncio.run(go())
"""


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX's")
@pytest.mark.parametrize("after", [1, 100])
def test_a_kill_takes_nothing_that_was_acknowledged(tmp_path, after):
    path = tmp_path / "a.sqlite"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], cwd=REPO, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = [process.stdout.readline().strip() for _ in range(after)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.read().split()  # what it said until it died
    process.wait()
    process.stdout.close()
    with closing(open_database(path, "toys")) as database:
        kept = {name for (name,) in database.execute("SELECT name FROM meta")}
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert {f"n{number}" for number in said} <= kept


def test_the_disk_is_asked_to_be_sure(tmp_path):
    with closing(open_database(tmp_path / "a.sqlite", "toys")) as database:
        settings = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]


def test_a_backup_is_made_while_people_answer(tmp_path):
    path, study = tmp_path / "a.sqlite", make_study()
    with closing(open_database(path, "toys")) as database:
        do_set(database, study, arrive(database, "a"))
        back_up(path, tmp_path / "backup.sqlite")
        do_set(database, study, arrive(database, "a"))
    with closing(open_database(tmp_path / "backup.sqlite", "toys")) as database:
        assert database.execute("SELECT count(*) FROM assignment WHERE state = 'done'").fetchone() == (1,)
    with pytest.raises(FFGOError, match="is there already"):
        back_up(path, tmp_path / "backup.sqlite")
    with pytest.raises(FFGOError, match="nobody has answered yet"):
        back_up(tmp_path / "none.sqlite", tmp_path / "b.sqlite")


def test_answers_of_another_study_and_files_that_are_none_are_refused(tmp_path):
    open_database(tmp_path / "a.sqlite", "toys").close()
    with pytest.raises(FFGOError, match=r"another study \(toys\)"):
        open_database(tmp_path / "a.sqlite", "others")
    (tmp_path / "b.sqlite").write_text("these are no answers, but a text that is long enough for one " * 20)
    for opened in (open_to_read, lambda path: open_database(path, "toys")):
        with pytest.raises(FFGOError, match="no answers that can be read"):
            opened(tmp_path / "b.sqlite")
    whole = (tmp_path / "a.sqlite").read_bytes()
    for spoiled in (whole[: len(whole) // 2], whole[:-4096], whole[:8192] + b"\0\xff" * 2048 + whole[12288:]):
        (tmp_path / "c.sqlite").write_bytes(spoiled)
        for opened in (open_to_read, lambda path: open_database(path, "toys")):
            with pytest.raises(FFGOError, match="no answers that can be read"):
                opened(tmp_path / "c.sqlite")
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    with pytest.raises(FFGOError, match="is empty, as a copy that failed is"):
        open_database(empty, "toys")
    assert not empty.stat().st_size
    with pytest.raises(FFGOError, match="cannot be opened"):
        open_database(tmp_path / "none" / "a.sqlite", "toys")
