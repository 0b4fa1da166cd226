"""What every test room shares."""

import os
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def official() -> Path:
    """The official FFGo materials, composites and training clips; tests that need them skip where they are absent."""
    shared = Path(os.environ.get("FFGO_SHARED", REPO.parent / "shared"))
    data = shared / "data" / "ffgo-official"
    if not data.is_dir():
        pytest.skip(f"the official FFGo sample files are not in {data}; set FFGO_SHARED to the folder that holds data/")
    return data
