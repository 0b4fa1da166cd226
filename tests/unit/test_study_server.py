"""The study's server, asked as browsers ask it, and as those who mean ill do."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from yarl import URL

from ffgo.errors import FFGOError
from ffgo.study.__main__ import main
from ffgo.study.serve import serve
from ffgo.study.server import StudyServer
from ffgo.study.sets import LOST_AFTER_S
from ffgo.study.study_file import SERVED, read_study
from ffgo.study.throttle import BURST

from .evaluation_scene import make_case_set, make_runs
from .study_browser import Browser, save_study, with_server
from .study_scene import all_answers, make_study

REPO = Path(__file__).parents[2]
METHODS = ("fine_skyreel", "grand_vacuum", "humble_base")


@pytest.fixture(scope="module")
def built_once(tmp_path_factory):
    from ffgo.study.build import StudyPlan, build

    folder = tmp_path_factory.mktemp("built")
    runs = make_runs(folder / "runs", make_case_set(folder / "set", 3), METHODS)
    build(runs, folder / "study", StudyPlan(title="Toys", completion_url="https://example.org/done"))
    return folder / "study"


@pytest.fixture
def built(built_once, tmp_path):
    return shutil.copytree(built_once, tmp_path / "study")


@pytest.fixture
def study_folder(tmp_path):
    return save_study(make_study(cases=8), tmp_path / "study")


def test_somebody_takes_part_from_beginning_to_end(study_folder):
    study = read_study(study_folder)

    async def work(browser):
        assert (await browser.state())["step"] == "login"
        assert (await browser.post("/api/login", pid=browser.pid, study_id="s", session_id="t"))[0] == 200
        consent = await browser.state()
        assert (consent["step"], consent["paragraphs"]) == ("consent", ["You may stop."])
        await browser.post("/api/step", done="consented")
        assert (await browser.state())["step"] == "instructions"
        await browser.post("/api/step", done="instructed")
        for number in range(1, study.sets + 1):
            assert (await browser.state())["set"]["number"] == number
            assert await browser.do_set(study)
        done = await browser.state()
        assert (done["step"], len(done["code"])) == ("done", 8)
        assert not await browser.do_set(study)

    with_server(study_folder, work)


def test_a_reload_on_another_device_goes_on_with_all_answers(study_folder):
    async def work(browser, _):
        shown = (await browser.arrive())["set"]
        answer = {"slot": 2, "question": "scene", "value": 4}
        await browser.post("/api/answers", set=shown["token"], answers=[answer])
        await browser.watch(shown["token"], 2, 2.0)
        other = Browser(browser.url, browser.pid, browser.clock)
        again = (await other.arrive())["set"]
        await other.close()
        assert again == {**shown, "answers": [answer], "watched": [1, 2]}

    with_server(study_folder, work, people=2)


def test_those_who_mean_ill_get_nothing(built):
    async def work(mine, theirs):
        own, foreign = (await mine.arrive())["set"], (await theirs.arrive())["set"]
        token = foreign["token"]
        for path, content in (
            ("/api/answers", {"answers": [{"slot": 1, "question": "rank", "value": 1}]}),
            ("/api/event", {"what": "play", "slot": 1}),
            ("/api/submit", {}),
        ):
            assert (await mine.post(path, set=token, **content))[0] == 403
            assert (await mine.post(path, set="0" * 16, **content))[0] == 404
        for path in (
            *(
                "/media/../study.json",
                "/media/%2e%2e%2fstudy.json",
                "/media/..%5cstudy.json",
                "/study.json",
                "/key.json",
            ),
            *("/answers.sqlite", "/pages/..%2fserver.py", "/pages/server.py", "/media/", "/media/x.mp4", "/pages/"),
        ):
            status, _, body = await mine.get(path)
            assert status == 404, path
            assert b"items" not in body
        stranger = Browser(mine.url, "stranger", mine.clock)
        assert (await stranger.get(own["clips"][0]))[0] == 403
        assert (await stranger.post("/api/submit", set=own["token"]))[0] == 403
        stranger.session.cookie_jar.update_cookies({"study_session": "0" * 16 + "." + "0" * 64}, URL(mine.url))
        assert (await stranger.get(own["frame"]))[0] == 403
        assert (await stranger.state())["step"] == "login"
        await stranger.close()

    with_server(built, work, people=2)


def test_a_clip_of_another_ones_set_is_not_shown(study_folder):
    study = read_study(study_folder)
    media = study_folder / SERVED / "media"
    for item in study.items:
        for clip in item.clips:
            (media / f"{clip}.mp4").write_bytes(b"clip")

    async def work(browser):
        mine = (await browser.arrive())["set"]["clips"]
        assert (await browser.get(mine[0]))[0] == 200
        foreign = [
            f"/media/{clip}.mp4" for item in study.items for clip in item.clips if f"/media/{clip}.mp4" not in mine
        ]
        assert {(await browser.get(clip))[0] for clip in foreign} == {403}

    with_server(study_folder, work)


def test_requests_that_are_none_are_refused(study_folder):
    async def work(browser):
        token = (await browser.arrive())["set"]["token"]
        good = {"slot": 1, "question": "rank", "value": 1}
        for wrong in ([good | {"value": True}], [good | {"slot": "1"}], [{}], ["x"], [good | {"question": ["rank"]}]):
            assert (await browser.post("/api/answers", set=token, answers=wrong))[0] == 400
        assert (await browser.post("/api/answers", set=token, answers="x"))[0] == 400
        assert (await browser.post("/api/step", done="paid"))[0] == 400
        assert (await browser.post("/api/login", pid=7, study_id="", session_id=""))[0] == 400
        url = browser.url + "/api/answers"
        big = json.dumps({"set": token, "answers": [], "more": "x" * 1_000_000})
        for status, options in (
            (413, {"data": big, "headers": {"Content-Type": "application/json"}}),
            (415, {"data": {"set": token, "answers": "[]"}}),
            (400, {"data": "[" * 5000, "headers": {"Content-Type": "application/json"}}),
            (400, {"json": [1]}),
        ):
            async with browser.session.post(url, **options) as response:
                assert response.status == status
                assert (await response.json())["error"]

    with_server(study_folder, work)


def test_a_program_that_tries_ids_has_to_wait_and_others_do_not(study_folder):
    async def work(browser):
        def log_in(number, address):
            return browser.session.post(
                browser.url + "/api/login",
                json={"pid": f"try {number}", "study_id": "", "session_id": ""},
                headers={"X-Forwarded-For": f"1.2.3.4, {address}"},
            )

        statuses, last = Counter(), {}
        for number in range(2 * BURST):
            async with log_in(number, "10.0.0.1") as response:
                statuses[response.status] += 1
                last = response.headers
        assert statuses == {200: BURST, 429: BURST}
        assert int(last["Retry-After"]) >= 1
        async with log_in(0, "10.0.0.2") as response:
            assert response.status == 200
        browser.clock.seconds += 10
        async with log_in(0, "10.0.0.1") as response:
            assert response.status == 200

    with_server(study_folder, work, behind_proxy=True)


def test_nothing_that_a_browser_gets_tells_the_methods_apart(built):
    """All pages, headers, addresses and clips: no method's name, and no difference but the pixels."""
    study = read_study(built)
    seen, states, sizes = [], [], {}

    async def work(browser):
        async def look(path):
            status, headers, body = await browser.get(path)
            assert status == 200, path
            seen.append(f"{path} {headers}".encode() + body)
            return headers, body

        for path in ("/", "/set", "/done", *(f"/pages/{file.name}" for file in pages)):
            await look(path)
        await browser.arrive()
        while (state := await browser.state())["step"] == "set":
            seen.append(json.dumps(state).encode())
            states.append(seen[-1].lower())
            about = [(await look(clip))[0] for clip in state["set"]["clips"]]
            sizes[state["set"]["number"]] = {(h["Content-Length"], h["Content-Type"]) for h in about}
            assert not {"Last-Modified", "ETag"} & set(about[0])
            await look(state["set"]["frame"])
            await browser.do_set(study)

    pages = [path for path in (REPO / "ffgo/study/pages").iterdir() if path.is_file()]
    with_server(built, work)
    words = b"\n".join(seen).lower()
    for secret in (*METHODS, "skyreel", "vacuum", "humble", "comfy", "workflow", "case_0"):
        found = words.find(secret.encode())
        assert found < 0, words[max(0, found - 40) : found + 40]
    assert not any(check in state for check in (b"gold", b"repeat", b"real") for state in states)
    assert all(len(kinds) == 1 for number, kinds in sizes.items() if number != _gold_set(built)), sizes


