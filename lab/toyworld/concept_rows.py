"""Rows of the table of concepts: clips of what was learned, by first frames and strengths, and their scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ffgo.bases.catalogue import COMPOSED_FRAMES, EXPERTS
from ffgo.concept.words import with_phrase

from .concept import Concept, Method, Training, another, unseen_scenes
from .examples import ToyExample
from .family import Family
from .metrics import interval, score_clip
from .render import render_scene, render_shot
from .scene import LAWS, NEW_LAWS, Scene, Shot, ToyClip
from .school import School

Frame = Literal["own", "plate", "other_scene", "other_sprite", "ffgo"]
"""What a clip begins with: the learned clip's own first frame, an unseen scene alone, the concept in an unseen scene,
another sprite there, FFGo's composed frame of both."""
FRAMES_OF: tuple[Frame, ...] = get_args(Frame)
SEED = 2026
BASE = "base"
"""In place of the method, where nothing was learned."""
_HALVES: Sequence[tuple[Frame, float, float]] = (
    ("plate", 1, 0), ("plate", 0, 1), ("plate", 0.5, 1), ("plate", 1, 0.5), ("plate", 1, 1), ("own", 1, 1),
    ("other_scene", 1, 1), ("other_sprite", 0, 1), ("ffgo", 1, 1),
)  # fmt: skip
ROWS: Mapping[Method, Sequence[tuple[Frame, float, float]]] = {
    "two_stage": _HALVES,
    "two_stage_reg": _HALVES,
    "plain": (("plate", 0.5, 0.5), *((frame, 1, 1) for frame in FRAMES_OF)),
}
"""First frame, identity and motion; a plain LoRA has one strength for both."""
BESIDE: Sequence[tuple[Frame, float, float]] = (("plate", 1, 1),)
"""The same of concepts that were learned together."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way of making clips."""

    concept: Concept
    """Whose words the prompts say."""
    training: Training | None
    """None: the base models, without a LoRA."""
    frame: Frame
    identity: float
    motion: float

    @property
    def about(self) -> dict[str, Any]:
        """What tells it from the others."""
        learned = self.training
        return {
            "concept": self.concept.name, "beside": self._beside, "seed": learned.seed if learned else None,
            "identity": float(self.identity), "motion": float(self.motion), "frame": self.frame,
            "method": learned.method if learned else BASE,
        }  # fmt: skip

    @property
    def others(self) -> list[Concept]:
        """The concepts that were learned together with it."""
        return [other for other in self.training.lesson if other != self.concept] if self.training else []

    @property
    def _beside(self) -> str:
        return ", ".join(other.name for other in self.others)


def rows_of(training: Training) -> list[Row]:
    """Of concepts that were learned together only what tells them apart."""
    places = ROWS[training.method] if len(training.lesson) == 1 else BESIDE
    return [Row(concept, training, *place) for concept in training.lesson for place in places]


def base_rows(concept: Concept) -> list[Row]:
    """What the base models make of the same first frames and prompts."""
    return [Row(concept, None, frame, 0, 0) for frame in FRAMES_OF]


def measure(row: Row, family: Family, school: School, count: int) -> dict[str, Any]:
    """Make the row's clips and score them: means over the clips, each with its interval."""
    firsts, prompts, shots = zip(*tasks(row, count), strict=True)
    clips = with_strengths(row, family, school).generate(torch.stack(firsts), prompts, SEED)
    told = list(zip(clips, shots, strict=True))
    scores = [score(clip, shot, row.frame) for clip, shot in told]
    values = row.about | {"clips": count} | flat({name: [one[name] for one in scores] for name in scores[0]})
    if not row.others:
        return values
    # Whose sprite must not come.
    wrong = [
        score(clip, other.shot(shot.scene), row.frame)["object_identity"] for other in row.others for clip, shot in told
    ]
    return values | flat({"other_identity": wrong})


def tasks(row: Row, count: int) -> Iterator[tuple[Tensor, str, Shot]]:
    """Of each clip its first frame, its prompt, and what it should show."""
    rng, concept = np.random.default_rng(SEED), row.concept
    for scene in unseen_scenes()[:count]:
        shot, prompt = concept.shot(scene), concept.prompt(scene)
        match row.frame:
            case "own":
                shot, prompt = concept.shot(), concept.prompt(concept.scene)
                first = _first(shot)
            case "plate":
                first = torch.from_numpy(render_scene(scene))
            case "other_scene":
                first = _first(shot)
            case "other_sprite":
                shot = _of_another(concept, scene, rng)
                first, prompt = _first(shot), f"{shot.subjects[0].sprite.words} {concept.how} {scene.words}"
            case _:
                first, prompt = ToyExample(ToyClip(shot)).composed(), with_phrase(prompt)
        yield first, prompt, shot


def _first(shot: Shot) -> Tensor:
    return torch.from_numpy(render_shot(shot, [0])[0])


def _of_another(concept: Concept, scene: Scene, rng: np.random.Generator) -> Shot:
    """Another sprite that moves by the concept's law."""
    shot = concept.shot(scene)
    return replace(shot, subjects=(replace(shot.subjects[0], sprite=another(rng, (concept.sprite,))),))


def with_strengths(row: Row, family: Family, school: School) -> Family:
    """Both experts with what was learned, as two LoRA loaders add it; a strength of 0 adds nothing."""
    from comfy.sd import load_lora_for_models
    from comfy.utils import load_torch_file

    experts = {}
    for expert in EXPERTS:
        model = getattr(family, expert)
        files = school.learned(row.training, expert) if row.training else []
        for file, strength in zip(files, (row.identity, row.motion), strict=False):
            if strength:
                model = load_lora_for_models(model, None, load_torch_file(str(file)), strength, 0.0)[0]
        experts[expert] = model
    return replace(family, **experts)


def score(clip: Tensor, shot: Shot, frame: Frame) -> dict[str, float]:
    """After the frames that a composed frame takes, whatever it began with: so all rows are told by the same.

    clip (F, H, W, 3), 0..1. After another picture the concept begins to move there; from its own first frame it has
    moved since then.
    """
    first = 0 if frame in ("plate", "ffgo") else COMPOSED_FRAMES
    scores = score_clip(clip[COMPOSED_FRAMES:], shot, first, (*LAWS, *NEW_LAWS))
    return {"object_identity": scores.object_identity, "amplitude": scores.amplitude, "law": scores.motion}


def flat(scores: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Mean and 95 % interval of each measure."""
    return {
        name + suffix: round(number, 4)
        for name, values in scores.items()
        for suffix, number in zip(("", "_low", "_high"), interval(values), strict=True)
    }
