"""The core of ComfyUI-FFGo: everything around the model, with no knowledge of the host."""
