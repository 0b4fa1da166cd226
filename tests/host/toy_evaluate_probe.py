"""Runs inside the host's Python, started by probe.py: the pack's own metrics beside the toy world's exact ones."""

from lab.toyworld.evaluate import compare
from lab.toyworld.family import Family


def find(examples: int) -> dict[str, dict[str, float]]:
    """Spearman's correlation of the orders in which the exact metrics and ours put the rows, and the most it can be."""
    found = compare(Family.load(), examples)
    return {name: found[name] for name in ("spearman", "most")}
