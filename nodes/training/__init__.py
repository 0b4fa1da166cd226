"""Nodes of the training wing."""
