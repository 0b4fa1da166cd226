"""Resizing what is mostly blank, against Pillow's resize of all of it."""

import numpy as np
import pytest
from PIL import Image

from ffgo.frame.geometry import Box
from ffgo.frame.layer import LANCZOS, Layer

SIZE = 203, 157
BOXES = [Box(0, 0, *SIZE), Box(60, 50, 40, 30), Box(0, 0, 9, 4), Box(199, 150, 4, 7), Box(101, 0, 1, 157)]
SIZES = [(203, 157), (101, 78), (100, 50), (61, 47), (23, 19), (5, 4), (1, 1), (203, 40), (50, 157), (301, 400)]


@pytest.mark.parametrize("gap", [1.0, 2.0])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_equals_pillows_resize_to_the_last_bit(mode, gap):
    random = np.random.default_rng(1)
    blank = {"RGB": "white", "L": 0}[mode]
    for box in BOXES:
        noise = random.integers(0, 256, (box.height, box.width, len(mode)), dtype=np.uint8).squeeze(
            -1 if mode == "L" else ()
        )
        whole = Image.new(mode, SIZE, blank)
        whole.paste(Image.fromarray(noise), (box.x, box.y))
        layer = Layer(whole.crop((0, box.y, SIZE[0], box.bottom)), SIZE, box, blank, gap)
        for size in SIZES:
            expected = whole.resize(size, LANCZOS, None, gap)
            assert layer.resized(size, Box(0, 0, *size)) == expected
            reached = layer.reached(size)
            edges = reached.x, reached.y, reached.right, reached.bottom
            assert layer.resized_within(reached, size) == expected.crop(edges)


def test_works_on_little_more_than_what_is_not_blank():
    layer = Layer(Image.new("L", (1000, 20), 9), (1000, 600), Box(500, 300, 40, 20), 0)
    assert layer.reached((500, 300)) == Box(245, 145, 30, 20)
