"""The cast's nodes in the real host: saved, found, loaded, placed, looked for."""

import json
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from ..unit.cast_scene import cutout

WIDE, HIGH = 128, 64


@pytest.fixture(scope="module")
def pictures(host):
    """Two cut-outs, a scene, and the frames of a clip in which one of the two is."""
    folder = host.base / "input"
    cutouts = [cutout(seed, (40, 40), margin=3) for seed in (21, 22)]
    for number, one in enumerate(cutouts):
        Image.fromarray(one).save(folder / f"cast_{number}.png")
    coarse = np.random.default_rng(9).integers(40, 220, (4, 8, 3), dtype=np.uint8)
    scene = Image.fromarray(coarse).resize((WIDE, HIGH), Image.Resampling.BICUBIC)
    scene.save(folder / "cast_scene.png")
    for number in range(6):
        frame, sprite = scene.copy(), Image.fromarray(cutouts[0]).resize((32, 32))
        frame.paste(sprite, (20 + 4 * number, 12), sprite)
        frame.save(folder / f"cast_frame_{number}.png")
    return cutouts


def load(name):
    return {"class_type": "FFGOLoadSubject", "inputs": {"image": name}}


def saved(number, name, **more):
    return {
        "cut": load(f"cast_{number}.png"),
        "save": {"class_type": "FFGOSaveToCast", "inputs": {"image": ["cut", 0], "name": name, **more}},
    }


@pytest.fixture(scope="module")
def cast(host, pictures):
    host.run(saved(0, "Red robot", noun="the red robot", tags="toy, red"))
    host.run(saved(1, "Boat", description="a boat with sails"))
    return host.base / "input" / "ffgo_cast"


def test_what_is_saved_is_loaded_to_the_bit(host, cast, pictures):
    loaded = {"class_type": "FFGOLoadFromCast", "inputs": {"cast": "Red robot", "picture": 1}}
    keep = {"class_type": "SaveImage", "inputs": {"images": ["load", 0], "filename_prefix": "from_cast"}}
    shown = {"class_type": "PreviewAny", "inputs": {"source": ["load", 2]}}
    outputs = host.run({"load": loaded, "keep": keep, "shown": shown})
    (file,) = outputs["keep"]["images"]
    with Image.open(host.base / "output" / file["filename"]) as picture:
        assert np.array_equal(np.asarray(picture), pictures[0])
    assert outputs["shown"]["text"] == ["the red robot"]
    again = host.run(saved(0, "Somebody", when_known="keep apart"))
    assert again["save"]["text"] == ["This picture of Red robot is in the cast already."]
    assert {path.name for path in cast.iterdir() if path.is_dir()} == {"red-robot", "boat"}


def test_a_member_that_is_not_there_is_refused_before_the_run(host, cast):
    keep = {"class_type": "PreviewImage", "inputs": {"images": ["load", 0]}}
    with pytest.raises(Exception, match=r"There is no 'Nobody' in .*ffgo_cast"):
        host.run({"load": {"class_type": "FFGOLoadFromCast", "inputs": {"cast": "Nobody"}}, "keep": keep})


def test_words_find_a_member_and_its_missing_lora_stops_only_who_asks_for_it(host, cast):
    find = {"class_type": "FFGOFindInCast", "inputs": {"text": "sails", "top": 3}}
    shown = {"class_type": "PreviewAny", "inputs": {"source": ["find", 1]}}
    assert host.run({"find": find, "shown": shown})["shown"]["text"] == ["Boat"]


def test_the_page_gets_the_list_and_the_small_pictures(host, cast):
    listed = host.get("/ffgo/cast")
    assert listed["folder"] == "ffgo_cast"
    found = [(one["label"], one["files"]) for one in listed["members"]]
    assert found == [("Boat", ["01.png"]), ("Red robot", ["01.png"])]
    with urllib.request.urlopen(f"{host.url}/ffgo/cast/boat/thumb", timeout=20) as answer:
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.read(4) == b"RIFF"
    for slug in ("nobody", "..%2fboat", "BOAT", "a" * 65):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{host.url}/ffgo/cast/{slug}/thumb", timeout=20)


def test_from_the_canvas_to_who_is_lost(host, cast, pictures):
    graph = {f"frame_{n}": {"class_type": "LoadImage", "inputs": {"image": f"cast_frame_{n}.png"}} for n in range(6)}
    last = "frame_0"
    for number in range(1, 6):
        inputs = {"image1": [last, 0], "image2": [f"frame_{number}", 0]}
        graph[f"batch_{number}"] = {"class_type": "ImageBatch", "inputs": inputs}
        last = f"batch_{number}"
    cutouts = {f"subjects.subject{n}": [f"cut_{n}", 0] for n in (0, 1)}
    graph |= {f"cut_{n}": load(f"cast_{n}.png") for n in (0, 1)}
    graph["scene"] = {"class_type": "LoadImage", "inputs": {"image": "cast_scene.png"}}
    graph["canvas"] = {
        "class_type": "FFGOComposeCanvas",
        "inputs": {"background": ["scene", 0], "preset": "custom", "width": WIDE, "height": HIGH, **cutouts},
    }
    who = {"image": ["canvas", 0], "masks": ["canvas", 1], "layout": ["canvas", 2], **cutouts}
    graph["who"] = {"class_type": "FFGOEntitiesOfFrame", "inputs": who}
    graph["stay"] = {"class_type": "FFGOPersistence", "inputs": {"images": [last, 0], "entities": ["who", 0]}}
    shown = host.run(graph)["stay"]
    robot, boat, verdict = shown["text"]
    assert robot.startswith("Red robot: there in 100%")  # by its name in the cast, as the picture is known
    assert boat.startswith("Boat: there in 0%")
    assert "lost at 0.0 s" in boat
    assert "somebody is lost" in verdict
    assert shown["ffgo_persistence"][0] == 0
    assert shown["images"]


def test_the_best_clip_is_let_through(host, pictures):
    lists = {
        f"n{n}": {"class_type": "PrimitiveFloat", "inputs": {"value": value}} for n, value in enumerate((0.2, 0.9))
    }
    loads = {f"c{n}": {"class_type": "LoadImage", "inputs": {"image": f"cast_frame_{n}.png"}} for n in (0, 1)}
    graph = lists | loads
    for name, kind in (("scores", "n"), ("clips", "c")):
        inputs = {f"inputs.input{n}": [f"{kind}{n}", 0] for n in (0, 1)}
        graph[name] = {"class_type": "CreateList", "inputs": inputs}
    graph["pick"] = {"class_type": "FFGOPickClip", "inputs": {"images": ["clips", 0], "scores": ["scores", 0]}}
    graph["shown"] = {"class_type": "PreviewAny", "inputs": {"source": ["pick", 1]}}
    assert json.loads(host.run(graph)["shown"]["text"][0]) == 1
