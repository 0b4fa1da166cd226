"""The authors' test set, as their repository has it, in this pack's format.

Nothing there says which composed frame belongs to which folder of materials: the table says what was found by number
and by eye, and a folder that it does not know is compared with the frames that are left.
"""

import csv
import itertools
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from torch import Tensor
from torch.nn import functional

from ..errors import FFGOError
from ..frame.compose import BackgroundFit
from ..frame.layout import LAYOUTS, LayoutName
from ..plain import Source
from ..words.phrase import without_phrase
from .cases import MOST_PROMPT, SET_FILE, Case, CaseSet, CaseSubject, write_case_set
from .first_frame import compose_case, opened, rgb

FRAMES, MATERIALS, PROMPTS = "combined_first_frames", "data_materials", "0-data.csv"
TRAINING, CLIPS, TRAINING_MATERIALS = "train", "round2_mixed_videos_81_frames", "train_materials"
CAPTIONS = "train_data_mixed_Large.json"
BACKGROUND = "main_entity"
PICTURES = {".png", ".jpg", ".jpeg", ".webp"}

FRAME_OF = {
    "cartoon_5": "18_combined",
    "fds_ambulence": "21_combined",
    "potter_2obj": "30_combined",
    "potter_3obj": "31_combined",
    "am_car_2obj": "33_combined",
    "levi_2obj": "42_combined",
    "arm_cup_juice": "56_combined",
    "rose_teddybear": "15_max",
    "tank_intersection_2": "inter_tank_2",
}
"""Folder of materials -> composed frame; `NN_name` belongs to `combined_NN`."""

SAME_PICTURE = 0.04
"""Mean difference, 0..1, up to which a composed frame is the same picture as ours."""
MINIATURE = (72, 128)
MOST_TRIED = 3
"""Cut-outs of which every order is tried."""
EQUAL_WITHIN = 6
"""Of 255: what another version of a resampling filter makes."""

LICENCE = (
    "From zli12321/FFGO-Video-Customization (Apache-2.0). Many subjects are film and game characters, which belong to "
    "others: for tests, not to be passed on."
)


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    cases: CaseSet
    differences: dict[str, int] = field(default_factory=dict)
    """Case -> the largest difference, of 255, between the official frame and ours."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Folder or frame -> why there is no case of it."""
    training: CaseSet | None = None
    """The training clips with their materials, for the self-test of an embedder; None where they are not there."""

    @property
    def equal(self) -> int:
        return sum(worst == 0 for worst in self.differences.values())

    @property
    def near(self) -> int:
        return sum(0 < worst <= EQUAL_WITHIN for worst in self.differences.values())


@dataclass(frozen=True, slots=True)
class _Fit:
    """A case, and the composed frame that belongs to it."""

    case: Case
    frame: str
    mean: float
    worst: int


def import_official(data: Path, out: Path) -> Imported:
    """Write the complete cases of the official repository, or of its Data folder, as a test set into the folder `out`.

    Pictures become PNG. Raises: FFGOError where `data` is something else, or `out` cannot be written to.
    """
    root = next((one for one in (data, data / "Data") if (one / FRAMES / PROMPTS).is_file()), None)
    if root is None:
        raise FFGOError(
            f"{data} is not the official repository: it has no {FRAMES}/{PROMPTS}. Give the folder of a copy of "
            "zli12321/FFGO-Video-Customization, or its Data folder."
        )
    prompts = _prompts(root / FRAMES / PROMPTS)
    imported = Imported(CaseSet(out / SET_FILE, "FFGo official", (), licence=LICENCE))
    frames = {path.stem: path for path in sorted((root / FRAMES).glob("*.png")) if path.stem in prompts}
    cases, used = [], set()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for folder in sorted(path for path in (root / MATERIALS).iterdir() if path.is_dir()):
            if fit := _matched(folder, frames, used, imported):
                cases.append(_written(replace(fit.case, prompt=prompts[fit.frame]), frames[fit.frame], out))
                used.add(fit.frame)
        imported.left_out |= {name: "no materials belong to it" for name in frames if name not in used}
        imported.left_out |= {name: "the frame is not there" for name in prompts if name not in frames}
        imported.cases = replace(imported.cases, cases=tuple(cases))
        write_case_set(imported.cases)
        imported.training = _training(root / TRAINING, out / "training")
    except OSError as error:
        raise FFGOError(f"The test set cannot be written to {out}: {error.strerror}. Choose another folder.") from error
    return imported


def _prompts(path: Path) -> dict[str, str]:
    """Frame's name -> prompt without the phrase."""
    rows = csv.DictReader(Source(path.name, whole=str(path)).file(path).splitlines())
    prompts = {}
    for row in rows:
        name, prompt = Path(row.get("image_path") or "").stem, row.get("prompt") or ""
        if name and prompt.strip():
            prompts[name] = without_phrase(prompt.replace('\\"', '"'))
    if not prompts:
        raise FFGOError(f"{path} has no prompts: a column image_path and a column prompt are wanted.")
    return prompts


