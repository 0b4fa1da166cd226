"""The toy world's unseen examples as a test set of the evaluation, made on the spot: no pictures of it are kept.

`python -m lab.toyworld.case_set FOLDER` writes six cases with the clips that are right, as references. So `check`,
`selftest` and `faults` of `python -m ffgo.evaluation` have something to work on that nobody has to fetch.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ffgo.clip.video_io import write_clip
from ffgo.evaluation.cases import SET_FILE, Case, CaseSet, CaseSubject, write_case_set
from ffgo.pixels import to_uint8

from .examples import ENLARGED, ToyExample, test_set
from .render import render_clip, render_cutout
from .scene import FRAME_RATE, FRAMES

CASES = 6


def write_toy_set(
    folder: Path, examples: Sequence[ToyExample], *, larger: int = 1, sentences: bool = False, clips: bool = False
) -> CaseSet:
    """The examples as a test set in a folder.

    larger: times that scenes and clips are enlarged; sentences: prompts as people write them, not as the toy models
    read them; clips: each case has the clip that is right as its reference.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number, example in enumerate(examples):
        name, subjects = f"toy_{number:02}", []
        scene = folder / f"{name}_scene.png"
        enlarged(to_uint8(example.scene), larger).save(scene)
        for one, subject in enumerate(example.clip.shot.subjects, 1):
            file = folder / f"{name}_subject_{one}.png"
            Image.fromarray((render_cutout(subject.sprite) * 255).round().astype(np.uint8)).save(file)
            subjects.append(CaseSubject(file, f"subject {one}"))
        words = example.caption
        prompt = f"{words[:1].upper()}{words[1:]}." if sentences else words
        reference = folder / f"{name}.mp4" if clips else None
        if reference:
            frames = (render_clip(example.clip) * 255).round().astype(np.uint8)
            write_clip(reference, [np.asarray(enlarged(frame, larger)) for frame in frames], FRAME_RATE)
        cases.append(Case(name, prompt, scene, tuple(subjects), reference=reference))
    height, width = (larger * side for side in examples[0].scene.shape[:2])
    made = CaseSet(folder / SET_FILE, "toy world", tuple(cases), width, height, FRAMES, float(FRAME_RATE))
    write_case_set(made)
    return made


def enlarged(picture: np.ndarray, times: int) -> Image.Image:
    """A picture (H, W, 3) uint8, so many times as wide and high."""
    height, width = picture.shape[:2]
    return Image.fromarray(picture).resize((times * width, times * height), Image.Resampling.BICUBIC)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.toyworld.case_set", description=__doc__)
    parser.add_argument("folder", type=Path)
    write_toy_set(parser.parse_args().folder, test_set()[:CASES], larger=ENLARGED, sentences=True, clips=True)


if __name__ == "__main__":
    main()
