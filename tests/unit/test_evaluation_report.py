"""The report: one page, all offline, the worst cases first, and words of others harmless."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ffgo.clip.video_io import write_clip
from ffgo.errors import FFGOError
from ffgo.evaluation.__main__ import main
from ffgo.evaluation.measuring import SCORES_FILE, Measured
from ffgo.evaluation.plots import dot_plot
from ffgo.evaluation.report import case_orders, write_report
from ffgo.evaluation.runs import ClipFailure, ClipPlace, read_result, read_runs, write_failure, write_result
from ffgo.evaluation.scores import value
from ffgo.evaluation.stats import Interval
from ffgo.evaluation.strips import strip_numbers, write_strip
from ffgo.evaluation.tables import tabulate

from .evaluation_scene import edited, make_case_set, make_runs


class Page(HTMLParser):
    """The tags of a page, with what they say."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "line", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("line", "circle"):
            assert self.open.pop() == tag

    def all(self, name) -> list[dict[str, Any]]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    cases = make_case_set(folder / "set", 4)
    edited(cases, lambda content: content["cases"][0].update(prompt="<script>alert(1)</script> & so on"))
    runs = make_runs(folder / "runs", cases, ("ffgo", "100% a&b #1"))
    assert main(["measure", str(runs)]) == 0
    return folder


@pytest.fixture
def runs(measured, tmp_path):
    shutil.copytree(measured, tmp_path / "copy")
    return tmp_path / "copy/runs"


def test_the_page_stands_alone_and_shows_every_clip(runs, capsys):
    assert main(["report", str(runs)]) == 0
    assert capsys.readouterr().out.strip().endswith("report.html")
    text = (runs / "report.html").read_text("utf-8")
    page = Page(text)
    addresses = [one["src"] for one in page.all("img")] + [one["href"] for one in page.all("a")]
    assert not [address for address in addresses if re.match(r"\w+:|//", address)]
    assert not re.search(r"https?://|@import|url\(", text)
    assert all(one["alt"] for one in page.all("img"))
    strips = [one["src"] for one in page.all("img") if "strips/" in one["src"]]
    assert len(strips) == 8
    assert "strips/100%25%20a&b%20%231/case_0_42.webp" in strips
    with Image.open(runs / "strips/ffgo/case_0_42.webp") as strip:
        assert (strip.format, strip.height) == ("WEBP", 120)
    assert "prefers-color-scheme: dark" in text
    assert all(one["scope"] in ("col", "row") for one in page.all("th"))


def test_words_of_others_are_words(runs):
    text = write_report(read_runs(runs)).read_text("utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; so on" in text
    assert "100% a&b #1" not in text


def test_what_failed_is_said_and_what_is_not_measured(runs):
    (runs / "ffgo/case_1/42" / SCORES_FILE).unlink()
    (runs / "ffgo/case_2/42/result.json").unlink()
    write_failure(runs, ClipFailure(ClipPlace("ffgo", "case_2", 42), "key", "no memory"))
    text = write_report(read_runs(runs)).read_text("utf-8")
    assert "1 clips could not be made: ffgo / case_2 / 42." in text
    assert "1 clips are not measured yet" in text


def test_a_clip_that_is_lost_leaves_the_rest_of_the_page(runs):
    video = runs / "ffgo/case_0/42/video.mp4"
    video.write_bytes(b"nothing")
    assert "video.mp4 cannot be read as a video" in write_report(read_runs(runs)).read_text("utf-8")


def test_a_clip_shorter_than_its_result_says_leaves_the_rest_of_the_page(runs):
    video = runs / "ffgo/case_0/42/video.mp4"
    write_clip(video, [np.zeros((64, 128, 3), np.uint8)], 16)
    result = read_result(runs, ClipPlace("ffgo", "case_0", 42))
    assert result
    write_result(replace(result, frames=81))
    shutil.rmtree(runs / "strips", ignore_errors=True)
    run = json.loads((runs / "run.json").read_text())
    (runs / "run.json").write_text(json.dumps(run | {"methods": [one | {"trim": 4} for one in run["methods"]]}))
    assert "video.mp4 is shorter than its result.json says" in write_report(read_runs(runs)).read_text("utf-8")


def test_the_film_of_a_panorama_fits_into_a_picture(tmp_path):
    write_clip(tmp_path / "wide.mp4", [np.zeros((16, 640, 3), np.uint8)] * 9, 16)
    write_strip(tmp_path / "wide.mp4", 9, 0, tmp_path / "wide.webp")
    with Image.open(tmp_path / "wide.webp") as strip:
        assert 16_000 < strip.width <= 16_383


def test_a_page_that_cannot_be_written_is_told(runs, capsys):
    (runs / "report.html").mkdir()
    assert main(["report", str(runs)]) == 1
    assert "report.html cannot be written: Is a directory. Make room" in capsys.readouterr().err


def test_nothing_measured_is_told(tmp_path):
    folder = make_runs(tmp_path / "runs", make_case_set(tmp_path / "set"))
    with pytest.raises(FFGOError, match="is measured yet"):
        write_report(read_runs(folder))


def test_the_worst_cases_come_first():
    good_low = {"a": (0.9, 1.0), "b": (0.5, 9.0), "c": (0.7, 5.0)}
    clips = [
        Measured(ClipPlace("m", case, 1), (value("colour", colour), value("mse", mse)))
        for case, (colour, mse) in good_low.items()
    ]
    orders = case_orders(tabulate(clips, ["m"]))
    assert sorted(orders, key=lambda case: orders[case]["overall"]) == ["b", "c", "a"]
    assert orders["b"]["mse"] < 0 < orders["a"]["mse"]


def test_a_plot_says_in_words_what_it_is():
    plot = dot_plot([("one & two", Interval(0.5, 0.4, 0.6, 9)), ("alone", Interval(0.2, None, None, 1))], 2, "Colour")
    page = Page(plot)
    assert page.all("svg")[0]["aria-label"].startswith("Colour")
    assert len(page.all("circle")) == 2
    assert len([line for line in page.all("line") if line["class"] == "interval"]) == 1
    assert "one &amp; two" in plot


@pytest.mark.parametrize(("frames", "dropped"), [(1, 0), (3, 0), (81, 4), (5, 9)])
def test_a_strip_goes_from_the_first_that_counts_to_the_last(frames, dropped):
    numbers = strip_numbers(frames, dropped)
    assert numbers[0] == min(dropped, frames - 1)
    assert numbers[-1] == frames - 1
    assert len(set(numbers)) == len(numbers) <= 8
