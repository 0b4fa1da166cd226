"""Train the two experts, each on its own window of sigmas. For make.py; what was stopped goes on.

They begin as those of the boundary 0.9 (start.py). On ordinary clips with some hard cuts, also on short ones, and some
go on from more than their first frame; nothing is laid out as FFGo's frames.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from ffgo.bases.base import Expert
from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.bases.condition import condition
from ffgo.experts.schedule import training_window
from ffgo.files import complete_file
from ffgo.host.loading import latent_format

from .family import BOUNDARY, SHIFT, TEXT_ENCODER, VAE
from .models import build_expert, build_text_encoder, encode_text, tokenize
from .optimizer import Optimizer
from .precision import NUMBERS, mixed_precision
from .render import render_clip
from .scene import CUT_WORDS, ToyClip, draw_cut, draw_ordinary
from .start import start_file
from .together import Average, Checkpoint, Curve
from .vae import as_input, build_vae, channels_last, encode_whole

SEED = 20261128
BATCH = 16
WARMUP = 100
UNTOLD = 0.05
"""Share of clips that are shown without their caption, as guidance wants it."""
PARTS, CHUNK, GREY = 60, 4, 10
"""Files of latents, clips that are encoded at once, and in each file those whose frames but the first are grey."""
CLIPS: dict[Callable[[np.random.Generator], ToyClip], int] = {
    partial(draw_ordinary, split="train"): 60,
    draw_cut: 140,
}
"""In each file. A third as many clips were learned by heart: the high-noise expert was lost on new ones with a cut."""
STEPS: dict[Expert, int] = {"high": 5000, "low": 5000}
LENGTHS = {5: 0.8, 3: 0.08, 2: 0.06, 1: 0.06}
"""How many of the batches are of clips of so many latent frames."""
GOES_ON = 0.1
"""How many of the batches, of whole clips, are given two latent frames instead of one: five frames of the clip."""
CUTS_COUNT = 2
"""How many times as often a clip with a cut is shown."""
FALL: dict[Expert, tuple[int, int]] = {"high": (1250, 5000), "low": (1250, 5000)}
"""The step from which the learning rate falls, and the one at which it would be zero."""
PEAK: dict[Expert, float] = {"high": 1.0, "low": 0.4}
"""Of the learning rate: what the low-noise expert knows, it would lose at the full one."""
SAVE_EVERY = 100
NO_MATRICES = ("patch_embedding", "head", "text_embedding")


def encode(folder: Path) -> None:
    """Draw, render and encode clips into `latents_<part>.pt`: latents, captions, and what grey frames become."""
    vae = build_vae()
    vae.load_state_dict(weights_of(folder / "encoders" / VAE))
    channels_last(vae)
    for part in range(PARTS):
        done = folder / f"latents_{part}.pt"
        if not done.exists():
            with complete_file(done) as partial_file:
                torch.save(_draw_part(vae, np.random.default_rng([SEED, part])), partial_file)


def weights_of(file: Path) -> dict[str, Tensor]:
    """Of a shipped file; a text encoder's holds its vocabulary too."""
    return {name: weight.float() for name, weight in load_file(file).items() if name != "spiece_model"}


def _draw_part(vae: Any, rng: np.random.Generator) -> dict[str, Any]:
    clips = [draw(rng) for draw, count in CLIPS.items() for _ in range(count)]
    latents = [_encoded(vae, _pixels(clips[first : first + CHUNK])) for first in range(0, len(clips), CHUNK)]
    grey = _pixels([draw_cut(rng) for _ in range(GREY)])
    grey[:, :, 1:] = 2 * (WAN22_I2V_A14B.condition.fill or 0.0) - 1
    captions = [clip.caption for clip in clips]
    return {"latents": torch.cat(latents).half(), "captions": captions, "grey": _encoded(vae, grey)[:, :, 1:].half()}


def _pixels(clips: Sequence[ToyClip]) -> Tensor:
    return as_input([render_clip(clip) for clip in clips])


@torch.inference_mode()
def _encoded(vae: Any, pixels: Tensor) -> Tensor:
    """Latents as the expert sees them."""
    with mixed_precision():
        latents = encode_whole(vae, pixels)[0].float()
    return latent_format().process_in(latents)


