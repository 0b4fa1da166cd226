"""LoRA files: read them, tell which expert and base they are for, match their keys, write them."""
