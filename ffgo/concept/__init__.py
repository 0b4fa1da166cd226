"""A concept from one clip: what a user gives of it, and the examples that are made of that."""
