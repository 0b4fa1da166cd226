"""Halves of a learned concept on loaded experts: which are there, and both of one put on at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from comfy.model_patcher import ModelPatcher

from ...ffgo.bases.base import Expert
from ...ffgo.errors import FFGOError
from ...ffgo.lora.file import LoRAFile, check_experts, check_slots, read_lora
from ...ffgo.lora.halves import PARTS, Half, Part, check_pair, half_of, motion_warnings
from ...ffgo.lora.keys import translate
from ._patching import Mode, apply_lora, expert_file, expert_weights, require_pair

BASES = "ffgo_bases"
"""Key of what a patched model says of the identity halves on it; clones keep it."""


def half_warnings(model: ModelPatcher, half: Half | None) -> list[str]:
    """What to say of a half that is put onto an expert by itself. Raises: FFGOError where it is a foreign one."""
    if half is None or half.part != "motion":
        return []
    return motion_warnings(half, model.get_attachment(BASES) or [])


def remember_half(model: ModelPatcher, half: Half | None) -> None:
    """Note an identity half on a patched clone, so that its motion half is known to stand on something."""
    if half is not None and half.part == "identity":
        model.set_attachments(BASES, [*(model.get_attachment(BASES) or []), half.basis])


@dataclass(frozen=True, slots=True)
class LoadedConcept:
    """Both experts with a concept, and what to say of it."""

    models: Mapping[Expert, ModelPatcher]
    words: str
    lines: list[str]
    warnings: list[str]


def open_concept(
    concept: str,
    models: Mapping[Expert, ModelPatcher],
    paths: Mapping[tuple[Part, Expert], Path],
    strengths: Mapping[tuple[Part, Expert], float],
    mode: Mode,
) -> LoadedConcept:
    """Put both halves of a concept onto both experts, each with its strength; 0 leaves the expert as it is, to the bit.

    All files are read and held against each other first, also those of strength 0.
    Raises: FFGOError where a file is for the other expert, changed, of another training, or does not fit.
    """
    for expert, model in models.items():
        require_pair(model, f"model_{expert}")
    files = {key: read_lora(path, path.name) for key, path in paths.items()}
    warnings = check_experts({e: expert_file(m) for e, m in models.items()}, one_model=_is_one(models))
    for part in PARTS:
        warnings += check_slots({expert: files[part, expert] for expert in models})
    halves = {key: _half(file, key[0]) for key, file in files.items()}
    for expert in models:
        check_pair(halves["identity", expert], halves["motion", expert])
    words = {half.words for half in halves.values()}
    if len(words) > 1:
        told = " and ".join(map(repr, sorted(words)))
        warnings.append(f"The files of {concept} name different words, {told}: their experts learned different texts.")
    patched, lines = dict(models), []
    for (part, expert), file in files.items():
        strength = strengths[part, expert]
        how = "left out"
        if strength:
            lora = translate(file, expert_weights(models[expert]), expert, strict=True)
            warnings += lora.warnings
            patched[expert], how = apply_lora(patched[expert], lora, strength, mode)
            remember_half(patched[expert], halves[part, expert])
        lines.append(f"{expert}-noise expert: {part} {strength:g}, {how}")
    return LoadedConcept(patched, halves["identity", "high"].words, lines, warnings)


def _half(file: LoRAFile, part: Part) -> Half:
    half = half_of(file)
    if half is None or half.part != part:
        said = "an ordinary LoRA" if half is None else f"the {half.part} half of a concept"
        raise FFGOError(f"'{file.name}' is {said}, not the {part} half of one. Take the files that the trainer wrote.")
    return half


def _is_one(models: Mapping[Expert, ModelPatcher]) -> bool:
    return models["high"].is_clone(models["low"])
