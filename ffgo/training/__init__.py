"""Training a LoRA for one expert: recipe, adapters, step, loop, checkpoints."""
