"""Both halves of a concept in one LoRA of the same rank, for programs that know no halves.

python -m ffgo.training merge-concept output/loras/my_cat --identity 1 --motion 0.7
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..bases.base import BASE_KEY, EXPERT_KEY, Expert
from ..bases.catalogue import EXPERTS
from ..errors import FFGOError
from ..lora.file import LoRAFile, read_lora
from ..lora.halves import PARTS, WORDS_KEY, check_pair, files_of, half_of
from ..lora.noise import BOUNDARY_KEY, SHIFT_KEY
from ..lora.saving import Factors, factors_of, lora_tensors, save_tensors, sole_lora_writer

COMMAND = "merge-concept"
MOST_STRENGTH = 2.0
_KEPT = (BASE_KEY, EXPERT_KEY, BOUNDARY_KEY, SHIFT_KEY, WORDS_KEY)


def merge_concept(concept: Path, identity: float, motion: float) -> list[Path]:
    """Write `<concept>_merged_<expert>.safetensors` for every expert: A of both, B = identity * B1 + motion * B2.

    concept: its files' paths up to `_identity_high.safetensors` and so on. Files of that name are never written over.
    Raises: FFGOError where a half is missing, changed, or of another training, or the disk refuses.
    """
    for name, strength in (("identity", identity), ("motion", motion)):
        if not abs(strength) <= MOST_STRENGTH:
            raise FFGOError(f"{name} is {strength:g}; a strength is from {-MOST_STRENGTH:g} to {MOST_STRENGTH:g}.")
    targets = {expert: concept.with_name(f"{concept.name}_merged_{expert}.safetensors") for expert in EXPERTS}
    if there := [path for path in targets.values() if path.exists()]:
        raise FFGOError(f"{there[0]} exists. Move it away, or remove it.")
    merged = {expert: _merged(concept, expert, identity, motion) for expert in EXPERTS}
    try:
        with sole_lora_writer(concept.parent):
            for expert, (factors, metadata) in merged.items():
                save_tensors(targets[expert], lora_tensors(factors), metadata)
    except OSError as error:
        raise FFGOError(
            f"{concept.parent} cannot be written to ({error.strerror}). Make room, and try again."
        ) from error
    return list(targets.values())


def _merged(concept: Path, expert: Expert, identity: float, motion: float) -> tuple[dict[str, Factors], dict[str, str]]:
    names = files_of(concept.name, [expert])
    files = [read_lora(concept.with_name(names[part, expert]), names[part, expert]) for part in PARTS]
    one, two = map(half_of, files)
    if one is None or two is None or (one.part, two.part) != PARTS:
        raise FFGOError(f"The files of {concept.name} are not the two halves of a concept, as the trainer writes them.")
    check_pair(one, two)
    first, second = (factors_of(file.tensors, file.name) for file in files)
    factors = {}
    for name, factor in first.items():
        ratio = second[name].alpha / factor.alpha  # each half may count otherwise
        factors[name] = Factors(factor.a, identity * factor.b + motion * ratio * second[name].b, factor.alpha)
    return factors, _metadata(files, identity, motion)


def _metadata(files: Sequence[LoRAFile], identity: float, motion: float) -> dict[str, str]:
    kept = {key: files[0].metadata[key] for key in _KEPT if key in files[0].metadata}
    return {"format": "pt", **kept, "ffgo.merged": f"identity {identity:g}, motion {motion:g}"}


def merge_as_told(arguments: Sequence[str]) -> list[Path]:
    """The command line; the files that were written. Raises: FFGOError."""
    parser = argparse.ArgumentParser(f"python -m ffgo.training {COMMAND}", description=__doc__)
    parser.add_argument("concept", type=Path, help="its files' path up to _identity_high.safetensors")
    for part in PARTS:
        parser.add_argument(f"--{part}", type=float, default=1.0, help="strength (default: %(default)s)")
    args = parser.parse_args(arguments)
    return merge_concept(args.concept, args.identity, args.motion)
