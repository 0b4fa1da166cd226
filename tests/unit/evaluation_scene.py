"""Small test sets and run folders, made on the spot."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from ffgo.clip.video_io import write_clip
from ffgo.evaluation.cases import Case, CaseSet, CaseSubject, write_case_set
from ffgo.evaluation.methods import Method
from ffgo.evaluation.runs import ClipPlace, ClipResult, write_result, write_run_file

WIDTH, HEIGHT = 128, 64
COLOURS = ((220, 40, 45), (35, 150, 60), (40, 70, 215), (250, 220, 40), (135, 45, 165))


def disc(colour, size=40):
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    alpha = (np.hypot(x, y) < size * 0.4).astype(np.uint8) * 255
    return Image.fromarray(np.dstack([np.full((size, size, 3), colour, np.uint8), alpha]))


def scenery(seed):
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 230, (6, 12, 3), dtype=np.uint8))
    return coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def make_case_set(folder: Path, count: int = 2, subjects: int = 1, **more) -> CaseSet:
    """`count` cases of coloured discs before random scenery, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number in range(count):
        scenery(number).save(folder / f"scene_{number}.png")
        cutouts = []
        for one in range(subjects):
            file = folder / f"disc_{number}_{one}.png"
            disc(COLOURS[(number + one) % len(COLOURS)]).save(file)
            cutouts.append(CaseSubject(file, f"disc {one}"))
        cases.append(Case(f"case_{number}", f"Disc {number} moves.", folder / f"scene_{number}.png", tuple(cutouts)))
    made = CaseSet(folder / "testset.json", "discs", tuple(cases), WIDTH, HEIGHT, 17, 16.0, **more)
    write_case_set(made)
    return made


def edited(cases: CaseSet, change) -> Path:
    """The set's file after `change` was made to its JSON."""
    content = json.loads(cases.path.read_text())
    change(content)
    cases.path.write_text(json.dumps(content))
    return cases.path


def clip_of(case: Case, number: int = 0, frames: int = 9) -> list[np.ndarray]:
    """The case's disc moving over its scenery."""
    made = []
    for step in range(frames):
        picture = Image.open(case.background).convert("RGB")
        cutout = Image.open(case.subjects[0].file)
        picture.paste(cutout, (10 + number + 4 * step, 12), cutout)
        made.append(np.asarray(picture))
    return made


def make_runs(folder: Path, cases: CaseSet, methods=("one", "two"), seeds=(42,), frames=clip_of) -> Path:
    """A run folder with a clip for each method, case and seed."""
    folder.mkdir(parents=True, exist_ok=True)
    write_run_file(folder, cases, [Method(name, Path("w.json"), seeds=tuple(seeds)) for name in methods])
    for number, method in enumerate(methods):
        for case in cases.cases:
            for seed in seeds:
                place = ClipPlace(method, case.id, seed)
                clip = place.folder(folder)
                write_clip(clip / "video.mp4", frames(case, number), cases.fps)
                scenery(0).save(clip / "frame.png")
                result = ClipResult(place, clip, "key", case.prompt, 1.5, 9, cases.fps, WIDTH, HEIGHT)
                write_result(result)
    return folder
