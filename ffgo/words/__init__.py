"""Words for a video: the transition phrase, captions and prompts."""
