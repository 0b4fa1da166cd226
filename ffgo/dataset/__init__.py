"""Training examples: what they are made of, how they are read, encoded and handed on."""
