"""The pictures and clips that the shipped workflows open with: five are files, the rest is drawn from them."""

from pathlib import Path

MATERIALS = Path(__file__).parents[2] / "lab" / "materials"
"""The files; they ship with the pack."""
