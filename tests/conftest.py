"""What every test room shares."""

import os
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the run cost, where other work on the machine makes its seconds say little."""
    terminalreporter.write_line(f"{sum(os.times()[:4]):.0f} CPU seconds, with those of all that was started")


@pytest.fixture(scope="session")
def official() -> Path:
    """The official FFGo materials, composites and training clips; tests that need them skip where they are absent."""
    shared = Path(os.environ.get("FFGO_SHARED", REPO.parent / "shared"))
    data = shared / "data" / "ffgo-official"
    if not data.is_dir():
        pytest.skip(f"the official FFGo sample files are not in {data}; set FFGO_SHARED to the folder that holds data/")
    return data
