"""Which faults of a clip do the metrics notice: on real clips, asked for what they do not show, or spoiled.

A metric sees a clip beside what it should show. So a wrong subject, hue or background is made by asking for it, and
nothing has to be painted into a clip; a frozen or shuffled one has the clip's own frames. For each fault there is a
metric that should fall; how far the others fall with it is told as a share of what each of them falls by its own fault.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType

import numpy as np
import torch

from ..clip.video_io import read_frames
from .cases import Case, CaseSet
from .colour import looks_other, turn_hue
from .first_frame import as_image, opened, rgb
from .measures import SubjectFeatures, Tools, Wanted, features, measure_clip
from .measuring import case_features
from .run import say
from .scene import scene_identity
from .scores import BY_ID
from .selftest import different_scenes, filmed
from .stats import Interval, mean_interval
from .view import ClipView, view_frames, whole_clip

ANOTHER, HUE, SCENE, FROZEN, SHUFFLED = "another subject", "hue turned", "another background", "frozen", "shuffled"
OWN_SUBJECT = "own"
FRAMES = 17
"""That are looked at of each clip: a second of Wan2.2's."""
TURN = 120
"""Degrees by which the hue is turned."""
OWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        ANOTHER: ("object_identity", "object_similarity", "colour"),
        HUE: ("colour",),
        SCENE: ("scene_identity",),
        FROZEN: ("motion",),
        SHUFFLED: ("coherence",),
    }
)
"""Fault -> the metrics that should notice it."""
UNIT: Mapping[str, str] = MappingProxyType(
    {metric: fault for fault, metrics in OWN.items() for metric in metrics if (fault, metric) != (ANOTHER, "colour")}
)
"""Metric -> the fault whose fall counts as 100 %."""


@dataclass(frozen=True, slots=True)
class Fall:
    """How far one metric falls by one fault."""

    fault: str
    metric: str
    before: float
    """Mean of the clips as they are."""
    fall: Interval
    """Of the mean fall over cases; negative where it rises."""
    noticed: int
    """Clips, or subjects, of which it falls at all."""
    count: int
    share: float
    """Of what the metric falls by its own fault."""

    @property
    def is_own(self) -> bool:
        return self.metric in OWN[self.fault]


def find_faults(cases: CaseSet, tools: Tools) -> list[Fall]:
    """Spoil the cases that have a reference clip. Raises: FFGOError where there are too few of them."""
    usable = filmed(cases)
    subjects = [case_features(case, tools) for case in usable]
    apart = different_scenes(usable)
    fallen: dict[tuple[str, str], list[tuple[int, float, float]]] = defaultdict(list)
    for number, case in enumerate(usable):
        say(f"[{number + 1}/{len(usable)}] {case.id}")
        view = _middle(case)
        others = [one for step in range(1, len(usable)) for one in subjects[(number + step) % len(usable)]]
        wanted = Wanted(
            background=rgb(case.background), subjects=_asked(case, subjects[number], others, tools), foils=others
        )  # fmt: skip
        for fault, metric, before, after in _changes(view, wanted, tools):
            fallen[fault, metric].append((number, before, after))
        different = np.flatnonzero(np.roll(apart[number], -number))
        known = [before for which, before, _ in fallen[FROZEN, "scene_identity"] if which == number]
        if len(different) and known:
            other = rgb(usable[(number + int(different[0])) % len(usable)].background)
            fallen[SCENE, "scene_identity"].append((number, known[0], scene_identity(other, view.full).value))
    return _table(fallen)


