"""The table of entities: `python dev.py toy --entities [--json] [--quick]`.

Attention on entities beside a LoRA, a LoRA of as many numbers, and entities of other clips, on unseen sprites. What was
learned and each finished row are kept in a folder: stopped, it goes on; done, it prints the table again.
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ffgo.bases.base import Expert
from ffgo.bases.catalogue import COMPOSED_FRAMES, EXPERTS

from .entity_lesson import SEEDS, STEPS, WAYS, Lesson, Way, exchanged
from .entity_school import EntitySchool
from .examples import ToyExample, unseen_set
from .family import WEIGHTS, Family
from .kept import ROWS_FILE, KeptRows, host_processes
from .metrics import DRAWS, score_clip
from .precision import mixed_precision

SET, SEED = "easy", 2027
CLIPS, QUICK, QUICK_STEPS = 32, 4, 10
"""Of each row; and of each training, where it shall be quick."""
MEASURES = ("object_identity", "scene_identity", "motion", "place")
ROW = ("way", "first", "entities", "seed", "set", "clips")
"""What tells rows apart."""
Seen = Literal["none", "own", "others"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of making clips, whatever the seed of its training."""

    way: Way
    first: Literal["ffgo", "plate"] = "ffgo"
    """What the clips begin with: FFGo's frame, or the background alone."""
    entities: Seen = "none"

    @property
    def words(self) -> str:
        """Its name in a line."""
        return f"{self.way}, {self.first} frame, entities {self.entities}"


LORA, LARGE, MEMORY = Kind("lora"), Kind("large_lora"), Kind("entities", entities="own")
EXCHANGED = Kind("entities", entities="others")
BARE, ON_PLATE = Kind("lora", "plate"), Kind("entities", "plate", "own")
LEARNED, LEARNED_EXCHANGED = Kind("entities_plate", "plate", "own"), Kind("entities_plate", "plate", "others")
KINDS = (LORA, LARGE, MEMORY, EXCHANGED, BARE, ON_PLATE, LEARNED, LEARNED_EXCHANGED)
PAIRS = (
    (MEMORY, LORA), (MEMORY, LARGE), (MEMORY, EXCHANGED), (ON_PLATE, BARE), (LEARNED, LEARNED_EXCHANGED),
    (LEARNED, MEMORY),
)  # fmt: skip
"""Which are compared clip by clip: the first one less the second one."""


@dataclass(frozen=True, slots=True)
class Row:
    """Clips of one training."""

    kind: Kind
    lesson: Lesson
    clips: int

    @property
    def about(self) -> dict[str, Any]:
        return {**asdict(self.kind), "seed": self.lesson.seed, "set": SET, "clips": self.clips}


def make_table(
    school: EntitySchool, ways: Sequence[Way], seeds: Sequence[int], *, steps: int, clips: int, cores: int
) -> Iterator[dict[str, Any]]:
    """Learn and measure what is not there yet, seed by seed; each row as it is done, then means and differences."""
    table, shown = KeptRows(school.folder / ROWS_FILE, ROW), []
    with host_processes(cores) as pool:
        for seed in seeds:
            lessons = {way: Lesson(way, seed, steps) for way in ways}
            rows = [Row(kind, lessons[kind.way], clips) for kind in KINDS if kind.way in lessons]
            missing = [row for row in rows if table.find(row.about) is None]
            wanted = [lesson for lesson in lessons.values() if any(row.lesson == lesson for row in missing)]
            for lesson in wanted:
                pool.submit(school.prepare, lesson).result()
            list(pool.map(_learn, [(school, *job) for job in product(wanted, EXPERTS)]))
            for values in pool.map(_measure, [(school, row) for row in missing]):
                table.add(values)
            for values in (table.find(row.about) for row in rows):
                assert values is not None
                shown.append(values)
                yield _flat("row", values, [values])
    yield from summary(shown)


def _learn(job: tuple[EntitySchool, Lesson, Expert]) -> None:
    school, lesson, expert = job
    school.learn(lesson, expert)


def _measure(job: tuple[EntitySchool, Row]) -> dict[str, Any]:
    school, row = job
    return measure(school, row, _family(school))


@cache
def _family(school: EntitySchool) -> Family:
    return school.family()


