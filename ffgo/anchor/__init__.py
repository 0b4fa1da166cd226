"""A video in two: the picture of its first frame, and what moves after it (factorized, or anchored, generation)."""
