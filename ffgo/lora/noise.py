"""What a LoRA's metadata says of the noise that it was trained on, against the schedule that is sampled."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

BOUNDARY_KEY, SHIFT_KEY = "ffgo.boundary", "ffgo.shift"
CLOSE = 1e-3
"""Widgets and files round."""


@dataclass(frozen=True, slots=True)
class TrainedFor:
    """The schedule that a LoRA was trained for; None where its file does not say."""

    file: str
    boundary: float | None
    shift: float | None


def trained_for(file: str, metadata: Mapping[str, str]) -> TrainedFor:
    """Read it out of a file's metadata; what is no number in its range says nothing. file: its name, for messages."""
    return TrainedFor(file, _number(metadata.get(BOUNDARY_KEY), 1.0), _number(metadata.get(SHIFT_KEY), 100.0))


def schedule_warnings(loras: Iterable[TrainedFor], boundary: float, shift: float | None) -> list[str]:
    """Warn of each LoRA that was trained for another boundary or shift than those of a schedule; None is unknown."""
    return [
        f"'{lora.file}' was trained for a {name} of {trained:g}, and this schedule has {used:g}: "
        f"{'the experts change where the LoRA has not learned to' if name == 'boundary' else 'its noise is another'}. "
        f"Set {where} to {trained:g}, or use a LoRA that was trained for {used:g}."
        for lora in loras
        for name, trained, used, where in (
            ("boundary", lora.boundary, boundary, "boundary"),
            ("shift", lora.shift, shift, "the shift of ModelSamplingSD3"),
        )
        if trained is not None and used is not None and abs(trained - used) > CLOSE
    ]


def pair_warnings(loras: Sequence[TrainedFor]) -> list[str]:
    """Warn where LoRAs that share a schedule were trained for different ones: no switch can suit both."""
    return [
        f"'{one.file}' was trained for a {name} of {ours:g}, and '{other.file}' for {theirs:g}. "
        "The experts change at one place for both: use two LoRAs of one training."
        for one, other in pairwise(loras)
        for name, ours, theirs in (("boundary", one.boundary, other.boundary), ("shift", one.shift, other.shift))
        if ours is not None and theirs is not None and abs(ours - theirs) > CLOSE
    ]


def _number(text: str | None, most: float) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number <= most else None
