"""The best of several seeds: one job for each, all files kept, and the score of each listed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import FFGOError
from ..plain import is_number, part
from .fill import fill, find_seed
from .headless import Result, run
from .workflow import UsageError, Workflow

MOST_SEEDS = 64
MOST_SEED = 2**64 - 1
BY: Mapping[str, tuple[str, str]] = {"persistence": ("FFGOPersistence", "ffgo_persistence")}
"""What candidates may be compared by: the node that measures it, and the key of its numbers among its outputs."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one seed made."""

    seed: int
    result: Result | None
    """None where the job failed."""
    scores: tuple[float, ...]
    """What counts first comes first; empty where there is none."""
    failure: str = ""

    def in_words(self) -> str:
        """A line for the list."""
        if self.result is None:
            return f"seed {self.seed}: failed: {self.failure.splitlines()[0] if self.failure else ''}"
        names = ", ".join(str(path) for paths in self.result.files.values() for path in paths)
        score = f"{self.scores[0]:.3f}" if self.scores else "no score"
        return f"seed {self.seed}: {score}  {names or 'no files'}"


async def run_seeds(
    server: str, workflow: Workflow, out: Path, *, seeds: int, by: str, seed: int | None = None, **options: Any
) -> list[Candidate]:
    """Run a workflow with so many seeds, one after the other, and fetch all that they make; best first.

    by: one of `BY`. seed: the first; None takes the workflow's. options: as `run` takes them. A seed whose job fails is
    listed last. Raises: UsageError where the request does not fit, the first failure where every job failed.
    """
    _check_seeds(workflow, seeds, by)
    first = find_seed(workflow) if seed is None else seed
    if not 0 <= first <= MOST_SEED - seeds:
        raise UsageError(f"--seed {first}: seeds go from 0 to {MOST_SEED:,}.")
    fill(workflow, seed=first)  # complain before the first job
    one = partial(run, server, workflow, out, **options)
    found: list[Candidate] = []
    for number in range(first, first + seeds):
        try:
            result = await one(seed=number)
        except UsageError:
            raise
        except FFGOError as error:
            found.append(Candidate(number, None, (), str(error)))
        else:
            found.append(Candidate(number, result, scores_of(result, by)))
    if all(candidate.result is None for candidate in found):
        raise FFGOError(found[0].failure)
    return sorted(found, key=_rank)


def _check_seeds(workflow: Workflow, seeds: int, by: str) -> None:
    """Raises: UsageError where the workflow measures nothing to choose by, or there are too many seeds."""
    if not 2 <= seeds <= MOST_SEEDS:
        raise UsageError(f"--keep-best compares 2 to {MOST_SEEDS} seeds, and --seeds is {seeds}.")
    node, _ = BY[by]
    if not any(one["class_type"] == node for one in workflow.values()):
        raise UsageError(f"--keep-best {by} needs a node {node} in the workflow, which measures it; there is none.")


def scores_of(result: Result, by: str) -> tuple[float, ...]:
    """The numbers of the node that measures; of several nodes those of the worst one."""
    kind, key = BY[by]
    every = [
        tuple(float(number) for number in part(shown, key, of=list) if is_number(number))
        for node_id, shown in result.outputs.items()
        if result.workflow.get(node_id, {}).get("class_type") == kind
    ]
    return min((one for one in every if one), default=())


def _rank(candidate: Candidate) -> tuple[Any, ...]:
    return candidate.result is None, not candidate.scores, tuple(-score for score in candidate.scores), candidate.seed