def _gold_set(folder):
    with closing(sqlite3.connect(folder / SERVED / "answers.sqlite")) as database:
        return database.execute("SELECT max(ordinal) + 1 FROM assignment WHERE kind = 'gold'").fetchone()[0]


def test_every_answer_has_the_headers_that_keep_others_out(built):
    async def work(browser):
        shown = (await browser.arrive())["set"]
        for path in ("/", "/pages/main.js", "/api/state", "/none", shown["clips"][0]):
            _, headers, _ = await browser.get(path)
            assert headers["Content-Security-Policy"].startswith("default-src 'self';")
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Server"] == "study"
        status, headers, body = await browser.get(shown["clips"][0], headers={"Range": "bytes=10-19"})
        assert (status, len(body), headers["Content-Range"][:12]) == (206, 10, "bytes 10-19/")
        cookie = next(iter(browser.session.cookie_jar))
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"

    with_server(built, work)


@pytest.mark.parametrize("crowd", [12, pytest.param(40, marks=pytest.mark.nightly)])
def test_people_at_once_fill_a_balanced_study(tmp_path, crowd):
    """Some reload in the middle of a set; three leave, and an hour later others fill in for them."""
    study = make_study(cases=crowd * 5 // 4, seconds=1.0)
    folder = save_study(study, tmp_path / "study")

    async def one(browser, number):
        await browser.arrive()
        for step in range(study.sets):
            if number < 3 and step == 2:  # leaves, with a set open
                await browser.state()
                return
            if number % 4 == 3:  # reloads in the middle of a set
                token = (await browser.state())["set"]["token"]
                await browser.post("/api/answers", set=token, answers=[{"slot": 1, "question": "object", "value": 1}])
                assert (await browser.arrive())["set"]["token"] == token
            await browser.do_set(study)
        assert (await browser.state())["step"] == "done"

    async def work(*browsers):
        everyone = [one(browser, number) for number, browser in enumerate(browsers)]
        await asyncio.gather(*everyone[: crowd // 4])
        browsers[0].clock.seconds += 2 * LOST_AFTER_S
        await asyncio.gather(*everyone[crowd // 4 :])

    with_server(folder, work, people=crowd)
    with closing(sqlite3.connect(folder / SERVED / "answers.sqlite")) as database:
        rows = database.execute("SELECT item, kind FROM assignment WHERE state = 'done'").fetchall()
        assert Counter(kind for _, kind in rows)["real"] >= (crowd - 3) * study.per_participant
        cases = Counter(item for item, kind in rows if kind == "real")
        assert all(abs(cases[item.id] - 4) <= 1 for item in study.items), Counter(cases.values())
        per_set = study.places * len(study.asked)
        answers = database.execute(
            "SELECT count(*) FROM answer JOIN assignment ON id = assignment WHERE state = 'done'"
        )
        assert answers.fetchone() == (len(rows) * per_set,)


def start_serving(folder, *options):
    process = subprocess.Popen(
        [sys.executable, "-m", "ffgo.study", "serve", str(folder), "--port", "0", *options],
        cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    line = process.stdout.readline()
    assert line, process.stderr and process.stderr.read()
    return process, line.split()[0]


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX's")
@pytest.mark.parametrize("crowd", [6, pytest.param(40, marks=pytest.mark.nightly)])
def test_a_killed_server_has_every_answer_that_it_acknowledged(tmp_path, crowd):
    """Many people at once; the process dies by SIGKILL while they answer, twice, and they go on."""
    study = make_study(cases=50 if crowd == 40 else 8, seconds=0.01)
    folder = save_study(study, tmp_path / "study")
    acknowledged = {}

    async def people(url, until):
        async def one(number):
            browser = Browser(url, f"person {number}")
            try:
                await browser.arrive()
                while await browser.do_set(
                    study, lambda token, a: acknowledged.__setitem__((token, a.slot, a.question), a)
                ):
                    if until and len(acknowledged) > until:
                        process.kill()
            except (aiohttp.ClientError, ConnectionError):
                assert until
            finally:
                await browser.close()

        await asyncio.gather(*(one(number) for number in range(crowd)))

    for until in (5 * crowd, 30 * crowd, None):
        process, url = start_serving(folder)
        asyncio.run(people(url, until))
        if until is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait() == (-signal.SIGKILL if until else 0)
        process.communicate()
    with closing(sqlite3.connect(folder / SERVED / "answers.sqlite")) as database:
        rows = database.execute(
            "SELECT token, slot, question, value FROM answer JOIN assignment ON id = assignment"
        ).fetchall()
        assert database.execute("SELECT count(*) FROM assignment WHERE state = 'done'").fetchone() == (
            crowd * study.sets,
        )
    kept = {(token, slot, question): value for token, slot, question, value in rows}
    assert kept == {key: answer.value for key, answer in acknowledged.items()}


def test_a_study_is_served_once_and_here_alone(tmp_path):
    folder = save_study(make_study(cases=8), tmp_path / "study")
    process, url = start_serving(folder)
    try:
        assert url.startswith("http://127.0.0.1:")
        with pytest.raises(FFGOError, match="is being served by process"):
            serve(folder, "127.0.0.1", 0)
        other = save_study(make_study(cases=8), tmp_path / "other")
        with pytest.raises(FFGOError, match="Choose another --host or --port"):
            serve(other, "127.0.0.1", int(url.rpartition(":")[2]))
        with pytest.raises(FFGOError, match="port must be 0-65535"):
            serve(other, "127.0.0.1", 99_999)
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0
    assert not list((folder / SERVED).glob("*-wal"))


def test_what_cannot_be_served_is_said_in_words(tmp_path, capsys):
    assert main(["serve", str(tmp_path)]) == 1
    assert "is no study" in capsys.readouterr().err
    folder = save_study(make_study(cases=8), tmp_path / "study")
    (folder / SERVED / "media").rmdir()
    assert main(["serve", str(folder)]) == 1
    assert "has no media folder" in capsys.readouterr().err


def test_a_full_disk_is_said_and_the_answer_comes_in_later(study_folder):
    async def with_room(server, pages):
        await server.writer.run(lambda db: db.execute(f"PRAGMA max_page_count={pages}").fetchone())

    async def fill(browser):
        """Log in until the pages that there are, are full."""
        for number in range(50):
            about = {"pid": f"{number:0100}", "study_id": "s" * 100, "session_id": "t" * 100}
            status, said = await browser.post("/api/login", **about)
            if status != 200:
                return status, said["error"]
        return 200, ""

    async def work():
        server = StudyServer(study_folder)
        async with TestServer(server.app()) as served:
            browser, other = Browser(str(served.make_url("")), "a"), Browser(str(served.make_url("")), "b")
            token = (await browser.arrive())["set"]["token"]
            answers = [{"slot": 1, "question": "object", "value": value} for value in (1, 5)]
            assert (await browser.post("/api/answers", set=token, answers=answers[:1]))[0] == 200
            await with_room(server, 1)
            outcomes = [await fill(other)]
            await with_room(server, 100_000)
            outcomes.append(await fill(other))
            shown = (await browser.state())["set"]
            outcomes.append(await browser.post("/api/answers", set=token, answers=answers[1:]))
            await asyncio.gather(browser.close(), other.close())
            return outcomes, shown

    (full, room, later), shown = asyncio.run(work())
    assert full == (507, "Your last answer could not be saved. The page tries again by itself.")
    assert (room, later) == ((200, ""), (200, {}))
    assert shown["answers"] == [{"slot": 1, "question": "object", "value": 1}]


def test_pairs_are_answered_by_place(tmp_path):
    base = make_study(cases=8, methods=2)
    study = make_study(cases=8, methods=2, kind="pairwise", questions=base.questions)
    folder = save_study(study, tmp_path / "study")

    async def work(browser):
        shown = (await browser.arrive())["set"]
        assert (shown["kind"], len(shown["clips"])) == ("pairwise", 2)
        for value, status in ((0, 200), (1, 200), (2, 200), (3, 400)):
            answer = {"slot": 0, "question": "object", "value": value}
            assert (await browser.post("/api/answers", set=shown["token"], answers=[answer]))[0] == status
        await browser.do_set(study)
        assert all_answers(study)

    with_server(folder, work)
