"""Nodes of the cutout wing."""
