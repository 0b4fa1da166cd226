"""Pytest in several lanes at once: a process each, one output, one verdict. Standard library only."""

import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import NoReturn

from .comfyui import REPO, Host

METHOD = "tests/host/test_toy_method.py"
"""Trains, and takes as long as a third of the other tests of the host."""
UNIT = [path.relative_to(REPO).as_posix() for path in sorted((REPO / "tests" / "unit").glob("test_*.py"))]

# A room in lanes that share nothing: own process, ports, base folder and scratch folder. The longest come first.
ROOMS = {
    "host": {"host": ["tests/host", f"--ignore={METHOD}"], "method": [METHOD]},
    "web": {
        **{name: ["tests/web", f"--renderer={name}"] for name in ("canvas", "elements")},
        "newest page": ["tests/web", "--page=newest", "-m", "every_page and not nightly"],
    },
    # Dealt there and back, which makes the halves about equally long.
    "unit": {f"unit {half + 1}": UNIT[half::4] + UNIT[3 - half :: 4] for half in (0, 1)},
}
NIGHTLY = {"web": {"page 1.49": ["tests/web", "--page=1.49"]}}
"""Lanes that a room has besides in its long form."""
AT_ONCE = 3
"""One more than the smallest machine has cores: the lanes of the page wait most of their time."""
NOTHING_COLLECTED = 5
PATIENCE_S = 60
AGAIN = 80
"""Last lines of what a lane says of its failures that stand once more above the verdict: logs are often cut."""
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error|xfailed|xpassed)")
_FAILURES = re.compile(r"=+ (FAILURES|ERRORS) =+")
_SUMMARY = re.compile(rf"{_COUNT.pattern}.* in \d+\.\d+s|no tests ran|\d+ deselected")


@dataclass
class Lanes:
    """Runs lanes, AT_ONCE at a time in the order given, and prints each line that they print under their name.

    arguments: by name, what pytest is told; stop_early: the first lane that fails ends the others.
    """

    host: Host
    arguments: dict[str, list[str]]
    stop_early: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: set[subprocess.Popen[str]] = field(default_factory=set)
    _summaries: dict[str, str] = field(default_factory=dict)
    _failures: dict[str, deque[str]] = field(default_factory=dict)
    _ended: bool = False

    def run(self) -> int:
        """Run all; returns pytest's exit status, of the worst lane. Ctrl-C and SIGTERM end every lane."""
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored, here and in the lanes
        started = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = [pool.submit(self._run_lane, name) for name in self.arguments]
            try:
                while wait(futures, timeout=1).not_done:  # a wait without end cannot be interrupted on Windows
                    pass
            except KeyboardInterrupt:
                self._end()
                raise
        statuses = [future.result() for future in futures]
        self._print_verdict(time.monotonic() - started)
        found = [status for status in statuses if status != NOTHING_COLLECTED]
        return max(found, key=abs) if found else NOTHING_COLLECTED

    def _run_lane(self, name: str) -> int:
        with self._lock:
            if self._ended:
                return NOTHING_COLLECTED
            process = self.host.start(
                *("-m", "pytest", *self.arguments[name]),
                pythonpath=[self.host.tools],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # A group of its own: Ctrl-C in the terminal reaches only this process, which ends each lane once.
                start_new_session=True,
            )
            self._running.add(process)
        assert process.stdout
        for line in process.stdout:
            self._print(name, line.rstrip())
        status = process.wait()
        self._running.discard(process)
        self._summaries.setdefault(name, f"ended with exit status {status}")
        if status not in (0, NOTHING_COLLECTED) and self.stop_early:
            self._end()
        return status

    def _print(self, name: str, line: str) -> None:
        with self._lock:
            if _SUMMARY.search(line):
                self._summaries[name] = line.strip("= ")
            if _FAILURES.fullmatch(line):
                self._failures.setdefault(name, deque(maxlen=AGAIN))
            if name in self._failures:
                self._failures[name].append(line)
            print(f"{name:{max(map(len, self.arguments))}} | {line}", flush=True)

    def _end(self) -> None:
        """Interrupt the lanes, so that they stop their servers; kill what does not end, with all that it started."""
        with self._lock:
            self._ended = True
            running = list(self._running)
        for process in running:
            process.terminate() if os.name == "nt" else process.send_signal(signal.SIGINT)
        for process in running:
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill() if os.name == "nt" else os.killpg(process.pid, signal.SIGKILL)

    def _print_verdict(self, seconds: float) -> None:
        for name, lines in self._failures.items():
            print(f"\n[ffgo] {name}, once more:", *lines, sep="\n", flush=True)
        print(flush=True)
        counts: Counter[str] = Counter()
        for name in self.arguments:
            summary = self._summaries.get(name, "did not start")
            print(f"[ffgo] {name}: {summary}", flush=True)
            counts.update({what: int(count) for count, what in _COUNT.findall(summary)})
        wanted = ("passed", "failed", "skipped", *sorted(counts.keys() - {"passed", "failed", "skipped"}))
        print(f"[ffgo] {', '.join(f'{counts[w]} {w}' for w in wanted)} in {seconds:.0f} s", flush=True)


def lanes_of(rooms: Sequence[str], pytest_args: Sequence[str], *, nightly: bool = False) -> dict[str, list[str]]:
    """The lanes of the rooms, and what pytest is told in each."""
    lanes = {
        name: args
        for room in rooms
        for name, args in (ROOMS[room] | (NIGHTLY.get(room, {}) if nightly else {})).items()
    }
    return {
        name: [*args, "-o", f"cache_dir=.pytest_cache/{name.replace(' ', '_')}", *pytest_args]
        for name, args in lanes.items()
    }


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
