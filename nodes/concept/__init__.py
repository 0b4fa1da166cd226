"""Nodes of the concept wing."""
