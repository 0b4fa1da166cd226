"""What a base model is to this pack."""

from typing import Literal

Expert = Literal["high", "low"]
EXPERTS: tuple[Expert, Expert] = ("high", "low")
EXPERT_KEY = "ffgo.expert"

COMPOSED_FRAMES = 4
"""Frames that show the composed frame: the first latent frame, and what of it the video VAE mixes into the second.
Source: the FFGo paper drops them, arXiv 2511.15700."""
