"""Motion, measured on pictures that were moved by a known amount."""

import pytest
import torch
from torch.nn import functional

from ffgo.evaluation.motion import MotionAmount, flow_between, measure_motion, warped

HEIGHT, WIDTH, FPS = 90, 160, 16.0
DIAGONAL = (HEIGHT**2 + WIDTH**2) ** 0.5


def texture(seed=0, height=200, width=300):
    noise = torch.rand(1, 1, height // 5, width // 5, generator=torch.Generator().manual_seed(seed))
    return functional.interpolate(noise, size=(height, width), mode="bicubic")[0, 0].clamp(0, 1)


def pan(x, y, frames=5):
    """A window that moves over a large picture by (x, y) pixels a frame."""
    large, clip = texture(), []
    for step in range(frames):
        flow = torch.empty(1, 2, *large.shape)
        flow[:, 0], flow[:, 1] = -x * step, -y * step
        clip.append(warped(large[None], flow)[0, 50 : 50 + HEIGHT, 70 : 70 + WIDTH])
    return torch.stack(clip)[..., None]


def motion_of(frames, fps=FPS) -> MotionAmount:
    found = measure_motion(frames, fps)
    assert found
    return found


@pytest.mark.parametrize("way", [(0.5, 0), (0, 1.5), (-3, 2), (9, 0)])
def test_a_pan_is_all_camera_and_as_fast_as_it_is(way):
    found = motion_of(pan(*way), FPS)
    true = (way[0] ** 2 + way[1] ** 2) ** 0.5 * FPS / DIAGONAL * 100
    assert found.camera == pytest.approx(true, rel=0.02)
    assert found.whole == pytest.approx(true, rel=0.03)
    assert found.rest < 0.15 * true + 0.5


def test_flow_is_where_things_went():
    clip = pan(3, -2, 2)[..., 0]
    flow, sure = flow_between(clip[:1], clip[1:])
    inside = sure[0, 10:-10, 10:-10]
    assert inside.float().mean() > 0.5
    assert flow[0, :, 10:-10, 10:-10][:, inside].median(1).values.tolist() == pytest.approx([3, -2], abs=0.05)


def test_a_subject_before_a_still_camera_is_no_camera():
    frames = texture()[:HEIGHT, :WIDTH].repeat(6, 1, 1)
    for step in range(6):
        frames[step, 20:60, 10 + 4 * step : 60 + 4 * step] = texture(1)[:40, :50]
    found = motion_of(frames[..., None], FPS)
    assert found.camera < 0.05
    assert found.rest == pytest.approx(found.whole, rel=0.05)
    assert found.whole == pytest.approx(4 * FPS / DIAGONAL * 100 * 40 * 50 / HEIGHT / WIDTH, rel=0.2)


def test_a_subject_on_a_plain_ground_is_no_camera():
    """Nothing else can be followed there, so it is the median of all that moves. (Windows reach over its edges.)"""
    frames = torch.full((6, HEIGHT, WIDTH, 3), 0.6)
    for step in range(6):
        frames[step, 20:60, 10 + 4 * step : 60 + 4 * step] = texture(1)[:40, :50, None]
    found = motion_of(frames, FPS)
    assert found.camera == 0
    assert found.rest == pytest.approx(4 * FPS / DIAGONAL * 100 * 40 * 50 / HEIGHT / WIDTH, rel=0.4)


def test_a_frozen_clip_does_not_move_and_is_as_coherent_as_can_be():
    found = motion_of(pan(0, 0), FPS)
    assert found.whole < 1e-3
    assert found.coherence == pytest.approx(1)


def test_a_shuffled_clip_is_less_coherent():
    clip = pan(4, 0, 12)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    assert motion_of(clip, FPS).coherence > 0.85
    assert motion_of(clip[order], FPS).coherence < motion_of(clip, FPS).coherence - 0.1


def test_twice_the_frame_rate_is_twice_as_fast():
    assert motion_of(pan(2, 0), 32).whole == pytest.approx(2 * motion_of(pan(2, 0), 16).whole)


@pytest.mark.parametrize("frames", [torch.full((5, 60, 80, 3), 0.5), torch.rand(1, 60, 80, 3)])
def test_where_nothing_can_be_followed_nothing_is_said(frames):
    assert measure_motion(frames, FPS) is None