class Clips:
    """Encoded clips in memory, drawn in batches."""

    def __init__(self, folder: Path, rng: np.random.Generator):
        parts = [torch.load(folder / f"latents_{part}.pt") for part in range(PARTS)]
        self.latents = torch.cat([part["latents"] for part in parts])
        captions = [caption for part in parts for caption in part["captions"]]
        cuts = [number for number, caption in enumerate(captions) if CUT_WORDS in caption]
        self.numbers = torch.tensor([*range(len(captions)), *cuts * (CUTS_COUNT - 1)])
        encoder = build_text_encoder()
        encoder.load_state_dict(weights_of(folder / "encoders" / TEXT_ENCODER))
        with torch.inference_mode():
            tokens = tokenize([*captions, ""]).split(64)
            self.texts = torch.cat([encode_text(encoder, part).to(NUMBERS) for part in tokens])
        grey = torch.cat([part["grey"] for part in parts]).float()
        self.grey, self.leak = grey.mean(0), grey.std(0)
        self.rng = rng

    def batch(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (B, 16, T, h, w), conditions (B, 20, T, h, w) and texts (B, L, 4096)."""
        chosen = self.numbers[torch.from_numpy(self.rng.integers(len(self.numbers), size=count))]
        told = chosen.clone()
        told[torch.from_numpy(self.rng.random(count) < UNTOLD)] = len(self.texts) - 1
        length = int(self.rng.choice(list(LENGTHS), p=list(LENGTHS.values())))
        latents = self.latents[chosen, :, :length].float()
        given = 2 if length == max(LENGTHS) and self.rng.random() < GOES_ON else 1
        return latents, self._conditions(latents, given), self.texts[told].clone()

    def _conditions(self, latents: Tensor, given: int) -> Tensor:
        """The first latent frames followed by grey. What grey keeps of the picture before it is drawn, not encoded: it
        tells nothing that the first frames do not, and encoding it would double the work."""
        count, length = len(latents), latents.shape[2]
        grey = (self.grey + self.leak * torch.randn(count, *self.grey.shape))[:, :, : length - given]
        told = {number: latents[:, :, number] for number in range(given)}
        frames = 1 + 4 * (length - 1)
        return condition(WAN22_I2V_A14B, told, frames, torch.cat([latents[:, :, :given], grey], 2))


def draw_sigmas(rng: np.random.Generator, expert: Expert, count: int) -> Tensor:
    """Sigmas of an expert's window, evenly spread before the shift."""
    window = training_window(expert, BOUNDARY, SHIFT)
    fractions = (rng.permutation(count) + rng.random(count)) / count
    return torch.tensor([window.sigma(fraction) for fraction in fractions.tolist()])


def train(which: Expert, folder: Path, until: int | None = None) -> None:
    """One expert, from the start or from where it was stopped, to its last step or to an earlier one.

    After the last it leaves `<expert>.pt`.
    """
    done, steps = folder / f"{which}.pt", STEPS[which]
    if done.exists():
        return
    torch.manual_seed(SEED)
    rng = np.random.default_rng([SEED, len(which)])
    clips, expert = Clips(folder, rng), build_expert()
    expert.load_state_dict(weights_of(start_file(which, folder)))
    average, curve = Average({"expert": expert}), Curve(folder / f"{which}.jsonl", f"{which}-noise expert")
    optimizer = Optimizer(expert, skip=NO_MATRICES, adam=1e-3)
    checkpoint = Checkpoint(folder / f"{which}.checkpoint", average, optimizer, rng)
    # A quarter less work. Of clips of one latent frame the compiled expert makes NaN.
    compiled = torch.compile(expert, dynamic=False) if shutil.which("g++") else expert
    with _way_back():
        for step in range(checkpoint.load(), until or steps):
            latents, conditions, texts = clips.batch(BATCH)
            way = compiled if latents.shape[2] == max(LENGTHS) else expert
            loss = velocity_loss(way, latents, conditions, texts, draw_sigmas(rng, which, BATCH))
            if not loss.isfinite():
                raise FloatingPointError(f"The {which}-noise expert's loss is not a number at step {step + 1}.")
            loss.backward()
            optimizer.step(_rate(which, step))
            average.update()
            curve.add(step + 1, float(loss.detach()))
            if (step + 1) % SAVE_EVERY == 0:
                checkpoint.save(step + 1)
    if until in (None, steps):
        average.save(done)


def _rate(which: Expert, step: int) -> float:
    """Of the learning rate."""
    first, last = FALL[which]
    return PEAK[which] * min(1, (step + 1) / WARMUP, (last - step) / (last - first))


@contextlib.contextmanager
def _way_back() -> Iterator[None]:
    """With the host's operations that have a way back."""
    import comfy.model_management

    comfy.model_management.in_training = True
    try:
        with attention_at_once():
            yield
    finally:
        comfy.model_management.in_training = False


@contextlib.contextmanager
def attention_at_once() -> Iterator[None]:
    """With attention to all places at once: where no GPU is the host takes them part by part, or by an operation that
    is slow on its way back, and a step is a sixth to a third longer."""
    import comfy.ldm.wan.model as wan

    by_parts, wan.optimized_attention = wan.optimized_attention, _attention
    try:
        yield
    finally:
        wan.optimized_attention = by_parts


def _attention(q: Tensor, k: Tensor, v: Tensor, heads: int, **_: Any) -> Tensor:
    """Queries (B, L, C), keys and values (B, M, C) of some heads; returns (B, L, C)."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    shares = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1)
    return (shares.to(v.dtype) @ v).transpose(1, 2).flatten(-2)


def velocity_loss(expert: Any, latents: Tensor, conditions: Tensor, texts: Tensor, sigmas: Tensor) -> Tensor:
    """The mean squared error of the velocity."""
    noise = torch.randn_like(latents)
    sigma = sigmas.view(-1, 1, 1, 1, 1)
    noised = (1 - sigma) * latents + sigma * noise
    with mixed_precision():
        velocity = expert(torch.cat([noised, conditions], 1).to(NUMBERS), sigmas * 1000, texts)
    return (velocity.float() - (noise - latents)).square().mean()
