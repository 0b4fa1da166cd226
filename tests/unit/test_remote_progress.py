"""What the headless client shows of a running job."""

import io
import struct
import sys

from ffgo.remote.progress import Progress

WORKFLOW = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "b.png"}, "_meta": {"title": "Background"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}, "_meta": {"title": "Save first frame"}},
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def state(value, maximum, name):
    return {"value": value, "max": maximum, "state": name}


def test_running_nodes_have_bars_with_their_titles(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    progress = Progress(WORKFLOW)
    for nodes in (
        {"1": state(0, 1, "running")},
        {"1": state(1, 1, "finished"), "1.0": state(3, 10, "running") | {"display_node_id": "2"}},
        {"1": state(1, 1, "finished"), "1.0": state(10, 10, "finished") | {"display_node_id": "2"}},
    ):
        progress.show({"type": "progress_state", "data": {"nodes": nodes}})
    progress.close()
    shown = terminal.getvalue()
    assert "Background:   0%" in shown
    assert "Save first frame:" in shown
    assert shown.rstrip("\n").rpartition("\r")[2].startswith("Save first frame: 100%")
    assert shown.count("\n") == 1  # the bar of a node without steps does not stay


def test_hosts_without_progress_states_have_bars_too(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    progress = Progress(WORKFLOW)
    progress.show({"type": "executing", "data": {"node": "1"}})
    progress.show({"type": "executing", "data": {"node": "2"}})
    progress.show({"type": "progress", "data": {"node": "2", "value": 4, "max": 4}})
    progress.show({"type": "executing", "data": {"node": None}})
    assert "Background:" in terminal.getvalue()
    assert "Save first frame: 100%" in terminal.getvalue()


def test_what_a_node_says_is_printed_once_with_its_title(capsys):
    progress = Progress(WORKFLOW)
    for kind, node, text in ((3, b"2", "⚠ five"), (3, b"2", "⚠ five"), (1, b"2", "jpeg"), (3, b"99", "of another job")):
        progress.show(struct.pack(">II", kind, len(node)) + node + text.encode())
    assert capsys.readouterr().err == "Save first frame (SaveImage): ⚠ five\n"
