"""Nodes of the frame wing."""
