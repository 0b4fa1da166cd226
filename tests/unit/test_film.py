"""The moving picture of the README."""

import numpy as np
import torch
from PIL import Image

from ffgo.bases.catalogue import COMPOSED_FRAMES
from lab.toyworld.examples import test_set as unseen_examples
from lab.toyworld.render import render_clip
from lab.workshop.film import END_MS, ENLARGED, EXAMPLES, FRAME_MS, HIGH, HOLD_MS, MARGIN, WIDE, draw_film

TOP = 48


def test_it_holds_the_composed_frames_then_shows_every_frame_of_the_clips(tmp_path):
    examples = [unseen_examples()[number] for number in EXAMPLES]
    composed = torch.stack([example.composed() for example in examples])
    clips = torch.from_numpy(np.stack([render_clip(example.clip) for example in examples]))
    draw_film(composed, clips, [example.caption for example in examples], tmp_path / "film.webp")
    pictures = [composed, *clips.unbind(1)]
    with Image.open(tmp_path / "film.webp") as film:
        assert getattr(film, "n_frames", 1) == len(pictures)
        durations = []
        for number, truth in enumerate(pictures):
            film.seek(number)
            shown = np.asarray(film.convert("RGB"))[TOP : TOP + HIGH, MARGIN : MARGIN + WIDE] / 255
            durations.append(film.info["duration"])
            if 0 < number <= COMPOSED_FRAMES:  # dimmed and crossed out
                continue
            middle = shown[ENLARGED // 2 :: ENLARGED, ENLARGED // 2 :: ENLARGED]
            assert np.abs(middle - truth[0].numpy()).mean() < 0.02
    assert durations == [HOLD_MS, *[FRAME_MS] * (len(pictures) - 2), END_MS]
