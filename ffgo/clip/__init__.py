"""The generated clip: cutting off its compressed beginning."""
