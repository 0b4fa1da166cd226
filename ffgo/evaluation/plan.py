"""What a run has to make: a job for each method, case and seed, and which of them are done."""

import hashlib
import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import FFGOError
from ..remote.fill import fill
from ..remote.subjects import find_canvas
from ..remote.workflow import UsageError, Workflow, load_workflow
from .cases import Case, CaseSet, content_hash
from .finished import find_video
from .methods import Method
from .runs import ClipPlace, read_failure, read_result


@dataclass(frozen=True, slots=True)
class ClipJob:
    """One clip to make, and all that goes into it."""

    place: ClipPlace
    cases: CaseSet
    case: Case
    method: Method
    workflow: Workflow | None
    key: str
    """Of all that goes in: another key, another clip."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The jobs of a run: what is left of them, in order."""

    jobs: tuple[ClipJob, ...]
    """To do now: all cases of a method before the next, for a change of LoRAs costs seconds to a minute."""
    done: int
    stale: tuple[ClipJob, ...]
    """Done before, from something else."""
    failed: tuple[ClipJob, ...]
    """Tried before, in vain, from the same."""


def plan_run(cases: CaseSet, methods: Sequence[Method], runs: Path, only: Sequence[str] = ()) -> RunPlan:
    """What is to be done in the folder `runs`. only: ids of cases; empty: all.

    Raises: UsageError where a workflow, or a folder of videos, does not fit.
    """
    chosen = [cases.case(name) for name in only] or list(cases.cases)
    hashed = cache(content_hash)
    jobs: list[ClipJob] = []
    for method in methods:
        workflow = checked_workflow(method)
        if method.videos and not method.videos.is_dir():
            raise UsageError(f"method {method.name!r}: there is no folder {method.videos}.")
        for case in chosen:
            for seed in method.seeds:
                key = key_of(case, method, workflow, seed, hashed)
                jobs.append(ClipJob(ClipPlace(method.name, case.id, seed), cases, case, method, workflow, key))
    left, done, stale, failed = [], 0, [], []
    for job in jobs:
        result = read_result(runs, job.place)
        if result and result.key == job.key:
            done += 1
        elif result:
            stale.append(job)
        elif (failure := read_failure(runs, job.place)) and failure.key == job.key:
            failed.append(job)
        else:
            left.append(job)
    return RunPlan(tuple(left), done, tuple(stale), tuple(failed))


def checked_workflow(method: Method) -> Workflow | None:
    """The method's workflow, once it is certain that it can be filled in; None for finished videos.

    Raises: UsageError that names the method.
    """
    if not method.workflow:
        return None
    try:
        workflow = load_workflow(method.workflow)
        if method.first_frame != "composed" and find_canvas(workflow):
            raise UsageError(
                f"its first frame is {method.first_frame!r}, but its workflow has an FFGo Compose Canvas, which would "
                'show the subjects that the file names. Take a workflow with a Load Image titled "Background" as start '
                "image."
            )
        subjects = ["subject.png"] if method.first_frame == "composed" else []
        fill(workflow, background="background.png", subjects=subjects, prompt="-", seed=1)
    except UsageError as error:
        raise UsageError(f"method {method.name!r}: {error}") from error
    return workflow


def key_of(
    case: Case, method: Method, workflow: Workflow | None, seed: int, hashed: Callable[[Path], str] = content_hash
) -> str:
    """SHA-256 of all that goes into a clip, files by their contents. Raises: FFGOError for a lost file."""
    what: dict[str, object] = {
        "pack": pack_version(),
        "prompt": case.prompt,
        "files": [hashed(file) for what, file in case.files() if what != "reference"],
        "layout": case.layout,
        "workflow": workflow,
        "settings": method.settings,
        "first_frame": method.first_frame,
        "seed": seed,
    }
    if method.videos:
        try:
            what = {"video": hashed(find_video(method, case.id, seed))}
        except FFGOError:  # it may come later
            what = {"video": None}
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


@cache
def pack_version() -> str:
    """As the pack's own file says it; empty where that is not beside it."""
    try:
        text = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
        return str(tomllib.loads(text)["project"]["version"])
    except (OSError, ValueError, KeyError):
        return ""
