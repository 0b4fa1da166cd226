"""The whole method, row by row, on sets of 64 unseen examples, and how sure one row is better than another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ffgo.bases.catalogue import COMPOSED_FRAMES
from ffgo.clip.trim import Mode, trim_clip
from ffgo.frame.layout import LayoutName

from .examples import TEST, ToyExample, unseen_set
from .family import BATCH, DISSOLVE_HIGH, DISSOLVE_LOW, LORA_HIGH, LORA_LOW, STEPS, WEIGHTS, Family
from .metrics import MEASURES, Scores, interval, residue, score_clip
from .render import render_clip, render_shot
from .scene import FRAMES, ToyClip, draw_cut, draw_ordinary

SEED = 2025
ORDINARY_SEED = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One way of making the clips."""

    name: str
    words: str
    family: Callable[[Family], Family]
    first_frame: Callable[[ToyExample, LayoutName], Tensor] = ToyExample.composed
    prompt: Callable[[ToyExample], str] = lambda example: example.prompt
    layout: LayoutName = "published"
    trim: Mode = "fixed"
    sets: Sequence[str] = ("easy",)
    steps: int = STEPS

    @property
    def way(self) -> str:
        """Its name, with what is not as usual."""
        unusual = [self.layout] * (self.layout != "published") + [f"trim {self.trim}"] * (self.trim != "fixed")
        unusual += [f"{self.steps} steps"] * (self.steps != STEPS)
        return " ".join([self.name, *unusual])


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out of a row on a set."""

    row: Row
    set: str
    clips: Tensor
    """(N, F, H, W, 3), untrimmed."""
    scores: Mapping[str, Sequence[float]]
    """By measure, a number for each clip."""
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ways of a set, to be compared clip by clip."""

    set: str
    a: str
    b: str


_AGAINST_BOTH = ("lora_high", "lora_low", "windows_exchanged", "lora_both packed")
PAIRS = (
    *(Pair(name, "lora_both", other) for name in ("easy", "binding", "dev") for other in _AGAINST_BOTH),
    Pair("easy", "lora_both", "anchor"),
    Pair("dissolve", "lora_both trim auto", "lora_both"),
)
STEP_COUNTS = (8, 15, 25, 50)
"""At which FFGo's way is compared with the anchored one."""
EVERYWHERE = ("easy", "binding", "dev")


def _unchanged(family: Family) -> Family:
    return family


def _loras(high: str | None, low: str | None, folder: Path) -> Callable[[Family], Family]:
    return lambda family: family.with_loras(folder / high if high else None, folder / low if low else None)


def rows(loras: Path = WEIGHTS) -> list[Row]:
    """What the table compares. loras: the folder of the two LoRA files."""
    both, scene = _loras(LORA_HIGH, LORA_LOW, loras), lambda example, _: example.scene
    exchanged, dissolving = _loras(LORA_LOW, LORA_HIGH, loras), _loras(DISSOLVE_HIGH, DISSOLVE_LOW, loras)
    caption = lambda example: example.caption  # noqa: E731
    return [
        Row("base_without_phrase", "base, background as first frame, caption", _unchanged, scene, caption),
        Row("base_with_phrase", "base, background as first frame, phrase and caption", _unchanged, scene),
        Row("base_layout_without_phrase", "base, FFGo frame, caption", _unchanged, prompt=caption),
        Row("base_layout", "base, FFGo frame, phrase and caption", _unchanged, sets=EVERYWHERE),
        Row("anchor", "base, the clip's first frame, caption", _unchanged, _anchor, caption),
        Row("lora_both", "LoRA on both experts", both, sets=EVERYWHERE),
        Row(
            "lora_high", "LoRA on the high-noise expert only", _loras(LORA_HIGH, None, loras),
            sets=EVERYWHERE,
        ),
        Row("lora_low", "LoRA on the low-noise expert only", _loras(None, LORA_LOW, loras), sets=EVERYWHERE),
        Row("windows_exchanged", "each expert with the other's LoRA", exchanged, sets=EVERYWHERE),
        Row("experts_swapped", "LoRA on both, experts swapped", lambda family: both(family).swapped()),
        Row("lora_without_phrase", "LoRA on both, no phrase", both, prompt=caption),
        Row("lora_both", "LoRA on both, layout packed", both, layout="packed", sets=EVERYWHERE),
        Row("lora_both", "LoRA on both, trim auto", both, trim="auto"),
        Row("lora_both", "LoRA of dissolving examples on both", dissolving, sets=("dissolve",)),
        Row("lora_both", "LoRA of dissolving examples on both, trim auto", dissolving, trim="auto", sets=("dissolve",)),
    ]  # fmt: skip


def _anchor(example: ToyExample, _: LayoutName) -> Tensor:
    """What a perfect painter would make of the caption of the clip's first frame."""
    return torch.from_numpy(render_shot(example.clip.shot, [0])[0])


def step_rows(loras: Path = WEIGHTS) -> Iterator[Row]:
    """FFGo's way and the anchored one, each by so many steps."""
    for row in rows(loras):
        if row.way in ("anchor", "lora_both") and "easy" in row.sets:
            for steps in STEP_COUNTS:
                yield replace(row, words=f"{row.words}, {steps} steps", sets=("easy",), steps=steps)


def measure_steps(family: Family, loras: Path = WEIGHTS, count: int = TEST) -> Iterator[Measured]:
    """Those rows on *easy*."""
    examples = unseen_set("easy")[:count]
    return (measure(family, row, examples, "easy") for row in step_rows(loras))


