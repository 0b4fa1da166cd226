"""Runs inside the host's Python, started by probe.py: the pack's own metrics beside the toy world's exact ones."""

from lab.toyworld.evaluate import compare
from lab.toyworld.family import Family


def find(examples: int) -> dict[str, float]:
    """Exact metric -> Spearman's correlation of the order in which it and ours put the rows."""
    return compare(Family.load(), examples)["spearman"]
