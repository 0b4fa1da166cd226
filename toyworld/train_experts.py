"""Train the small experts and the text encoder: `python -m toyworld.train_experts STAGE FOLDER [--minutes M]`.

Stages, in this order: `encode` (clips to latents), `joint` (one expert over all sigmas, with the text encoder; one process
for each core), then `high` and `low` from there, each on its own sigmas, at the same time. All on ordinary clips with
some hard cuts; nothing is laid out as FFGo's frames.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ffgo.training.world import World

from .host import boot_host
from .models import build_expert, build_text_encoder, encode_text, tokenize
from .optimizer import Optimizer
from .render import render_clip
from .vae import build_vae, encode_whole
from .world import Clip, draw_training

SEED = 20251122
BOUNDARY, SHIFT = 0.9, 5.0
BATCH = 32
WARMUP = 100
UNTOLD = 0.05
"""Share of clips that are shown without their caption, as guidance wants it."""
GREY = 0.0
"""In -1..1: what the host fills a start image up with."""
CHUNK = 50


def encode(folder: Path, count: int) -> None:
    """Draw, render and encode clips into `latents_<rank>.pt`: latents, captions, and what grey frames become."""
    world = World.current()
    boot_host()
    torch.set_num_threads(1)
    vae = build_vae()
    vae.load_state_dict(torch.load(folder / "vae.pt"))
    rng = np.random.default_rng([SEED, world.rank])
    latents, captions = [], []
    for _ in range(count // world.size // CHUNK):
        clips = [draw_training(rng) for _ in range(CHUNK)]
        latents.append(_encoded(vae, _pixels(clips)).half())
        captions += [clip.caption for clip in clips]
    grey = _pixels([draw_training(rng) for _ in range(CHUNK)])
    grey[:, :, 1:] = GREY
    whole = {"latents": torch.cat(latents), "captions": captions, "grey": _encoded(vae, grey)[:, :, 1:].half()}
    torch.save(whole, folder / f"latents_{world.rank}.pt")


def _pixels(clips: Sequence[Clip]) -> Tensor:
    return torch.from_numpy(np.stack([render_clip(clip) for clip in clips])).permute(0, 4, 1, 2, 3) * 2 - 1


@torch.inference_mode()
def _encoded(vae: Any, pixels: Tensor) -> Tensor:
    """Latents as the expert sees them."""
    mean, deviation = _wan_statistics()
    with torch.autocast("cpu", torch.bfloat16):
        latents = torch.cat([encode_whole(vae, part)[0].float() for part in pixels.split(10)])
    return (latents - mean) / deviation


def _wan_statistics() -> tuple[Tensor, Tensor]:
    from comfy.latent_formats import Wan21

    wan = Wan21()
    return wan.latents_mean, wan.latents_std


class Clips:
    """Encoded clips in memory, drawn in batches."""

    def __init__(self, folder: Path, rng: np.random.Generator, encoder: Any):
        parts = [torch.load(path) for path in sorted(folder.glob("latents_*.pt"))]
        self.latents = torch.cat([part["latents"] for part in parts])
        self.tokens = tokenize([*(caption for part in parts for caption in part["captions"]), ""])
        self.encoder, self.encoded = encoder, None
        if not next(encoder.parameters()).requires_grad:
            with torch.inference_mode():
                self.encoded = torch.cat([encode_text(encoder, part).bfloat16() for part in self.tokens.split(64)])
        grey = torch.cat([part["grey"] for part in parts]).float()
        self.grey, self.leak = grey.mean(0), grey.std(0)
        self.rng = rng

    def batch(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (B, 16, T, h, w), conditions (B, 20, T, h, w) and texts (B, L, 4096)."""
        chosen = torch.from_numpy(self.rng.integers(len(self.latents), size=count))
        captions = chosen.clone()
        captions[torch.from_numpy(self.rng.random(count) < UNTOLD)] = len(self.tokens) - 1
        latents = self.latents[chosen].float()
        return latents, self._conditions(latents[:, :, :1]), self.texts(captions)

    def texts(self, captions: Tensor) -> Tensor:
        if self.encoded is not None:
            return self.encoded[captions].clone()
        with torch.autocast("cpu", torch.bfloat16):
            return encode_text(self.encoder, self.tokens[captions]).bfloat16()

    def _conditions(self, first: Tensor) -> Tensor:
        """The first frame followed by grey. What grey keeps of the picture before it is drawn, not encoded: it tells
        nothing that the first frame does not, and encoding it would double the work."""
        grey = self.grey + self.leak * torch.randn(len(first), *self.grey.shape)
        pictures = torch.cat([first, grey], 2)
        mask = torch.zeros_like(pictures[:, :4])
        mask[:, :, 0] = 1
        return torch.cat([mask, pictures], 1)


