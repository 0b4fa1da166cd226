"""Train the small experts and the text encoder: `python -m lab.toyworld.train_experts STAGE FOLDER`.

In order: `encode` (clips to latents), `joint` (one expert over all sigmas, with the text encoder; one process for
each core), then `high` and `low` from there, each on its own sigmas, at the same time. All on ordinary clips with some
hard cuts; nothing is laid out as FFGo's frames.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from ffgo.bases.base import Expert
from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.bases.condition import condition
from ffgo.experts.schedule import SigmaWindow, training_window
from ffgo.host.boot import boot_here
from ffgo.host.loading import latent_format
from ffgo.training.world import World

from .family import BOUNDARY, SHIFT, VAE, WEIGHTS
from .models import build_expert, build_text_encoder, encode_text, tokenize
from .optimizer import Optimizer
from .render import render_clip
from .scene import CUT_WORDS, FRAMES, ToyClip, draw_cut, draw_ordinary
from .together import Average, Curve, gradients, run_together
from .vae import as_input, build_vae, encode_whole

Stage = Expert | Literal["joint"]
Mix = Literal["one", "two", "all"]

SEED = 20251122
BATCH = 16
WARMUP = 100
UNTOLD = 0.05
"""Share of clips that are shown without their caption, as guidance wants it."""
CHUNK = 50
CLIPS: dict[Callable[[np.random.Generator], ToyClip], int] = {
    partial(draw_ordinary, split="train"): 3600,
    draw_cut: 3000,
}
STEPS: dict[Stage, dict[Mix, int]] = {"joint": {"one": 400}, "high": {"one": 600, "two": 2600, "all": 16000}}
STEPS["low"] = STEPS["high"]
"""How many, on clips of which kind: one subject, one or two, and at last those with cuts too. What moves is learned in
hundreds of steps where nothing else is to be learned, and in thousands otherwise. The shipped experts were trained in
several sittings of about as many steps in all; only the last 7,000 saw cuts as they are drawn now."""
CUTS_COUNT = 2
"""How many times as often a clip with a cut is shown."""
FALL = 1400
"""The last steps, over which the learning rate falls to zero."""
SAVE_EVERY = 500
NO_MATRICES = ("patch_embedding", "head", "text_embedding", "shared", "relative_attention_bias")


def encode(folder: Path) -> None:
    """Draw, render and encode clips into `latents_<rank>.pt`: latents, captions, and what grey frames become."""
    world = World.current()
    boot_here("--cpu")
    torch.set_num_threads(1)
    vae = build_vae()
    vae.load_state_dict({name: weight.float() for name, weight in load_file(WEIGHTS / VAE).items()})
    rng = np.random.default_rng([SEED, world.rank])
    latents, captions = [], []
    for draw, count in CLIPS.items():
        for _ in range(count // world.size // CHUNK):
            clips = [draw(rng) for _ in range(CHUNK)]
            latents.append(_encoded(vae, _pixels(clips)).half())
            captions += [clip.caption for clip in clips]
    grey = _pixels([draw_cut(rng) for _ in range(CHUNK)])
    grey[:, :, 1:] = 2 * (WAN22_I2V_A14B.condition.fill or 0.0) - 1
    whole = {"latents": torch.cat(latents), "captions": captions, "grey": _encoded(vae, grey)[:, :, 1:].half()}
    torch.save(whole, folder / f"latents_{world.rank}.pt")


def _pixels(clips: Sequence[ToyClip]) -> Tensor:
    return as_input([render_clip(clip) for clip in clips])


@torch.inference_mode()
def _encoded(vae: Any, pixels: Tensor) -> Tensor:
    """Latents as the expert sees them."""
    with torch.autocast("cpu", torch.bfloat16):
        latents = torch.cat([encode_whole(vae, part)[0].float() for part in pixels.split(10)])
    return latent_format().process_in(latents)


class Clips:
    """Encoded clips in memory, drawn in batches."""

    def __init__(self, folder: Path, rng: np.random.Generator, encoder: Any):
        parts = [torch.load(path) for path in sorted(folder.glob("latents_*.pt"))]
        self.latents = torch.cat([part["latents"] for part in parts])
        captions = [caption for part in parts for caption in part["captions"]]
        self.tokens = tokenize([*captions, ""])
        self.kinds = {kind: torch.tensor(_of_kind(kind, captions)) for kind in get_args(Mix)}
        self.encoder, self.encoded = encoder, None
        if not next(encoder.parameters()).requires_grad:
            with torch.inference_mode():
                self.encoded = torch.cat([encode_text(encoder, part).bfloat16() for part in self.tokens.split(64)])
        grey = torch.cat([part["grey"] for part in parts]).float()
        self.grey, self.leak = grey.mean(0), grey.std(0)
        self.rng = rng

    def batch(self, kind: Mix, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (B, 16, T, h, w), conditions (B, 20, T, h, w) and texts (B, L, 4096)."""
        known = self.kinds[kind]
        chosen = known[torch.from_numpy(self.rng.integers(len(known), size=count))]
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
        return condition(WAN22_I2V_A14B, {0: first[:, :, 0]}, FRAMES, torch.cat([first, grey], 2))


