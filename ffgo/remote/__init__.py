"""A client for a running ComfyUI: upload, fill in, queue, watch, fetch.

    from ffgo.remote import load_workflow, run_workflow

    result = run_workflow(
        "http://127.0.0.1:8188", load_workflow(path), out, background=picture, subjects=[one, two], prompt="..."
    )
    result.files["Save video"]  # local paths, by the title of the node that made them

`run` is the same for asyncio; `python -m ffgo.remote run` the same for the command line.
"""

from .factorized import factorized_settings
from .headless import Result, run, run_workflow
from .workflow import UsageError, Workflow, load_workflow

__all__ = ["Result", "UsageError", "Workflow", "factorized_settings", "load_workflow", "run", "run_workflow"]
