"""The evaluation's report in a browser: what axe finds, light and dark, by keyboard, and offline."""

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import expect

from ffgo.evaluation.__main__ import main

from ..unit.evaluation_scene import make_case_set, make_runs

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    runs = make_runs(folder / "runs", make_case_set(folder / "set", 4))
    assert main(["measure", str(runs)]) == main(["report", str(runs)]) == 0
    return (runs / "report.html").as_uri()


@pytest.fixture
def page(browser, report):
    page = browser.new_page(offline=True)
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.goto(report)
    yield page
    assert problems == []
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_report(page, theme):
    page.emulate_media(color_scheme=theme)
    page.keyboard.press("e")  # opens all cases
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run()")["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_all_of_the_report_is_there_by_keyboard(page):
    cases = page.locator("details")
    expect(cases).to_have_count(4)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(cases.nth(0).locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    strips = cases.nth(0).locator("figure:not(.frame) img")
    expect(strips).to_have_count(2)
    strips.nth(0).scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('details figure:not(.frame) img').naturalWidth > 400")
    page.keyboard.press("E")
    expect(page.locator("details[open]")).to_have_count(0)


def test_the_order_of_cases_follows_what_is_chosen(page):
    for name in ("colour", "overall"):
        page.locator("#by").select_option(name)
        orders = page.evaluate("name => [...document.querySelectorAll('details')].map("
                               "one => JSON.parse(one.dataset.order)[name])", name)  # fmt: skip
        assert orders == sorted(orders)


def test_a_phone_shows_the_report_without_scrolling_sideways(page):
    page.set_viewport_size({"width": 360, "height": 740})
    page.keyboard.press("e")
    assert page.evaluate("document.documentElement.scrollWidth <= 360")
