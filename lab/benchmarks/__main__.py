"""Run one benchmark or all and print a table, or one JSON object a line: `python dev.py bench [NAME] [--json]`."""

import argparse
import importlib
import json

BENCHMARKS = (
    *("card", "cast", "compose", "editor", "filters", "host_start", "lora_load", "matte", "memory", "sam2_masks"),
    *("study", "training"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev.py bench")
    parser.add_argument("name", nargs="?", choices=BENCHMARKS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    if not args.json:
        print(f"{'name':32} {'ratio':>8} {'ours':>12} {'other':>12}  {'unit':28} {'ratio of CPU':>12}")
    for name in [args.name] if args.name else BENCHMARKS:
        for row in importlib.import_module(f"{__package__}.{name}").rows(small=args.small):
            print(json.dumps(row) if args.json else _line(row), flush=True)


def _line(row: dict) -> str:
    numbers = f"{row['ratio']:8.3f} {row['ours']:12.4f} {row['other']:12.4f}"
    return f"{row['name']:32} {numbers}  {row['unit']:28} {row['ratio_cpu']:12.3f}"


main()
