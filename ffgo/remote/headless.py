"""Run a workflow on a ComfyUI somewhere: everything between the local files and the local results."""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import printable
from ..plain import read_limited
from .client import UPLOAD_FOLDER, LocalPicture, connect
from .explain import LONGEST
from .fill import fill
from .job import LONGEST_S, RemoteJob
from .kinds import UnwritableError
from .outputs import MOST_OF_A_PICTURE, Outputs, fetch, texts_of
from .progress import MOST_TEXTS, Progress
from .workflow import UsageError, Workflow, check_workflow, title_of

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Pillow's names of what is uploaded: none of them is handed to another program to be read."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a job left."""

    prompt_id: str
    workflow: Workflow
    """The workflow as it was queued."""
    outputs: Outputs
    """Node id -> what the node shows, as the server's history has it."""
    files: dict[str, list[Path]]
    """Title of the node that made them -> the fetched local files, in the order of the batch."""
    texts: dict[str, list[str]]
    """Title of the node -> the texts that it shows."""


async def run(
    server: str,
    workflow: Workflow,
    out: Path,
    *,
    background: Path | None = None,
    first_frame: Path | None = None,
    subjects: Sequence[Path] = (),
    prompt: str | None = None,
    negative: str | None = None,
    seed: int | None = None,
    settings: Sequence[str] = (),
    previews: bool = False,
    reconnect_s: float = 15.0,
    timeout_s: float = LONGEST_S,
    job_id: str = "",
    may_be_there: bool = False,
    show: Callable[[Workflow], Progress] = Progress,
) -> Result:
    """Fill in `workflow` (API format), run it on the ComfyUI at `server`, and fetch its files into the folder `out`.

    server: "host:port" or an http(s) URL. background, first_frame, subjects: local image files, uploaded into the
    server's input/ffgo; the canvas gets as many subjects as there are files. settings: "Node.input=value". previews:
    fetch what nodes only show, too. reconnect_s: how long a server that was lost in the middle may stay away.
    timeout_s: how long the job may take, from when it is queued; then it is taken off the server. job_id: the id to
    queue it under. may_be_there: the server may have a job of this id already; that one is waited for then. show: makes
    what shows the progress, which goes to stderr. Cancelling takes the job off the server.
    Raises: UsageError if the request does not fit (nothing is queued then), the errors of `kinds` and other FFGOErrors
    for all that goes wrong on the server or on the way to it; in all cases no file is left in `out`.
    """
    check_workflow(workflow)
    alone = {"background": background, "first_frame": first_frame}
    roles = [role for role, path in alone.items() if path]
    pictures = [read_picture(path) for path in [*filter(None, alone.values()), *subjects]]

    def placed(names: Sequence[str]) -> dict[str, Any]:
        return {**dict(zip(roles, names, strict=False)), "subjects": names[len(roles) :]}

    async with connect(server) as host:
        specs = await host.specs(node["class_type"] for node in workflow.values()) if settings else {}
        filled = partial(fill, workflow, prompt=prompt, negative=negative, seed=seed, settings=settings, specs=specs)
        filled(**placed([f"{UPLOAD_FOLDER}/{picture.name}" for picture in pictures]))  # complain before any is sent
        ready = filled(**placed([await host.upload(picture) for picture in pictures]))

        make_folder(out)  # now, and not after an hour of sampling
        progress = show(ready)
        job = RemoteJob(host, ready, progress, job_id, may_be_there=may_be_there)
        try:
            entry = await job.run(reconnect_s, timeout_s)
        finally:
            progress.close()
        outputs: Outputs = entry["outputs"]
        files = await fetch(host, ready, outputs, out, previews=previews)
    texts: dict[str, list[str]] = {}
    for node_id, text in islice(texts_of(outputs), MOST_TEXTS):
        texts.setdefault(title_of(ready, node_id), []).append(printable(text[:LONGEST]))
    return Result(job.prompt_id, ready, outputs, files, texts)


def run_workflow(server: str, workflow: Workflow, out: Path, **options: Any) -> Result:
    """`run` for code without asyncio; takes the same options. Ctrl-C takes the job off the server."""
    return asyncio.run(run(server, workflow, out, **options))


def make_folder(out: Path) -> None:
    """Make the folder for the results. Raises: UnwritableError if nothing can be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(dir=out).cleanup()
    except (OSError, ValueError) as error:  # ValueError: a path that can be none
        why = getattr(error, "strerror", None) or error
        raise UnwritableError(f"The results cannot be written to {out}: {why}. Choose another --out.") from error


def read_picture(path: Path) -> LocalPicture:
    """Read a local image file. Raises: UsageError if it is missing or does not decode to its last pixel."""
    from PIL import Image  # here, so that the command starts quickly and without it

    try:
        content = read_limited(path, MOST_OF_A_PICTURE)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"The image {path} cannot be read: {why}.") from error
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            image.load()
            kind = (image.format or "").lower()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(
            f"{path} is not an image that can be read ({error}). Use a whole PNG, JPEG or WebP."
        ) from error
    return LocalPicture(f"{hashlib.sha256(content).hexdigest()[:32]}.{kind}", content)
