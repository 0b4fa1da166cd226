"""Each benchmark runs, in its small form, and prints the rows that its long form prints."""

import json
import os
import subprocess
import sys
from math import isfinite
from pathlib import Path

import pytest

from lab.workshop.comfyui import REPO

KINDS = ("clean", "noise6", "jpeg85", "off245", "shadow", "real")
ROWS = {
    "card": {"card_sample", "card_memory", "card_lora_load", "card_bypass_over_merge"},
    "cast": {"cast_list_cold", "cast_list_warm"},
    "compose": {"compose_published", "compose_script", "compose_packed", "compose"},
    "editor": {f"editor_{what}_{page}" for what in ("drag", "200_drags") for page in ("canvas", "elements")},
    "filters": {
        f"filters_{name}"
        for name in (
            *("gaussian", "box", "dilation", "erosion", "opening", "distance", "label"),
            *("registration_blur", "enlarge"),
        )
    },
    "host_start": {"host_start", "host_start_cpu"},
    "lora_load": {"lora_load", "lora_load_memory"},
    "matte": {f"matte_{kind}{mask}" for kind in KINDS for mask in ("", "_masked")}
    | {f"load_subject_{ground}" for ground in (*KINDS, "grey", "green", "blue", "dark")}
    | {"matte_seconds"},
    "memory": {"memory_2", "memory_3", "memory_2_halves", "memory_of_16"},
    "sam2_masks": {"sam2_masks"},
    "study": {"study_page_p95", "study_set_p95", "study_answer_p95"},
    "training": {
        *("loop_over_bare", "loop_over_bare_checkpointed", "two_processes_over_one", "cached_over_uncached"),
        *(f"host_node_over_loop_b{batch}{dtype}" for batch in (1, 2) for dtype in ("", "_bf16")),
        *("memory_200_over_20", "checkpointed_activations"),
    },
}
OF_THEIR_OWN = {"persistence", "embedders"}
"""Commands that count what is right and time nothing."""
NUMBERS = "ratio", "ours", "other", "ratio_cpu", "ours_cpu", "other_cpu"


def test_every_benchmark_is_among_these():
    files = {path.stem for path in (REPO / "lab" / "benchmarks").glob("*.py")}
    workers = {name for name in files if name.endswith("_worker")}
    assert files - workers - {"__init__", "__main__", "measure"} - OF_THEIR_OWN == ROWS.keys()


@pytest.mark.nightly
@pytest.mark.parametrize("name", ROWS)
def test_prints_its_rows(name):
    if name == "matte" and not (Path(os.environ.get("FFGO_SHARED", REPO.parent / "shared")) / "data").is_dir():
        pytest.skip("The official samples are not here.")
    if name == "sam2_masks":
        pytest.importorskip("sam2")
    command = [sys.executable, "-m", "lab.benchmarks", name, "--small", "--json"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["name"] for row in rows} == ROWS[name]
    assert all(isfinite(row[number]) and row[number] >= 0 for row in rows for number in NUMBERS)
