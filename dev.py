#!/usr/bin/env python3
"""Everything a developer needs, from a fresh clone; sets up by itself what is missing.

python dev.py demo [--curate | --factorized | --base wan2.2-ti2v-5b | hunyuan-1.5-i2v | wan2.1-i2v]
                                 run the shipped workflow on a real ComfyUI, leave a video in demo-output/
python dev.py test [unit|host|web] [--nightly] [PYTEST ...]
python dev.py check              format, lint, types
python dev.py serve [--port N]   the same ComfyUI with its page, and a workflow to press Run on; Ctrl-C ends it
python dev.py study [--pairs]    a user study of toy clips, in your browser; the answers lie in study-output/
python dev.py bench [NAME] [--small] [--json]
python dev.py screenshots        the pictures of the editor in docs/images/
python dev.py film               the moving picture of the README, made by the toy world's models
python dev.py workflows [NAME ...]    write the workflows anew, as lab/workflows describes them
python dev.py toy [--concept | --entities | --memory] [--json] [--quick]
                                 what the method does in the toy world, measured; filmstrips in toy-output/
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit("ComfyUI-FFGo needs Python 3.11 or newer; this is " + sys.version.split()[0])

from lab.workshop.comfyui import CHROMIUM_NAMES, REPO, Host, SetupError, ensure_host
from lab.workshop.lanes import ROOMS, Lanes, lanes_of
from lab.workshop.server import OPENS_TOY_WORLD, ensure_standins, make_base, running_server


def demo(args: argparse.Namespace) -> int:
    """Run the main workflow from end to end and leave a video in demo-output/."""
    host = ensure_host()
    standins = ensure_standins(host)
    for other in ("curate", "factorized"):
        if getattr(args, other):
            return host.run("-m", f"lab.workshop.{other}", str(standins), str(REPO / "demo-output"))
    with tempfile.TemporaryDirectory(prefix="ffgo-demo-") as folder:
        base = make_base(Path(folder), standins)
        print("[ffgo] Starting ComfyUI", flush=True)
        with running_server(host, base) as server:
            out = str(REPO / "demo-output")
            if args.base:
                return host.run("-m", "lab.workshop.base_demo", server.url, out, args.base)
            return host.run("-m", "lab.workshop.demo", server.url, out)


def test(args: argparse.Namespace) -> int:
    """Run the tests of one room, or of all; what else follows goes to pytest, which takes it from there."""
    rooms, given = list(ROOMS), [*args.pytest]
    if given and given[0] in ROOMS:
        rooms = [given.pop(0)]
    if "--update-exports" in given:
        given.append("tests/web")  # it writes what a second lane would read
    if any(word.startswith("tests") and (REPO / word.partition("::")[0]).exists() for word in given):
        rooms = []  # the paths say what to run
    host = ensure_host(tools=True)
    if rooms not in (["unit"], ["host"]):
        ensure_chromium(host)
    if rooms != ["unit"]:
        ensure_standins(host)
    given += ["-m", ""] if args.nightly else []
    os.environ["OMP_NUM_THREADS"] = "1"  # two lanes that take every core for each product only wait for each other
    lanes = lanes_of(rooms, given, nightly=args.nightly)
    if len(lanes) > 1:
        return Lanes(host, lanes, stop_early=not {"-x", "--exitfirst"}.isdisjoint(given)).run()
    return host.run("-m", "pytest", *next(iter(lanes.values()), given), pythonpath=[host.tools])


def check(_: argparse.Namespace) -> int:
    """Check format, lint and types; say all that is wrong before ending."""
    host = ensure_host(tools=True)
    steps = (
        ["-m", "ruff", "format", "--diff", "."],
        ["-m", "ruff", "check", "."],
        ["-m", "basedpyright", "--pythonpath", str(host.python)],
    )
    # The type checker finds the host's modules through the path.
    return max(host.run(*step, pythonpath=[host.tools, host.comfyui]) for step in steps)


def serve(args: argparse.Namespace) -> int:
    """Serve ComfyUI with the pack and small models, a workflow that runs on them opened, until interrupted."""
    host = ensure_host()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="ffgo-serve-") as folder:
        base = make_base(Path(folder), ensure_standins(host))
        if host.run("-m", "lab.workshop.toy_workflow", str(base)):
            raise SetupError("The workflow Toy world could not be made: the lines above say why.")
        with running_server(host, base, port=args.port) as server:
            print(
                f"[ffgo] {server.url}/{OPENS_TOY_WORLD}\n"
                "[ffgo] The workflow Toy world opens there: press Run, and it makes a clip in about half a minute.\n"
                "[ffgo] Beside it, in the side bar's Workflows: those that ship, for the models of a graphics card.\n"
                f"[ffgo] Models: toy_*, trained on the toy world; standin_*, untrained. Log: {server.log_file}\n"
                "[ffgo] Ctrl-C ends it.",
                flush=True,
            )
            try:
                return server.process.wait()
            except KeyboardInterrupt:
                return 0


def study(args: argparse.Namespace) -> int:
    """Build a user study of toy clips in study-output/, where it is not there yet, and serve it until interrupted."""
    kind = "pairwise" if args.pairs else "rank"
    process = ensure_host().start("-m", "lab.workshop.study", str(REPO / "study-output"), str(args.port), kind)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait()  # it had the same Ctrl-C, and says good-bye to the disk first


def bench(args: argparse.Namespace) -> int:
    """Run one benchmark, or all; ratios are measured side by side in one run."""
    host = ensure_host(tools=True)
    if args.name in (None, "editor"):
        ensure_chromium(host)
    ensure_standins(host)
    options = [args.name, "--json" if args.json else None, "--small" if args.small else None]
    return host.run("-m", "lab.benchmarks", *filter(None, options), pythonpath=[host.tools])


def screenshots(_: argparse.Namespace) -> int:
    """Take the pictures of the editor for the README, in both renderers and both themes."""
    host = ensure_host(tools=True)
    ensure_chromium(host)
    ensure_standins(host)
    return host.run("-m", "lab.workshop.screenshots", pythonpath=[host.tools])


def film(_: argparse.Namespace) -> int:
    """Make the moving picture of the README, docs/images/toy_world.webp, with the toy world's models."""
    return ensure_host().run("-m", "lab.workshop.film", str(REPO / "docs" / "images" / "toy_world.webp"))