def _matched(folder: Path, frames: Mapping[str, Path], used: set[str], imported: Imported) -> _Fit | None:
    """A folder of materials as a case with its frame; None where it is not complete, which is noted."""
    pictures = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURES]
    background = next((path for path in pictures if path.stem == BACKGROUND), None)
    cutouts = [path for path in pictures if path.stem != BACKGROUND]
    if background is None or not cutouts:
        imported.left_out[folder.name] = f"its {'cut-outs are' if background else 'background is'} not there"
        return None
    case_id = re.sub(r"[^a-z0-9_-]", "-", folder.name.lower())[:64]
    draft = Case(case_id, "-", background, tuple(CaseSubject(path, path.stem) for path in cutouts))
    known = FRAME_OF.get(folder.name) or f"combined_{folder.name.partition('_')[0]}"
    candidates = [known] if known in frames else [name for name in frames if name not in used | set(FRAME_OF.values())]
    fit = _best_fit(draft, [(name, frames[name]) for name in candidates], known in frames)
    if fit is None:
        imported.left_out[folder.name] = "no composed frame belongs to it"
        return None
    imported.differences[case_id] = fit.worst
    return fit


def _best_fit(draft: Case, candidates: Sequence[tuple[str, Path]], certain: bool) -> _Fit | None:
    """The frame, layout and order of cut-outs that fit best; None where none is the same picture."""
    best: _Fit | None = None
    for name, path in candidates:
        frame = rgb(path)
        height, width = frame.shape[1:3]
        small = _small(frame)
        for case, fit in _arrangements(draft):
            ours = compose_case(case, width, height, case.layout, fit)
            mean = float((_small(ours) - small).abs().mean())
            if best is None or mean < best.mean:
                worst = int(((ours - frame).abs().max() * 255).round())
                best = _Fit(case, name, mean, worst)
                if worst == 0:
                    return best
    return best if best and (certain or best.mean < SAME_PICTURE) else None


def _arrangements(draft: Case) -> Iterator[tuple[Case, BackgroundFit]]:
    """The case in every order of its cut-outs, each layout of the authors, and each way of fitting the background."""
    orders = itertools.permutations(draft.subjects) if len(draft.subjects) <= MOST_TRIED else [draft.subjects]
    layouts: list[LayoutName] = [layout for layout in LAYOUTS if layout != "packed"]
    for subjects in orders:
        for layout in layouts:
            fits: tuple[BackgroundFit, ...] = ("stretch",) if layout == "script" else ("keep_aspect", "stretch")
            for fit in fits:
                yield replace(draft, subjects=tuple(subjects), layout=layout), fit


def _small(image: Tensor) -> Tensor:
    return functional.interpolate(image.movedim(-1, 1), MINIATURE, mode="area")


def _written(case: Case, frame: Path | None, out: Path) -> Case:
    """The case with its pictures as PNGs in a folder of its own."""
    folder = out / case.id
    folder.mkdir(parents=True, exist_ok=True)

    def png(path: Path, name: str, mode: str) -> Path:
        target = folder / f"{name}.png"
        picture = opened(path)
        (picture.convert(mode) if mode == "RGBA" else picture).save(target)
        return target

    return replace(
        case,
        background=png(case.background, "background", ""),
        subjects=tuple(replace(one, file=png(one.file, one.name, "RGBA")) for one in case.subjects),
        frame=png(frame, "frame", "") if frame else None,
    )


def _training(root: Path, out: Path) -> CaseSet | None:
    """The training clips as a test set whose cases have references."""
    cases, captions = [], _captions(root / CAPTIONS)
    for clip in sorted((root / CLIPS).glob("*.mp4")):
        folder = root / TRAINING_MATERIALS / f"video_{clip.stem}"
        pictures = [path for path in sorted(folder.glob("*")) if path.suffix.lower() in PICTURES]
        background = next((path for path in pictures if path.stem == BACKGROUND), None)
        cutouts = tuple(CaseSubject(path, path.stem) for path in pictures if path.stem != BACKGROUND)
        if background and cutouts:
            prompt = captions.get(clip.name) or f"The clip {clip.stem} of the training set."
            case = Case(f"video_{clip.stem}".lower(), prompt, background, cutouts)
            case = _written(case, None, out)
            reference = out / case.id / "reference.mp4"
            shutil.copyfile(clip, reference)
            cases.append(replace(case, reference=reference))
    if not cases:
        return None
    found = CaseSet(out / SET_FILE, "FFGo official, training clips", tuple(cases), licence=LICENCE)
    write_case_set(found)
    return found


def _captions(path: Path) -> dict[str, str]:
    """Clip's name -> caption without the phrase; empty where the list is not there. Raises: FFGOError for another."""
    if not path.is_file():
        return {}
    source = Source(path.name, whole=str(path))
    entries = source.json(source.file(path)).list("entries")
    rows = [entry.object(["file_path", "text"], others=True) for entry in entries]
    return {
        PurePosixPath(row["file_path"].string()).name: without_phrase(row["text"].string(most=MOST_PROMPT))
        for row in rows
    }


def describe(imported: Imported) -> list[str]:
    """What came of it, in lines for the terminal."""
    cases = len(imported.cases.cases)
    lines = [
        f"{cases} complete cases; of their composed frames {imported.equal} equal ours to the pixel, {imported.near} "
        f"more are within {EQUAL_WITHIN} of 255."
    ]
    if imported.training:
        lines.append(f"{len(imported.training.cases)} training clips, for selftest: {imported.training.path}")
    return lines + [f"left out: {name}: {why}" for name, why in sorted(imported.left_out.items())]
