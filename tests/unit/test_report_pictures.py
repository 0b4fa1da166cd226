"""The pictures on the expert switch and on the trim node."""

import pytest
import torch
from PIL import ImageColor

from ffgo.charts import FAINT, HIGH, LOW, NODE, PAPER
from ffgo.clip.trim_strip import draw_cut
from ffgo.experts.schedule import split_at_boundary
from ffgo.experts.schedule_strip import draw_schedule
from ffgo.pixels import to_uint8

WHITE_PAGE, DARK_PAGE = "#ffffff", "#353535"
"""What nodes are drawn on in ComfyUI's light and dark themes, about."""


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [value / 255 for value in ImageColor.getrgb(colour)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def schedule(steps: int, shift: float = 5.0) -> torch.Tensor:
    sigmas = torch.linspace(1, 0, steps + 1)
    return shift * sigmas / (1 + (shift - 1) * sigmas)


def pixels_of(picture: torch.Tensor, colour: str) -> torch.Tensor:
    """Where a picture (1, H, W, 3) has a colour."""
    return (torch.from_numpy(to_uint8(picture[0])) == torch.tensor(ImageColor.getrgb(colour))).all(-1)


@pytest.mark.parametrize(("steps", "high"), [(50, 18), (20, 8), (8, 3), (4, 2), (10_000, 3572)])
def test_the_strip_shows_the_shares_of_both_experts(steps, high):
    split = split_at_boundary(schedule(steps), 0.9)
    assert split.switch_step == high
    picture = draw_schedule(split, 0.9)
    assert picture.shape == (1, 150, 640, 3)
    row = slice(70, 71)
    orange, blue = (pixels_of(picture, colour)[row].nonzero()[:, 1] for colour in (HIGH, LOW))
    edge = 16 + 608 * high / steps
    assert (orange.min(), blue.max()) == (16, pytest.approx(622, abs=1))
    assert (orange.max(), blue.min()) == (pytest.approx(edge, abs=5), pytest.approx(edge, abs=5))
    # One line between each two steps, as long as there is room for lines.
    lines = pixels_of(picture, NODE.ground)[row, 16:622].sum()
    assert lines == pytest.approx(steps - 2 if steps <= 100 else 0, abs=1)


def test_the_colours_have_contrast():
    for colour in (HIGH, LOW):
        for ground in (NODE.ground, WHITE_PAGE, DARK_PAGE):
            assert contrast(colour, ground) >= 3, (colour, ground)
    for palette in (NODE, PAPER):
        assert contrast(palette.ink, palette.ground) >= 4.5
    assert contrast(FAINT, PAPER.ground) >= 4.5


def clip(frames: int, height: int = 120, width: int = 200, channels: int = 3) -> torch.Tensor:
    """Frame i is as bright as i allows."""
    return torch.linspace(0.5, 1, frames)[:, None, None, None].expand(frames, height, width, channels)


def test_dropped_frames_are_dim_and_crossed_and_kept_ones_are_not():
    images = clip(81)
    picture = to_uint8(draw_cut(images, 6)[0])
    assert picture.shape == (6 + 2 * 148, 6 + 4 * 206, 3)
    for column in range(4):
        left, expected = 6 + 206 * column, to_uint8(images[2 + column])[0, 0, 0]
        dropped, kept = picture[6:126, left : left + 200], picture[154:274, left : left + 200]
        assert (dropped[60, 20] < 0.55 * expected).all()  # beside the cross
        assert (dropped[60, 100] > 200).all()  # in its middle
        assert (kept == to_uint8(images[6 + column])).all()


@pytest.mark.parametrize(
    ("images", "dropped", "columns", "rows"),
    [
        (clip(5), 4, 4, 2),
        (clip(3), 0, 3, 1),
        (clip(9, channels=4), 2, 4, 2),
        (clip(9, channels=1), 9 - 1, 4, 2),
        (clip(6, height=8), 1, 4, 2),
    ],
)
def test_any_clip_can_be_drawn(images, dropped, columns, rows):
    height = images.shape[1]
    assert draw_cut(images, dropped).shape == (1, 6 + rows * (height + 28), 6 + columns * 206, 3)


def test_tall_frames_leave_room_for_their_numbers():
    assert draw_cut(clip(2, height=400, width=20), 1).shape == (1, 6 + 2 * 228, 6 + 136, 3)
