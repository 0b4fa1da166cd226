"""The shipped workflows, described in Python; the real page writes them."""
