"""Nodes of the curation wing."""
