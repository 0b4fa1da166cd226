"""What is asked of a server: all that `run` takes, but the server and the folder for the results."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .fill import fill
from .headless import read_picture
from .job import LONGEST_S
from .workflow import Workflow

PICTURES = "background", "first_frame", "subjects"
NO_PART_OF_THE_RESULT = {"timeout_s", *PICTURES}


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A workflow and what goes into it."""

    workflow: Workflow
    """API format."""
    background: Path | None = None
    first_frame: Path | None = None
    subjects: tuple[Path, ...] = ()
    prompt: str | None = None
    negative: str | None = None
    seed: int | None = None
    settings: tuple[str, ...] = ()
    """"Node.input=value" each."""
    previews: bool = False
    timeout_s: float = LONGEST_S

    def options(self) -> dict[str, Any]:
        """As `run` takes them, the workflow too."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def pictures(self) -> list[Path]:
        """All local files of it."""
        return [*(path for path in (self.background, self.first_frame) if path), *self.subjects]

    def with_pictures(self, moved: Callable[[Path], Path]) -> "JobRequest":
        """The same with its pictures elsewhere."""
        return replace(
            self,
            background=self.background and moved(self.background),
            first_frame=self.first_frame and moved(self.first_frame),
            subjects=tuple(map(moved, self.subjects)),
        )


def picture_key(path: Path) -> str:
    """A name made of a picture's content. Raises: UsageError if it is missing, or no picture to its last pixel."""
    return read_picture(path).name


def key_of_request(request: JobRequest, pictured: Callable[[Path], str] = picture_key) -> str:
    """SHA-256 of all that the result depends on, pictures by their contents: another key, another result.

    pictured: the key of a picture. Raises: UsageError where a picture cannot be read.
    """
    options = request.options()
    what = {name: value for name, value in options.items() if name not in NO_PART_OF_THE_RESULT}
    for name in PICTURES:
        paths = options[name] if isinstance(options[name], tuple) else filter(None, [options[name]])
        what[name] = [pictured(path) for path in paths]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def check_request(request: JobRequest) -> None:
    """Make sure that the workflow has a place for all that is given, as far as it can be known without a server.

    Raises: UsageError.
    """
    fill(
        request.workflow,
        background="b.png" if request.background else None,
        first_frame="f.png" if request.first_frame else None,
        subjects=["s.png"] * len(request.subjects),
        prompt=request.prompt,
        negative=request.negative,
        seed=request.seed,
    )
