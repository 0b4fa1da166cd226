"""The two experts of a base: when they hand over, and which noise each is trained on."""
