"""Train the small Wan VAE on pictures of all sorts: `python -m toyworld.train_vae FOLDER [--minutes M]`.

One process for each core. Writes vae.safetensors, its loss curve vae.jsonl and, while it runs, vae.partial.pt.
"""

import argparse
import contextlib
import json
import math
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ffgo.training.world import World

from .host import boot_host
from .optimizer import Optimizer
from .render import render_scene, render_shot
from .vae import build_vae, decode_whole, encode_whole, still_pictures
from .world import FRAMES, LAWS, RADIUS, SIZE, Shot, Subject, draw_scene, sprites

SEED = 20251121
WARMUP = 50
KL_WEIGHT = 2e-5
GREY = 0.5
"""What the host fills a start image up with."""


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
        clip[1:] = GREY
    elif choice < 0.55:
        clip[:] = _collage(rng)
        clip[1:] = GREY
    return clip


def _from(rng: np.random.Generator, frames: int) -> range:
    start = int(rng.integers(0, FRAMES - frames + 1))
    return range(start, start + frames)


def _crowded(rng: np.random.Generator) -> Shot:
    scale = float(rng.uniform(0.5, 1.35)) if rng.random() < 0.5 else 1.0
    pool = sprites("train")
    subjects = tuple(
        Subject(pool[rng.integers(len(pool))], str(rng.choice(LAWS)), *rng.uniform(RADIUS, SIZE - RADIUS, 2))
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
    small = F.interpolate(scene, (int(height), int(width)), mode="bilinear", antialias=True)[0]
    page[top : top + height, left : left + width] = small.permute(1, 2, 0).numpy()
    return page


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(level) for level in rng.integers(0, 256, 3))
    return red, green, blue


def train_vae(folder: Path, minutes: float, batch: int, stills: float, pace: float) -> None:
    """Train until the time is up; the learning rate falls to zero with it. stills: share of the time for still pictures."""
    world = World.current()
    boot_host()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    vae = build_vae()
    if (folder / "vae.partial.pt").exists():
        vae.load_state_dict(torch.load(folder / "vae.partial.pt"))
    average = {name: weight.detach().clone() for name, weight in vae.state_dict().items()}
    optimizer = Optimizer(vae, skip=("encoder.conv1", "decoder.head"), muon=0.03)
    rng = np.random.default_rng([SEED, world.rank])
    started, step, shown = time.monotonic(), 0, []
    while (done := (time.monotonic() - started) / (60 * minutes)) < 1:
        done = _same_everywhere(world, done)
        frames = 1 if done < stills else 9 if done < 0.88 else 17
        clip = _batch(rng, max(1, batch // frames), frames)
        rate = pace * min(1, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * min(done, 1)))
        with still_pictures(vae) if frames == 1 else contextlib.nullcontext():
            error, loss = _loss(vae, clip)
            loss.backward()
        gradients = [weight.grad for weight in vae.parameters() if weight.grad is not None]
        world.sum(gradients)
        optimizer.step(rate)
        step += 1
        decay = min(0.998, 1 - 10 / (step + 10))
        for name, weight in vae.state_dict().items():
            average[name].lerp_(weight, 1 - decay)
        shown.append(error)
        if world.is_first and step % 50 == 0:
            line = {"step": step, "minutes": round(minutes * done, 2), "frames": frames, "mse": float(np.mean(shown))}
            shown.clear()
            with (folder / "vae.jsonl").open("a") as log:
                print(json.dumps(line), file=log)
        if world.is_first and step % 500 == 0:
            torch.save(average, folder / "vae.partial.pt")
    if world.is_first:
        torch.save(average, folder / "vae.partial.pt")


def _same_everywhere(world: World, number: float) -> float:
    """The first process's number, so that all take the same kind of step."""
    shared = torch.tensor([number if world.is_first else 0.0], dtype=torch.float64)
    world.sum([shared])
    return float(shared)


def _batch(rng: np.random.Generator, count: int, frames: int) -> Tensor:
    clips = np.stack([draw_pictures(rng, frames) for _ in range(count)])
    return torch.from_numpy(clips).permute(0, 4, 1, 2, 3) * 2 - 1


def _loss(vae: Any, clip: Tensor) -> tuple[float, Tensor]:
    with torch.autocast("cpu", torch.bfloat16):
        mean, log_variance = encode_whole(vae, clip)
        mean, log_variance = mean.float(), log_variance.float().clamp(-20, 10)
        latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        again = decode_whole(vae, latent).float()
    error = (again - clip).square().mean() / 4
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    return float(error.detach()), error + 0.02 * (again - clip).abs().mean() + KL_WEIGHT * divergence


def _worker(rank: int, processes: int, arguments: argparse.Namespace) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29520")
    torch.distributed.init_process_group("gloo", rank=rank, world_size=processes)
    train_vae(arguments.folder, arguments.minutes, arguments.batch, arguments.stills, arguments.pace)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--batch", type=int, default=4, help="frames for each core")
    parser.add_argument("--stills", type=float, default=0.5)
    parser.add_argument("--pace", type=float, default=1.0, help="times the learning rate")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    torch.multiprocessing.spawn(_worker, (arguments.processes, arguments), arguments.processes)
