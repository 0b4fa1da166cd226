"""A client for a running ComfyUI: upload, fill in, queue, watch, fetch."""
