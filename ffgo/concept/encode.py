"""The examples of a concept, encoded once: the set for its identity, the sequences for its motion."""

from pathlib import Path

from ..dataset.cache import CachedDataset
from ..dataset.encode import encode_made
from ..dataset.encoders import Encoders
from ..dataset.examples import Progress
from ..dataset.sizing import Sizing
from ..errors import FFGOError
from .examples import concept_examples
from .material import ConceptMaterial, check_words_of

MOST_STITCH = 1.0


def encoded_folders(folder: Path) -> tuple[Path, Path]:
    """Where the set and the sequences of a concept lie."""
    return folder / "set", folder / "sequence"


def encode_concept(
    material: ConceptMaterial,
    encoders: Encoders,
    folder: Path,
    sizing: Sizing,
    *,
    stitch: float = 0.0,
    progress: Progress | None = None,
) -> tuple[CachedDataset, CachedDataset]:
    """Encode the set and the sequences of a concept below a folder: only what is not there yet.

    stitch: how often two concepts stand side by side, beside any other example.
    Raises: FFGOError where a clip, a mask, a plate or a word cannot be used; BusyError as `encode_examples`.
    """
    if not 0 <= stitch <= MOST_STITCH:
        raise FFGOError(f"stitch is {stitch:g}; it must be from 0 (never) to {MOST_STITCH:g}.")
    made = concept_examples(check_words_of(material), sizing, stitch=stitch)
    places = encoded_folders(folder)
    try:
        sets = tuple(
            encode_made(clips, encoders, place, words=material.words, progress=progress)
            for clips, place in zip((made.identity, made.motion), places, strict=True)
        )
    finally:
        made.release()
    sets[0].notes[:0] = made.notes
    return sets[0], sets[1]
