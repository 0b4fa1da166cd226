"""Train the small Wan VAE on pictures of all sorts: `python -m lab.toyworld.train_vae FOLDER`.

Two processes, a core each. Writes vae.<run>.pt and the loss curve vae.jsonl (mean squared error, 0 to 1).
"""

import argparse
import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.files import complete_file
from ffgo.host.boot import boot_here
from ffgo.training.world import World

from .optimizer import Optimizer
from .precision import mixed_precision
from .render import render_clip, render_scene, render_shot
from .scene import FRAMES, LAWS, RADIUS, SIZE, Actor, Shot, draw_cut, draw_ordinary, draw_scene, sprites
from .together import Average, Curve, gradients, run_together
from .vae import as_input, build_vae, decode_whole, encode_whole, still_pictures

SEED = 20251121
WARMUP = 50
KL_WEIGHT = 2e-5
HELD = 0.25
"""Share of clips that stand still, where that counts."""
FRAMES_A_STEP = 4
"""Still pictures that each process takes at once; of longer clips one."""


@dataclass(frozen=True, slots=True)
class Run:
    """Steps on clips of growing length, while the learning rate falls to zero along a cosine."""

    pace: float
    """Times the learning rate."""
    steps: Mapping[int, int]
    """How many, by the clips' frames."""
    falls: bool = True
    steady: float = 0.0
    """Weight of what a clip that stands still may differ by, in its latents, from the still picture."""
    decoder_only: bool = False
    """Leave the latents as they are."""
    ordinary: bool = False
    """On the clips that the experts are trained on, instead of pictures of all sorts."""

    @property
    def frames_by_step(self) -> list[int]:
        return [frames for frames, count in self.steps.items() for _ in range(count)]

    def rate(self, step: int) -> float:
        fall = 0.5 * (1 + math.cos(math.pi * step / sum(self.steps.values()))) if self.falls else 1.0
        return self.pace * min(1, (step + 1) / WARMUP) * fall


RUNS = (
    Run(1.0, {1: 500}, falls=False),
    Run(1.0, {1: 1310, 5: 700, 9: 240}),
    Run(0.7, {5: 600, 9: 100}),
    Run(0.45, {9: 1180, 17: 190}),
    Run(0.3, {9: 500, 17: 70}),
    Run(0.4, {9: 1100, 17: 180}, steady=0.01),
    Run(0.3, {9: 500, 17: 100}, decoder_only=True),
    Run(0.4, {9: 260, 17: 220}, decoder_only=True),
    Run(0.4, {17: 340}, decoder_only=True, ordinary=True),
)
"""As the shipped weights were made. The first four drew sprites that were smaller or slower. The sixth makes the
latents of a still clip equal: before, a copy of the first frame was far from what followed it. The experts learn on its
latents; the last three only sharpen what is drawn from them."""


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
    pool = sprites("train")
    subjects = tuple(
        Actor(pool[rng.integers(len(pool))], str(rng.choice(LAWS)), *rng.uniform(RADIUS, SIZE - RADIUS, 2))
        for _ in range(rng.integers(1, 4))
    )
    shot = Shot(subjects, draw_scene(rng), scale, zoom=float(rng.choice([0.5, 1.0])))
    plain = rng.random() < 0.2
    return (
        replace(shot, scene=None, backdrop=(255, 255, 255) if rng.random() < 0.5 else _colour(rng)) if plain else shot
    )


def _collage(rng: np.random.Generator) -> np.ndarray:
    """A still: a plain page with sprites, and a part of it taken by a smaller picture."""
    page = render_shot(replace(_crowded(rng), scene=None, backdrop=(255, 255, 255)), [0])[0]
    width, height = rng.integers(16, SIZE + 1, 2)
    left, top = rng.integers(0, SIZE - width + 1), rng.integers(0, SIZE - height + 1)
    scene = torch.from_numpy(render_scene(draw_scene(rng))).permute(2, 0, 1)[None]
    small = functional.interpolate(scene, (int(height), int(width)), mode="bilinear", antialias=True)[0]
    page[top : top + height, left : left + width] = small.permute(1, 2, 0).numpy()
    return page


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(level) for level in rng.integers(0, 256, 3))
    return red, green, blue


def train_vae(folder: Path) -> None:
    """All runs, each from the average of the one before; those that are done are not run again."""
    world = World.current()
    boot_here("--cpu")
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rng = np.random.default_rng([SEED, world.rank])
    vae = build_vae()
    for number, run in enumerate(RUNS, 1):
        done, curve = folder / f"vae.{number}.pt", Curve(folder / "vae.jsonl", f"vae {number}")
        there = done.exists()
        world.wait()  # until all have looked
        weights = torch.load(done) if there else _train(vae, run, rng, world, curve)
        vae.load_state_dict(weights)
        if world.is_first and not there:
            with complete_file(done) as partial:
                torch.save(weights, partial)


def _train(vae: Any, run: Run, rng: np.random.Generator, world: World, curve: Curve) -> dict[str, Tensor]:
    average = Average({"vae": vae})
    if run.decoder_only:
        vae.encoder.requires_grad_(False)
        vae.conv1.requires_grad_(False)
    optimizer = Optimizer(vae, skip=("encoder.conv1", "decoder.head"), muon=0.03)
    for step, frames in enumerate(run.frames_by_step):
        draw = _draw_ordinary if run.ordinary else draw_pictures
        clip = as_input([draw(rng, frames) for _ in range(max(1, FRAMES_A_STEP // frames))])
        steady = run.steady if rng.random() < HELD else 0.0
        if steady:
            clip[:] = clip[:, :, :1].clone()
        with still_pictures(vae) if frames == 1 else contextlib.nullcontext():
            error, loss = _loss(vae, clip, steady)
            loss.backward()
        world.sum(gradients(optimizer.weights))
        optimizer.step(run.rate(step))
        average.update()
        if world.is_first:
            curve.add(step + 1, error)
    return average.weights["vae"]


def _draw_ordinary(rng: np.random.Generator, frames: int) -> np.ndarray:
    """The first frames of an ordinary clip, or of one with a cut."""
    return render_clip(draw_ordinary(rng, "train") if rng.random() < 0.5 else draw_cut(rng))[:frames]


def _loss(vae: Any, clip: Tensor, steady: float) -> tuple[float, Tensor]:
    with mixed_precision():
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    run_together(train_vae, arguments.folder)
