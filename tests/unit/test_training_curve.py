"""The loss of a run, by step and by sigma."""

import numpy as np
import pytest
import torch
from PIL import ImageColor

from ffgo.charts import LINES
from ffgo.training.curve import bands, draw_loss_curve, stack_pictures
from ffgo.training.run import loss_by_step

HISTORY = torch.tensor([[1, 0.9, 2.0], [1, 0.5, 6.0], [2, 0.2, 1.0], [2, 1.0, 1.0], [3, 0.3, 3.0], [3, 0.6, 4.0]])
"""Two samples a step."""


def test_the_mean_loss_of_every_step():
    assert loss_by_step(HISTORY) == [4.0, 1.0, 3.5]
    assert loss_by_step(HISTORY[:0]) == []


def test_bands_have_equally_many_samples_the_most_noise_first():
    much, some, little = bands(HISTORY)
    assert [band.steps.tolist() for band in (much, some, little)] == [[1, 2], [1, 3], [2, 3]]
    assert much.high == 1
    assert much.low == some.high > some.low == little.high
    assert bands(HISTORY[:0]) == []


def test_the_line_follows_by_a_tenth():
    much, some, little = bands(HISTORY)
    assert much.losses.tolist() == pytest.approx([2, 2 - 0.1])
    assert some.losses.tolist() == pytest.approx([6, 6 - 0.2])
    assert little.losses.tolist() == pytest.approx([1, 1 + 0.2])


def test_a_loss_that_falls_is_drawn_from_the_top_left_to_the_bottom_right():
    steps = torch.arange(1, 31, dtype=torch.float32)
    falls, stays = 2 - steps / 60, torch.ones(30)
    sigmas = {0.95: falls, 0.5: stays, 0.2: stays}
    history = torch.cat([torch.stack([steps, torch.full((30,), sigma), loss], 1) for sigma, loss in sigmas.items()])
    picture = np.asarray(draw_loss_curve(history, "a run"))
    assert picture.shape == (320, 640, 3)
    rows, columns = np.nonzero((picture[34:] == ImageColor.getrgb(LINES[0])).all(-1))
    assert rows[columns == columns.min()].min() < rows[columns == columns.max() - 3].min()
    assert draw_loss_curve(history[:0], "a run").size == (640, 320)


def test_pictures_are_stacked_at_the_width_of_the_first():
    wide = draw_loss_curve(HISTORY, "a run")
    assert stack_pictures([wide, wide.resize((320, 50))]).size == (640, 320 + 100)
