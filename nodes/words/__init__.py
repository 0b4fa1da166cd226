"""Nodes of the words wing."""
