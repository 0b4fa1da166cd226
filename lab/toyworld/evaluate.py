"""The pack's own metrics held against the toy world's exact ones, row by row.

`python -m lab.toyworld.evaluate [--examples N]` (COMFYUI_PATH names ComfyUI) makes clips for each row of the table,
measures them both ways, and prints in which order each way puts the rows: Spearman's correlation, and the most that it
can be where the exact metric has ties. Rows that are within 0.05 of each other are ties: a dozen clips tell no more.

The exact object identity asks two things at once: is a sprite there, and in the right scene. Ours asks the first alone,
and the scene is another metric's. So ours is held against the exact identity on whatever ground: the scene, or what
is left of a frame when all that is small is taken out of it. The order by the exact one in the scene is printed, too.

Motion is another matter: the exact metric asks which law a sprite follows, ours how far things go. So ours is held
against shots that are drawn at several speeds, where that is known, too.
"""

import argparse
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional

from ffgo.clip.trim import trim_clip
from ffgo.evaluation.colour import window_colours
from ffgo.evaluation.embedding import Embedder
from ffgo.evaluation.measures import SubjectFeatures, Tools, Wanted, features, measure_clip
from ffgo.evaluation.motion import measure_motion
from ffgo.evaluation.view import view_frames
from ffgo.host.boot import boot_here

from .examples import ToyExample, unseen_set
from .family import Family
from .metrics import identity_on
from .render import render_cutout, render_scene, render_shot
from .scene import FRAME_RATE, FRAMES
from .table import Measured, Row, measure, rows

EXAMPLES = 12
SET = "easy"
"""The test set that is measured."""
ANYWHERE = "object_anywhere"
EXACT = {ANYWHERE: "object_similarity", "object_identity": "object_similarity", "scene_identity": "scene_identity"}
"""Exact metric -> ours."""
SHRUNK, MEDIAN = 4, 11
"""Times that a frame is made smaller, and pixels of the median then, which takes out sprites of about 24 pixels."""
APART = 0.05
"""Of an exact metric: rows that are nearer to each other are no order."""
SPEEDS = (0.0, 0.5, 1.0, 2.0)
"""At which shots are drawn, of what their captions say."""
CELLS = 4


def toy_embedder() -> Embedder:
    """What tells sprites apart: their colours, in each of 4x4 cells and in all."""

    def embed(pictures: Tensor) -> Tensor:
        vectors = []
        for picture in pictures:
            small = functional.interpolate(picture[None].movedim(-1, 1), (64, 64), mode="area").movedim(1, -1)
            side = 64 // CELLS
            boxes = [(x, y, side, side) for y in range(0, 64, side) for x in range(0, 64, side)]
            cells = torch.from_numpy(window_colours(small, [(0, 0, 64, 64), *boxes])).float().sqrt()
            vectors.append(torch.cat([cells[0] * CELLS, cells[1:].flatten()]))
        return torch.stack(vectors)

    return Embedder("toy", embed)


def score_row(measured: Measured, examples: Sequence[ToyExample], subjects: Sequence[list[SubjectFeatures]]) -> dict:
    """Our metrics of a row's clips, as means."""
    tools, found = Tools(toy_embedder()), {}
    for number, (clip, example) in enumerate(zip(measured.clips, examples, strict=True)):
        composed = measured.row.first_frame(example, measured.row.layout)[None]
        others = [one for other, listed in enumerate(subjects) if other != number for one in listed]
        scene = torch.from_numpy(render_scene(example.clip.shot.scene))[None] if example.clip.shot.scene else None
        wanted = Wanted(example.caption, composed, scene, subjects[number], others)
        trim = "auto" if measured.row.trim == "auto" else 4
        for score in measure_clip(view_frames(clip, FRAME_RATE, composed, trim), wanted, tools):
            if score.value is not None:
                found.setdefault(score.metric, []).append(score.value)
    return {metric: fmean(values) for metric, values in found.items()}


