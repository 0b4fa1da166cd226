"""Pictures of the toy world: analytic shapes with soft edges of one pixel, exact at any place and in any size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .scene import COLOURS, FRAMES, HEIGHT, RADIUS, SCENE_COLOURS, WIDTH, Scene, Shot, Sprite, ToyClip

EMBLEM, EMBLEM_AT = 0.27, (0.22, 0.28)
"""The radius of an emblem, and its middle from the sprite's, in the sprite's radii."""
MARGIN = 1.5
"""Pixels around a cut-out."""

Pixels = NDArray[np.floating[Any]]


def render_clip(clip: ToyClip) -> Pixels:
    """A clip (F, H, W, 3), 0..1."""
    if clip.before is None:
        return render_shot(clip.shot)
    before, after = render_shot(clip.before, range(clip.cut)), render_shot(clip.shot, range(clip.cut, FRAMES))
    return np.concatenate([before, after])


def render_shot(shot: Shot, frames: Sequence[int] = range(FRAMES)) -> Pixels:
    """A shot, or some frames of it, (F, H, W, 3), 0..1."""
    background = render_scene(shot.scene, shot.zoom) if shot.scene else _plain(shot.backdrop)
    pictures = np.repeat(background[None], len(frames), axis=0)
    for subject in shot.subjects:
        places = [subject.place(frame / (FRAMES - 1)) for frame in frames]
        colour, alpha = render_sprites(subject.sprite, places, shot.scale)
        pictures += alpha[..., None] * (colour - pictures)
    return pictures


def render_scene(scene: Scene, zoom: float = 1.0) -> Pixels:
    """A background (H, W, 3), 0..1."""
    x, y = np.meshgrid(
        *((np.arange(-side, side, 2, dtype=np.float32) + 1) / (2 * HEIGHT) / zoom + 0.5 for side in (WIDTH, HEIGHT))
    )
    soft = HEIGHT * zoom
    across, down = (_step(np.sin(3 * np.pi * axis) / (3 * np.pi), soft) for axis in (x, y))
    weight = {
        "gradient": np.clip(y, 0, 1),
        "horizon": _step(y - 0.6, soft),
        "stripes": across,
        "tiles": across * (1 - down) + down * (1 - across),
    }[scene.kind]
    palette = COLOURS if scene.strong else SCENE_COLOURS
    return _mix(_unit(palette[scene.colour]), _unit(palette[scene.second]), weight)


def render_sprites(
    sprite: Sprite, places: Sequence[tuple[float, float]], scale: float = 1.0, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> tuple[Pixels, Pixels]:
    """A sprite with its centre at each place (x, y) in pixels: its colours (N, H, W, 3) and its alpha (N, H, W)."""
    radius = RADIUS * scale
    across, down = (np.arange(side, dtype=np.float32) + 0.5 for side in size)
    centres = np.asarray(places, dtype=np.float32).reshape(-1, 2)
    x, y = np.broadcast_arrays(
        (across[None, None, :] - centres[:, 0, None, None]) / radius,
        (down[None, :, None] - centres[:, 1, None, None]) / radius,
    )
    wide, high = sprite.halves
    soft = radius * min(wide, high)
    alpha = _step(-_distance(sprite.shape, x / wide, y / high), soft)
    weight = _step(_pattern(sprite.pattern, x / wide, y / high), soft)
    colour = _mix(_unit(COLOURS[sprite.colour]), _unit(COLOURS[sprite.second]), weight)
    if sprite.emblem:
        dot = _step(EMBLEM - np.hypot(x - EMBLEM_AT[0] * wide, y - EMBLEM_AT[1] * high), radius)
        colour += dot[..., None] * (_unit(COLOURS[sprite.emblem]) - colour)
    return colour, alpha


def render_cutout(sprite: Sprite) -> Pixels:
    """A sprite alone, (H, W, 4) with straight alpha; as large as in a shot of scale 1."""
    # Even sides: so its middle is a whole place of the frame it is laid into.
    wide, high = (2 * round(RADIUS * half + MARGIN) for half in sprite.halves)
    colour, alpha = render_sprites(sprite, [(wide / 2, high / 2)], size=(wide, high))
    return np.concatenate([colour[0], alpha[0, ..., None]], axis=-1)


def _distance(shape: str, x: Pixels, y: Pixels) -> Pixels:
    """Below zero inside the shape, in radii."""
    ax, ay = np.abs(x), np.abs(y)
    match shape:
        case "disc":
            return np.hypot(x, y) - 1
        case "square":
            return np.maximum(ax, ay) - 0.85
        case "triangle":
            return np.maximum(y - 0.75, 0.89 * ax - 0.45 * y - 0.45)
        case "diamond":
            return (ax + ay - 1.1) / 1.414
        case _:
            return np.maximum(np.minimum(ax, ay) - 0.38, np.maximum(ax, ay) - 1)


def _pattern(pattern: str, x: Pixels, y: Pixels) -> Pixels:
    """Above zero where the second colour is, in radii."""
    match pattern:
        case "split":
            return x
        case "banded":
            return 0.33 - np.abs(y)
        case "dotted":
            return 0.48 - np.hypot(x, y)
        case _:
            return np.where(x * y > 0, 1, -1) * np.minimum(np.abs(x), np.abs(y))


def _step(distance: Pixels, pixels: float) -> Pixels:
    """From 0 to 1 within one pixel around a distance of zero."""
    return np.clip(distance * pixels + 0.5, 0, 1)


def _mix(first: Pixels, second: Pixels, weight: Pixels) -> Pixels:
    return (first + weight[..., None] * (second - first)).astype(np.float32)


def _unit(colour: tuple[int, int, int]) -> Pixels:
    return np.asarray(colour, dtype=np.float32) / 255


def _plain(colour: tuple[int, int, int]) -> Pixels:
    return np.broadcast_to(_unit(colour), (HEIGHT, WIDTH, 3)).copy()
