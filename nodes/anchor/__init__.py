"""Nodes of the anchor wing."""
