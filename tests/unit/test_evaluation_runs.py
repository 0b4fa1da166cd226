"""Run folders: what is complete is there, and nothing else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ffgo.errors import FFGOError
from ffgo.evaluation.methods import Method
from ffgo.evaluation.runs import (
    ClipFailure,
    ClipPlace,
    read_result,
    read_runs,
    write_failure,
    write_result,
    write_run_file,
)

from .evaluation_scene import make_case_set, make_runs


def test_a_run_folder_comes_back_in_order(tmp_path):
    cases = make_case_set(tmp_path / "set")
    runs = read_runs(make_runs(tmp_path / "runs", cases, ("two", "one"), (10, 9)))
    assert [str(result.place) for result in runs.results] == [
        f"{method} / case_{case} / {seed}" for method in ("two", "one") for case in (0, 1) for seed in (9, 10)
    ]
    assert runs.case_set() == cases
    assert runs.results[0].video.is_file()
    assert runs.results[0].prompt == "Disc 0 moves."
    assert (runs.method("one").seeds, runs.method("one").made_by) == ((10, 9), "workflow")


def test_it_may_be_moved_together_with_its_set(tmp_path):
    make_runs(tmp_path / "a/runs", make_case_set(tmp_path / "a/set"))
    (tmp_path / "a").rename(tmp_path / "b")
    assert len(read_runs(tmp_path / "b/runs").case_set().cases) == 2


def test_a_clip_without_its_result_is_not_there(tmp_path):
    folder = make_runs(tmp_path / "runs", make_case_set(tmp_path / "set"), ("one",))
    (folder / "one/case_0/42/result.json").unlink()
    assert [result.place.case for result in read_runs(folder).results] == ["case_1"]


def test_a_failure_stays_until_there_is_a_result(tmp_path):
    folder = make_runs(tmp_path / "runs", make_case_set(tmp_path / "set"), ("one",))
    place = ClipPlace("one", "case_0", 42)
    result: Any = read_result(folder, place)
    (result.folder / "result.json").unlink()
    write_failure(folder, ClipFailure(place, "key", "out of memory"))
    assert [failure.message for failure in read_runs(folder).failures] == ["out of memory"]
    write_result(result)
    assert read_runs(folder).failures == ()


def test_methods_of_before_stay_listed(tmp_path):
    cases = make_case_set(tmp_path / "set")
    folder = make_runs(tmp_path / "runs", cases, ("one", "two"))
    write_run_file(
        folder, cases, [Method("three", videos=Path("v"), trim="auto"), Method("one", Path("w"), seeds=(7,))]
    )
    methods = read_runs(folder).methods
    assert [(m.name, m.seeds, m.trim, m.made_by) for m in methods] == [
        ("one", (7,), 0, "workflow"), ("two", (42,), 0, "workflow"), ("three", (42,), "auto", "videos"),
    ]  # fmt: skip


def test_a_damaged_result_is_told_by_name(tmp_path):
    folder = make_runs(tmp_path / "runs", make_case_set(tmp_path / "set"), ("one",))
    (folder / "one/case_0/42/result.json").write_text("{")
    with pytest.raises(FFGOError, match=r"42.result\.json is not JSON.*Delete it"):
        read_runs(folder)


def test_two_methods_of_one_name_are_refused(tmp_path):
    folder = make_runs(tmp_path / "runs", make_case_set(tmp_path / "set"), ("one",))
    said = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(said | {"methods": said["methods"] * 2}))
    with pytest.raises(FFGOError, match="methods has two of one name"):
        read_runs(folder)


@pytest.mark.parametrize("name", ["042", "٤٢", "²", "-1", "notes", "9" * 30, str(2**64)])
def test_a_seeds_folder_has_one_name(tmp_path, name):
    folder = make_runs(tmp_path / "runs", make_case_set(tmp_path / "set", 1), ("one",))
    (folder / "one/case_0/42").rename(folder / "one/case_0" / name)
    assert not read_runs(folder).results


def test_other_folders_are_no_run_folders(tmp_path):
    with pytest.raises(FFGOError, match=r"has no run\.json"):
        read_runs(tmp_path)


def test_what_a_result_says_survives(tmp_path):
    folder = make_runs(tmp_path / "runs", make_case_set(tmp_path / "set"), ("one",))
    place = ClipPlace("one", "case_0", 42)
    before: Any = read_result(folder, place)
    said = replace(before, texts={"Trim": ("4 frames",)}, versions={"ffgo": "1"}, warnings=("w",))
    write_result(said)
    assert read_result(folder, place) == replace(said, texts={"Trim": ["4 frames"]})
