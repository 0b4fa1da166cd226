"""The authors' test set in this pack's format."""

import csv
import json
import shutil
from typing import Any

import pytest

from ffgo.errors import FFGOError
from ffgo.evaluation.__main__ import main
from ffgo.evaluation.cases import read_case_set
from ffgo.evaluation.check import check_set
from ffgo.evaluation.official import import_official
from ffgo.words.phrase import TRANSITION_PHRASE

FRAMES = {"am_car_2obj": "33_combined", "fds_ambulence": "21_combined", "tank_intersection_2": "inter_tank_2"}


@pytest.fixture
def repository(official, tmp_path):
    """Three cases in the layout of the official repository, with a row for a frame that does not exist."""
    data = tmp_path / "repository/Data"
    (data / "combined_first_frames").mkdir(parents=True)
    rows = [("", "image_path", "prompt", "note")]
    for case, frame in FRAMES.items():
        folder = data / "data_materials" / case
        folder.mkdir(parents=True)
        for path in (official / "compose" / case).iterdir():
            if path.name != "main_entity.webp":  # which is the PNG before it was decoded
                shutil.copy(path, folder / path.name)
        shutil.copy(official / f"composites/{case}.png", data / f"combined_first_frames/{frame}.png")
        path = f"/combined_first_frames/{frame}.png"
        rows.append((str(len(rows)), path, f'{TRANSITION_PHRASE} It is \\"{case}\\".', "说"))
    rows.append(("9", "/combined_first_frames/9_combined.png", f"{TRANSITION_PHRASE} Nothing.", ""))
    with (data / "combined_first_frames/0-data.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path / "repository"


def test_the_official_cases_are_complete_and_their_frames_are_ours_to_the_pixel(repository, tmp_path, capsys):
    assert main(["import-official", str(repository), str(tmp_path / "set")]) == 0
    said = capsys.readouterr().out
    assert "3 complete cases; of their composed frames 3 equal ours to the pixel" in said
    assert "left out: 9_combined: the frame is not there" in said
    cases = read_case_set(tmp_path / "set")
    assert [case.id for case in cases.cases] == sorted(FRAMES)
    assert cases.case("am_car_2obj").prompt == 'It is "am_car_2obj".'
    assert [len(case.subjects) for case in cases.cases] == [2, 1, 1]
    assert not check_set(tmp_path / "set").problems


@pytest.mark.nightly
def test_a_folder_that_the_table_does_not_know_finds_its_frame_by_its_look(repository, tmp_path):
    materials, frames = repository / "Data/data_materials", repository / "Data/combined_first_frames"
    (materials / "tank_intersection_2").rename(materials / "new")
    (frames / "inter_tank_2.png").rename(frames / "77_new.png")
    table = frames / "0-data.csv"
    table.write_text(table.read_text("utf-8").replace("inter_tank_2", "77_new"), "utf-8")
    imported = import_official(repository / "Data", tmp_path / "set")
    assert imported.differences["new"] == 0
    assert imported.cases.case("new").prompt == 'It is "tank_intersection_2".'


def test_what_is_not_complete_is_left_out_and_named(repository, tmp_path):
    (repository / "Data/data_materials/fds_ambulence/main_entity.png").unlink()
    (repository / "Data/combined_first_frames/33_combined.png").unlink()
    left_out = import_official(repository, tmp_path / "set").left_out
    assert left_out["fds_ambulence"] == "its background is not there"
    assert left_out["am_car_2obj"] == "no composed frame belongs to it"
    assert left_out["21_combined"] == "no materials belong to it"


def test_another_folder_is_not_the_official_one(tmp_path):
    with pytest.raises(FFGOError, match="is not the official repository"):
        import_official(tmp_path, tmp_path / "set")


def test_the_training_clips_are_a_set_with_references(repository, official, tmp_path):
    train = repository / "Data/train"
    shutil.copytree(official / "train/materials/video_16", train / "train_materials/video_16")
    (train / "round2_mixed_videos_81_frames").mkdir()
    shutil.copy(official / "train/videos/16.mp4", train / "round2_mixed_videos_81_frames/16.mp4")
    caption = {"file_path": "/far/away/16.mp4", "text": f"{TRANSITION_PHRASE}  A mouse runs."}
    (train / "train_data_mixed_Large.json").write_text(json.dumps([caption]))
    shutil.rmtree(repository / "Data/data_materials")
    (repository / "Data/data_materials").mkdir()
    imported: Any = import_official(repository, tmp_path / "set")
    assert imported.training == read_case_set(tmp_path / "set/training")
    (case,) = imported.training.cases
    assert (case.id, len(case.subjects), case.reference.name) == ("video_16", 1, "reference.mp4")
    assert case.prompt == "A mouse runs."
    assert not check_set(tmp_path / "set/training").problems
