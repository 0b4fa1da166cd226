"""Is FFGo Persistence right, by pixels: on clips of the toy world whose subjects are painted over from a frame on.

`python -m lab.benchmarks.persistence` renders unseen clips (the truth, no model), loses every subject of each once, and
counts what is said: `lost_share` of the losses is found, `false_alarms` are subjects that stay and are called lost.
With `--seeds CLIPS.npy ...` (N, F, H, W, 3 uint8, a file for each seed, made of the set) the best of the seeds is
compared with the mean one: `gain` in exact object identity, with its 95 % interval over clips. `--make FOLDER` makes
those files, one after the other, from `--first-seed` on (COMFYUI_PATH names ComfyUI).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ffgo.bases.catalogue import COMPOSED_FRAMES
from ffgo.cast.entity import Entity
from ffgo.cast.of_frame import entities_of
from ffgo.cast.persistence import persistence_of
from ffgo.cast.presence import Presence
from ffgo.frame.compose import compose
from ffgo.pixels import to_uint8

from ..toyworld.examples import ToyExample, unseen_set
from ..toyworld.family import LORA_HIGH, LORA_LOW, WEIGHTS, Family
from ..toyworld.metrics import interval, score_clip
from ..toyworld.render import render_clip, render_cutout

LOST_FROM = 9
"""Frame of the whole clip."""
REACH = 0.01
"""Mean difference of the colours at which a pixel shows the subject, and not the scene."""


def entities_in(example: ToyExample) -> tuple[Entity, ...]:
    """Those of the composed frame."""
    cutouts = [torch.from_numpy(render_cutout(one.sprite))[None].float() for one in example.clip.shot.subjects]
    height, width = example.scene.shape[:2]
    subjects = {f"subject {number}": cutout for number, cutout in enumerate(cutouts, 1)}
    frame = compose(example.scene[None], subjects, width=width, height=height)
    pictures = {name: to_uint8(cutout[0]) for name, cutout in subjects.items()}
    return entities_of(frame.image[0], frame.masks, frame.plan.to_json(), pictures).entities


def without(clip: Tensor, example: ToyExample, number: int) -> Tensor:
    """The clip without one subject from a frame on: the scene is painted over it."""
    shot = example.clip.shot
    others = tuple(one for index, one in enumerate(shot.subjects) if index != number)
    painted = torch.from_numpy(render_clip(replace(example.clip, shot=replace(shot, subjects=others)))).float()
    whole = torch.from_numpy(render_clip(example.clip)).float()
    covered = ((painted - whole).abs().mean(-1, keepdim=True) > REACH).float()
    lost = clip.clone()
    lost[LOST_FROM:] = (clip + covered * (painted - clip))[LOST_FROM:]
    return lost


def looked(clip: Tensor, example: ToyExample) -> Presence:
    return persistence_of(clip[COMPOSED_FRAMES:], entities_in(example))[0]


def measure(examples: Sequence[ToyExample]) -> dict[str, float]:
    """What is said of whole clips, and of those with one subject lost."""
    found, alarms, right, wrong = [], [], [], []
    for example in examples:
        clip = torch.from_numpy(render_clip(example.clip)).float()
        stays = looked(clip, example)
        right.extend(stays.there.ravel())
        alarms.extend(stays.lost_at(number) is not None for number in range(len(stays.names)))
        for number in range(len(stays.names)):
            goes = looked(without(clip, example, number), example)
            gone = [frame + COMPOSED_FRAMES >= LOST_FROM for frame in goes.frames]
            wrong.extend(~goes.there[number][gone])
            found.append(goes.lost_at(number) is not None)
            others = [other for other in range(len(goes.names)) if other != number]
            alarms.extend(goes.lost_at(other) is not None for other in others)
            right.extend(goes.there[others].ravel())
    return {
        "losses": len(found), "lost_share": float(np.mean(found)), "false_alarms": float(np.mean(alarms)),
        "balanced_accuracy": float((np.mean(right) + np.mean(wrong)) / 2),
    }  # fmt: skip


def best_of(examples: Sequence[ToyExample], seeds: Sequence[Path]) -> dict[str, float]:
    """The best seed by persistence against the mean seed, in exact object identity."""
    clips, gains = [np.load(path) for path in seeds], []
    for number, example in enumerate(examples):
        ranks, exact = [], []
        for one in clips:
            clip = torch.from_numpy(one[number]).float() / 255
            seen = looked(clip, example)
            ranks.append(seen.rank)
            exact.append(score_clip(clip[COMPOSED_FRAMES:], example.clip.shot, COMPOSED_FRAMES).object_identity)
        gains.append(exact[max(range(len(ranks)), key=ranks.__getitem__)] - float(np.mean(exact)))
    gain, low, high = interval(gains)
    return {"clips": len(gains), "seeds": len(clips), "gain": gain, "low": low, "high": high}


def make(examples: Sequence[ToyExample], folder: Path, first: int, count: int = 4) -> None:
    """Clips of the toy models with FFGo's LoRAs, a file for each seed."""
    from ffgo.host.boot import boot_here

    boot_here("--cpu")
    family = Family.load().with_loras(WEIGHTS / LORA_HIGH, WEIGHTS / LORA_LOW)
    folder.mkdir(parents=True, exist_ok=True)
    frames, prompts = torch.stack([one.composed() for one in examples]), [one.prompt for one in examples]
    for seed in range(first, first + count):
        clips = family.generate(frames, prompts, seed)
        np.save(folder / f"{seed}.npy", np.stack([to_uint8(clip.flatten(0, 1)) for clip in clips]).reshape(clips.shape))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="persistence", description=__doc__)
    parser.add_argument("--examples", type=int, default=32)
    parser.add_argument("--set", default="easy")
    parser.add_argument("--seeds", type=Path, nargs="*", default=[])
    parser.add_argument("--make", type=Path, metavar="FOLDER")
    parser.add_argument("--first-seed", type=int, default=2025)
    given = parser.parse_args(arguments)
    examples = unseen_set(given.set)[: given.examples]
    if given.make:
        make(examples, given.make, given.first_seed)
        return
    found = best_of(examples, given.seeds) if given.seeds else measure(examples)
    json.dump({"set": given.set, "clips": len(examples)} | {k: round(v, 4) for k, v in found.items()}, sys.stdout)


if __name__ == "__main__":
    main()
