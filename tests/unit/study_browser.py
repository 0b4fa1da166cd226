"""A study's server, and what a browser asks of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from ffgo.study.server import StudyServer
from ffgo.study.study_file import MEDIA, SERVED, Study, write_study

from .study_scene import all_answers

TestServer.__test__ = False  # type: ignore[attr-defined]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Browser:
    """One person's browser."""

    def __init__(self, url: str, pid: str, clock: Clock | None = None):
        self.url, self.pid, self.clock = url.rstrip("/"), pid, clock
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def close(self) -> None:
        await self.session.close()

    async def get(self, path: str, **options: Any) -> tuple[int, Any, bytes]:
        async with self.session.get(self.url + path, **options) as response:
            return response.status, response.headers, await response.read()

    async def post(self, path: str, **content: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(self.url + path, json=content) as response:
            return response.status, await response.json()

    async def state(self) -> dict[str, Any]:
        async with self.session.get(self.url + "/api/state") as response:
            assert response.status == 200
            return await response.json()

    async def arrive(self) -> dict[str, Any]:
        assert await self.post("/api/login", pid=self.pid, study_id="", session_id="") == (200, {})
        for done in ("consented", "instructed"):
            assert await self.post("/api/step", done=done) == (200, {})
        return await self.state()

    async def watch(self, token: str, places: int, seconds: float) -> list[int]:
        watched: list[int] = []
        for slot in range(1, places + 1):
            await self.post("/api/event", set=token, what="play", slot=slot)
            if self.clock:
                self.clock.seconds += seconds
            else:
                await asyncio.sleep(seconds)
            watched = (await self.post("/api/event", set=token, what="ended", slot=slot))[1]["watched"]
        return watched

    async def do_set(self, study: Study, answered: Callable[..., None] | None = None) -> bool:
        """Do the set that is open; False where all are done.

        answered: told of each answer that was acknowledged, which are sent one by one then.
        """
        state = await self.state()
        if state["step"] == "done":
            return False
        shown = state["set"]
        await self.watch(shown["token"], study.places, study.seconds)
        answers = all_answers(study, clips=shown["clips"])
        for some in [[answer] for answer in answers] if answered else [answers]:
            plain = [asdict(answer) for answer in some]
            assert await self.post("/api/answers", set=shown["token"], answers=plain) == (200, {})
            if answered:
                answered(shown["token"], some[0])
        assert await self.post("/api/submit", set=shown["token"]) == (200, {})
        return True


def save_study(study: Study, folder: Path) -> Path:
    """A study's folder, without its clips."""
    (folder / SERVED / MEDIA).mkdir(parents=True)
    write_study(study, folder / SERVED)
    return folder


@asynccontextmanager
async def running(folder: Path, **options: Any) -> AsyncIterator[str]:
    """The address of a server for a study, in this process."""
    server = TestServer(StudyServer(folder, **options).app())
    await server.start_server()
    try:
        yield str(server.make_url(""))
    finally:
        await server.close()


def with_server(folder: Path, work: Callable[..., Awaitable[Any]], **options: Any) -> Any:
    """What `work` returns, told of a browser (or as many as `people` says) at a server for the study."""
    clock, people = Clock(), options.pop("people", 1)

    async def go() -> Any:
        async with running(folder, now=clock, **options) as url:
            browsers = [Browser(url, f"person {number}", clock) for number in range(people)]
            try:
                return await work(*browsers)
            finally:
                for browser in browsers:
                    await browser.close()

    return asyncio.run(go())
