"""The pictures that the shipped workflows open with."""

import json
import re
from pathlib import Path

from PIL import Image

from ffgo.demo.pictures import names, not_put_yet, put_pictures

REPO = Path(__file__).parents[2]


def test_every_picture_and_clip_of_a_shipped_workflow_is_one_of_them():
    shown = set()
    for path in (REPO / "workflows/api").glob("*.json"):
        for node in json.loads(path.read_text("utf-8")).values():
            if node["class_type"] in ("LoadImage", "LoadVideo", "FFGOLoadSubject"):
                shown |= {value for value in node["inputs"].values() if re.search(r"\.(png|mp4)$", str(value))}
    assert len(shown) > 5
    assert shown <= set(names())


def test_they_are_put_once_and_over_nothing(tmp_path):
    folder, known = tmp_path / "input", tmp_path / "user" / "pictures.txt"
    folder.mkdir()
    own = Image.new("RGB", (8, 8), "teal")
    own.save(folder / "background_lake.png")
    put_pictures(folder, known)
    assert sorted(path.name for path in folder.iterdir()) == sorted(names())
    with Image.open(folder / "background_lake.png") as kept:
        assert kept.size == own.size
    (folder / "subject_boat.png").unlink()
    (folder / "demo_photo.png").unlink()
    assert not_put_yet(known) == []
    put_pictures(folder, known)
    assert not (folder / "subject_boat.png").exists()
    assert not (folder / "demo_photo.png").exists()


def test_what_a_later_version_adds_is_put_too(tmp_path):
    known = tmp_path / "pictures.txt"
    known.write_text("\n".join(name for name in names() if name != "robot_on_white.png"))
    put_pictures(tmp_path, known)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures.txt", "robot_on_white.png"]
