"""The two Wan2.2 experts: when they hand over, and which LoRA belongs to which."""
