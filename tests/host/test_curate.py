"""The workflow from one photo to a video, as `dev.py demo --curate` runs it."""

import numpy as np
import pytest
from PIL import Image

from ffgo.demo.photos import MATERIALS, PHOTO, PLATE, placed_subjects
from lab.workshop.curate import tell_story
from lab.workshop.fake_gemini import answer_for_demo_photo

pytest.importorskip("google.genai")

SMALL = ("Canvas.width=160", "Canvas.height=96", "First frame.length=9", "Expert switch.steps=2")


def read(path):
    with Image.open(path) as picture:
        return picture.copy()


def test_from_one_photo_to_the_video(host, gemini, tmp_path):
    gemini.script, gemini.asked, gemini.default = [], [], answer_for_demo_photo
    with host.gemini_key("made-up-key"):
        tell_story(host.url, host.base / "input" / PHOTO, tmp_path, SMALL)
    assert len(gemini.asked) == 3

    photo = read(tmp_path / "photo.png")
    for number, subject in enumerate(placed_subjects(photo.size).values(), 1):
        cutout = read(tmp_path / f"cutout_{number}.png")
        assert (cutout.mode, cutout.size) == ("RGBA", photo.size)
        # Of 255; an empty one is off by 10 and more. Glow, translucent sails and some enclosed white come out opaque.
        alpha, expected = (np.asarray(picture.getchannel("A"), float) for picture in (cutout, subject))
        assert np.abs(alpha - expected).mean() < 3

    off = np.abs(np.asarray(read(tmp_path / "plate.png"), float) - np.asarray(read(MATERIALS / PLATE).convert("RGB")))
    assert off.mean() < 2.5  # the steps of its palette do not survive that it is made larger and smaller again
    assert read(tmp_path / "first_frame.png").size == (160, 96)
    assert (tmp_path / "video.mp4").stat().st_size > 1000
    assert read(tmp_path / "story.png").width == 1280
