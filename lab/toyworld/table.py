"""The whole method, row by row, on the 64 unseen examples."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ffgo.bases.catalogue import COMPOSED_FRAMES
from ffgo.clip.trim import Mode, trim_clip

from .examples import ToyExample, test_set
from .family import LORA_HIGH, LORA_LOW, WEIGHTS, Family
from .metrics import Scores, intervals, score_clip
from .render import render_clip
from .scene import FRAMES, ToyClip, draw_ordinary

SEED = 2025
ORDINARY_SEED = 7
MEASURES = ("object_identity", "scene_identity", "motion", "overall")


@dataclass(frozen=True, slots=True)
class Row:
    """One way of making the clips."""

    name: str
    words: str
    family: Callable[[Family], Family]
    first_frame: Callable[[ToyExample], Tensor] = ToyExample.composed
    prompt: Callable[[ToyExample], str] = lambda example: example.prompt
    trim: Mode = "fixed"


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out of a row."""

    row: Row
    clips: Tensor
    """(N, F, H, W, 3), untrimmed."""
    values: Mapping[str, Any]


def _unchanged(family: Family) -> Family:
    return family


def _with_loras(high: bool, low: bool, folder: Path = WEIGHTS) -> Callable[[Family], Family]:
    return lambda family: family.with_loras(folder / LORA_HIGH if high else None, folder / LORA_LOW if low else None)


def rows(loras: Path = WEIGHTS) -> list[Row]:
    """What the table compares. loras: the folder of the two LoRA files."""
    both, scene = _with_loras(True, True, loras), lambda example: example.scene
    caption = lambda example: example.caption  # noqa: E731
    return [
        Row("base_without_phrase", "base, background as first frame, caption", _unchanged, scene, caption),
        Row("base_with_phrase", "base, background as first frame, phrase and caption", _unchanged, scene),
        Row("base_layout_without_phrase", "base, FFGo frame, caption", _unchanged, prompt=caption),
        Row("base_layout", "base, FFGo frame, phrase and caption", _unchanged),
        Row("lora_both", "LoRA on both experts", both),
        Row("lora_high", "LoRA on the high-noise expert only", _with_loras(True, False, loras)),
        Row("lora_low", "LoRA on the low-noise expert only", _with_loras(False, True, loras)),
        Row("lora_swapped", "LoRA on both, experts swapped", lambda family: both(family).swapped()),
        Row("lora_without_phrase", "LoRA on both, no phrase", both, prompt=caption),
        Row("lora_packed", "LoRA on both, layout packed", both, lambda example: example.composed("packed")),
        Row("lora_auto_trim", "LoRA on both, trim auto", both, trim="auto"),
    ]


def measure(family: Family, row: Row, examples: Sequence[ToyExample], clips: Tensor | None = None) -> Measured:
    """Generate a row's clips, or take these, and score them."""
    frames = torch.stack([row.first_frame(example) for example in examples])
    if clips is None:
        clips = row.family(family).generate(frames, [row.prompt(example) for example in examples], SEED)
    scores, starts = [], []
    for clip, frame, example in zip(clips, frames, examples, strict=True):
        trimmed = trim_clip(clip, mode=row.trim)
        scores.append(score_clip(trimmed.images, example.clip.shot, trimmed.trimmed))
        starts.append(_first_without(clip, frame, example.scene))
    values = {"name": row.name, "words": row.words, "clips": len(clips), **_flat(scores)}
    return Measured(row, clips, values | {"transition_frame": round(float(np.mean(starts)), 2)})


def _flat(scores: Sequence[Scores]) -> dict[str, Any]:
    flat = {}
    for name, (mean, low, high) in intervals(scores).items():
        flat[name] = round(mean, 4)
        flat[f"{name}_interval"] = [round(low, 4), round(high, 4)]
    return flat


def _first_without(clip: Tensor, composed: Tensor, scene: Tensor) -> int:
    """The first frame that is more like the scene than like the first frame; past the end where there is none."""
    like_scene = (clip - scene).abs().flatten(1).mean(1) < (clip - composed).abs().flatten(1).mean(1)
    return int(like_scene.int().argmax()) if like_scene.any() else FRAMES


def measure_all(family: Family, loras: Path = WEIGHTS) -> Iterator[Measured]:
    """Every row, as it is done. The last row only cuts the clips of `lora_both` differently."""
    examples, clips = test_set(), {}
    for row in rows(loras):
        measured = measure(family, row, examples, clips.get("lora_both") if row.trim == "auto" else None)
        clips[row.name] = measured.clips
        yield measured


def measure_ordinary(family: Family, count: int = 64) -> Measured:
    """Ordinary image-to-video with unseen sprites: the first frame is the clip's own."""
    clips = _ordinary_clips(count)
    truth = [torch.from_numpy(render_clip(clip)) for clip in clips]
    made = family.generate(torch.stack([clip[0] for clip in truth]), [clip.caption for clip in clips], SEED)
    scores = [_scored(frames, clip) for frames, clip in zip(made, clips, strict=True)]
    row = Row("ordinary", "base, ordinary image-to-video", _unchanged)
    return Measured(row, made, {"name": row.name, "words": row.words, "clips": count, **_flat(scores)})


def _ordinary_clips(count: int) -> list[ToyClip]:
    rng = np.random.default_rng(ORDINARY_SEED)
    return [draw_ordinary(rng, "test") for _ in range(count)]


def _scored(frames: Tensor, clip: ToyClip) -> Scores:
    return score_clip(frames[COMPOSED_FRAMES:], clip.shot, COMPOSED_FRAMES)


def measure_vae(family: Family, count: int = 64) -> dict[str, Any]:
    """PSNR of unseen ordinary clips that went through the VAE."""
    found = []
    for drawn in _ordinary_clips(count):
        clip = torch.from_numpy(render_clip(drawn))
        again = family.vae.decode(family.vae.encode(clip))[0].float().clamp(0, 1)
        found.append(-10 * float((again - clip).square().mean().log10()))
    return {"name": "vae", "words": "VAE, unseen clips", "clips": count, "psnr": round(float(np.mean(found)), 2)}
