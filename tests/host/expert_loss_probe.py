"""Runs inside the host's Python: how an expert's loss compares with a guess's, as the check before a training asks.

Usage: python -m tests.host.expert_loss_probe DATASET MODEL..., in the repository. Prints, as JSON, for each model what
it found at little noise and what at much: of each example of the encoded dataset, and of each three, their median.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encoded import EncodedExample
from ffgo.host.boot import boot_here
from ffgo.host.loading import load_expert
from ffgo.host.trainable import trainable_expert
from ffgo.training.expert_check import ASKED, losses_against_guess
from lab.toyworld.family import BOUNDARY


def found(model: Path, examples: Sequence[EncodedExample]) -> list[dict[str, list[float]]]:
    with trainable_expert(load_expert(model), checkpointing=False, offload_block_inputs=False) as expert:
        both = [losses_against_guess(expert.predict, one, BOUNDARY, expert.device) for one in examples]
    return [
        {"one": list(losses), "three": [median(losses[i : i + ASKED]) for i in range(len(losses) - ASKED + 1)]}
        for losses in zip(*both, strict=True)
    ]


boot_here("--cpu")
dataset = CachedDataset.open(Path(sys.argv[1]))
every = [dataset[index] for index in range(len(dataset))]
print(json.dumps([found(Path(model), every) for model in sys.argv[2:]]))
