"""Who is in the frame, who is kept for later, and who is still there after sampling."""
