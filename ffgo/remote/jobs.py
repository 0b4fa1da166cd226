"""The list of jobs: a TOML file of cases, seeds and products, to one request each (docs/farm.md)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import FFGOError
from ..names import path_below, plain_name
from ..plain import Source, Value, read_each
from .request import JobRequest, check_request, key_of_request, picture_key
from .subjects import MAX_SUBJECTS
from .workflow import UsageError, Workflow, load_workflow

MOST_CASES, MOST_SEEDS, MOST_SETTINGS, MOST_JOBS = 10_000, 1000, 200, 100_000
MOST_SEED, MOST_PROMPT, MOST_PATH = 2**64 - 1, 20_000, 4000

EXAMPLE = """\
# Jobs: each case once for each seed, and for each combination of [product].

[defaults]                                            # what a case does not say itself
workflow = "workflows/api/FFGo image to video.json"   # API format; all paths are relative to this file
seeds = [1, 2, 3]
set = ["Trim.frames=4"]                               # as --set of ffgo.remote run

[[case]]
name = "robot"
background = "lake.png"
subjects = ["robot.png", "boat.png"]
prompt = "At the lake, the red robot waves at the yellow boat."

# [product]                                           # settings: every value with every case and seed
# "Canvas.layout" = ["published", "packed"]

# testset = "lab/materials"                           # or a test set (docs/evaluation.md): its cases; above [defaults]
"""

_OF_A_CASE: Mapping[str, Any] = MappingProxyType(
    {
        "workflow": "", "background": "", "first_frame": "", "subjects": [], "prompt": None, "negative": None,
        "seeds": [], "set": [], "previews": False,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BatchJob:
    """One job of a list."""

    case: str
    variant: str
    """Values of the product, in words; empty where there is none."""
    request: JobRequest
    key: str
    """Of all that the result depends on."""

    @property
    def name(self) -> str:
        """As it is called in messages, and, with a piece of the key, its folder."""
        seed = "" if self.request.seed is None else str(self.request.seed)
        return "_".join(filter(None, (self.case, self.variant, seed)))

    @property
    def folder(self) -> str:
        """Of its results: another content, another folder."""
        return f"{self.name}_{self.key[:8]}"


def read_jobs(path: Path, timeout_s: float) -> list[BatchJob]:
    """Read a list of jobs, and look at all that it names: a job that cannot fit is told before the first one is done.

    Two jobs that would make the same are one. Raises: UsageError that says what is wrong, where.
    """
    source = Source(path.name, "docs/farm.md describes the format.", whole=str(path), error=UsageError)
    keys = source.toml(source.file(path)).object(optional={"defaults": {}, "case": [], "product": {}, "testset": ""})
    defaults = {**_OF_A_CASE, **_plain(keys["defaults"].object(optional=_OF_A_CASE))}
    cases = [case.object(["name"], defaults) for case in keys["case"].list("cases", MOST_CASES)]
    if keys["testset"].value:
        cases += _cases_of_set(path.parent / keys["testset"].string(most=MOST_PATH), keys["testset"], defaults)
    if not cases:
        keys["case"].refuse("is empty", "add a [[case]] with a name, or a testset")
    _refuse_twins(cases)
    variants = _variants(keys["product"])
    if len(variants) * sum(max(1, len(case["seeds"].list("seeds"))) for case in cases) > MOST_JOBS:
        source.refuse("", f"has more than {MOST_JOBS:,} jobs", "divide it into several")
    looked, loaded = cache(picture_key), cache(load_workflow)
    jobs: dict[str, BatchJob] = {}
    for case in cases:
        name = case["name"].string()
        workflow = loaded(path.parent / case["workflow"].string(least=1, most=MOST_PATH))
        for request in _requests(case, path.parent, workflow, timeout_s):
            for label, settings in variants:
                one = replace(request, settings=(*request.settings, *settings))
                try:
                    check_request(one)
                    job = BatchJob(name, label, one, key_of_request(one, looked))
                except UsageError as error:
                    raise UsageError(f"case {name!r}: {error}") from error
                jobs.setdefault(job.key, job)
    return list(jobs.values())


def _plain(values: Mapping[str, Value]) -> dict[str, Any]:
    return {name: value.value for name, value in values.items()}


def _refuse_twins(cases: Sequence[Mapping[str, Value]]) -> None:
    names: set[str] = set()
    for case in cases:
        try:
            name = plain_name(case["name"].string(least=1, most=64), f"{case['name'].source.name}: a case's name")
        except FFGOError as error:
            raise UsageError(str(error)) from error
        name = name.casefold()
        if name in names:
            case["name"].refuse(f"is {case['name'].shown}, as another case's", "give each case its own")
        names.add(name)


def _cases_of_set(path: Path, named: Value, defaults: Mapping[str, Any]) -> list[dict[str, Value]]:
    """The cases of a test set; whole paths, for they are relative to the set."""
    path = path / "testset.json" if path.is_dir() else path
    source = Source(path.name, "docs/evaluation.md describes the format.", whole=str(path), error=UsageError)
    keys = source.json(source.file(path), unique=True).object(["format", "cases"], others=True)
    if keys["format"].value != "ffgo-testset":
        named.refuse(f"is {named.shown}, which is no test set", "name the folder of a testset.json")
    values = keys["cases"].list("cases", MOST_CASES)
    cases, wrong = read_each(values, lambda case: _case_of_set(case, path.parent, defaults))
    if wrong:
        raise UsageError(f"{path} cannot be used:\n" + "\n".join(f"- {problem}" for problem in wrong))
    return cases


def _case_of_set(case: Value, folder: Path, defaults: Mapping[str, Any]) -> dict[str, Value]:
    one = case.object(["id", "prompt", "background", "subjects"], others=True)

    def below(value: Value) -> str:
        return str(path_below(folder, value.string(least=1, most=MOST_PATH), f"{value.source.name}: {value.where}"))

    files = [each.object(["file"], others=True)["file"] for each in one["subjects"].list("cut-outs", MAX_SUBJECTS)]
    given = {
        "name": one["id"].string(least=1),
        "prompt": one["prompt"].string(least=1, most=MOST_PROMPT),
        "background": below(one["background"]),
        "subjects": [below(file) for file in files],
    }
    return {key: case.at(key, value) for key, value in {**defaults, **given}.items()}


def _variants(table: Value) -> list[tuple[str, tuple[str, ...]]]:
    """Each combination of the product: its name, and its settings."""
    choices = [
        [(name, _in_words(value)) for value in values.list("values", MOST_SETTINGS)]
        for name, values in table.object(others=True).items()
    ]
    if any(not one for one in choices):
        table.refuse("has a setting without values", "give each setting a list of them")
    return [
        ("_".join(re.sub(r"[^\w.-]+", "-", value).strip(".-") or "-" for _, value in chosen)[:60],
         tuple(f"{name}={value}" for name, value in chosen))
        for chosen in product(*choices)
    ]  # fmt: skip


def _in_words(value: Value) -> str:
    """A value as --set takes it."""
    if isinstance(value.value, bool):
        return str(value.value).lower()
    return str(value.value) if isinstance(value.value, int | float) else value.string(most=MOST_PROMPT)


def _requests(case: Mapping[str, Value], folder: Path, workflow: Workflow, timeout_s: float) -> Iterator[JobRequest]:
    """One for each seed."""
    seeds = [seed.whole(0, MOST_SEED, exact=True) for seed in case["seeds"].list("seeds", MOST_SEEDS)]
    subjects = case["subjects"].list("files", MAX_SUBJECTS)
    for seed in seeds or [None]:
        yield JobRequest(
            workflow,
            _path(case["background"], folder),
            _path(case["first_frame"], folder),
            tuple(folder / one.string(least=1, most=MOST_PATH) for one in subjects),
            _text(case["prompt"]),
            _text(case["negative"]),
            seed,
            tuple(one.string(most=MOST_PROMPT) for one in case["set"].list("settings", MOST_SETTINGS)),
            case["previews"].flag(),
            timeout_s,
        )


def _path(value: Value, folder: Path) -> Path | None:
    text = value.string(most=MOST_PATH)
    return folder / text if text else None


def _text(value: Value) -> str | None:
    return None if value.value is None else value.string(most=MOST_PROMPT)
