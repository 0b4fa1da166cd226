"""Host calls that more than one node needs."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import comfy.model_management
import folder_paths
from comfy.utils import ProgressBar
from comfy_api.latest import io
from server import PromptServer

from ..ffgo.errors import printable

logger = logging.getLogger("ffgo")


def show_on_node(node: type[io.ComfyNode], lines: Sequence[str], warnings: Sequence[str] = ()) -> None:
    """Show text on the running node, warnings first, and log the warnings.

    The node's schema must ask for `io.Hidden.unique_id`, else there is no node to show it on.
    """
    name = node.SCHEMA.display_name if node.SCHEMA else node.__name__
    for warning in warnings:
        logger.warning("%s: %s", name, printable(warning))
    if lines or warnings:
        # One renderer of the page shows Markdown, where a new line needs an empty one before it.
        text = "\n\n".join([*(f"⚠ {warning}" for warning in warnings), *lines])
        # Names of files may hold what no websocket can send.
        PromptServer.instance.send_progress_text(printable(text), node.hidden.unique_id)


def loras_output_folder() -> Path:
    """Where trained LoRAs go: the host lists what lies there among its LoRAs."""
    return Path(folder_paths.get_output_directory()) / "loras"


def step_by_step(total: int) -> Callable[[int], None]:
    """What work in `total` steps calls with the number of steps done: it moves the bar, and stops at a cancel."""
    bar = ProgressBar(total)

    def step(done: int) -> None:
        bar.update_absolute(done)
        comfy.model_management.throw_exception_if_processing_interrupted()

    return step
