"""Print the tables of the toy world and draw its filmstrips: `python dev.py toy [--json] [--quick] [--set NAME]`."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ffgo.host.boot import boot_here

from .decide import measure_decide
from .examples import TEST, TEST_SETS, unseen_set
from .family import WEIGHTS, Family
from .page import save_page
from .table import differences, measure_cuts, measure_ordinary, measure_set, measure_steps, measure_vae

QUICK = 16
"""Clips of each row where a first look is enough."""
SETS = [name for name in TEST_SETS if name != "dev"]
SHOWN = ("object_identity", "scene_identity", "motion", "place", "binding", "amplitude", "residue")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python dev.py toy", description="The toy world: what the method does, measured"
    )
    parser.add_argument("out", type=Path, help="folder for filmstrips.png")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} clips of each row instead of {TEST}")
    parser.add_argument("--set", choices=list(TEST_SETS), action="append", help="only this test set; may be repeated")
    parser.add_argument("--steps", action="store_true", help="only FFGo beside an anchor, at 8, 15, 25 and 50 steps")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the models and LoRAs")
    arguments = parser.parse_args()
    boot_here("--cpu")
    say = _json if arguments.json else _line
    count = QUICK if arguments.quick else TEST
    family = Family.load(arguments.weights)
    if arguments.steps:
        for row in measure_steps(family, arguments.weights, count):
            say(row.values)
        return
    say(measure_vae(family, count))
    say(measure_decide(family))
    say(measure_ordinary(family, count).values)
    say(measure_cuts(family, count).values)
    measured = []
    for name in arguments.set or SETS:
        for row in measure_set(family, name, arguments.weights, count):
            say(row.values)
            measured.append(row)
    for difference in differences(measured):
        say(difference)
    drawn = [row for row in measured if row.set == measured[0].set]
    save_page(drawn, unseen_set(measured[0].set), arguments.out)


def _json(values: Mapping[str, Any]) -> None:
    print(json.dumps(values), flush=True)


def _line(values: Mapping[str, Any]) -> None:
    print(_words(values), flush=True)


def _words(values: Mapping[str, Any]) -> str:
    match values["name"]:
        case "vae":
            return f"{values['words']}: {values['psnr']:.1f} dB PSNR"
        case "decide":
            lines = [
                f"  sigma {step['sigma']:.3f}   law {step['law_above']:.2f}   sprite {step['sprite_above']:.2f}"
                for step in values["steps"]
            ]
            title = f"Decided above each sigma, as a share of clips (the boundary is {values['boundary']:g}):"
            return "\n".join([title, *lines, "", f"{'':66}" + "".join(f"{m.replace('_', ' '):>22}" for m in SHOWN)])
        case "difference":
            interval = f"{values['value']:+.2f} [{values['low']:+.2f}, {values['high']:+.2f}]"
            return f"{values['set']:8} {values['a']} - {values['b']}, {values['metric'].replace('_', ' ')}: {interval}"
        case _:
            return f"{values['set']:10}{values['words']:56}" + "".join(f"{_cell(values, m):>22}" for m in SHOWN)


def _cell(values: Mapping[str, Any], measure: str) -> str:
    if values.get(measure) is None:
        return "-"
    return f"{values[measure]:.2f} [{values[measure + '_low']:.2f}, {values[measure + '_high']:.2f}]"


if __name__ == "__main__":
    main()
