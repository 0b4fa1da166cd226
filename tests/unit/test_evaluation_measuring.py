"""From a run folder to tables, and the self-test."""

import csv
import json
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ffgo.clip.video_io import write_clip
from ffgo.errors import FFGOError
from ffgo.evaluation import scene
from ffgo.evaluation.__main__ import main
from ffgo.evaluation.cases import write_case_set
from ffgo.evaluation.colour import window_colours
from ffgo.evaluation.embedding import Embedder
from ffgo.evaluation.faults import describe as describe_falls
from ffgo.evaluation.faults import find_faults
from ffgo.evaluation.measures import Tools
from ffgo.evaluation.measuring import CLIP, Measured, file_key, kept_scores, measure_runs
from ffgo.evaluation.runs import ClipPlace, read_runs
from ffgo.evaluation.scores import failed, undefined, value
from ffgo.evaluation.selftest import Apart, SelfTest, _apart, describe, is_trusted, self_test, write_self_test
from ffgo.evaluation.tables import lines_of, tabulate, write_tables
from ffgo.evaluation.text import TextEmbedder

from .evaluation_scene import COLOURS, clip_of, disc, make_case_set, make_runs


def measured(numbers, metric="colour"):
    """{method: {case: [value of each seed, or None]}} as what was measured."""
    return [
        Measured(
            ClipPlace(method, case, seed),
            (undefined(metric, "none") if number is None else value(metric, number),),
        )
        for method, cases in numbers.items()
        for case, seeds in cases.items()
        for seed, number in enumerate(seeds)
    ]


def test_a_case_counts_once_and_only_where_every_method_has_it():
    tables: Any = tabulate(
        measured({"a": {"x": [1, 3], "y": [4], "z": [100]}, "b": {"x": [1], "y": [2, 2, 2], "z": [None]}}), ["a", "b"]
    )
    a, b = tables.means["a", "colour"], tables.means["b", "colour"]
    assert (a.interval.mean, a.interval.n, a.cases) == (3, 2, 3)
    assert (b.interval.mean, b.interval.n, b.undefined) == (1.5, 2, 1)
    (comparison,) = tables.comparisons
    assert (comparison.difference.mean, comparison.difference.n, comparison.adjusted_p) == (1.5, 2, 0.5)


def test_undefined_is_never_nothing():
    tables: Any = tabulate(measured({"a": {"x": [0.8], "y": [None]}}), ["a"])
    assert tables.means["a", "colour"].interval.mean == 0.8


def test_a_clip_that_cannot_be_read_fails_in_every_metric():
    broken = Measured(ClipPlace("a", "x", 1), (failed(CLIP, "cut short"),))
    tables: Any = tabulate([broken, *measured({"a": {"y": [1]}})], ["a"])
    assert (tables.means["a", "colour"].failed, tables.means["a", "motion"].failed) == (1, 1)


def test_pairs_are_corrected_for_their_number():
    rng, cases = np.random.default_rng(0), {}
    for number, method in enumerate("abc"):
        cases[method] = {str(case): [number + rng.normal(0, 0.1)] for case in range(8)}
    tables: Any = tabulate(measured(cases), "abc")
    assert [(c.one, c.other) for c in tables.comparisons] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [c.difference.p for c in tables.comparisons] == pytest.approx([2 / 256] * 3)
    assert [c.adjusted_p for c in tables.comparisons] == pytest.approx([6 / 256] * 3)


def test_a_clip_that_hardly_moves_is_called_frozen():
    tables: Any = tabulate(measured({"a": {"x": [10]}, "b": {"x": [12]}, "c": {"x": [0.4]}}, "motion"), "abc")
    assert tables.frozen == (ClipPlace("c", "x", 0),)
    assert any("c / x / 0 hardly moves" in line for line in lines_of(tables))


def test_the_tables_open_elsewhere_without_harm(tmp_path):
    found = measured({"=cmd()": {"x": [-1.5], "y": [2.5]}})
    write_tables(tabulate(found, ["=cmd()"]), tmp_path)
    assert [(row["method"], row["value"], row["state"]) for row in rows_of(tmp_path / "metrics.csv")] == [
        ("'=cmd()", "-1.5", "value"), ("'=cmd()", "2.5", "value"),
    ]  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.csv", "summary.csv", "comparisons.csv"}


