"""ComfyUI-FFGo: the door through which ComfyUI loads the pack."""

import logging

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """Hand the host our extension; imported here so that nothing is loaded before it is asked for."""
    try:
        from .nodes import FFGOExtension
    except Exception:
        # The host would log str(error) alone, without the traceback.
        logging.getLogger("ffgo").exception("FFGo: the nodes failed to import")
        raise
    return FFGOExtension()
