"""Gemini as a vendor: questions over the wire, answers that are never paid twice, and what they cost."""
