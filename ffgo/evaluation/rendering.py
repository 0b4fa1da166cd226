"""What a ComfyUI is asked for a clip, and which of the files that it makes is the clip."""

from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import FFGOError
from ..pixels import to_uint8
from ..remote.outputs import CLIPS
from ..remote.request import JobRequest
from .first_frame import first_frame
from .plan import ClipJob

CLIP_NODE = "Save video"
"""Title of the node whose clip counts, where several save one."""


def request_of(job: ClipJob, folder: Path, timeout_s: float) -> JobRequest:
    """What is asked of a server for a clip; pictures that are made for it go into `folder`."""
    assert job.workflow
    return JobRequest(
        job.workflow,
        **_pictures(job, folder),
        prompt=job.case.prompt,
        seed=job.place.seed,
        settings=job.method.settings,
        timeout_s=timeout_s,
    )


def _pictures(job: ClipJob, folder: Path) -> dict[str, Any]:
    """What the workflow is given, by the method's kind of first frame."""
    if job.method.first_frame == "composed":
        return {"background": job.case.background, "subjects": tuple(subject.file for subject in job.case.subjects)}
    if job.method.first_frame == "background":
        return {"background": job.case.background}
    path = folder / "own.png"
    Image.fromarray(to_uint8(first_frame(job.cases, job.case)[0, ..., :3])).save(path)
    return {"background": path}


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
