"""Base models as values: every number that depends on which video model is used stands here."""
