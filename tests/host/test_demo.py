"""`dev.py demo`: the shipped workflow with the toy world's models, on an example that nothing was trained on."""

import av
import numpy as np
import torch
from PIL import Image

from lab.toyworld.examples import test_set as unseen_examples
from lab.toyworld.metrics import score_clip
from lab.toyworld.scene import FRAMES, HEIGHT, WIDTH
from lab.workshop.demo import ENLARGED, EXAMPLE, run_demo


def test_the_demo_shows_the_subjects_in_the_scene(host, tmp_path):
    run_demo(host.url, tmp_path)
    with Image.open(tmp_path / "first_frame.png") as picture:
        assert picture.size == (WIDTH, HEIGHT)
    with Image.open(tmp_path / "story.png") as picture:
        assert picture.width == 1280
    with av.open(str(tmp_path / "video.mp4")) as video:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])
    assert frames.shape == (FRAMES - 4, ENLARGED * HEIGHT, ENLARGED * WIDTH, 3)
    middle = ENLARGED // 2
    clip = torch.from_numpy(frames[:, middle::ENLARGED, middle::ENLARGED] / np.float32(255))
    scores = score_clip(clip, unseen_examples()[EXAMPLE].clip.shot, FRAMES - len(clip))
    assert scores.object_identity > 0.7
    assert scores.scene_identity > 0.8
