"""The host's own progress on the terminal: a bar for each running node, and its messages as lines above."""

import struct
import sys
from typing import Any

from tqdm import tqdm

from ..errors import printable
from ..plain import is_number, part
from .explain import LONGEST, node_name
from .workflow import Workflow, title_of

TEXT_EVENT = 3
"""The host's number for a text that a node shows while it runs."""

MOST_BARS, MOST_TEXTS, MOST_STEPS, LONGEST_TITLE = 50, 500, 10**9, 100


class Progress:
    """Shows one job on stderr; takes the host's messages as they come."""

    def __init__(self, workflow: Workflow):
        self._workflow = workflow
        self._bars: dict[str, tqdm] = {}
        self._texts: set[tuple[str, str]] = set()
        self._jobs_before = 0
        self._reports_states = False

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        tqdm.write(printable(text), file=sys.stderr)

    def queued(self) -> None:
        """The server has the job."""

    def waiting(self, jobs_before: int) -> None:
        """The job waits in the queue behind `jobs_before` others."""
        if jobs_before != self._jobs_before:
            self.say(f"Waiting in the server's queue, {jobs_before} before this one.")
        self._jobs_before = jobs_before

    def show(self, message: dict[str, Any] | bytes) -> None:
        """Take one message of the host."""
        if isinstance(message, bytes):
            self._show_text(message)
            return
        data = part(message, "data", of=dict)
        match message.get("type"):
            case "progress_state":
                self._reports_states = True
                for node_id, state in part(data, "nodes", of=dict).items():
                    shown_id = part(state, "display_node_id", of=str) or node_id
                    self._step(node_id, part(state, of=dict), part(state, "state", of=str), shown_id)
            # Hosts before progress_state: these two, and one node at a time.
            case "progress" if not self._reports_states and (node_id := part(data, "node", of=str)):
                self._step(node_id, data, "running", node_id)
            case "executing" if not self._reports_states:
                node_id = part(data, "node", of=str)
                self._close_all_but(node_id)
                if node_id:
                    self._step(node_id, {"value": 0, "max": 1}, "running", node_id)

    def refresh(self) -> None:
        """Let the clocks of the bars go on while the host says nothing."""
        for bar in self._bars.values():
            bar.refresh()

    def close(self) -> None:
        self._close_all_but(None)

    def _step(self, node_id: str, step: dict[str, Any], state: str, shown_id: str) -> None:
        """Move a node's bar. step: `value` and `max`; shown_id: the node of the workflow that it stands for."""
        if state == "running" and node_id not in self._bars and len(self._bars) < MOST_BARS:
            self._bars[node_id] = self._new_bar(shown_id)
        if bar := self._bars.get(node_id):
            value, total = step.get("value"), step.get("max")
            if is_number(value) and is_number(total) and 0 <= value <= total <= MOST_STEPS:
                bar.total = total
                bar.update(value - bar.n)
            if state != "running":
                self._close(node_id)

    def _new_bar(self, node_id: str) -> tqdm:
        title = printable(title_of(self._workflow, node_id)[:LONGEST_TITLE]).replace("\n", " ")
        # A log file cannot redraw a bar: there it comes late and seldom.
        interval_s, delay_s = (0.1, 0.0) if sys.stderr.isatty() else (10.0, 10.0)
        return tqdm(desc=title, total=1, mininterval=interval_s, delay=delay_s, file=sys.stderr)

    def _close_all_but(self, node_id: str | None) -> None:
        for other in [i for i in self._bars if i != node_id]:
            self._close(other)

    def _close(self, node_id: str) -> None:
        bar = self._bars.pop(node_id)
        bar.leave = bar.total > 1  # loaders and the like are over at once: their bars would only fill the screen
        bar.close()

    def _show_text(self, message: bytes) -> None:
        kind, id_length = struct.unpack_from(">II", message.ljust(8, b"\0"))
        if kind != TEXT_EVENT or len(self._texts) >= MOST_TEXTS:
            return
        node_id = message[8 : 8 + id_length].decode("utf-8", "replace")
        text = message[8 + id_length :].decode("utf-8", "replace")[:LONGEST]
        if node_id in self._workflow and (node_id, text) not in self._texts:
            self._texts.add((node_id, text))
            self.say(f"{node_name(self._workflow, node_id)}: {text}")


class Silent(Progress):
    """Shows nothing."""

    def say(self, text: str) -> None:
        """Nobody is there to read it."""

    def refresh(self) -> None:
        """There are no bars."""

    def close(self) -> None:
        """There are no bars."""

    def show(self, message: dict[str, Any] | bytes) -> None:
        """Nobody is there to see it."""
