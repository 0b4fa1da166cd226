"""Faces: whose, in how many frames, and what is said where there is none; once with dlib, where that is installed."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.errors import FFGOError
from ffgo.evaluation.faces import LANDMARKS, NETWORK, Recogniser, dlib_recogniser, recogniser_key, score_face
from ffgo.evaluation.first_frame import as_image
from ffgo.evaluation.measures import Tools, Wanted, features, measure_clip
from ffgo.evaluation.view import view_frames

from .evaluation_scene import disc

PEOPLE = {(220, 40, 45): (0.0, 0.0), (35, 150, 60): (0.7, 0.0), (40, 70, 215): (0.0, 0.8)}
"""A stand-in for a recogniser: what is of one of these colours is a face, and this far apart are the people."""
RED, GREEN, BLUE = PEOPLE


def coloured_faces(picture):
    near = {colour: np.abs(picture.astype(int) - colour).max(-1) < 25 for colour in PEOPLE}
    return [np.array(PEOPLE[colour]) for colour, there in near.items() if there.mean() > 0.01]


def clip(*colours):
    """A frame for each colour, with a disc of it; None for an empty one."""
    frames = []
    for colour in colours:
        picture = Image.new("RGB", (160, 90), (200, 200, 200))
        if colour:
            picture.paste(disc(colour), (20, 20), disc(colour))
        frames.append(np.asarray(picture))
    return torch.from_numpy(np.stack(frames)).float().repeat_interleave(8, 0) / 255  # every eighth is looked at


def scores(frames, recogniser, *colours) -> dict[Any, Any]:
    subjects = [features(str(n), str(n), as_image(disc(one)), None, recogniser) for n, one in enumerate(colours)]
    found = measure_clip(view_frames(frames, 16, None, 0), Wanted(subjects=subjects), Tools(faces=recogniser))
    return {(one.metric, one.subject): one for one in found if one.metric.startswith("face")}


def test_a_face_is_told_from_others_and_frames_without_one_count():
    recogniser = Recogniser("colours", coloured_faces)
    found = scores(clip(RED, RED, None, GREEN), recogniser, RED, GREEN)
    assert found["face_identity", "0"].value == pytest.approx((1 + 1 + 0.3) / 3)
    assert found["face_presence", "0"].value == 0.5  # of all four frames
    assert found["face_presence", "1"].value == 0.25
    assert found["face_identity", "0"].note == "faces are found in 3 of 4 frames"


def test_what_has_no_face_is_undefined_and_says_why():
    recogniser = Recogniser("colours", coloured_faces)
    nothing = scores(clip(RED), recogniser, (250, 220, 40))["face_identity", "0"]
    assert (nothing.state, nothing.note) == ("undefined", "no face is found in its cut-out")
    empty = scores(clip(None, None), recogniser, RED)
    assert empty["face_identity", "0"].state == "undefined"
    assert empty["face_presence", "0"].value == 0
    two = features("two", "two", as_image(disc(RED)), None, Recogniser("two", lambda _: [np.zeros(2), np.ones(2)]))
    found = measure_clip(view_frames(clip(RED), 16, None, 0), Wanted(subjects=[two]), Tools(faces=recogniser))
    assert "its cut-out shows 2 faces" in [one.note for one in found]
    without = measure_clip(view_frames(clip(RED), 16, None, 0), Wanted(subjects=[two]), Tools())
    assert "no face recogniser was given (--faces of the command)" in [one.note for one in without]


def test_a_recogniser_that_fails_fails_alone():
    calls = []

    def breaks(picture):
        calls.append(picture)
        if len(calls) > 1:
            raise RuntimeError("out of memory")
        return coloured_faces(picture)

    found = scores(clip(RED), Recogniser("breaks", breaks), RED)
    assert found["face_identity", ""].state == "failed"
    assert "out of memory" in found["face_identity", ""].note


def test_distances_by_hand():
    face, other = np.zeros(2), np.array([0.6, 0.0])
    found = score_face(face, [np.stack([other, face + 0.3]), other[None], np.empty((0, 1))])
    assert found.identity == pytest.approx(1 - (0.3 * 2**0.5 + 0.6) / 2)
    assert (found.presence, found.frames) == (1 / 3, 2)  # 0.6 is no longer the same person


def test_missing_files_and_a_missing_dlib_are_told(tmp_path):
    with pytest.raises(FFGOError, match=f"has no {LANDMARKS}"):
        dlib_recogniser(tmp_path)
    for name in (LANDMARKS, NETWORK):
        (tmp_path / name).write_bytes(b"nothing")
    wrong = "cannot read its files" if importlib.util.find_spec("dlib") else "pip install dlib-bin"
    with pytest.raises(FFGOError, match=wrong):
        dlib_recogniser(tmp_path)
    assert recogniser_key(tmp_path) != recogniser_key(None) == ""


def dlib_files() -> Path | None:
    """Where the package face-recognition-models has them."""
    found = importlib.util.find_spec("face_recognition_models")
    return Path(found.origin).parent / "models" if found and found.origin else None


@pytest.mark.skipif(
    not (importlib.util.find_spec("dlib") and dlib_files() and importlib.util.find_spec("skimage")),
    reason="needs pip install dlib-bin face-recognition-models scikit-image",
)
def test_dlib_knows_a_person_again():
    pictures, folder = importlib.util.find_spec("skimage"), dlib_files()
    assert pictures
    assert pictures.origin
    assert folder
    recogniser = dlib_recogniser(folder)
    photo = Image.open(Path(pictures.origin).parent / "data/astronaut.png").convert("RGB")
    (face,) = recogniser(as_image(photo)[0])
    closer = photo.crop((100, 0, 400, 260)).resize((900, 780))
    (again,) = recogniser(as_image(closer)[0])
    assert face.shape == (128,)
    assert np.linalg.norm(face - again) < 0.4
    assert len(recogniser(torch.full((200, 300, 3), 0.5))) == 0
