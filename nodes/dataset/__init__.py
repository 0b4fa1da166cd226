"""Nodes of the dataset wing."""
