"""At what noise is it decided what a clip shows? This is what sets the boundary (docs/toy-world.md).

Half-way through the denoising the caption, or caption and first frame, are exchanged for those of another clip. What
the finished clip shows of the first one was decided before, what it shows of the second one after.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ffgo.host.loading import latent_format

from .family import STEPS, Family, noise
from .precision import mixed_precision
from .render import render_clip
from .scene import Actor, Scene, Shot, Sprite, ToyClip, draw_scene, sprites

SEED = 9
COUNT = 16
CORNERS = ((16, 16), (48, 16), (16, 48), (48, 48))
"""Pixels: where sprites start. From each of them two laws stay in the frame."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Clips that agree in all but one thing: a sprite by two laws, at rest, and another sprite by the first law."""

    first: ToyClip
    other_law: ToyClip
    rest: ToyClip
    other_sprite: ToyClip


def draw_exchanges(count: int) -> list[Exchange]:
    """Of unseen sprites, which differ in shape and in both colours."""
    rng = np.random.default_rng(SEED)
    return [_draw(rng, *CORNERS[number % len(CORNERS)]) for number in range(count)]


def _draw(rng: np.random.Generator, x: int, y: int) -> Exchange:
    pool, scene = sprites("test"), draw_scene(rng)
    one = pool[rng.integers(len(pool))]
    different = [s for s in pool if s.shape != one.shape and not {s.colour, s.second} & {one.colour, one.second}]
    other = different[rng.integers(len(different))]
    across = Actor(one, "moves right" if x == 16 else "moves left", 32.0, float(y))
    down = Actor(one, "sinks" if y == 16 else "rises", float(x), 32.0)
    still = Actor(one, "stays", float(x), float(y))
    return Exchange(_clip(across, scene), _clip(down, scene), _clip(still, scene), _clip(across, scene, other))


def _clip(actor: Actor, scene: Scene, sprite: Sprite | None = None) -> ToyClip:
    return ToyClip(Shot((replace(actor, sprite=sprite or actor.sprite),), scene))


@torch.inference_mode()
@mixed_precision()  # as clips are made
def measure_decide(family: Family, count: int = COUNT) -> dict[str, Any]:
    """Which share of clips has its law decided above the boundary, and which its sprite below it; and the same for
    every step at which the exchange may be."""
    drawn = draw_exchanges(count)
    clips = {name: [getattr(one, name) for one in drawn] for name in ("first", "other_law", "rest", "other_sprite")}
    told = {name: _told(family, of) for name, of in clips.items()}
    true = {name: _latents(family, of) for name, of in clips.items()}
    by_step, sigmas, latents = [], family.sigmas().tolist(), noise(count, SEED)
    for step in range(1, STEPS):
        latents = family.denoise(latents, told["first"], range(step - 1, step))
        law, sprite = (
            family.denoise(latents, told[name], range(step, STEPS)) for name in ("other_law", "other_sprite")
        )
        by_step.append({
            "sigma": round(sigmas[step], 3),
            "law_above": _nearest(law, [true[name] for name in ("first", "other_law", "rest")]),
            "sprite_above": _nearest(sprite, [true[name] for name in ("first", "other_sprite")]),
        })  # fmt: skip
    handed = next(row for row in by_step if row["sigma"] < family.boundary)
    return {
        "name": "decide", "boundary": family.boundary, "clips": count, "law_above": handed["law_above"],
        "sprite_below": round(1 - handed["sprite_above"], 4), "steps": by_step,
    }  # fmt: skip


def _told(family: Family, clips: Sequence[ToyClip]) -> list[Any]:
    frames = torch.stack([torch.from_numpy(render_clip(clip)[0]) for clip in clips])
    return family.conditioning(frames, [clip.caption for clip in clips])


def _latents(family: Family, clips: Sequence[ToyClip]) -> Tensor:
    """As `Family.denoise` leaves them."""
    return family.encode([torch.from_numpy(render_clip(clip)) for clip in clips])


def _nearest(latents: Tensor, candidates: Sequence[Tensor]) -> float:
    """The share of clips that are most like the first candidate, as the experts see them."""
    seen = latent_format().process_in
    off = torch.stack([(seen(latents) - seen(one)).square().flatten(1).mean(1) for one in candidates])
    return round(float((off.argmin(0) == 0).float().mean()), 4)
