"""Who is in a frame: exactly, from the canvas; by masks elsewhere."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from ffgo.cast.of_frame import MAX_SUBJECTS, entities_of
from ffgo.errors import FFGOError
from ffgo.frame.compose import compose
from ffgo.frame.previews import describe_subject

from .cast_scene import cutout


def canvas(rng, count, **more):
    """A frame of `count` subjects, arranged at random."""
    pictures = [
        cutout(int(rng.integers(1e9)), (int(rng.integers(40, 90)), int(rng.integers(40, 90)))) for _ in range(count)
    ]
    tensors = {f"subject{i}": torch.from_numpy(p)[None].float() / 255 for i, p in enumerate(pictures)}
    subjects = [
        {
            "crop": str(rng.choice(["visible", "full"])), "x": float(rng.uniform(-0.1, 0.9) * 192),
            "y": float(rng.uniform(-0.1, 0.9) * 108), "width": float(rng.integers(8, 90)),
            "height": float(rng.integers(8, 90)), "angle": float(rng.integers(-90, 90)),
            "flip": bool(rng.random() < 0.5), "shown": bool(rng.random() < 0.9), "z": int(rng.integers(0, 4)),
            "fingerprint": None, "source": f"subject{i}",
        }
        for i in range(count)
    ]  # fmt: skip
    text = json.dumps({"version": 1, "canvas": {"width": 192, "height": 108}, "subjects": subjects})
    return compose(
        torch.rand(1, 60, 80, 3), tensors, width=192, height=108, layout="custom", arrangement=text, **more
    ), pictures


@pytest.mark.parametrize("seed", range(100))
def test_the_canvas_is_read_exactly(seed):
    rng = np.random.default_rng(seed)
    frame, pictures = canvas(rng, 1 + seed % MAX_SUBJECTS)
    found = entities_of(
        frame.image[0], frame.masks, frame.plan.to_json(), dict(zip("abcdefgh", pictures, strict=False))
    )
    assert len(found.entities) == len(pictures)
    for one, mask, place, seen, picture in zip(
        found.entities, frame.masks, frame.plan.subjects, frame.subjects, pictures, strict=True
    ):
        assert one.mask is not None
        assert torch.equal(one.mask, mask)
        assert one.box == place.box
        assert (one.z, one.shown) == (place.z, place.shown)
        assert one.fingerprint == describe_subject(seen)["fingerprint"]
        assert one.is_whole
        assert one.picture is not None
        assert np.array_equal(one.picture, picture)


def test_without_the_subjects_what_the_frame_shows_is_taken():
    frame, _ = canvas(np.random.default_rng(3), 3)
    found = entities_of(frame.image[0], frame.masks, frame.plan.to_json(), names=["Red robot", "", "boat"])
    assert [one.name for one in found.entities] == ["Red robot", "subject1", "boat"]
    for one in found.entities:
        assert not one.is_whole
        assert one.picture is None or one.picture.shape[2] == 4


def test_a_hidden_subject_keeps_its_number():
    frame, _ = canvas(np.random.default_rng(0), 2)
    plan = json.loads(frame.plan.to_json())
    plan["subjects"][1]["shown"] = False
    masks = frame.masks.clone()
    masks[0], masks[1] = 1, 0
    found = entities_of(frame.image[0], masks, json.dumps(plan))
    assert [one.shown for one in found.entities] == [True, False]
    assert not found.warnings


def test_one_mask_is_taken_apart_and_dust_left_out():
    mask = torch.zeros(60, 100)
    mask[10:30, 60:90] = 1
    mask[20:50, 5:25] = 1
    mask[0:2, 0:2] = 1
    found = entities_of(torch.rand(60, 100, 3), mask[None])
    assert [asdict(one.box) for one in found.entities if one.box] == [
        {"x": 5, "y": 20, "width": 20, "height": 30}, {"x": 60, "y": 10, "width": 30, "height": 20},
    ]  # fmt: skip
    assert found.entities[0].picture is not None
    assert found.entities[0].picture.shape == (30, 20, 4)


def test_several_masks_are_one_entity_each():
    masks = torch.zeros(10, 40, 40)
    for i in range(10):
        masks[i, : 8 + i, :8] = 1
    found = entities_of(torch.rand(40, 40, 3), masks)
    assert len(found.entities) == MAX_SUBJECTS
    assert found.warnings == ["There are 10 entities; the 8 largest are taken."]


def broken(change):
    frame, _ = canvas(np.random.default_rng(1), 2)
    plan = json.loads(frame.plan.to_json())
    arguments = {"frame": frame.image[0], "masks": frame.masks, "layout": plan, "names": []}
    change(arguments)
    arguments["layout"] = json.dumps(arguments["layout"]) if arguments["layout"] else ""
    return arguments


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.update(masks=None), "masks is not connected"),
        (lambda a: a.update(masks=a["masks"][:1]), "layout has 2 subjects and masks holds 1"),
        (lambda a: a.update(frame=a["frame"][:50]), "masks of this very image"),
        (lambda a: a["layout"]["canvas"].update(width=200), "of a frame of 200x108 px"),
        (lambda a: a["layout"].update(version=2), "version is 2"),
        (lambda a: a["layout"]["subjects"][0]["box"].update(x="a"), r"subjects\[0\].box.x"),
        (lambda a: a.update(names=["a", "b", "c"]), "names has 3 lines, and there are 2 entities"),
        (lambda a: a.update(names=["a" * 100]), "80 are the most"),
        (lambda a: a.update(masks=None, layout=None), "Nothing tells who is in the frame"),
    ],
)
def test_what_does_not_belong_together_is_refused(change, message):
    with pytest.raises(FFGOError, match=message):
        entities_of(**broken(change))