def measure_set(family: Family, name: str, loras: Path = WEIGHTS, count: int = TEST) -> Iterator[Measured]:
    """Every row of a set, on its first examples. A row that only cuts the clips of another differently takes those."""
    examples, clips = unseen_set(name)[:count], {}
    for row in rows(loras):
        if name in row.sets:
            made = clips.get((row.name, row.layout))
            measured = measure(family, row, examples, name, made)
            clips[row.name, row.layout] = measured.clips
            yield measured


def measure(
    family: Family, row: Row, examples: Sequence[ToyExample], name: str, clips: Tensor | None = None
) -> Measured:
    """Generate a row's clips, or take these, and score them."""
    frames = torch.stack([row.first_frame(example, row.layout) for example in examples])
    if clips is None:
        way = replace(row.family(family), steps=row.steps)
        clips = way.generate(frames, [row.prompt(example) for example in examples], SEED)
    scores, starts, left = [], [], []
    for clip, frame, example in zip(clips, frames, examples, strict=True):
        trimmed = trim_clip(clip, mode=row.trim)
        shot = example.clip.shot
        scores.append(score_clip(trimmed.images, shot, trimmed.trimmed))
        left.append(residue(trimmed.images, shot, example.composed(row.layout), trimmed.trimmed))
        starts.append(_first_without(clip, frame, example.scene))
    by_measure = _by_measure(scores) | {"residue": left}
    about = {
        "set": name, "name": row.name, "words": row.words, "layout": row.layout, "trim": row.trim, "steps": row.steps,
    }  # fmt: skip
    values = about | {"clips": len(clips), **_flat(by_measure)}
    return Measured(row, name, clips, by_measure, values | {"transition_frame": round(float(np.mean(starts)), 2)})


def _by_measure(scores: Sequence[Scores]) -> dict[str, Sequence[float]]:
    return {measure: [asdict(score)[measure] for score in scores] for measure in MEASURES}


def _flat(scores: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Mean and 95 % interval of each measure; None where no clip can show it."""
    flat = {}
    for name, values in scores.items():
        for suffix, number in zip(("", "_low", "_high"), interval(values), strict=True):
            flat[name + suffix] = None if np.isnan(number) else round(number, 4)
    return flat


def _first_without(clip: Tensor, composed: Tensor, scene: Tensor) -> int:
    """The first frame that is more like the scene than like the first frame; past the end where there is none."""
    like_scene = (clip - scene).abs().flatten(1).mean(1) < (clip - composed).abs().flatten(1).mean(1)
    return int(like_scene.int().argmax()) if like_scene.any() else FRAMES


def differences(measured: Sequence[Measured]) -> Iterator[dict[str, Any]]:
    """For each pair and measure, how much more the first way scores than the second on the same clips."""
    found = {(one.set, one.row.way): one.scores for one in measured}
    for pair in PAIRS:
        if (pair.set, pair.a) not in found:
            continue
        a, b = found[pair.set, pair.a], found[pair.set, pair.b]
        for measure in a:
            value, low, high = interval(np.subtract(a[measure], b[measure]))
            if not np.isnan(value):
                yield {
                    "name": "difference", **asdict(pair), "metric": measure,
                    "value": round(value, 4), "low": round(low, 4), "high": round(high, 4),
                }  # fmt: skip


def measure_ordinary(family: Family, count: int = TEST) -> Measured:
    """Ordinary image-to-video with unseen sprites: the first frame is the clip's own."""
    row = Row("ordinary", "base, ordinary image-to-video", _unchanged)
    return _measure_clips(family, row, ordinary_clips(count))


def measure_cuts(family: Family, count: int = TEST) -> Measured:
    """The same of clips with a cut, as the base models know them: what is there to be learned with FFGo's frame."""
    rng = np.random.default_rng(ORDINARY_SEED)
    row = Row("ordinary_cut", "base, ordinary image-to-video with a cut", _unchanged)
    return _measure_clips(family, row, [draw_cut(rng, "test") for _ in range(count)])


def _measure_clips(family: Family, row: Row, clips: Sequence[ToyClip]) -> Measured:
    truth = [torch.from_numpy(render_clip(clip)) for clip in clips]
    made = family.generate(torch.stack([clip[0] for clip in truth]), [clip.caption for clip in clips], SEED)
    scores = _by_measure([_scored(frames, clip) for frames, clip in zip(made, clips, strict=True)])
    about = {"set": "ordinary", "name": row.name, "words": row.words, "clips": len(clips)}
    return Measured(row, "ordinary", made, scores, about | _flat(scores))


def ordinary_clips(count: int) -> list[ToyClip]:
    """Ordinary clips of unseen sprites."""
    rng = np.random.default_rng(ORDINARY_SEED)
    return [draw_ordinary(rng, "test") for _ in range(count)]


def _scored(frames: Tensor, clip: ToyClip) -> Scores:
    return score_clip(frames[COMPOSED_FRAMES:], clip.shot, COMPOSED_FRAMES)


@torch.inference_mode()
def measure_vae(family: Family, count: int = TEST) -> dict[str, Any]:
    """PSNR of unseen ordinary clips that went through the VAE."""
    found = []
    clips = [torch.from_numpy(render_clip(drawn)) for drawn in ordinary_clips(count)]
    for start in range(0, count, BATCH):
        part = torch.stack(clips[start : start + BATCH])
        again = family.vae.decode(family.encode(part.unbind())).float().clamp(0, 1)
        found += (-10 * (again - part).square().mean((1, 2, 3, 4)).log10()).tolist()
    return {"name": "vae", "words": "VAE, unseen clips", "clips": count, "psnr": round(float(np.mean(found)), 2)}
