"""The examples in docstrings say what happens."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
SHOWN = sorted(path for path in (REPO / "ffgo").rglob("*.py") if ">>> " in path.read_text())
MATHS = {
    "bases/base.py",
    "bases/condition.py",
    "frame/geometry.py",
    "frame/packing.py",
    "evaluation/stats.py",
    "experts/schedule.py",
    "words/phrase.py",
    "pixels.py",
    "training/recipe.py",
}
"""Rooms that are learned by example."""


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.relative_to(REPO).as_posix())
def test_examples_give_what_they_say(path):
    module = import_module(".".join(path.relative_to(REPO).with_suffix("").parts))
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert not outcome.failed


def test_public_maths_has_examples():
    assert {path.relative_to(REPO / "ffgo").as_posix() for path in SHOWN} >= MATHS
