"""Who is in the frame, who is kept, and who is still there."""
