"""Print the table of the toy world and draw its filmstrips: `python dev.py toy [--json]`."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ffgo.host.boot import boot_here

from .examples import test_set
from .family import WEIGHTS, Family
from .page import save_page
from .table import MEASURES, measure_all, measure_ordinary, measure_vae


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python dev.py toy", description="The toy world: what the method does, measured"
    )
    parser.add_argument("out", type=Path, help="folder for filmstrips.png")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--loras", type=Path, default=WEIGHTS, help="folder of the two LoRA files")
    arguments = parser.parse_args()
    boot_here("--cpu")
    say = _json if arguments.json else _line
    family = Family.load()
    say(measure_vae(family))
    say(measure_ordinary(family).values)
    measured = []
    for row in measure_all(family, arguments.loras):
        say(row.values)
        measured.append(row)
    save_page(measured, test_set(), arguments.out)


def _json(values: Mapping[str, Any]) -> None:
    print(json.dumps(values), flush=True)


def _line(values: Mapping[str, Any]) -> None:
    if "psnr" in values:
        print(f"{values['words']}: {values['psnr']:.1f} dB PSNR\n")
        print(f"{'':54}" + "".join(f"{measure.replace('_', ' '):>24}" for measure in MEASURES), flush=True)
        return
    cells = [f"{values[m]:.2f} [{values[f'{m}_interval'][0]:.2f}, {values[f'{m}_interval'][1]:.2f}]" for m in MEASURES]
    print(f"{values['words']:54}" + "".join(f"{cell:>24}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