@pytest.fixture
def runs(tmp_path):
    """Two methods on four cases; the second shows another case's subject."""
    cases = make_case_set(tmp_path / "set", 4)

    def frames(case, number):
        other = cases.cases[(cases.cases.index(case) + number) % 4]
        return clip_of(replace(case, subjects=other.subjects), 0, 9)

    return make_runs(tmp_path / "runs", cases, ("right", "wrong"), frames=frames)


def test_a_run_folder_is_measured_once(runs, capsys):
    assert main(["measure", str(runs)]) == 0
    said = capsys.readouterr()
    assert "[8/8] wrong / case_3 / 42" in said.err
    assert "Colour" in said.out
    first = (runs / "summary.csv").read_text()
    assert main(["measure", str(runs)]) == 0
    assert "[8/8]" not in capsys.readouterr().err
    assert (runs / "summary.csv").read_text() == first
    colour = next(row for row in rows_of(runs / "comparisons.csv") if row["metric"] == "colour")
    assert float(colour["low"]) > 0.2
    assert colour["n"] == "4"


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def few(tmp_path):
    """One method on two cases."""
    return make_runs(tmp_path / "runs", make_case_set(tmp_path / "set", 2), ("one",))


def test_a_clip_that_was_spoiled_fails_alone_and_in_words(few, capsys):
    runs, video = few, few / "one/case_0/42/video.mp4"
    whole = video.read_bytes()
    video.write_bytes(whole[:-300])
    assert main(["measure", str(runs)]) == 1
    assert "failed: video.mp4" in capsys.readouterr().err
    rows = rows_of(runs / "metrics.csv")
    assert {row["state"] for row in rows} == {"value", "undefined", "failed"}
    assert [row["case"] for row in rows if row["metric"] == "scene_identity"] == ["case_1"]
    video.write_bytes(whole)
    assert main(["measure", str(runs)]) == 0  # mended, it is measured, and the other one is not measured again
    assert "[2/2]" not in capsys.readouterr().err


SPOILED = [
    lambda score: score.pop("metric"), lambda score: score.update(metric=3), lambda score: score.update(state=[]),
    lambda score: score.update(value="1"), lambda score: score.update(value=float("nan")),
    lambda score: score.update(value=None), lambda score: score.update(n_frames=-1),
]  # fmt: skip


def test_scores_that_were_spoiled_are_measured_anew(tmp_path):
    runs = read_runs(make_runs(tmp_path / "runs", make_case_set(tmp_path / "set", 1), ("one",)))
    kept, first = runs.results[0].folder / "scores.json", measure_runs(runs, Tools())
    whole = kept.read_text()
    assert kept_scores(runs) == first
    for change in SPOILED:
        content = json.loads(whole)
        change(next(score for score in content["scores"] if score["state"] == "value"))
        kept.write_text(json.dumps(content))
        assert not kept_scores(runs)
    assert measure_runs(runs, Tools()) == first
    assert kept.read_text() == whole


def test_clips_of_a_case_that_the_set_has_no_longer_are_left_out(few, tmp_path, capsys):
    shutil.rmtree(few / "one/case_1")
    shutil.copytree(few / "one/case_0", few / "one/gone")
    assert main(["measure", str(few)]) == 0
    assert main(["report", str(few)]) == 0
    assert capsys.readouterr().err.count("1 clips are of cases that discs does not have") == 2
    assert {row["case"] for row in rows_of(few / "metrics.csv")} == {"case_0"}


