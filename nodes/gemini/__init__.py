"""Nodes of the gemini wing."""
