"""All that the core needs of ComfyUI without its server: boot it, load models, make an expert trainable.

The one room of the core that knows the host (docs/architecture.md, law 1).
"""
