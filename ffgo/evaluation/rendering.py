"""A clip made by a ComfyUI, through the headless client."""

from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import FFGOError
from ..pixels import to_uint8
from ..remote import UsageError, run
from ..remote.client import connect
from ..remote.outputs import CLIPS
from .first_frame import first_frame
from .plan import ClipJob
from .run import Render, Rendered, StoppedError

CLIP_NODE = "Save video"
"""Title of the node whose clip counts, where several save one."""


async def maker_at(server: str, timeout_s: float) -> Render:
    """Makes clips on the ComfyUI at `server`. Raises: FFGOError where none answers there."""
    async with connect(server) as host:
        versions = {"comfyui": host.version}

    async def render(job: ClipJob, folder: Path) -> Rendered:
        assert job.workflow
        try:
            result = await run(
                server,
                job.workflow,
                folder / "fetched",
                **_pictures(job, folder),
                prompt=job.case.prompt,
                seed=job.place.seed,
                settings=job.method.settings,
                timeout_s=timeout_s,
            )
        except UsageError:
            raise
        except FFGOError as error:
            await _still_there(server, error)
            raise
        return Rendered(the_clip(result.files), result.texts, versions, result.workflow)

    return render


def _pictures(job: ClipJob, folder: Path) -> dict[str, Any]:
    """What the workflow is given, by the method's kind of first frame."""
    if job.method.first_frame == "composed":
        return {"background": job.case.background, "subjects": [subject.file for subject in job.case.subjects]}
    if job.method.first_frame == "background":
        return {"background": job.case.background}
    path = folder / "own.png"
    Image.fromarray(to_uint8(first_frame(job.cases, job.case)[0, ..., :3])).save(path)
    return {"background": path}


async def _still_there(server: str, why: FFGOError) -> None:
    """Raises: StoppedError where the server is gone: the jobs that are left would only fail one after the other."""
    try:
        async with connect(server):
            return
    except FFGOError as gone:
        raise StoppedError(
            f"{why} What is done is there; start the server, then run the same command again, and it goes on."
        ) from gone


def the_clip(files: dict[str, list[Path]]) -> Path:
    """The one clip among a job's files. Raises: FFGOError where there is none, or several could be meant."""
    clips = {title: [path for path in paths if path.suffix.lower() in CLIPS] for title, paths in files.items()}
    clips = {title: paths for title, paths in clips.items() if paths}
    named = {title: paths for title, paths in clips.items() if title.casefold() == CLIP_NODE.casefold()} or clips
    found = list(dict.fromkeys(path for paths in named.values() for path in paths))
    if len(found) == 1:
        return found[0]
    if not found:
        raise FFGOError(
            "The workflow saves no clip. Give it a Save Video; its format must be one that is read here, best mp4."
        )
    titles = ", ".join(f'"{title}" ({len(paths)})' for title, paths in named.items())
    raise FFGOError(f'The workflow saves {len(found)} clips: {titles}. Title the one that counts "{CLIP_NODE}".')