def found_anywhere(measured: Measured, examples: Sequence[ToyExample]) -> float:
    """The exact object identity of a row's clips, on whatever ground fits better."""
    found = []
    in_scene = measured.scores["object_identity"]
    for clip, example, there in zip(measured.clips, examples, in_scene, strict=True):
        frames = trim_clip(clip, mode=measured.row.trim).images
        found.append(max(there, identity_on(frames, grounds_of(frames), example.clip.shot)))
    return fmean(found)


def grounds_of(frames: Tensor) -> Tensor:
    """What is left of frames (F, H, W, 3) when all that is small is taken out."""
    height, width = frames.shape[1:3]
    small = functional.interpolate(frames.movedim(-1, 1), (height // SHRUNK, width // SHRUNK), mode="area")
    plain = torch.from_numpy(median_filter(small.numpy(), size=(1, 1, MEDIAN, MEDIAN), mode="nearest"))
    return functional.interpolate(plain, (height, width), mode="bilinear").movedim(1, -1)


def compare(family: Family, count: int, chosen: Sequence[Row] | None = None) -> dict[str, Any]:
    """Every row measured both ways, and Spearman's correlation of the two orders for each metric."""
    examples, clips, table = unseen_set(SET)[:count], {}, []
    embedder = toy_embedder()
    subjects = [
        [
            features(f"sprite {n}", f"{e}/{n}", torch.from_numpy(render_cutout(one.sprite))[None], embedder)
            for n, one in enumerate(example.clip.shot.subjects)
        ]
        for e, example in enumerate(examples)
    ]
    for row in chosen or [row for row in rows() if SET in row.sets]:
        # A row that only cuts the clips of another differently takes those.
        measured = measure(family, row, examples, SET, clips.get((row.name, row.layout)))
        clips[row.name, row.layout] = measured.clips
        ours = score_row(measured, examples, subjects)
        truth = {**measured.values, ANYWHERE: found_anywhere(measured, examples)}
        table.append({"row": row.way} | {f"exact {e}": truth[e] for e in EXACT} | ours)
        print(
            f"{row.way:28}" + "".join(f"{truth[e]:8.3f}{ours.get(m, float('nan')):8.3f}" for e, m in EXACT.items()),
            flush=True,
        )
    exact = {e: [round(row[f"exact {e}"] / APART) for row in table] for e in EXACT}
    order = {e: _order(exact[e], [row[m] for row in table]) for e, m in EXACT.items()}
    most = {e: _most(values) for e, values in exact.items()}
    return {"table": table, "spearman": order | {"motion": motion_order(examples)}, "most": most | {"motion": 1.0}}


def motion_order(examples: Sequence[ToyExample]) -> float:
    """Spearman's correlation of how far the subjects of drawn shots go, and our motion beside the camera's."""
    exact, ours = [], []
    for shot in (example.clip.shot for example in examples):
        for speed in SPEEDS:
            numbers = [int(FRAMES // 2 * (1 - speed / 2) + speed * step) for step in range(FRAMES // 2 + 1)]
            ways = [np.array([one.place(number / (FRAMES - 1)) for number in numbers]) for one in shot.subjects]
            found = measure_motion(torch.from_numpy(render_shot(shot, numbers)), FRAME_RATE)
            exact.append(sum(float(np.hypot(*np.diff(way, axis=0).T).sum()) for way in ways))
            ours.append(found.rest if found else 0.0)
    return _order(exact, ours)


def _most(exact: Sequence[float]) -> float:
    """The largest correlation with an order without ties: ours never ties, the exact metric is 0 in many rows."""
    best = np.argsort(np.asarray(exact), kind="stable").argsort()
    return _order(exact, best)


def _order(exact: Sequence[float], ours: Sequence[float] | NDArray) -> float:
    """Spearman's rank correlation."""
    return float(np.asarray(spearmanr(exact, ours))[0])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.toyworld.evaluate", description=__doc__)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    arguments = parser.parse_args()
    boot_here("--cpu")
    print(f"{'exact, ours:':28}" + "".join(f"{name:>16}" for name in EXACT))
    found = compare(Family.load(), arguments.examples)
    order, most = found["spearman"], found["most"]
    print("Spearman: " + ", ".join(f"{name} {order[name]:.2f} (of {most[name]:.2f})" for name in order))


if __name__ == "__main__":
    main()
