"""Host calls that more than one node needs."""

import logging

from comfy_api.latest import io
from server import PromptServer

logger = logging.getLogger("ffgo")


def show_warnings(node: type[io.ComfyNode], warnings: list[str]) -> None:
    """Log each warning and show them as text on the running node.

    The node's schema must ask for `io.Hidden.unique_id`, else there is no node to show them on.
    """
    name = node.SCHEMA.display_name if node.SCHEMA else node.__name__
    for warning in warnings:
        logger.warning("%s: %s", name, warning)
    if warnings:
        PromptServer.instance.send_progress_text("\n".join(f"⚠ {w}" for w in warnings), node.hidden.unique_id)
