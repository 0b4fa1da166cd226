"""Methods: the ways of making clips that are compared, as `methods.toml` has them (docs/evaluation.md)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from ..errors import FFGOError
from ..names import plain_name
from ..plain import Source, Value

FirstFrame = Literal["composed", "background", "own"]
FIRST_FRAMES: tuple[FirstFrame, ...] = get_args(FirstFrame)

DEFAULT_SEED, MOST_SEED = 42, 2**64 - 1
MOST_METHODS, MOST_SEEDS, MOST_TRIM = 100, 1000, 4096

RUN_FILE = "run.json"
TAKEN = {RUN_FILE, "metrics.csv", "summary.csv", "comparisons.csv", "report.html", "strips"}
"""What lies in a run folder beside the methods' folders, so that no method may be called so."""

EXAMPLE = """\
# Methods to compare. Each makes every case of the test set once for each seed; all seeds are the same for all methods.

[[method]]
name = "ffgo"
workflow = "workflows/api/FFGo image to video.json"  # API format; relative to this file
set = ["Trim.frames=0"]                              # as --set of ffgo.remote; here: save all frames
seeds = [42]
trim = "auto"                                        # first frames that are not measured: a number, or "auto"

[[method]]
name = "ffgo-weaker"
workflow = "workflows/api/FFGo image to video.json"
set = ["Trim.frames=0", "FFGo LoRA.strength_high=0.7", "FFGo LoRA.strength_low=0.7"]
trim = "auto"

# [[method]]
# name = "elsewhere"
# videos = "vace"           # a folder of finished clips: <case>/<seed>.mp4, <case>_<seed>.mp4, or <case>.mp4
"""

_OPTIONAL: Mapping[str, Any] = MappingProxyType(
    {"workflow": "", "set": [], "seeds": [DEFAULT_SEED], "first_frame": "composed", "videos": "", "trim": 0}
)


@dataclass(frozen=True, slots=True)
class Method:
    """One way of making clips: a workflow with settings, or a folder of clips that were made elsewhere."""

    name: str
    workflow: Path | None = None
    """API format."""
    settings: tuple[str, ...] = ()
    """"Node.input=value" each."""
    seeds: tuple[int, ...] = (DEFAULT_SEED,)
    first_frame: FirstFrame = "composed"
    """composed: the workflow's canvas gets background and cut-outs; background: the workflow gets the background alone
    as its picture; own: it gets the finished composed frame as its picture."""
    videos: Path | None = None
    trim: int | Literal["auto"] = 0
    """Frames at the start that are left out when the clip is measured."""


def read_methods(path: Path) -> list[Method]:
    """Read `methods.toml`. Raises: FFGOError that says what is wrong, where."""
    source = Source(path.name, "docs/evaluation.md describes the format.", whole=str(path))
    values = source.toml(source.file(path)).object(["method"])["method"].list("methods", MOST_METHODS)
    methods = [_method(value, path.parent) for value in values]
    if not methods:
        raise FFGOError(f"{path} has no method. Add a [[method]] with a name and a workflow, or a folder of videos.")
    times = Counter(method.name.casefold() for method in methods)
    if twice := [method.name for method in methods if times[method.name.casefold()] > 1]:
        raise FFGOError(
            f"{path} has several methods called {twice[0]!r} (upper and lower case count as one); each makes a folder "
            "of its name. Give each its own."
        )
    return methods


def _method(value: Value, folder: Path) -> Method:
    if isinstance(value.value, dict) and isinstance(name := value.value.get("name"), str):
        value = Value(value.value, f"method {name!r}", value.source)
    keys = value.object(["name"], _OPTIONAL)
    name = plain_name(keys["name"].string(least=1, most=64), f"{value.source.name}: a method's name")
    if name.casefold() in TAKEN:
        keys["name"].refuse(f"is {keys['name'].shown}", "choose another: the run folder has a place of that name")
    workflow, videos = (keys[one].string(most=4000) for one in ("workflow", "videos"))
    if bool(workflow) == bool(videos):
        value.refuse(
            "has both a workflow and videos" if workflow else "has neither a workflow nor videos",
            "give it one: how its clips are made, or the folder that holds them",
        )
    if videos and keys["set"].value:
        keys["set"].refuse("is given, but finished videos have no settings", "leave it out")
    return Method(
        name,
        folder / workflow if workflow else None,
        tuple(one.string(least=1, most=100_000) for one in keys["set"].list("settings, each Node.input=value", 1000)),
        _seeds(keys["seeds"]),
        keys["first_frame"].one_of(FIRST_FRAMES),
        folder / videos if videos else None,
        "auto" if keys["trim"].value == "auto" else keys["trim"].whole(0, MOST_TRIM, exact=True),
    )


def _seeds(value: Value) -> tuple[int, ...]:
    seeds = tuple(one.whole(0, MOST_SEED, exact=True) for one in value.list("whole numbers", MOST_SEEDS))
    if not seeds:
        value.refuse("is empty", "name at least one seed")
    if len(set(seeds)) < len(seeds):
        value.refuse("names a seed twice", "each makes one clip of a case: name it once")
    return seeds


def unpaired(methods: Sequence[Method]) -> list[str]:
    """Warnings of methods that cannot be compared clip by clip."""
    seeds = {method.seeds for method in methods}
    if len(seeds) < 2:
        return []
    return [
        "The methods have different seeds. Only cases are compared then, each by the mean over its seeds; give all "
        "methods the same ones where that can be."
    ]