def workflows(args: argparse.Namespace) -> int:
    """Write workflows/, workflows/api/ and subgraphs/ anew, with the real page; NAME: those whose names hold it."""
    host = ensure_host(tools=True)
    ensure_chromium(host)
    ensure_standins(host)
    return host.run("-m", "lab.workflows", *args.name, pythonpath=[host.tools])


def toy(args: argparse.Namespace) -> int:
    """Measure the method in the toy world, with its small trained models, and draw filmstrips into toy-output/."""
    flags = [f"--{name}" for name in ("json", "quick", "steps") if getattr(args, name)]
    flags += [word for name in args.set or () for word in ("--set", name)]
    tables = ("concept_table", "entity_table", "memory_table")
    table = next((f"lab.toyworld.{name}" for name in tables if getattr(args, name)), "lab.toyworld")
    return ensure_host().run("-m", table, str(REPO / "toy-output"), *flags)


def ensure_chromium(host: Host) -> None:
    """Find a Chromium for the tests of the page, or install one: the system's, else Playwright's own."""
    if os.environ.get("FFGO_CHROMIUM") or any(map(shutil.which, CHROMIUM_NAMES)):
        return
    print("[ffgo] Installing Chromium for the tests of the page", flush=True)
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False)
        if any(map(shutil.which, CHROMIUM_NAMES)):
            return
    if host.run("-m", "playwright", "install", "chromium", pythonpath=[host.tools]):
        raise SetupError("No Chromium was found. Install Chromium or Chrome, or set FFGO_CHROMIUM to its program.")


def command_line() -> argparse.ArgumentParser:
    """What this program can be told."""
    parser = argparse.ArgumentParser(
        prog="dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demonstration = commands.add_parser("demo", help=demo.__doc__)
    others = demonstration.add_mutually_exclusive_group()
    others.add_argument("--curate", action="store_true", help="begin with one photo, at a stand-in for Gemini")
    others.add_argument(
        "--factorized", action="store_true", help="draw the first frame, or the background, of a prompt"
    )
    bases = ("wan2.2-ti2v-5b", "hunyuan-1.5-i2v", "wan2.1-i2v")
    others.add_argument("--base", choices=bases, help="the workflow of another base, on untrained stand-ins")
    demonstration.set_defaults(run=demo)
    tests = commands.add_parser("test", help=test.__doc__, usage="dev.py test [unit|host|web] [--nightly] [PYTEST ...]")
    tests.add_argument("--nightly", action="store_true", help="the long forms too")
    tests.set_defaults(run=test)
    commands.add_parser("check", help=check.__doc__).set_defaults(run=check)
    server = commands.add_parser("serve", help=serve.__doc__)
    server.add_argument("--port", type=int, default=0, help="default: a free one")
    server.set_defaults(run=serve)
    studies = commands.add_parser("study", help=study.__doc__)
    studies.add_argument("--port", type=int, default=0, help="default: a free one")
    studies.add_argument("--pairs", action="store_true", help="two clips at once, in place of four")
    studies.set_defaults(run=study)
    benches = commands.add_parser("bench", help=bench.__doc__)
    benches.add_argument("name", nargs="?", help="default: all")
    benches.add_argument("--small", action="store_true", help="to see that it runs: seconds, and no useful numbers")
    benches.add_argument("--json", action="store_true", help="one JSON object a line")
    benches.set_defaults(run=bench)
    commands.add_parser("screenshots", help=screenshots.__doc__).set_defaults(run=screenshots)
    commands.add_parser("film", help=film.__doc__).set_defaults(run=film)
    writer = commands.add_parser("workflows", help=workflows.__doc__)
    writer.add_argument("name", nargs="*", help="default: all")
    writer.set_defaults(run=workflows)
    toys = commands.add_parser("toy", help=toy.__doc__)
    toys.add_argument("--json", action="store_true", help="one JSON object a line")
    toys.add_argument("--quick", action="store_true", help="a quarter of the clips: a first look in two minutes")
    which = toys.add_mutually_exclusive_group()
    which.add_argument("--steps", action="store_true", help="only FFGo beside an anchor, at 8, 15, 25 and 50 steps")
    which.add_argument("--set", action="append", metavar="NAME", help="only this test set; may be repeated")
    goes_on = "which are learned first; goes on"
    which.add_argument("--concept", dest="concept_table", action="store_true", help=f"concepts instead, {goes_on}")
    which.add_argument(
        "--entities", dest="entity_table", action="store_true", help=f"attention on entities, and others, {goes_on}"
    )
    which.add_argument("--memory", dest="memory_table", action="store_true", help=f"memories of many, {goes_on}")
    toys.set_defaults(run=toy)
    return parser


def main() -> int:
    parser = command_line()
    # What follows `test` and is not ours goes to pytest: dev.py test unit -k trim
    args, args_pytest = parser.parse_known_args()
    if args_pytest and args.command != "test":
        parser.error(f"unknown arguments: {' '.join(args_pytest)}")
    args.pytest = args_pytest
    try:
        return args.run(args)
    except SetupError as error:
        print(f"[ffgo] {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
