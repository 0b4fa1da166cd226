"""Who in the cast is meant: by words, which no model reads; or by a picture."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import FFGOError
from ..evaluation.embedding import Embedder
from .member import Member
from .shelf import Cast
from .twins import bits_off, colours_off, looks_of
from .vectors import cache_vectors, cached_vectors, key_of, vector_of

WEIGHTS = {"name": 4.0, "noun": 3.0, "tags": 3.0, "description": 1.0}
"""How much a word counts that is found there."""


@dataclass(frozen=True, slots=True)
class Match:
    """Somebody who was found."""

    slug: str
    member: Member
    score: float
    """0 to 1; of pictures by a model, the cosine."""
    number: int = 1
    """Of the picture that fits best."""


def by_words(cast: Cast, text: str, most: int) -> list[Match]:
    """Those in whose name, noun, tags or description the words stand, best first.

    A score of 1 has all of them in the name. Raises: FFGOError where nobody fits.
    """
    wanted = _words(text)
    if not wanted:
        raise FFGOError("text has no word to look for. Write a name, or what is said of them.")
    found = []
    for slug, member in cast.members().items():
        places = {
            "name": _words(member.name), "noun": _words(member.noun), "tags": _words(" ".join(member.tags)),
            "description": _words(member.description),
        }  # fmt: skip
        score = sum(
            max([weight for place, weight in WEIGHTS.items() if _is_in(word, places[place])] or [0.0])
            for word in wanted
        )
        if score:
            found.append(Match(slug, member, score / (WEIGHTS["name"] * len(wanted))))
    if not found:
        raise FFGOError(f"Nobody in {cast.folder} is called {text[:60]!r}, or described so. Try fewer or other words.")
    return sorted(found, key=lambda one: -one.score)[:most]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _is_in(word: str, words: set[str]) -> bool:
    """Also where it is the beginning of one: "robot" finds "robots"; scripts without spaces are one word."""
    return any(other.startswith(word) or (not word.isascii() and word in other) for other in words)


def by_picture(  # noqa: PLR0917 (who is looked for, and what looks)
    cast: Cast, picture: np.ndarray, most: int, embedder: Embedder | None = None, model: str = "",
    step: Callable[[int, int], object] = lambda done, total: None,
) -> list[Match]:  # fmt: skip
    """Those who look most like a cut-out (h, w, 4) uint8, best first.

    embedder: a network that looks; model: what tells it, for the cache. Without one, outline and colours are compared,
    which finds the same picture, and hardly anything else. step: called with how many are done, of how many.
    Raises: FFGOError where the cast is empty.
    """
    members = cast.members()
    if not members:
        raise FFGOError(f"There is nobody in {cast.folder} yet. Save somebody with FFGo Save to Cast.")
    score = _by_looks(cast, picture) if embedder is None else _by_network(cast, picture, embedder, model)
    found = []
    for done, (slug, member) in enumerate(members.items(), 1):
        scores = score(slug, member)
        if scores:
            best = max(scores, key=scores.__getitem__)
            found.append(Match(slug, member, scores[best], best))
        step(done, len(members))
    return sorted(found, key=lambda one: -one.score)[:most]


Scorer = Callable[[str, Member], Mapping[int, float]]
"""Of a member, the score of each picture that can be read, by its number."""


def _by_looks(cast: Cast, picture: np.ndarray) -> Scorer:
    looks = looks_of(picture)

    def score(slug: str, member: Member) -> dict[int, float]:
        found = {}
        for number, one in enumerate(member.pictures, 1):
            other = _readable(cast, slug, member, number)
            if other is not None:
                off = bits_off(looks, one.dhash) / 0.5, colours_off(looks, looks_of(other))
                found[number] = max(0.0, 1 - sum(off) / 2)
        return found

    return score


def _by_network(cast: Cast, picture: np.ndarray, embedder: Embedder, model: str) -> Scorer:
    wanted = vector_of(picture, embedder)

    def score(slug: str, member: Member) -> dict[int, float]:
        vectors = vectors_of(cast, slug, member, embedder, model)
        return {number: float(wanted @ vector) for number, vector in vectors.items()}

    return score


def vectors_of(cast: Cast, slug: str, member: Member, embedder: Embedder, model: str) -> dict[int, np.ndarray]:
    """What a network sees in a member's pictures, by their number; from the cache where it is there."""
    folder = cast.folder / slug
    cached, found = cached_vectors(folder), {}
    before = len(cached)
    for number, one in enumerate(member.pictures, 1):
        key = key_of(model, one.fingerprint)
        if key not in cached and (picture := _readable(cast, slug, member, number)) is not None:
            cached[key] = vector_of(picture, embedder)
        if key in cached:
            found[number] = cached[key]
    if len(cached) > before:
        cache_vectors(folder, cached)
    return found


def _readable(cast: Cast, slug: str, member: Member, number: int) -> np.ndarray | None:
    """A picture; None where it is damaged, which is said where it is loaded."""
    try:
        return cast.picture(slug, member, number)
    except FFGOError:
        return None
