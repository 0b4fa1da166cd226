"""Cut-outs: a subject on white, or in a photo, becomes an RGBA picture with soft edges."""