def measure(school: EntitySchool, row: Row, family: Family) -> dict[str, Any]:
    """Make the row's clips and score them: of each measure a number for each clip."""
    every = unseen_set(SET)
    examples, others = every[: row.clips], exchanged(every)[: row.clips]
    seen: dict[Seen, Sequence[ToyExample]] = {"own": examples, "others": others}
    entities = school.entities(family, seen[row.kind.entities]) if row.kind.entities in seen else None
    with mixed_precision():
        clips = school.generate(
            family, row.lesson, torch.stack([_first(row.kind, example) for example in examples]),
            [example.prompt for example in examples], seed=SEED, entities=entities,
        )  # fmt: skip
    scores = [
        asdict(score_clip(clip[COMPOSED_FRAMES:], example.clip.shot, COMPOSED_FRAMES))
        for clip, example in zip(clips.float(), examples, strict=True)
    ]
    return row.about | {name: [round(score[name], 4) for score in scores] for name in MEASURES}


def _first(kind: Kind, example: ToyExample) -> Tensor:
    return example.scene if kind.first == "plate" else example.composed()


def summary(shown: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Means of each way over its trainings, and differences of the same clips by trainings of the same seed."""
    for kind in KINDS:
        if found := _of(kind, shown):
            yield _flat("mean", asdict(kind), found)
    for one, two in PAIRS:
        a, b = _of(one, shown), _of(two, shown)
        if a and b:
            less = [{name: np.subtract(x[name], y[name]) for name in MEASURES} for x, y in zip(a, b, strict=True)]
            yield _flat("difference", {"of": one.words, "less": two.words}, less)


def _of(kind: Kind, shown: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [values for values in shown if Kind(values["way"], values["first"], values["entities"]) == kind]


def _flat(name: str, about: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and 95 % interval of each measure over trainings and clips, and the mean of each training."""
    values = {"name": name} | {key: value for key, value in about.items() if key not in MEASURES}
    values |= {"trainings": len(found), "clips": len(found[0][MEASURES[0]])}
    for measure_name in MEASURES:
        numbers = np.array([one[measure_name] for one in found], dtype=np.float64)
        for suffix, number in zip(("", "_low", "_high"), crossed_interval(numbers), strict=True):
            values[measure_name + suffix] = round(number, 4)
        values[f"{measure_name}_each"] = [round(float(number), 4) for number in numbers.mean(1)]
    return values


def crossed_interval(numbers: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean and 95 % interval of numbers (trainings, clips), from a bootstrap that draws both: trainings differ too, and
    each has the same clips."""
    rng, (trainings, clips) = np.random.default_rng(0), numbers.shape
    rows, columns = rng.integers(trainings, size=(DRAWS, trainings)), rng.integers(clips, size=(DRAWS, clips))
    means = numbers[rows[:, :, None], columns[:, None, :]].mean((1, 2))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(numbers.mean()), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python dev.py toy --entities", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for what is learned and measured")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--quick", action="store_true", help="one seed and next to no steps: to see that it runs")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="only these")
    parser.add_argument("--seeds", nargs="+", type=int, help="of the trainings")
    parser.add_argument("--clips", type=int, help="of each row")
    parser.add_argument("--steps", type=int, help="of each training")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes, of one core each")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the base models")
    arguments = parser.parse_args()
    quick = arguments.quick
    steps = arguments.steps or (QUICK_STEPS if quick else STEPS)
    school = EntitySchool.below(arguments.out / "entities", steps, arguments.weights)
    seeds = arguments.seeds or (SEEDS[:1] if quick else SEEDS)
    clips = arguments.clips or (QUICK if quick else CLIPS)
    for values in make_table(school, arguments.ways, seeds, steps=steps, clips=clips, cores=arguments.cores):
        print(json.dumps(values) if arguments.json else line(values), flush=True)


def line(values: Mapping[str, Any]) -> str:
    """A row in words."""
    if values["name"] == "difference":
        who = f"{values['of']}, less {values['less']}"
    else:
        who = f"{Kind(values['way'], values['first'], values['entities']).words}, seed {values.get('seed', 'any')}"
    return "  ".join([f"{who:92}", *(f"{name.replace('_', ' ')} {_cell(values, name)}" for name in MEASURES)])


def _cell(values: Mapping[str, Any], name: str) -> str:
    sign = "+" if values["name"] == "difference" else ""
    return f"{values[name]:{sign}5.2f} [{values[name + '_low']:{sign}.2f}, {values[name + '_high']:{sign}.2f}]"


if __name__ == "__main__":
    main()
