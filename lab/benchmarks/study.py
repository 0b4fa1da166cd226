"""The study's server: how long forty people wait for an answer to be on the disk, when all of them answer at once."""

import asyncio
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from ffgo.study.study_file import MEDIA, SERVED, Study, StudyItem, write_study
from ffgo.study.texts import QUESTIONS
from lab.workshop.comfyui import REPO

from .measure import row

PEOPLE, ANSWERS = 40, 50
"""At once, and answers of each, one behind the other."""
WANTED_MS = 200
SMALL = 10
"""How many times fewer answers in the small form."""


def rows(*, small: bool = False) -> Iterator[dict]:
    """The 95th percentile for a page, a set that is handed out and an answer, against the 200 ms that are wanted."""
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as folder:
        process = _start(Path(folder))
        try:
            assert process.stdout
            url = process.stdout.readline().split()[0]
            taken = asyncio.run(_everyone(url, ANSWERS // SMALL if small else ANSWERS))
        finally:
            process.terminate()
            process.communicate()
    for what, seconds in taken.items():
        late = statistics.quantiles(seconds, n=20, method="inclusive")[-1] * 1000
        yield row(f"study_{what}_p95", late, WANTED_MS, f"ms, {PEOPLE} people at once", (0, 0))


def _start(folder: Path) -> "subprocess.Popen[str]":
    """A server for a study of the paper's size, without clips."""
    tokens = (f"{number:016x}" for number in itertools.count(1 << 40))
    items = [
        StudyItem(next(tokens), next(tokens), "It happens.", next(tokens), tuple(itertools.islice(tokens, 4)))
        for _ in range(50)
    ]
    study = Study("bench", "Bench", "rank", tuple(items), QUESTIONS["rank"], ("Yes.",), ("Look.",), 1.0, "seed")
    (folder / SERVED / MEDIA).mkdir(parents=True)
    write_study(study, folder / SERVED)
    command = [sys.executable, "-m", "ffgo.study", "serve", str(folder), "--port", "0"]
    return subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True)


async def _everyone(url: str, answers: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {"page": [], "set": [], "answer": []}
    await asyncio.gather(*(_one(url, number, answers, taken) for number in range(PEOPLE)))
    return taken


async def _one(url: str, number: int, answers: int, taken: dict[str, list[float]]) -> None:
    async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:

        async def ask(path: str, content: Any = None, what: str = "") -> bytes:
            began = time.perf_counter()
            asked = session.get(path) if content is None else session.post(path, json=content)
            async with asked as response:
                assert response.status == 200, await response.text()
                body = await response.read()
            if what:
                taken[what].append(time.perf_counter() - began)
            return body

        await ask("/api/login", {"pid": f"person {number}", "study_id": "", "session_id": ""})
        for done in ("consented", "instructed"):
            await ask("/api/step", {"done": done})
        await ask("/", what="page")
        await ask("/api/state", what="set")
        async with session.get("/api/state") as response:
            token = (await response.json())["set"]["token"]
        for count in range(answers):
            answer = {"slot": count % 4 + 1, "question": "object", "value": count % 5 + 1}
            await ask("/api/answers", {"set": token, "answers": [answer]}, "answer")
