"""Nodes of the clip wing."""
