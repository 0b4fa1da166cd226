"""One mask from SAM2 tiny with random weights: our way against the package's own builder and predictor, on the CPU.

Skipped where the optional package sam2 is not installed.
"""

import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np

from ffgo.cutout import sam2 as core
from ffgo.cutout.hints import Prompts

RUNS = 3


def rows() -> Iterator[dict]:
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
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(RUNS + 1):
        for name, way in ways.items():
            started = time.process_time()
            way()
            seconds[name].append(time.process_time() - started)
    ours, other = (statistics.median(seconds[name][1:]) for name in ("ours", "other"))  # the first round warms up
    yield {"name": "sam2_masks", "ratio": ours / other, "ours": ours, "other": other, "unit": "s of one core"}
