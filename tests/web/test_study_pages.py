"""The study's pages in a real Chromium: by mouse, by keys alone, on a phone, and through every interruption."""

import shutil
import subprocess
import sys
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page, expect

from ffgo.study.analyse import analyse
from ffgo.study.build import StudyPlan, build

from ..unit.evaluation_scene import clip_of, make_case_set, make_runs
from ..unit.study_scene import make_study
from ..unit.test_study_analyse import people_answer, ranks_and_scale, with_key

REPO = Path(__file__).parents[2]
AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text()
METHODS = ("alpha", "beta", "gamma")
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LEAST_TARGET = 44


class Served:
    """A study's server, which can be killed and started again at the same address."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "ffgo.study", "serve", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.url = self.process.stdout.readline().split()[0]
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    cases = make_case_set(folder / "set", 3)
    return make_runs(folder / "runs", cases, METHODS, frames=lambda case, number: clip_of(case, number, 20))


@pytest.fixture(scope="module")
def studies(runs, tmp_path_factory):
    """A ranking of two sets, and pairs."""
    folder = tmp_path_factory.mktemp("studies")
    build(runs, folder / "rank", StudyPlan(title="Toys", per_participant=1, gold=0, repeats=1))
    build(runs, folder / "pairwise", StudyPlan("pairwise", title="Pairs", per_participant=2, gold=0, repeats=0))
    return folder


@pytest.fixture
def served(studies, tmp_path, request):
    shutil.copytree(studies / getattr(request, "param", "rank"), tmp_path / "study")
    server = Served(tmp_path / "study")
    yield server
    server.kill()


@pytest.fixture
def opened(browser, served):
    """Opens the study in a browser of its own; what the console complains of is a failure."""
    contexts, problems = [], []

    def open_(address="/?PROLIFIC_PID=5f1c&STUDY_ID=s&SESSION_ID=t", **options) -> Page:
        context = browser.new_context(**{"viewport": DESK, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        expect.set_options(timeout=120_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)
        page.goto(served.url + address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


def begin(page):
    page.get_by_role("button", name="I agree").click()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Set 1 of")


def choose(page, question, slot, value):
    page.locator(f"input[name={question}-{slot}][value='{value}']").check()


def watch_all(page, places=3):
    page.get_by_role("button", name="Play all videos").click()
    expect(page.locator(".watched.yes")).to_have_count(places)


def answer_all(page):
    for slot in (1, 2, 3):
        choose(page, "rank", slot, slot)
        for question in ("object", "scene", "quality"):
            choose(page, question, slot, 4)


def chosen(page):
    return page.evaluate("() => [...document.querySelectorAll(':checked')].map(one => [one.name, one.value])")


def saved(page):
    expect(page.locator("#status")).to_have_text("All answers are saved.")


def violations(page):
    page.evaluate(AXE)
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]


def small_targets(page):
    code = """least => [...document.querySelectorAll('button, .row label, .keys label, a, input[type=text]')]
        .map(one => [one.textContent, one.getBoundingClientRect()])
        .filter(([, box]) => box.width < least || box.height < least).map(([text]) => text)"""
    return page.evaluate(code, LEAST_TARGET)


def test_axe_finds_nothing_and_nothing_is_too_small_or_too_wide(opened):
    page = opened("/", bypass_csp=True, has_touch=True)

    def look():
        for scheme, size in (("light", DESK), ("dark", PHONE)):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(size)
            assert violations(page) == []
            assert small_targets(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]

    page.get_by_label("Your ID").fill("5f1c")
    look()
    for button, after in (("Begin", "Before you begin"), ("I agree", "What you will do"), ("Begin", "Set 1 of 2")):
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(after)
        look()
    page.get_by_role("button", name="Next").click(force=True)  # it says that it is not to be pressed yet
    expect(page.get_by_role("alert").filter(has_text="Not yet: watch video 1")).to_be_visible()
    for after in ("Set 2 of 2", "Thank you"):
        watch_all(page)
        answer_all(page)
        look()
        page.get_by_role("button", name="Next").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(after)
    look()


def test_everything_can_be_done_by_keyboard(opened):
    page = opened("/")
    keys = page.keyboard

    def focused():
        return page.evaluate(
            "() => document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
        )

    def tab_to(words):
        for _ in range(60):
            keys.press("Tab")
            if words in focused():
                return
        pytest.fail(f"Tab does not lead to {words}")

    expect(page.get_by_label("Your ID")).to_be_visible()
    keys.press("Tab")
    keys.type("5f1c")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Before you begin")
    for words in ("I agree", "Begin"):
        tab_to(words)
        keys.press("Enter")
        expect(page.get_by_role("button", name=words)).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    for slot in (3, 1, 2):
        keys.press(str(slot))
        assert focused() == f"Video {slot}"
        keys.press(" ")
        expect(page.locator(".watched").nth(slot - 1)).to_have_text("watched")
    for question in ("rank", "object", "scene", "quality"):
        for slot in (1, 2, 3):
            page.locator(f"input[name={question}-{slot}]").first.focus()
            keys.press(" ")
            for _ in range(slot - 1):
                keys.press("ArrowRight")
            saved(page)
    assert chosen(page)[1:4] == [["rank-1", "1"], ["rank-2", "2"], ["rank-3", "3"]]
    tab_to("Next")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Set 2 of 2")


def test_shortcuts_can_be_switched_off(opened):
    page = opened()
    begin(page)
    page.get_by_label("Keys 1 to 3").uncheck()
    page.reload()
    expect(page.get_by_label("Keys 1 to 3")).not_to_be_checked()
    page.get_by_role("heading", level=1).focus()
    page.keyboard.press("2")
    expect(page.get_by_label("Video 2", exact=True)).not_to_be_focused()


def test_a_rank_that_is_taken_swaps(opened):
    page = opened()
    begin(page)
    choose(page, "rank", 1, 2)
    choose(page, "rank", 2, 2)  # the first one has none any more
    expect(page.locator("#left")).to_contain_text("Answer “Rank” for video 1, 3")
    saved(page)
    page.reload()
    expect(page.locator("#left")).to_contain_text("Answer “Rank” for video 1, 3")
    for slot, rank in ((1, 1), (3, 3), (1, 3)):
        choose(page, "rank", slot, rank)
    assert chosen(page)[1:] == [["rank-1", "3"], ["rank-2", "2"], ["rank-3", "1"]]
    saved(page)
    page.reload()
    expect(page.locator("input[name=rank-3][value='1']")).to_be_checked()
    assert chosen(page)[1:] == [["rank-1", "3"], ["rank-2", "2"], ["rank-3", "1"]]


def test_reloads_lose_nothing_and_names_leave_the_address(opened, served):
    page = opened()
    begin(page)
    assert page.url == served.url + "/set"
    watch_all(page)
    answer_all(page)
    page.reload()  # at once: what was on its way is sent again
    expect(page.locator("#left")).to_have_text("All is done: go on.")
    assert len(chosen(page)) == 1 + 12
    other = opened()  # another browser of the same person
    expect(other.locator("#left")).to_have_text("All is done: go on.")
    other.get_by_role("button", name="Next").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Set 2 of 2")
    choose(page, "rank", 1, 2)  # the set is handed in meanwhile
    expect(page.get_by_role("heading", level=1)).to_have_text("Set 2 of 2")


def test_answers_given_while_the_server_is_dead_arrive(opened, served):
    page = opened()
    begin(page)
    choose(page, "object", 1, 5)
    saved(page)
    served.kill()
    choose(page, "object", 2, 4)
    expect(page.locator("#status")).to_contain_text("No connection")
    served.start()
    saved(page)
    served.kill()
    choose(page, "object", 3, 3)
    page.close()
    served.start()
    again = page.context.new_page()  # the same browser, later
    again.goto(served.url)
    expect(again.locator("#left")).not_to_contain_text("Object identity")
    assert chosen(again)[1:] == [["object-1", "5"], ["object-2", "4"], ["object-3", "3"]]


@pytest.mark.parametrize("served", ["pairwise"], indirect=True)
def test_pairs_are_compared(opened):
    page = opened(bypass_csp=True, viewport=PHONE)
    begin(page)
    for number in (1, 2):
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Set {number} of 2")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        watch_all(page, 2)
        for question, value in (("identity", 1), ("motion", 2), ("prompt", 0), ("overall", 1)):
            choose(page, question, 0, value)
        page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")


def test_axe_finds_nothing_in_the_analysis(browser, tmp_path):
    study = make_study(cases=8, methods=3)
    folder = with_key(study, tmp_path / "study")
    order = ["good", "fair", "poor"]
    people_answer(study, folder, ranks_and_scale(lambda *_: order, lambda *_: 3), 2)
    analyse(folder)
    page = browser.new_page(viewport=PHONE)
    page.goto((folder / "table1.html").as_uri())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.close()


def test_an_id_that_is_none_is_said_beside_the_field(opened):
    page = opened("/")
    page.get_by_label("Your ID").fill("   ")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert").filter(has_text="cannot be used")).to_be_visible()
