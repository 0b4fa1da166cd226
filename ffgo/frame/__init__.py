"""Where the subjects and the background go in the first frame, and the pixels of it."""