def draw_sigmas(rng: np.random.Generator, stage: str, count: int) -> Tensor:
    """Sigmas of a stage's window, evenly spread before the shift."""
    edge = BOUNDARY / (SHIFT - (SHIFT - 1) * BOUNDARY)
    low, high = {"joint": (0.0, 1.0), "high": (edge, 1.0), "low": (0.0, edge)}[stage]
    uniform = low + (high - low) * (rng.permutation(count) + rng.random(count)) / count
    return torch.from_numpy(SHIFT * uniform / (1 + (SHIFT - 1) * uniform)).float()


def train(stage: str, folder: Path, minutes: float) -> None:
    """Train until the time is up; the learning rate falls to a tenth, or to zero in the last stages."""
    world = World.current()
    boot_host()
    import comfy.model_management

    comfy.model_management.in_training = True  # the host's operations with a way back
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    expert, encoder = build_expert(), build_text_encoder()
    joint = folder / "joint.pt"
    if joint.exists():
        weights = torch.load(joint)
        expert.load_state_dict(weights["expert"])
        encoder.load_state_dict(weights["text_encoder"])
    encoder.requires_grad_(stage == "joint")
    trained = {"expert": expert, "text_encoder": encoder} if stage == "joint" else {"expert": expert}
    average = {name: {k: w.clone() for k, w in module.state_dict().items()} for name, module in trained.items()}
    optimizer = Optimizer(
        *trained.values(), skip=("patch_embedding", "head", "text_embedding", "shared", "relative_attention_bias"),
        muon=0.02, adam=1e-3,
    )  # fmt: skip
    rng = np.random.default_rng([SEED, world.rank, len(stage)])
    clips = Clips(folder, rng, encoder)
    started, step, losses = time.monotonic(), 0, []
    while (done := _same_everywhere(world, (time.monotonic() - started) / (60 * minutes))) < 1:
        latents, conditions, texts = clips.batch(BATCH)
        loss = _loss(expert, latents, conditions, texts, draw_sigmas(rng, stage, BATCH))
        loss.backward()
        world.sum([w.grad for w in optimizer.weights if w.grad is not None])
        floor = 0.3 if stage == "joint" else 0.0
        optimizer.step(min(1, (step + 1) / WARMUP) * (floor + (1 - floor) * (1 - done)))
        step += 1
        losses.append(float(loss.detach()))
        decay = min(0.998, 1 - 10 / (step + 10))
        for name, module in trained.items():
            for key, weight in module.state_dict().items():
                average[name][key].lerp_(weight, 1 - decay)
        if world.is_first and step % 50 == 0:
            line = {"step": step, "minutes": round(minutes * done, 2), "loss": round(float(np.mean(losses)), 5)}
            losses.clear()
            with (folder / f"{stage}.jsonl").open("a") as log:
                print(json.dumps(line), file=log)
        if world.is_first and step % 500 == 0:
            _save(average, folder / f"{stage}.pt")
    if world.is_first:
        _save(average, folder / f"{stage}.pt")


def _save(weights: Any, path: Path) -> None:
    torch.save(weights, path.with_suffix(".partial"))
    path.with_suffix(".partial").replace(path)


def _loss(expert: Any, latents: Tensor, conditions: Tensor, texts: Tensor, sigmas: Tensor) -> Tensor:
    """The mean squared error of the velocity."""
    noise = torch.randn_like(latents)
    sigma = sigmas.view(-1, 1, 1, 1, 1)
    noised = (1 - sigma) * latents + sigma * noise
    with torch.autocast("cpu", torch.bfloat16):
        velocity = expert(torch.cat([noised, conditions], 1).bfloat16(), sigmas * 1000, texts)
    return (velocity.float() - (noise - latents)).square().mean()


def _same_everywhere(world: World, number: float) -> float:
    """The first process's number, so that all stop at the same step."""
    shared = torch.tensor([number if world.is_first else 0.0], dtype=torch.float64)
    world.sum([shared])
    return float(shared)


def _worker(rank: int, processes: int, arguments: argparse.Namespace) -> None:
    if processes > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29521")
        torch.distributed.init_process_group("gloo", rank=rank, world_size=processes)
    if arguments.stage == "encode":
        encode(arguments.folder, arguments.clips)
    else:
        train(arguments.stage, arguments.folder, arguments.minutes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=["encode", "joint", "high", "low"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    alone = arguments.stage in ("high", "low")
    if alone:
        _worker(0, 1, arguments)
    else:
        torch.multiprocessing.spawn(_worker, (arguments.processes, arguments), arguments.processes)
