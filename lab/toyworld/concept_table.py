"""The table of concepts: `python dev.py toy --concept [--json] [--quick]`.

What was learned and each finished row are kept in a folder: stopped, it goes on; done, it prints the table again.
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from ffgo.bases.base import Expert
from ffgo.bases.catalogue import EXPERTS

from .concept import METHODS, SEEDS, STEPS, Concept, Training, concepts
from .concept_rows import Row, base_rows, flat, measure, rows_of
from .family import WEIGHTS, Family
from .kept import ROWS_FILE, KeptRows, host_processes
from .school import School

CLIPS, QUICK = 32, 16
"""Of each row."""
ROW = ("concept", "beside", "seed", "method", "frame", "identity", "motion", "clips")
"""What tells rows apart."""
WAY = ("method", "frame", "identity", "motion")
MEASURES = ("object_identity", "amplitude", "law", "other_identity")


def make_table(school: School, trainings: Sequence[Training], count: int, cores: int) -> Iterator[dict[str, Any]]:
    """Learn and measure what is not there yet; each row as it is done, then the means over all trainings."""
    table, shown = KeptRows(school.folder / ROWS_FILE, ROW), []
    with host_processes(cores) as pool:
        for part in _parts(trainings):
            rows = [row for training in part for row in rows_of(training)]
            if len(part[0].lesson) == 1:
                rows[:0] = base_rows(part[0].lesson[0])
            missing = [row for row in rows if table.find(row.about | {"clips": count}) is None]
            wanted = [training for training in part if any(row.training == training for row in missing)]
            for training in wanted:
                pool.submit(school.prepare, training).result()
            list(pool.map(_learn, [(school, *job) for job in product(wanted, EXPERTS)]))
            for values in pool.map(_measure, [(school, row, count) for row in missing]):
                table.add(values)
            for values in (table.find(row.about | {"clips": count}) for row in rows):
                assert values is not None
                if values not in shown:
                    shown.append(values)
                    yield values
    yield from means(shown)


def _parts(trainings: Sequence[Training]) -> list[list[Training]]:
    """Those of one lesson and seed together: what is beside each other in the table, and keeps all cores at work."""
    parts: dict[Any, list[Training]] = {}
    for training in trainings:
        parts.setdefault((training.lesson, training.seed), []).append(training)
    return list(parts.values())


def _learn(job: tuple[School, Training, Expert]) -> None:
    school, training, expert = job
    school.learn(training, expert)


def _measure(job: tuple[School, Row, int]) -> dict[str, Any]:
    school, row, count = job
    return measure(row, _family(school), school, count)


@cache
def _family(school: School) -> Family:
    return school.family()


def means(shown: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of each way over its trainings, with the interval over these: trainings differ more than clips."""
    ways: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for values in shown:
        ways.setdefault((bool(values["beside"]), *(values[name] for name in WAY)), []).append(values)
    for (beside, *way), found in ways.items():
        about = {"concept": "all", "beside": "another" if beside else "", "seed": None}
        about |= dict(zip(WAY, way, strict=True)) | {"trainings": len(found), "clips": found[0]["clips"]}
        scores = {name: [values[name] for values in found] for name in MEASURES if name in found[0]}
        if len(found) > 1:
            yield about | flat(scores)


def trainings_of(arguments: argparse.Namespace) -> list[Training]:
    """What is to be learned, the single concepts first."""
    known, quick = concepts(), arguments.quick
    names = arguments.concepts or (list(known)[:1] if quick else list(known))
    lessons: list[tuple[Concept, ...]] = [(known[name],) for name in names]
    if not quick and not arguments.concepts:
        first, *_, last = known.values()
        lessons.append((first, last))
    methods = arguments.methods or (("two_stage", "plain") if quick else METHODS)
    seeds = arguments.seeds or (SEEDS[:1] if quick else SEEDS)
    return [Training(*one) for one in product(lessons, methods, seeds)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python dev.py toy --concept", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for what is learned and measured")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--quick", action="store_true", help=f"one concept, one seed, {QUICK} clips of each row")
    parser.add_argument("--concepts", nargs="+", choices=list(concepts()), help="only these")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="only these")
    parser.add_argument("--seeds", nargs="+", type=int, help="of the trainings")
    parser.add_argument("--clips", type=int, help="of each row")
    parser.add_argument("--steps", nargs=2, type=int, default=tuple(STEPS.values()), help="of both runs")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes, of one core each")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the base models")
    arguments = parser.parse_args()
    school = School.below(arguments.out / "concepts", arguments.weights, *arguments.steps)
    count = arguments.clips or (QUICK if arguments.quick else CLIPS)
    for values in make_table(school, trainings_of(arguments), count, arguments.cores):
        print(json.dumps(values) if arguments.json else line(values), flush=True)


def line(values: Mapping[str, Any]) -> str:
    """A row in words."""
    who = f"{values['concept']}{' beside ' * bool(values['beside'])}{values['beside']}"
    way = f"{values['method']:14}{values['frame']:13}identity {values['identity']:<4g} motion {values['motion']:<4g}"
    cells = [f"{name.replace('_', ' ')} {_cell(values, name)}" for name in MEASURES if name in values]
    return "  ".join([f"{who:20}{values['seed'] or '-':>2}", way, *cells])


def _cell(values: Mapping[str, Any], name: str) -> str:
    return f"{values[name]:5.2f} [{values[name + '_low']:.2f}, {values[name + '_high']:.2f}]"


if __name__ == "__main__":
    main()