def _of_kind(kind: Mix, captions: Sequence[str]) -> list[int]:
    """Which clips they are, by their captions."""
    cuts = [number for number, caption in enumerate(captions) if CUT_WORDS in caption]
    ordinary = [number for number, caption in enumerate(captions) if CUT_WORDS not in caption]
    if kind == "all":
        return ordinary + CUTS_COUNT * cuts
    return ordinary if kind == "two" else [number for number in ordinary if " and " not in captions[number]]


def draw_sigmas(rng: np.random.Generator, stage: Stage, count: int) -> Tensor:
    """Sigmas of a stage's window, evenly spread before the shift."""
    window = SigmaWindow(0.0, 1.0, SHIFT) if stage == "joint" else training_window(stage, BOUNDARY, SHIFT)
    fractions = (rng.permutation(count) + rng.random(count)) / count
    return torch.tensor([window.sigma(fraction) for fraction in fractions.tolist()])


def train(stage: Stage, folder: Path) -> None:
    """One stage; `high` and `low` go on from what `joint` left."""
    world = World.current()
    boot_here("--cpu")
    import comfy.model_management

    comfy.model_management.in_training = True  # the host's operations with a way back
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    expert, encoder = build_expert(), build_text_encoder()
    if stage != "joint":
        weights = torch.load(folder / "joint.pt")
        expert.load_state_dict(weights["expert"])
        encoder.load_state_dict(weights["text_encoder"])
    encoder.requires_grad_(stage == "joint")
    trained = {"expert": expert, "text_encoder": encoder} if stage == "joint" else {"expert": expert}
    average, curve = Average(trained), Curve(folder / f"{stage}.jsonl", stage)
    optimizer = Optimizer(*trained.values(), skip=NO_MATRICES, adam=1e-3)
    rng = np.random.default_rng([SEED, world.rank, len(stage)])
    clips = Clips(folder, rng, encoder)
    kinds: list[Mix] = [kind for kind, count in STEPS[stage].items() for _ in range(count)]
    for step, kind in enumerate(kinds):
        latents, conditions, texts = clips.batch(kind, BATCH)
        loss = velocity_loss(expert, latents, conditions, texts, draw_sigmas(rng, stage, BATCH))
        loss.backward()
        world.sum(gradients(optimizer.weights))
        optimizer.step(_rate(stage, step, len(kinds)))
        average.update()
        if world.is_first:
            curve.add(step + 1, float(loss.detach()))
            if (step + 1) % SAVE_EVERY == 0 or step + 1 == len(kinds):
                average.save(folder / f"{stage}.pt")


def _rate(stage: Stage, step: int, steps: int) -> float:
    """The learning rate stays until the last steps of the last stages."""
    fall = 1.0 if stage == "joint" else min(1.0, (steps - step) / FALL)
    return min(1, (step + 1) / WARMUP) * fall


def velocity_loss(expert: Any, latents: Tensor, conditions: Tensor, texts: Tensor, sigmas: Tensor) -> Tensor:
    """The mean squared error of the velocity."""
    noise = torch.randn_like(latents)
    sigma = sigmas.view(-1, 1, 1, 1, 1)
    noised = (1 - sigma) * latents + sigma * noise
    with torch.autocast("cpu", torch.bfloat16):
        velocity = expert(torch.cat([noised, conditions], 1).bfloat16(), sigmas * 1000, texts)
    return (velocity.float() - (noise - latents)).square().mean()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=["encode", "joint", "high", "low"])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    match arguments.stage:
        case "encode":
            run_together(encode, arguments.folder)
        case "joint":
            run_together(train, "joint", arguments.folder)
        case stage:
            train(stage, arguments.folder)
