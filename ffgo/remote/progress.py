"""The host's own progress on the terminal: a bar for each running node, and its messages as lines above."""

import struct
import sys
from typing import Any

from tqdm import tqdm

from .explain import node_name
from .workflow import Workflow, title_of

TEXT_EVENT = 3
"""The host's number for a text that a node shows while it runs."""


class Progress:
    """Shows one job on stderr; takes the host's messages as they come."""

    def __init__(self, workflow: Workflow):
        self._workflow = workflow
        self._bars: dict[str, tqdm] = {}
        self._titles: dict[str, str] = {}  # of the nodes that the host reports; a node may expand into others
        self._texts: set[tuple[str, str]] = set()
        self._jobs_before = 0
        self._reports_states = False

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        tqdm.write(text, file=sys.stderr)

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
        data = message.get("data") or {}
        match message.get("type"):
            case "progress_state":
                self._reports_states = True
                for node_id, state in data["nodes"].items():
                    self._titles[node_id] = title_of(self._workflow, state.get("display_node_id", node_id))
                    self._step(node_id, state["value"], state["max"], state["state"])
            # Hosts before progress_state: these two, and one node at a time.
            case "progress" if data.get("node") and not self._reports_states:
                self._step(data["node"], data["value"], data["max"], "running")
            case "executing" if not self._reports_states:
                self._close_all_but(data["node"])
                if data["node"]:
                    self._step(data["node"], 0, 1, "running")

    def refresh(self) -> None:
        """Let the clocks of the bars go on while the host says nothing."""
        for bar in self._bars.values():
            bar.refresh()

    def close(self) -> None:
        self._close_all_but(None)

    def _step(self, node_id: str, value: float, total: float, state: str) -> None:
        if state == "running" and node_id not in self._bars:
            self._bars[node_id] = self._new_bar(node_id)
        if bar := self._bars.get(node_id):
            bar.total = total
            bar.update(value - bar.n)
            if state != "running":
                self._close(node_id)

    def _new_bar(self, node_id: str) -> tqdm:
        title = self._titles.get(node_id) or title_of(self._workflow, node_id)
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
        kind, id_length = struct.unpack_from(">II", message)
        if kind != TEXT_EVENT:
            return
        node_id = message[8 : 8 + id_length].decode("utf-8", "replace")
        text = message[8 + id_length :].decode("utf-8", "replace")
        if node_id in self._workflow and (node_id, text) not in self._texts:
            self._texts.add((node_id, text))
            self.say(f"{node_name(self._workflow, node_id)}: {text}")
