"""Nodes of the prompt wing."""
