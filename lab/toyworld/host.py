"""ComfyUI's modules in this process, for making the toy models and for measuring them."""

import os

from ffgo.host.loading import boot, find_comfyui


def boot_host() -> None:
    """Boot the host on the CPU. COMFYUI_PATH names its folder."""
    boot(find_comfyui(os.environ.get("COMFYUI_PATH")), "--cpu")