def _middle(case: Case) -> ClipView:
    """The middle second of a case's real clip: enough to see a fault, and soon looked at. Raises: FFGOError."""
    assert case.reference
    info = whole_clip(case.reference)
    start = max(0, (info.frames - FRAMES) // 2)
    frames = np.stack(list(islice(read_frames(case.reference), start, start + FRAMES)))
    return view_frames(torch.from_numpy(frames).float() / 255, info.fps, None, 0)


def _asked(
    case: Case, own: Sequence[SubjectFeatures], others: Sequence[SubjectFeatures], tools: Tools
) -> list[SubjectFeatures]:  # fmt: skip
    """The case's subjects, and for each of them itself in another hue and another case's; their names say which.

    What has no colour looks the same in every hue, and is not asked for in another.
    """
    pictures = [turn_hue(as_image(opened(one.file)), TURN) for one in case.subjects]
    turned = [
        features("", f"{one.hash} turned", picture, tools.embedder) for one, picture in zip(own, pictures, strict=True)
    ]
    asked = {OWN_SUBJECT: own, HUE: turned, ANOTHER: others[: len(own)]}
    return [
        replace(one, name=f"{what} {n}")
        for what, listed in asked.items()
        for n, one in enumerate(listed)
        if what != HUE or looks_other(own[n].colours, one.colours)
    ]


def _changes(view: ClipView, wanted: Wanted, tools: Tools) -> Iterator[tuple[str, str, float, float]]:
    """Fault, metric, its value of the clip as it is, and with the fault."""
    values = _values(view, wanted, tools)
    as_it_is = {(metric, name): one for (metric, name), one in values.items() if not name or OWN_SUBJECT in name}
    for (metric, name), before in as_it_is.items():
        for fault in (HUE, ANOTHER) if name else ():
            if (after := values.get((metric, name.replace(OWN_SUBJECT, fault)))) is not None:
                yield fault, metric, before, after
    for fault, spoiled in ((FROZEN, _frozen(view)), (SHUFFLED, _shuffled(view))):
        changed = _values(spoiled, wanted, tools)
        for where, before in as_it_is.items():
            if where in changed:
                yield fault, where[0], before, changed[where]


def _values(view: ClipView, wanted: Wanted, tools: Tools) -> dict[tuple[str, str], float]:
    """By metric and subject: what could be measured, of the metrics that a fault is made for."""
    return {
        (one.metric, one.subject): one.value
        for one in measure_clip(view, wanted, tools)
        if one.metric in UNIT and one.value is not None
    }


def _frozen(view: ClipView) -> ClipView:
    middle = len(view.full) // 2
    small, full = view.small[view.numbers[middle]], view.full[middle]
    return replace(view, small=small.expand(2, *small.shape), full=full[None], numbers=(0,))


def _shuffled(view: ClipView) -> ClipView:
    random = torch.Generator().manual_seed(0)
    small, full = (frames[torch.randperm(len(frames), generator=random)] for frames in (view.small, view.full))
    return replace(view, small=small, full=full)


def _table(fallen: Mapping[tuple[str, str], list[tuple[int, float, float]]]) -> list[Fall]:
    means = {}
    for where, changes in fallen.items():
        if not changes:
            continue
        by_case = defaultdict(list)
        for case, before, after in changes:
            by_case[case].append(before - after)
        means[where] = mean_interval([np.mean(falls) for falls in by_case.values()])
    rows = []
    for fault in OWN:
        for metric in (one for one in BY_ID if fallen.get((fault, one))):
            changes, unit = fallen[fault, metric], means.get((UNIT[metric], metric))
            before = float(np.mean([before for _, before, _ in changes]))
            noticed = sum(before > after for _, before, after in changes)
            share = means[fault, metric].mean / unit.mean if unit and unit.mean else float("nan")
            rows.append(Fall(fault, metric, before, means[fault, metric], noticed, len(changes), share))
    return rows


def describe(falls: Sequence[Fall]) -> list[str]:
    """The table, in lines for the terminal."""
    lines = [f"{'fault':<20}{'metric':<21}{'as it is':>9}{'falls by':>10}{'95 %':>20}{'in':>8}{'of its own':>12}"]
    for row in falls:
        digits, interval = BY_ID[row.metric].digits, "one case"
        if row.fall.low is not None:
            interval = f"[{row.fall.low:.{digits}f}, {row.fall.high:.{digits}f}]"
        lines.append(
            f"{row.fault:<20}{row.metric + (' *' if row.is_own else ''):<21}{row.before:>9.{digits}f}"
            f"{row.fall.mean:>10.{digits}f}{interval:>20}{f'{row.noticed}/{row.count}':>8}{row.share:>12.0%}"
        )
    return [*lines, "* is made to notice that fault; the last column is a share of what the metric falls by its own."]
