"""Nodes of the experts wing."""
