"""Boxes and sizes."""

import random

import pytest
from PIL import Image

from ffgo.frame.geometry import PRESETS, Box, fit_size, halves


def thumbnail_size(size: tuple[int, int], slot: tuple[int, int]) -> tuple[int, int]:
    picture = Image.new("L", size)
    picture.thumbnail(slot, Image.Resampling.NEAREST)
    return picture.size


def some_sizes() -> list[tuple[tuple[int, int], tuple[int, int]]]:
    rng = random.Random(5)
    usual = [
        ((rng.randint(2, 900), rng.randint(2, 900)), (rng.randint(1, 700), rng.randint(1, 700))) for _ in range(400)
    ]
    small = [((rng.randint(2, 40), rng.randint(2, 40)), (rng.randint(1, 30), rng.randint(1, 30))) for _ in range(400)]
    return [*usual, *small, ((3000, 2), (640, 720)), ((2, 3000), (640, 720)), ((640, 720), (640, 720))]


def test_fits_as_pillows_thumbnail_does():
    different = [(size, slot) for size, slot in some_sizes() if fit_size(size, slot) != thumbnail_size(size, slot)]
    assert not different


def test_enlarges_up_to_the_limit_and_the_slot():
    assert fit_size((100, 50), (640, 720), 2.0) == (200, 100)
    assert fit_size((100, 50), (640, 720), 2.5) == (250, 125)
    assert fit_size((100, 50), (150, 720), 2.0) == (150, 75)
    assert fit_size((100, 50), (640, 60), 8.0) == (120, 60)


@pytest.mark.parametrize("max_scale", [1.0, 1.7, 8.0])
def test_never_leaves_the_slot_and_always_fills_one_side(max_scale):
    for size, slot in some_sizes():
        width, height = fit_size(size, slot, max_scale)
        most = min(slot[0], int(size[0] * max_scale)), min(slot[1], int(size[1] * max_scale))
        assert 1 <= width <= most[0], (size, slot)
        assert 1 <= height <= most[1], (size, slot)
        assert width == most[0] or height == most[1], (size, slot)


@pytest.mark.parametrize("size", [(1280, 720), (1281, 721), (16, 17), (17, 16), (480, 832)])
def test_halves_are_exact(size):
    left, right = halves(*size)
    assert (left.x, left.right, right.right) == (0, right.x, size[0])
    assert right.width - left.width == size[0] % 2
    assert left.height == right.height == size[1]


def test_boxes():
    box = Box(10, 20, 30, 40)
    assert (box.right, box.bottom, box.size, box.slices) == (40, 60, (30, 40), (slice(20, 60), slice(10, 40)))
    assert box.grown(5, (100, 100)) == Box(5, 15, 40, 50)
    assert box.grown(15, (42, 61)) == Box(0, 5, 42, 56)
    assert box.centred((10, 11)) == Box(20, 34, 10, 11)
    assert box.split(True, 12, 3) == (Box(10, 20, 12, 40), Box(25, 20, 15, 40))
    assert box.split(False, 12, 3) == (Box(10, 20, 30, 12), Box(10, 35, 30, 25))


def test_presets_say_what_they_are_and_come_in_both_directions():
    assert set(PRESETS) == {f"{w}x{h}" for w, h in PRESETS.values()}
    assert {(h, w) for w, h in PRESETS.values()} == set(PRESETS.values())
    assert {(1280, 720), (1344, 768), (832, 480), (640, 480)} < set(PRESETS.values())
