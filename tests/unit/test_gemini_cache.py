"""The cache and the ledger: shared, bounded, never corrupt; and where the key comes from."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ffgo.errors import FFGOError
from ffgo.gemini.answer import Answer, Usage
from ffgo.gemini.cache import AnswerCache
from ffgo.gemini.key import NoAccessError, find_access
from ffgo.gemini.ledger import Ledger

REPO = Path(__file__).parents[2]
USAGE = Usage(1, 2, 3)


def an_answer(size: int = 1000, fill: bytes = b"x") -> Answer:
    return Answer("picture", fill * size, USAGE)


def entries(cache: AnswerCache) -> dict[str, int]:
    """Names and sizes; files come and go meanwhile."""
    sizes = {}
    for file in cache.folder.iterdir():
        with suppress(FileNotFoundError):
            sizes[file.name] = file.stat().st_size
    return sizes


@pytest.fixture
def cache(tmp_path):
    cache = AnswerCache(tmp_path / "cache", 100_000)
    cache.prepare()
    return cache


def test_what_is_put_comes_back(cache):
    cache.put("a", an_answer())
    answer = AnswerCache(cache.folder).get("a")
    assert answer
    assert (answer.data, answer.usage, answer.cached) == (b"x" * 1000, USAGE, True)
    assert cache.get("b") is None


@pytest.mark.parametrize("at", [0, 70, 100, -1])
def test_a_poisoned_entry_is_no_answer(cache, at):
    cache.put("a", an_answer())
    (file,) = cache.folder.iterdir()
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    assert cache.get("a") is None
    cache.put("a", an_answer())
    assert cache.get("a").data == b"x" * 1000


def test_cut_empty_and_swapped_entries_are_no_answers(cache):
    cache.put("a", an_answer())
    cache.put("b", an_answer())
    a, b = (cache.folder / f"{key}.answer" for key in "ab")
    a.write_bytes(b.read_bytes())
    assert cache.get("a") is None
    for content in (b"", b.read_bytes()[:500]):
        b.write_bytes(content)
        assert cache.get("b") is None


def test_the_limit_holds_and_the_longest_unused_goes_first(cache):
    for i in range(9):
        cache.put(f"old{i}", an_answer(10_000))
        os.utime(cache.folder / f"old{i}.answer", (i, i))
    cache.get("old0")
    cache.put("new", an_answer(15_000))
    assert cache.get("old0") is not None
    assert cache.get("old1") is None
    for i in range(50):
        cache.put(f"more{i}", an_answer(1000 * (i % 7)))
        assert sum(entries(cache).values()) <= cache.limit
    assert sum(entries(cache).values()) > 0.8 * cache.limit
    cache.put("huge", an_answer(200_000))
    assert cache.get("huge") is None


def test_a_folder_that_cannot_be_written_is_known_before_anything_is_paid(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FFGOError, match="cannot be kept"):
        AnswerCache(tmp_path / "file").prepare()


WRITER = """
import sys
from pathlib import Path
from ffgo.gemini.answer import Answer, Usage
from ffgo.gemini.cache import AnswerCache
from ffgo.gemini.ledger import Ledger
folder, name = Path(sys.argv[1]), sys.argv[2]
cache, ledger = AnswerCache(folder / "cache", 400_000), Ledger(folder / "ledger.jsonl")
cache.prepare()
print("ready", flush=True)
for i in range(10**9):
    key = f"{name}{i % 40}"
    cache.put(key, Answer("picture", bytes([i % 256]) * 20_000, Usage(1, 1, 1)))
    ledger.add("extract", "gemini-2.5-pro", Usage(1, 1, 1), "ok", 0.1)
    assert cache.get(key) is None or len(cache.get(key).data) == 20_000
"""


@contextmanager
def running(command):
    """A writer that has begun; killed on the way out."""
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def test_writers_that_are_killed_leave_nothing_broken(tmp_path):
    """Two hosts write at the same time; one of them dies at any moment. More rounds: FFGO_KILLS=200."""
    cache, ledger = AnswerCache(tmp_path / "cache", 400_000), Ledger(tmp_path / "ledger.jsonl")
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with running([*command, "steady"]) as steady:
        for i in range(int(os.environ.get("FFGO_KILLS", "3"))):
            with running([*command, "dying"]):
                time.sleep(0.01 + 0.0007 * (i % 50))
            assert steady.poll() is None
            for name in entries(cache):
                if name.endswith(".answer"):
                    answer = cache.get(name.removesuffix(".answer"))
                    assert answer is None or len(set(answer.data)) == 1
            assert sum(entries(cache).values()) <= 1.05 * cache.limit
    cache.put("last", an_answer())
    assert not [name for name in entries(cache) if not name.endswith((".answer", ".lock"))]
    broken = [name for name in entries(cache) if name.endswith(".answer") and not cache.get(name[:-7])]
    assert not broken
    assert ledger.sum().calls == len(ledger.path.read_text().splitlines())


def test_the_ledger_adds_up_and_passes_over_a_broken_line(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add("caption", "gemini-2.5-pro", Usage(1_000_000, 100_000, 0), "ok", 1)
    ledger.add("caption", "unheard-of", Usage(5, 5, 0), "ok", 1)
    with ledger.path.open("a") as file:
        file.write('{"task": "cap')
    total = ledger.sum()
    assert (total.calls, total.tokens, total.unpriced) == (2, 1_100_010, 1)
    assert total.dollars == pytest.approx(1.25 + 1.0)


def test_where_the_key_comes_from(tmp_path):
    file = tmp_path / "gemini_api_key"
    with pytest.raises(NoAccessError, match=r"GEMINI_API_KEY.*gemini_api_key.*chmod 600"):
        find_access({}, tmp_path)
    file.write_text("from-file\n")
    file.chmod(0o600)
    assert find_access({}, tmp_path).key == "from-file"
    assert find_access({"GEMINI_API_KEY": "gemini"}, tmp_path).key == "gemini"
    assert find_access({"GEMINI_API_KEY": "gemini", "GOOGLE_API_KEY": "google"}, tmp_path).key == "google"
    vertex = find_access({"GOOGLE_GENAI_USE_VERTEXAI": "true", "GOOGLE_CLOUD_PROJECT": "p"}, tmp_path)
    assert (vertex.vertex, vertex.key) == (True, "")


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps no such mode")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_file_that_others_may_read_is_refused(tmp_path, mode):
    file = tmp_path / "gemini_api_key"
    file.write_text("secret-word")
    file.chmod(mode)
    with pytest.raises(NoAccessError, match="chmod 600") as refusal:
        find_access({}, tmp_path)
    assert "secret-word" not in str(refusal.value)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_what_cannot_be_a_key_is_not_shown(tmp_path, key):
    with pytest.raises(NoAccessError, match="GEMINI_API_KEY holds no key") as refusal:
        find_access({"GEMINI_API_KEY": key}, tmp_path)
    assert key not in str(refusal.value)
