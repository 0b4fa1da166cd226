"""A user study: people compare clips of several methods, without knowing which is which, and no vote is lost."""
