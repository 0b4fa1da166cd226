"""A study made of a run folder: which clips are compared, as files that tell nothing, and the key to them."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import ceil, inf
from pathlib import Path
from secrets import SystemRandom, token_hex
from typing import Literal

from ..errors import FFGOError
from ..evaluation.runs import ClipResult, Runs, read_runs
from ..files import unfinished_name
from ..plain import Source
from .key import StudyKey, write_key
from .media import (
    SourceClip,
    alike,
    composed_frames,
    differences,
    equally_large,
    source_clip,
    write_frame,
    write_shown,
)
from .orders import gold_sets
from .study_file import KEY_FILE, MEDIA, MOST_CLIPS, SERVED, Study, StudyItem, StudyKind, check, write_study
from .texts import CONSENT, INSTRUCTIONS, QUESTIONS

PER_PARTICIPANT, RATERS_PER_CASE = 5, 4


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What is wished for; what is not said is the paper's, as far as there are cases."""

    kind: StudyKind = "rank"
    title: str = "Which video is better?"
    methods: tuple[str, ...] = ()
    """Of the run folder; all where none is named."""
    against: str = ""
    """Of pairs: the one method that all others are compared with; all with all where it is empty."""
    seed: int | None = None
    """Of the clips; the first that all methods have, where none is named."""
    trims: Mapping[str, int | Literal["auto"]] = field(default_factory=dict)
    """Frames left out at the start, by method, in place of what the run folder says."""
    most_seconds: float = inf
    per_participant: int | None = None
    raters_per_case: int = RATERS_PER_CASE
    gold: int | None = None
    repeats: int = 1
    completion_url: str = ""
    consent: tuple[str, ...] = CONSENT
    instructions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltStudy:
    """What was made."""

    study: Study
    folder: Path
    notes: tuple[str, ...]
    """What was left out, and what was done to clips, a sentence each."""

    @property
    def participants(self) -> int:
        """How many people make the study full."""
        return ceil(len(self.study.items) * self.study.raters_per_case / self.study.per_participant)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is compared."""

    runs: Runs
    methods: Sequence[str]
    """In an order that is drawn."""
    clips: Mapping[str, Mapping[str, ClipResult]]
    """By case and method."""
    notes: Sequence[str]


def build(runs_folder: Path, out: Path, plan: StudyPlan | None = None) -> BuiltStudy:
    """Make a study in the folder `out`, which must not be there; it is there only when it is complete.

    Raises: FFGOError where the runs cannot be compared, a clip cannot be read, or the disk refuses.
    """
    plan = plan or StudyPlan()
    if out.exists():
        raise FFGOError(f"{out} is there already. Name a folder that is not: a study under way must not change.")
    runs = read_runs(runs_folder)
    chosen = _chosen(runs, _methods(runs, plan), plan.seed)
    folder = unfinished_name(out)
    try:
        (folder / SERVED / MEDIA).mkdir(parents=True)
        study, notes = _write(folder, chosen, plan)
        folder.rename(out)
    except OSError as error:
        raise FFGOError(f"{out} cannot be written ({error.strerror}). Free some space, or name another.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return BuiltStudy(study, out, tuple(notes))


def _methods(runs: Runs, plan: StudyPlan) -> list[str]:
    known = [method.name for method in runs.methods]
    wanted = list(plan.methods) or known
    asked = [*wanted, *plan.trims, *([plan.against] if plan.against else [])]
    if unknown := [name for name in asked if name not in known]:
        raise FFGOError(f"{runs.folder} has no method {unknown[0]!r}. It has {', '.join(known)}.")
    if plan.against and plan.kind != "pairwise":
        raise FFGOError("Only pairs are compared against one method: add --kind pairwise.")
    if plan.against and plan.against not in wanted:
        wanted.append(plan.against)
    if len(set(wanted)) < len(wanted) or not 2 <= len(wanted) <= MOST_CLIPS:
        raise FFGOError(f"A study compares 2 to {MOST_CLIPS} different methods; these are {', '.join(wanted)}.")
    SystemRandom().shuffle(wanted)  # the order of clips in study.json shall tell nothing either
    return wanted


def _chosen(runs: Runs, methods: Sequence[str], seed: int | None) -> _Chosen:
    """Of each case the clips of one seed; cases without are left out."""
    found: dict[str, dict[int, dict[str, ClipResult]]] = {}
    for result in runs.results:
        if result.place.method in methods and seed in (None, result.place.seed):
            found.setdefault(result.place.case, {}).setdefault(result.place.seed, {})[result.place.method] = result
    clips, notes = {}, []
    for case, by_seed in sorted(found.items()):
        whole = [one for _, one in sorted(by_seed.items()) if len(one) == len(methods)]
        if whole:
            clips[case] = whole[0]
        else:
            notes.append(f"{case} is left out: not all methods have a clip of it with one seed.")
    if not clips:
        raise FFGOError(
            f"{runs.folder} has no case that all of {', '.join(sorted(methods))} have a clip of, with one seed. "
            "`python -m ffgo.evaluation run` makes what is missing."
        )
    return _Chosen(runs, methods, clips, notes)


def _write(folder: Path, chosen: _Chosen, plan: StudyPlan) -> tuple[Study, list[str]]:
    """Write all of a study; returns it, with what was left out and done to clips."""
    methods, clips = chosen.methods, chosen.clips
    sources = {(case, method): _source(chosen, clips[case][method], plan) for case in clips for method in methods}
    shown = alike(list(sources.values()), plan.most_seconds)
    tokens = {place: token_hex(16) for place in sources}
    frames = {case: token_hex(16) for case in clips}
    items = []
    for case, of_case in clips.items():
        item = StudyItem("", token_hex(8), next(iter(of_case.values())).prompt, frames[case], ())
        for group in _groups(methods, plan):
            items.append(replace(item, id=token_hex(8), clips=tuple(tokens[case, method] for method in group)))
    SystemRandom().shuffle(items)
    study = _study(plan, items, shown.seconds)
    check(study, Source("study", whole="The study"))
    media = folder / SERVED / MEDIA
    for case in clips:
        for method in methods:
            write_shown(sources[case, method], shown, media / f"{tokens[case, method]}.mp4")
        equally_large([media / f"{tokens[case, method]}.mp4" for method in methods])
        write_frame(_composed(chosen, case).frame, media / f"{frames[case]}.jpg")
    write_study(study, folder / SERVED)
    places = {token: (method, case) for (case, method), token in tokens.items()}
    write_key(StudyKey(study.id, tuple(sorted(methods)), places), folder / KEY_FILE)
    return study, [*chosen.notes, *differences(list(sources.values()), shown)]


def _groups(methods: Sequence[str], plan: StudyPlan) -> list[tuple[str, ...]]:
    """Which methods are shown together."""
    if plan.kind == "rank":
        return [tuple(methods)]
    return [pair for pair in combinations(methods, 2) if not plan.against or plan.against in pair]


def _study(plan: StudyPlan, items: Sequence[StudyItem], seconds: float) -> Study:
    """With as many sets for each participant as there are items for."""
    cases = len({item.case for item in items})
    most = len(items)
    per_participant = (
        plan.per_participant if plan.per_participant is not None else max(1, min(PER_PARTICIPANT, most - 1))
    )
    gold = plan.gold if plan.gold is not None else max(0, min(gold_sets(per_participant), most - per_participant))
    return Study(
        f"study-{token_hex(8)}",
        plan.title,
        plan.kind,
        tuple(items),
        QUESTIONS[plan.kind],
        plan.consent,
        plan.instructions or INSTRUCTIONS[plan.kind],
        seconds,
        token_hex(16),
        per_participant,
        plan.raters_per_case,
        gold if cases > 1 or plan.gold is not None else 0,
        plan.repeats,
        plan.completion_url,
    )


def _source(chosen: _Chosen, result: ClipResult, plan: StudyPlan) -> SourceClip:
    method = result.place.method
    trim = plan.trims.get(method, chosen.runs.method(method).trim)
    return source_clip(result.video, composed_frames(result.video) if trim == "auto" else trim)


def _composed(chosen: _Chosen, case: str) -> ClipResult:
    """The clip whose first frame is the composed one, where there is such a clip."""
    methods = sorted(chosen.methods)
    composed = [method for method in methods if chosen.runs.method(method).first_frame == "composed"]
    return chosen.clips[case][(composed or methods)[0]]
