"""A study of toy clips, built and served: four ways of making them, one as it should be and three with a fault."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from ffgo.clip.video_io import write_clip
from ffgo.errors import FFGOError
from ffgo.evaluation.methods import Method
from ffgo.evaluation.runs import ClipPlace, ClipResult, write_result, write_run_file
from ffgo.pixels import to_uint8
from ffgo.study.build import StudyPlan, build
from ffgo.study.serve import serve
from lab.toyworld.case_set import enlarged, write_toy_set
from lab.toyworld.examples import ToyExample, test_set
from lab.toyworld.render import render_clip
from lab.toyworld.scene import FRAME_RATE

CASES, SEED = 8, 42
LARGER = 4
"""Times that a toy clip is enlarged."""
LENGTH = 2
"""Times that the part behind the cut is shown, there and back: a toy clip takes a second."""
Change = Callable[[np.ndarray], np.ndarray]


def _trembling(frames: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.stack([np.roll(frame, tuple(random.integers(-3, 4, 2)), (0, 1)) for frame in frames])


WAYS: Mapping[str, Change] = {
    "as_asked": lambda frames: frames,
    "frozen": lambda frames: np.repeat(frames[:1], len(frames), 0),
    "other_colours": lambda frames: frames[..., [1, 2, 0]],
    "trembling": _trembling,
}
"""What each method does to the frames behind the cut, (F, H, W, 3)."""


def write_toy_runs(folder: Path, count: int = CASES) -> Path:
    """A run folder of toy clips, as `python -m ffgo.evaluation run` leaves it; returns it."""
    examples = test_set()[:count]
    cases = write_toy_set(folder / "set", examples, larger=LARGER, sentences=True)
    runs = folder / "runs"
    runs.mkdir()
    cut = max(example.clip.cut for example in examples)
    write_run_file(runs, cases, [Method(name, Path("toy.json"), seeds=(SEED,), trim=cut) for name in WAYS])
    for name, change in WAYS.items():
        for case, example in zip(cases.cases, examples, strict=True):
            place = ClipPlace(name, case.id, SEED)
            clip = place.folder(runs)
            pictures = list(_pictures(example, change))
            write_clip(clip / "video.mp4", pictures, FRAME_RATE)
            enlarged(to_uint8(example.composed()), LARGER).save(clip / "frame.png")
            height, width = pictures[0].shape[:2]
            write_result(ClipResult(place, clip, "drawn", case.prompt, 0.0, len(pictures), FRAME_RATE, width, height))
    return runs


def _pictures(example: ToyExample, change: Change) -> Iterator[np.ndarray]:
    frames = (render_clip(example.clip) * 255).round().astype(np.uint8)
    cut = example.clip.cut
    there = frames[cut:]
    behind = change(np.concatenate([there, there[-2:0:-1]] * LENGTH))
    for frame in (*frames[:cut], *behind):
        yield np.asarray(enlarged(frame, LARGER))


def main(folder: Path, port: int, kind: str) -> None:
    """Build the study where it is not there yet, and serve it until interrupted."""
    study = folder / kind
    if not study.exists():
        folder.mkdir(exist_ok=True)
        print("[ffgo] Drawing the clips", flush=True)
        with tempfile.TemporaryDirectory(prefix="ffgo-study-") as scratch:
            plan = StudyPlan("pairwise" if kind == "pairwise" else "rank", title="Toys")
            built = build(write_toy_runs(Path(scratch)), study, plan)
        print(f"[ffgo] Built {study}: {built.participants} people make it full", flush=True)

    def started(url: str) -> None:
        print(f"[ffgo] {url}  (log in with any ID; Ctrl-C ends it, and the same command goes on)", flush=True)
        print(f"[ffgo] What people said: python -m ffgo.study analyse {folder.name}/{kind}", flush=True)

    serve(study, "127.0.0.1", port, started=started)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    except FFGOError as error:
        sys.exit(f"[ffgo] {error}")
