"""Runs inside the host's Python: how an expert's loss compares with a guess's, as the check before a training asks.

Usage: python -m tests.host.expert_loss_probe DATASET MODEL..., in the repository. Prints least and greatest at little
and at much noise over all examples of the encoded dataset, as JSON, for each model.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encoded import EncodedExample
from ffgo.host.boot import boot_here
from ffgo.host.loading import load_expert
from ffgo.host.trainable import trainable_expert
from ffgo.training.expert_check import losses_against_guess
from ffgo.training.recipe import Recipe


def ranges(model: Path, examples: Sequence[EncodedExample]) -> list[tuple[float, float]]:
    with trainable_expert(load_expert(model), checkpointing=False, offload_block_inputs=False) as expert:
        both = [losses_against_guess(expert.predict, one, Recipe().boundary, expert.device) for one in examples]
    return [(min(losses), max(losses)) for losses in zip(*both, strict=True)]


boot_here("--cpu")
dataset = CachedDataset.open(Path(sys.argv[1]))
every = [dataset[index] for index in range(len(dataset))]
print(json.dumps([ranges(Path(model), every) for model in sys.argv[2:]]))
