"""One mask from SAM2 tiny with random weights: our way against the package's own builder and predictor, on the CPU.

Skipped where the optional package sam2 is not installed.
"""

import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np

from ffgo.cutout import sam2 as core
from ffgo.cutout.hints import Prompts

from .measure import in_turn, row

RUNS, SMALL_RUNS = 7, 1


def rows(*, small: bool = False) -> Iterator[dict]:
    if find_spec("sam2") is None:
        return
    from sam2.build_sam import build_sam2
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    warnings.simplefilter("ignore")
    picture = np.random.default_rng(1).integers(0, 256, (768, 1344, 3), dtype=np.uint8)
    box = np.array([200, 100, 900, 700], np.float32)
    theirs = build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu")
    own = core.build(core.Variant("2.1", "t"))
    own.load_state_dict(theirs.state_dict())

    def package() -> None:
        predictor = SAM2ImagePredictor(theirs)
        predictor.set_image(picture)
        predictor.predict(box=box, multimask_output=False)

    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: core.masks(own, picture, [Prompts(box=box)]),
        "other": package,
    }
    ours, other = in_turn(ways, SMALL_RUNS if small else RUNS).values()
    yield row("sam2_masks", ours.cpu, other.cpu, "s of one core", (ours.cpu, other.cpu))