@pytest.mark.parametrize("name", ["metrics.csv", "summary.csv", "comparisons.csv"])
def test_a_table_that_cannot_be_written_is_named_and_what_was_measured_stays(few, capsys, name):
    (few / name).mkdir()  # as Windows does with one that is open elsewhere, the system refuses to replace it
    assert main(["measure", str(few)]) == 1
    said = capsys.readouterr().err
    assert f"{name} cannot be written" in said
    assert "Close it where it is open elsewhere" in said
    (few / name).rmdir()
    assert main(["measure", str(few)]) == 0
    assert "one / case" not in capsys.readouterr().err  # nothing is measured again
    (few / name).write_text("somebody else's")
    assert main(["measure", str(few)]) == 0
    assert "somebody" not in (few / name).read_text()


def test_scores_that_cannot_be_kept_are_told_and_those_before_stay(few, capsys):
    refused = few / "one/case_1/42/scores.json"
    refused.mkdir()
    assert main(["measure", str(few)]) == 1
    assert "cannot be written to: Is a directory. Make room, then go on" in capsys.readouterr().err
    refused.rmdir()
    assert main(["measure", str(few)]) == 0
    assert "one / case_0" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--embedder", "--text-model", "--faces", "--selftest"])
def test_a_model_that_is_not_there_is_told(few, capsys, option):
    assert main(["measure", str(few), option, str(few / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_another_embedder_measures_anew(few):
    tools = Tools(Embedder("mean", lambda pictures: pictures.mean((1, 2)) - 0.5))
    found = read_runs(few)
    one, other = measure_runs(found, tools, "one"), measure_runs(found, Tools(), "")
    states = [{s.metric: s.state for s in clips[0].scores} for clips in (one, other)]
    assert states[0]["scene_similarity"] == "value"
    assert states[1]["scene_similarity"] == "undefined"


def test_nothing_to_measure_is_told(tmp_path, capsys):
    folder = make_runs(tmp_path / "runs", make_case_set(tmp_path / "set"), ())
    assert main(["measure", str(folder)]) == 1
    assert "has no clip yet" in capsys.readouterr().err


# ---------------------------------------------------------------- self-test


@pytest.fixture
def with_clips(tmp_path):
    cases = make_case_set(tmp_path / "set", 5)
    filmed = []
    for case in cases.cases:
        reference = tmp_path / "set" / f"{case.id}.mp4"
        write_clip(reference, clip_of(case, frames=9), 16)
        filmed.append(replace(case, reference=reference))
    cases = replace(cases, cases=tuple(filmed))
    write_case_set(cases)
    return cases


def seen_colours(pictures):
    """As good as a network, here: subjects are discs of one colour."""
    boxes = [(0, 0, *pictures.shape[2:0:-1])]
    return torch.stack([torch.from_numpy(window_colours(one[None], boxes)[0]) for one in pictures])


def test_an_embedder_that_sees_is_told_apart_and_the_rest_is_tested_without_one(with_clips, tmp_path, monkeypatch):
    monkeypatch.setattr(scene, "ZOOMS", (1.0,))
    found = self_test(with_clips, Tools(Embedder("sees", seen_colours)), "sees:1")
    rows = {row.score: row for row in found.rows}
    assert list(rows) == ["colour", "less other hues", "scene", "object", "scene (embedder)"]
    assert found.trusted
    assert min(rows["colour"].calibrated, rows["less other hues"].raw, rows["scene"].calibrated) > 0.9
    assert any("may be called identity" in line for line in describe(found))
    write_self_test(found, tmp_path / "t.json")
    assert is_trusted(tmp_path / "t.json", "sees:1")


def test_a_text_model_is_tested_by_the_prompts_of_the_clips(with_clips, monkeypatch):
    monkeypatch.setattr(scene, "ZOOMS", (1.0,))
    discs = {
        case.prompt: seen_colours(torch.full((1, 8, 8, 3), 1.0) * torch.tensor(colour) / 255)[0]
        for case, colour in zip(with_clips.cases, COLOURS, strict=True)
    }

    def model(prompts):
        texts = lambda sentences: torch.stack([discs[prompts[one]] for one in sentences])  # noqa: E731
        return TextEmbedder(Embedder("sees", seen_colours), texts, lambda sentence: 0)

    known = list(discs)
    for read, least, most in ((known, 0.95, 1), (known[1:] + known[:1], 0, 0.6)):
        found = self_test(with_clips, Tools(text=model(dict(zip(known, read, strict=True)))), "")
        row = {row.score: row for row in found.rows}["text"]
        assert least <= row.calibrated <= most
        assert (row.subjects, row.clips) == (5, 5)


def test_each_fault_is_noticed_by_the_metric_that_is_made_for_it(with_clips, monkeypatch):
    monkeypatch.setattr(scene, "ZOOMS", (1.0,))
    falls = find_faults(with_clips, Tools(Embedder("sees", seen_colours)))
    own = {(fall.fault, fall.metric): fall for fall in falls if fall.is_own}
    assert list(own) == [
        ("another subject", "object_similarity"), ("another subject", "colour"), ("hue turned", "colour"),
        ("another background", "scene_identity"), ("frozen", "motion"), ("shuffled", "coherence"),
    ]  # fmt: skip
    assert all((fall.noticed, fall.count) == (5, 5) for fall in own.values())
    assert all(fall.share == 1 for where, fall in own.items() if where != ("another subject", "colour"))
    still = {fall.metric: fall for fall in falls if fall.fault == "frozen"}
    assert still["motion"].fall.mean == pytest.approx(still["motion"].before)
    assert still["coherence"].fall.mean < 0  # a frozen clip has the most
    lines = describe_falls(falls)
    assert lines[1].split()[:4] == ["another", "subject", "object_similarity", "*"]
    assert "5/5" in lines[1]


def test_what_has_no_colour_is_not_asked_for_in_another_hue(with_clips, monkeypatch):
    monkeypatch.setattr(scene, "ZOOMS", (1.0,))
    disc((128, 128, 128)).save(with_clips.cases[0].subjects[0].file)
    falls = {(fall.fault, fall.metric): fall for fall in find_faults(with_clips, Tools())}
    assert falls["hue turned", "colour"].count == 4
    assert falls["another subject", "colour"].count == 5


def test_scores_that_say_nothing_are_no_identity():
    rng, owners = np.random.default_rng(0), np.arange(12)
    noise = rng.normal(size=(12, 12))
    assert not _apart("object", noise, owners).is_identity
    levels = noise * 0.1 + 5 * rng.normal(size=(12, 1)) + 5 * rng.normal(size=(1, 12)) + 0.6 * np.eye(12)
    found = _apart("object", levels, owners)
    assert found.raw < 0.7
    assert found.calibrated > 0.95  # subjects and clips have levels of their own, and those are taken out
    assert found.is_identity
    same = np.ones((12, 12), bool)
    same[0, 1] = False
    levels[0, 1] = 1e3  # two backgrounds that are nearly one
    assert _apart("scene", levels, owners, same).raw > 0.45


def test_a_self_test_counts_for_its_embedder_alone(tmp_path):
    row = Apart("object", 0.9, 0.95, 0.8, 1.0, 0.9, 12, 11)
    for trusted, change in ((True, {}), (False, {"calibrated": 0.89}), (False, {"low": 0.45})):
        write_self_test(SelfTest("net:1", (replace(row, **change),)), tmp_path / "t.json")
        assert is_trusted(tmp_path / "t.json", "net:1") == trusted
    with pytest.raises(FFGOError, match=r"another embedder .net."):
        is_trusted(tmp_path / "t.json", "other:1")
    text = (tmp_path / "t.json").read_text()
    for spoiled in (text.replace("0.95", '"0.95"'), text.replace("0.95", "NaN"), text.replace('"low"', '"lo"'), "["):
        (tmp_path / "t.json").write_text(spoiled)
        with pytest.raises(FFGOError, match=r"t\.json"):
            is_trusted(tmp_path / "t.json", "net:1")


def test_a_self_test_needs_real_clips(tmp_path, capsys):
    make_case_set(tmp_path / "set")
    assert main(["selftest", str(tmp_path / "set")]) == 1
    assert "needs 4: real clips" in capsys.readouterr().err


def test_files_of_one_name_are_told_apart(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    first = file_key(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"two")
    assert file_key(tmp_path / "a") != first
    assert file_key(None) == ""
