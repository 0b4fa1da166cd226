"""Tune the small Wan VAE, as it was for frames of 64x64, on pictures of all sorts of this world. For make.py.

It goes on where it was stopped. The curve is that of the mean squared error, 0 to 1.
"""

import contextlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ffgo.bases.catalogue import WAN22_I2V_A14B

from .optimizer import Optimizer
from .render import render_clip, render_scene, render_shot
from .scene import FRAMES, HEIGHT, LAWS, WIDTH, Actor, Shot, draw_cut, draw_ordinary, draw_scene, draw_sprites
from .start import start_file
from .together import Average, Checkpoint, Curve
from .train_experts import weights_of
from .vae import as_input, build_vae, decode_whole, encode_whole, still_pictures

SEED = 20251121
PACE, WARMUP = 0.3, 50
"""Times the learning rate, which falls to zero along a cosine; and steps in which it rises."""
KL_WEIGHT = 2e-5
HELD, STEADY = 0.25, 0.01
"""Share of clips that stand still, and the weight of what their latents may differ by from the still picture's."""
STILLS = 4
"""Pictures of one frame that are taken at once; of longer clips one."""
STEPS = {1: 150, 5: 350, 9: 100}
"""How many, by the clips' frames."""
LENGTHS = [frames for frames, count in STEPS.items() for _ in range(count)]
SAVE_EVERY = 100
OWN = 0.5
"""Share of the pictures that are from the clips that the experts are trained on."""


def draw_pictures(rng: np.random.Generator, frames: int) -> np.ndarray:
    """A clip (F, H, W, 3) for the VAE alone: crowded shots, collages, and cuts at any frame, also to plain grey."""
    clip = render_shot(_crowded(rng), _from(rng, frames))
    choice = rng.random()
    if frames == 1:
        return clip if choice < 0.7 else _collage(rng)[None]
    if choice < 0.3:
        cut = int(rng.integers(1, frames))
        clip[:cut] = _collage(rng)
    elif choice < 0.45:
        clip[1:] = WAN22_I2V_A14B.condition.fill
    elif choice < 0.55:
        clip[:] = _collage(rng)
        clip[1:] = WAN22_I2V_A14B.condition.fill
    return clip


def _from(rng: np.random.Generator, frames: int) -> range:
    start = int(rng.integers(0, FRAMES - frames + 1))
    return range(start, start + frames)


def _crowded(rng: np.random.Generator) -> Shot:
    scale = float(rng.uniform(0.5, 1.35)) if rng.random() < 0.5 else 1.0
    chosen = draw_sprites(rng, "train", int(rng.integers(1, 6)))
    subjects = tuple(
        Actor(sprite, str(rng.choice(LAWS)), *(rng.random(2) * (WIDTH, HEIGHT)).tolist()) for sprite in chosen
    )
    shot = Shot(subjects, draw_scene(rng), scale, zoom=float(rng.choice([0.5, 1.0])))
    plain = rng.random() < 0.2
    return (
        replace(shot, scene=None, backdrop=(255, 255, 255) if rng.random() < 0.5 else _colour(rng)) if plain else shot
    )


def _collage(rng: np.random.Generator) -> np.ndarray:
    """A still: a plain page with sprites, and a part of it taken by a smaller picture."""
    page = render_shot(replace(_crowded(rng), scene=None, backdrop=(255, 255, 255)), [0])[0]
    width, height = rng.integers(16, WIDTH + 1), rng.integers(16, HEIGHT + 1)
    left, top = rng.integers(0, WIDTH - width + 1), rng.integers(0, HEIGHT - height + 1)
    scene = torch.from_numpy(render_scene(draw_scene(rng))).permute(2, 0, 1)[None]
    small = functional.interpolate(scene, (int(height), int(width)), mode="bilinear", antialias=True)[0]
    page[top : top + height, left : left + width] = small.permute(1, 2, 0).numpy()
    return page


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(level) for level in rng.integers(0, 256, 3))
    return red, green, blue


def train_vae(folder: Path, until: int | None = None) -> None:
    """Leaves `vae.pt`, after its last step. until: an earlier one to end with."""
    done = folder / "vae.pt"
    if done.exists():
        return
    torch.manual_seed(SEED)
    rng, vae = np.random.default_rng(SEED), build_vae()
    vae.load_state_dict(weights_of(start_file("vae", folder)))
    average, curve = Average({"vae": vae}), Curve(folder / "vae.jsonl", "VAE")
    optimizer = Optimizer(vae, skip=("encoder.conv1", "decoder.head"), muon=0.03)
    checkpoint = Checkpoint(folder / "vae.checkpoint", average, optimizer, rng)
    for step in range(checkpoint.load(), until or len(LENGTHS)):
        frames = LENGTHS[step]
        clip = as_input([_draw(rng, frames) for _ in range(STILLS if frames == 1 else 1)])
        steady = STEADY if frames > 1 and rng.random() < HELD else 0.0
        if steady:
            clip[:] = clip[:, :, :1].clone()
        with still_pictures(vae) if frames == 1 else contextlib.nullcontext():
            error, loss = _loss(vae, clip, steady)
            loss.backward()
        fall = 0.5 * (1 + math.cos(math.pi * step / len(LENGTHS)))
        optimizer.step(PACE * min(1, (step + 1) / WARMUP) * fall)
        average.update()
        curve.add(step + 1, error)
        if (step + 1) % SAVE_EVERY == 0:
            checkpoint.save(step + 1)
    if until in (None, len(LENGTHS)):
        average.save(done)


def _draw(rng: np.random.Generator, frames: int) -> np.ndarray:
    if rng.random() >= OWN:
        return draw_pictures(rng, frames)
    clip = draw_ordinary(rng, "train") if rng.random() < 0.5 else draw_cut(rng)
    return render_clip(clip)[_from(rng, frames)]


def _loss(vae: Any, clip: Tensor, steady: float) -> tuple[float, Tensor]:
    with torch.autocast("cpu", torch.bfloat16):
        mean, log_variance = encode_whole(vae, clip)
        mean, log_variance = mean.float(), log_variance.float().clamp(-20, 10)
        latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        again = decode_whole(vae, latent).float()
    error = (again - clip).square().mean() / 4
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    loss = error + 0.02 * (again - clip).abs().mean() + KL_WEIGHT * divergence
    if steady:
        loss = loss + steady * (mean[:, :, 1:] - mean[:, :, :1].detach()).square().mean()
    return float(error.detach()), loss
