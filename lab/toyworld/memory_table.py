"""The table of memories: `python dev.py toy --memory [--json] [--quick]`.

What was learned and each finished row are kept in a folder: stopped, it goes on; done, it prints the table again.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ffgo.bases.base import Expert
from ffgo.bases.catalogue import EXPERTS

from .family import WEIGHTS, Family
from .kept import ROWS_FILE, KeptRows, host_processes
from .memory import COUNTS, WAYS, Way
from .memory_rows import MEASURES, SEEDS, Row, measure, rows_of, shown, summary
from .memory_school import STEPS, MemorySchool

CLIPS = 12
"""Of each row."""
QUICK_WAYS: tuple[Way, ...] = ("one", "scene_cast")
QUICK_STEPS, QUICK_CLIPS, QUICK_COUNTS = 10, 2, (1, 8)
"""To see that it runs, and no more."""
ROW = ("way", "subjects", "seed", "clips")
"""What tells rows apart."""


def make_table(
    school: MemorySchool, trainings: Sequence[tuple[Way, int]], counts: Sequence[int], clips: int, cores: int
) -> Iterator[dict[str, Any]]:
    """Learn and measure what is not there yet; each row as it is done, then the means and the differences."""
    table, measured = KeptRows(school.folder / ROWS_FILE, ROW), []
    with host_processes(cores) as pool:
        for way, seed in trainings:
            rows = rows_of(way, seed, counts)
            missing = [row for row in rows if table.find(row.about | {"clips": clips}) is None]
            if missing:
                pool.submit(school.prepare, way).result()
                list(pool.map(_learn, [(school, way, seed, expert) for expert in EXPERTS]))
            for values in pool.map(_measure, [(school, row, clips) for row in missing]):
                table.add(values)
            for row in rows:
                values = table.find(row.about | {"clips": clips})
                assert values is not None
                measured.append(values)
                yield shown(values)
    yield from summary(measured)


def _learn(job: tuple[MemorySchool, Way, int, Expert]) -> None:
    school, way, seed, expert = job
    school.learn(way, seed, expert)


def _measure(job: tuple[MemorySchool, Row, int]) -> dict[str, Any]:
    school, row, clips = job
    return measure(row, school, _family(school), clips)


@cache
def _family(school: MemorySchool) -> Family:
    return school.family()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python dev.py toy --memory", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for what is learned and measured")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--quick", action="store_true", help="two ways, one seed, a few steps: to see that it runs")
    parser.add_argument("--ways", nargs="+", choices=WAYS, help="only these")
    parser.add_argument("--seeds", nargs="+", type=int, help="of the trainings")
    parser.add_argument("--steps", type=int, help="of each expert")
    parser.add_argument("--cores", type=int, default=1, help="processes, of one core each")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the base models")
    arguments = parser.parse_args()
    quick = arguments.quick
    school = MemorySchool.below(
        arguments.out / "memory", arguments.weights, arguments.steps or (QUICK_STEPS if quick else STEPS)
    )
    seeds, ways = arguments.seeds or (SEEDS[:1] if quick else SEEDS), arguments.ways or (QUICK_WAYS if quick else WAYS)
    trainings: list[tuple[Way, int]] = [(way, seed) for seed in seeds for way in ways]
    counts, clips = (QUICK_COUNTS, QUICK_CLIPS) if quick else (COUNTS, CLIPS)
    for values in make_table(school, trainings, counts, clips, arguments.cores):
        print(json.dumps(values) if arguments.json else line(values), flush=True)


def line(values: Mapping[str, Any]) -> str:
    """A row in words."""
    if values.get("name") == "difference":
        interval = f"{values['value']:+.2f} [{values['low']:+.2f}, {values['high']:+.2f}]"
        return f"{values['a']} - {values['b']}, {values['subjects']} subjects, {values['metric']}: {interval}"
    who = f"{values['way']:24}{values['subjects']} subjects  seed {values['seed'] or '-'}  {values['pixels']:4.0f} px"
    return "  ".join([who, *(f"{name.replace('_', ' ')} {_cell(values, name)}" for name in MEASURES)])


def _cell(values: Mapping[str, Any], name: str) -> str:
    return f"{values[name]:5.2f} [{values[name + '_low']:.2f}, {values[name + '_high']:.2f}]"


if __name__ == "__main__":
    main()
