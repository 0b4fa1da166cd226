"""A toy world: small clips whose every sprite, scene and motion is known, and a small Wan family trained on them.

Not shipped. It shows the whole method on a CPU and measures it exactly; see docs/toy-world.md.
"""
