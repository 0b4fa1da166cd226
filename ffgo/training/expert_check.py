"""Whether a model is the expert that it is said to be: by its file, and by what it makes of little noise.

A guess stands for an expert that knows nothing but how large the latents are: the best straight line from what it sees
to the velocity. A high-noise expert has never seen little noise, and is worse there than such a guess; measured in
docs/training.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from ..bases.base import EXPERT_KEY, UNCHECKED, Expert
from ..bases.catalogue import EXPERTS
from ..dataset.encoded import EncodedDataset, EncodedExample
from ..errors import FFGOError
from ..host.trainable import read_weight
from ..lora.hints import hint_in_name
from ..plain import is_number
from .step import Predict, draw_sample, velocity_loss

LITTLE = (0.05, 0.1)
"""Sigmas that a high-noise expert never saw."""
MUCH = (0.5, 0.8)
"""Places between the boundary and 1."""
KNOWS, LOST = 1.5, 2.5
"""Times a guess's loss: below, it knows such noise; above, it does not; in between nobody can tell."""
ASKED = 3
"""Examples, of which the median counts: a low-noise expert can be lost on one of them."""
SAMPLED = 8
"""Layers that a model is known again by, and numbers of each."""
SAME, ANOTHER = 0.005, 0.2
"""Share by which these may be off: bfloat16 rounds by 0.002, the coarsest fp8 by 0.06."""
TITLES = (EXPERT_KEY, "modelspec.title", "title", "name")
"""In the metadata of a model's file."""
_BEHIND = {EXPERT_KEY: " noise"}


@dataclass(frozen=True, slots=True)
class Told:
    """Which expert the model is, as something tells."""

    expert: Expert | None
    """None where it does not."""
    words: str


@dataclass(frozen=True, slots=True)
class Check:
    """What was found."""

    by: str
    """What tells that the model is the expert: "name", "loss", "name and loss"; `UNCHECKED` where nothing does."""
    line: str
    """For the user."""


def told_by_file(file: Path | None) -> Told:
    """By the file that the model was loaded from: its name, that of its folder, its metadata."""
    if file is None:
        return Told(None, "the host does not know its file")
    for title in (f"{file.parent.name}/{file.name}", *_titles(file)):
        if hint := hint_in_name(title):
            return Told(hint, f"its file is {title!r}")
    return Told(None, f"its file, {file.name!r}, does not say")


def _titles(file: Path) -> list[str]:
    if file.suffix not in (".safetensors", ".sft"):
        return []
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError):
        return []
    return [f"{metadata[key][:200]}{_BEHIND.get(key, '')}" for key in TITLES if key in metadata]


def told_by_loss(predict: Predict, dataset: EncodedDataset, boundary: float, device: torch.device) -> Told:
    """By its loss at little and at much noise, on the smallest examples, with always the same noise."""
    smallest = sorted(range(len(dataset)), key=lambda i: dataset.shapes[i])[:ASKED]
    losses = [losses_against_guess(predict, dataset[index], boundary, device) for index in smallest]
    little, much = torch.tensor(losses).quantile(0.5, dim=0).tolist()
    words = (
        f"on {' and '.join(dataset.names[index] for index in smallest)} its loss is {little:.2f} times that of a guess "
        f"at little noise (sigma "
        f"{' and '.join(map(str, LITTLE))}) and {much:.2f} times at much"
    )
    if not much <= KNOWS:  # an untrained one, or NaN
        return Told(None, words)
    return Told("low" if little <= KNOWS else "high" if little >= LOST else None, words)


@torch.no_grad()
def losses_against_guess(
    predict: Predict, example: EncodedExample, boundary: float, device: torch.device
) -> tuple[float, float]:
    """The loss at little and at much noise, each as a multiple of a guess's."""
    power = float(example.latents.square().mean())

    def mean(sigmas: Sequence[float]) -> float:
        total = 0.0
        for sigma in sigmas:
            sample = draw_sample("", example, sigma, "expert check", sigma)
            guess = power / ((1 - sigma) ** 2 * power + sigma**2)
            total += float(velocity_loss(predict, [sample], device, inf)) / guess
        return total / len(sigmas)

    return mean(LITTLE), mean([boundary + (1 - boundary) * place for place in MUCH])


def check_by_file(expert: Expert, told: Told) -> None:
    """Raises: FFGOError where the model's file says that it is the other expert."""
    if told.expert not in (None, expert):
        _refuse(expert, told)


def check_expert_by(expert: Expert, file: Told, loss: Told) -> Check:
    """Put both together. Raises: FFGOError where they say that the model is the other expert.

    A model that is lost at little noise is no low-noise expert, whatever its file is called. That one which knows
    little noise is no high-noise expert was seen in the toy world alone, so there the file's name has the last word.
    """
    check_by_file(expert, file)
    if loss.expert not in (None, expert) and (loss.expert == "high" or file.expert is None):
        _refuse(expert, loss)
    told = {"name": file, "loss": loss}
    sources = [by for by, one in told.items() if one.expert == expert]
    if not sources:
        return Check(
            UNCHECKED,
            f"⚠ Nothing tells which expert the model is: {file.words}, and {loss.words}. See to it that it is the "
            f"{expert}-noise expert; the LoRA's file does not claim it.",
        )
    reasons = ", and ".join(told[by].words for by in sources)
    return Check(" and ".join(sources), f"The model is the {expert}-noise expert: {reasons}.")


def sample_weights(layers: Sequence[nn.Module], device: torch.device) -> list[float]:
    """A few numbers of a few layers, spread over all of them, by which a model is known again."""
    numbers = []
    for layer in layers[:: max(1, len(layers) // SAMPLED)][:SAMPLED]:
        weight = read_weight(layer, torch.float32, device).detach().flatten()
        numbers += weight[:: max(1, len(weight) // SAMPLED)][:SAMPLED].tolist()
    return [float(f"{number:.4g}") for number in numbers]


def other_weights(then: Any, now: Sequence[float]) -> str:
    """What to tell of a model whose run was begun with these numbers; empty where there is nothing.

    Raises: FFGOError where it is another model, and not the same one kept with other bits.
    """
    if not (isinstance(then, list) and len(then) == len(now) and all(map(is_number, then))):
        return ""  # begun before they were noted
    before, after = torch.tensor(then), torch.tensor(now)
    off = float((after - before).norm() / before.norm().clamp(min=1e-9))
    if off > ANOTHER:
        raise FFGOError(
            f"The model is another one than the run was begun with: its weights are off by {off:.0%}. Connect that "
            "model, or choose another name for the run."
        )
    return f"⚠ The model's weights are off by {off:.1%} from those that the run was begun with." if off > SAME else ""


def _refuse(expert: Expert, told: Told) -> None:
    (other,) = (one for one in EXPERTS if one != expert)
    raise FFGOError(
        f"The {expert}-noise expert is to be trained, and the model is the {other}-noise expert: {told.words}. Connect "
        f"the other model, or set expert to {other}. If you know better, write check_expert = false into the "
        "recipe."
    )
