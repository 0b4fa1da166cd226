"""The cast on disk: one folder for each member, plain files that their user can move, mail and delete.

Pictures are the truth; all else can be made anew. Nobody but `docs/cast.md` knows of a database: there is none.
"""

import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import FFGOError
from ..files import complete_file, unfinished_name
from ..frame.pictures import fingerprint_of
from ..locks import LOCK_FILE, Hold, sole_writer
from ..plain import read_limited
from .member import (
    FILE,
    MOST_BYTES,
    MOST_PICTURES,
    NO_CONCEPT,
    SLUG,
    Concept,
    Member,
    read_member,
    slug_of,
)
from .picture_files import open_png, write_picture, write_thumb
from .twins import MOST_BITS_OFF, MOST_COLOURS_OFF, Looks, bits_off, colours_off, looks_of

FOLDER = "ffgo_cast"
"""Below the host's input folder: so Load Image and uploads find the pictures, too."""
MOST_MEMBERS = 5000
PATIENCE_S = 60.0
"""For another workflow that saves into the same cast."""

WhenKnown = Literal["note", "add picture", "keep apart"]
WHEN_KNOWN: tuple[WhenKnown, ...] = ("note", "add picture", "keep apart")
What = Literal["new", "there already", "picture added", "not saved"]


@dataclass(frozen=True, slots=True)
class About:
    """What a user says of who is saved."""

    name: str
    noun: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    source: str = ""
    lora: Concept = NO_CONCEPT


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of saving."""

    what: What
    slug: str
    """Of the member that was made, added to, or known before."""
    member: Member
    note: str
    """In words."""


@dataclass(slots=True)
class Cast:
    """A folder of members. What was read is remembered until a file changes."""

    folder: Path
    _read: dict[str, tuple[tuple[int, int], Member | str]] = field(default_factory=dict)

    def members(self) -> dict[str, Member]:
        """All members by their folder's name, in its order; those whose file cannot be used are left out."""
        return {slug: one for slug, one in self._all().items() if isinstance(one, Member)}

    def broken(self) -> dict[str, str]:
        """What is wrong with the others."""
        return {slug: one for slug, one in self._all().items() if isinstance(one, str)}

    def _all(self) -> dict[str, Member | str]:
        found: dict[str, Member | str] = {}
        for slug, stamp in sorted(self._stamps()):
            known = self._read.get(slug)
            if known is None or known[0] != stamp:
                known = self._read[slug] = stamp, self._opened(slug)
            found[slug] = known[1]
        for gone in set(self._read) - set(found):
            del self._read[gone]
        return found

    def _stamps(self) -> Iterator[tuple[str, tuple[int, int]]]:
        try:
            names = [entry.name for entry in os.scandir(self.folder) if SLUG.fullmatch(entry.name)]
        except OSError:  # nobody was saved yet
            return
        for name in names[:MOST_MEMBERS]:
            try:
                stat = os.stat(os.path.join(self.folder, name, FILE))  # noqa: PTH116, PTH118 (5000 of them, often)
            except OSError:
                continue
            yield name, (stat.st_mtime_ns, stat.st_size)

    def _opened(self, slug: str) -> Member | str:
        path = self.folder / slug / FILE
        try:
            return read_member(read_limited(path, MOST_BYTES).decode(), f"{slug}/{FILE}")
        except (OSError, UnicodeDecodeError) as error:
            return f"{slug}/{FILE} cannot be read: {error}."
        except FFGOError as error:
            return str(error)

    def labels(self) -> dict[str, str]:
        """What a user chooses from: every member's name -> its folder's name. Of equal names, with the latter."""
        return {label: slug for slug, label in labelled(self.members()).items()}

    def find(self, label: str) -> tuple[str, Member]:
        """The member that is meant by a label, a name or a folder's name. Raises: FFGOError that names the folder."""
        members, labels = self.members(), self.labels()
        slug = labels.get(label) or (label if label in members else None)
        if slug is None:
            near = [one for one in labels if one.casefold().startswith(label.casefold()[:4])][:3]
            hint = f" Perhaps {' or '.join(near)} is meant." if near and label else ""
            why = self.broken().get(label) or self.broken().get(slug_of(label), "")
            raise FFGOError(
                f"There is no {label!r} in {self.folder}.{f' {why}' if why else hint} Choose another, or save it."
            )
        return slug, members[slug]

    def known(self, fingerprint: str) -> tuple[str, Member] | None:
        """Who has a picture of this fingerprint."""
        every = self.members().items() if fingerprint else ()
        return next(((slug, one) for slug, one in every if fingerprint in one.fingerprints), None)

    def picture(self, slug: str, member: Member, number: int = 1) -> np.ndarray:
        """A member's picture (h, w, 4) uint8; number: from 1. Raises: FFGOError where it is missing or damaged."""
        if not 1 <= number <= len(member.pictures):
            raise FFGOError(f"{member.name} has {len(member.pictures)} pictures, and this asks for number {number}.")
        return open_png(self.folder / slug / member.pictures[number - 1].file)

    def save(self, picture: np.ndarray, about: About, when_known: WhenKnown = "note") -> Saved:
        """Keep a cut-out (h, w, 4) uint8. Nothing that is there is ever overwritten.

        A picture that is there already is not kept twice. One that looks the same, or of a name that is taken:
        "note" saves nothing and says so, "add picture" gives it to the one who is known, "keep apart" makes another.
        Raises: FFGOError.
        """
        print_, looks = fingerprint_of(picture), looks_of(picture)
        with self.writing():
            if same := self.known(print_):
                return Saved("there already", *same, f"This picture of {same[1].name} is in the cast already.")
            alike = self._alike(looks)
            known = alike or self._named(about.name)
            if known is None or when_known == "keep apart":
                return self._new(picture, about, looks)
            why = f"It looks as {known[1].name} does" if alike else f"There is a {known[1].name} already"
            if when_known == "note":
                return Saved(
                    "not saved", *known,
                    f"{why}, so nothing was saved. Set when_known to `add picture` to give {known[1].name} this "
                    "picture, or to `keep apart` for somebody else.",
                )  # fmt: skip
            return self._added(*known, picture, looks)

    @contextmanager
    def writing(self) -> Iterator[Hold]:
        """Keep all others from writing. Raises: FFGOError where the folder cannot be written to."""
        lock = self.folder / LOCK_FILE
        with sole_writer(lock, f"The cast in {self.folder} is being written to", patience_s=PATIENCE_S) as hold:
            hold.sweep(self.folder)
            try:
                yield hold
            except OSError as error:
                raise FFGOError(
                    f"{self.folder} cannot be written to ({error.strerror}). Mend it, or make room."
                ) from error

    def _alike(self, looks: Looks) -> tuple[str, Member] | None:
        """Whose picture looks the same; the colours are only looked at where the hash fits."""
        for slug, member in self.members().items():
            for number, one in enumerate(member.pictures, 1):
                if bits_off(looks, one.dhash) <= MOST_BITS_OFF:
                    try:
                        other = looks_of(self.picture(slug, member, number))
                    except FFGOError:  # damaged, which is said where it is loaded
                        continue
                    if colours_off(looks, other) <= MOST_COLOURS_OFF:
                        return slug, member
        return None

    def _named(self, name: str) -> tuple[str, Member] | None:
        every = self.members().items()
        return next(((slug, one) for slug, one in every if one.name.casefold() == name.strip().casefold()), None)

    def _new(self, picture: np.ndarray, about: About, looks: Looks) -> Saved:
        member = Member(
            secrets.token_hex(8), self.free_name(about.name), about.noun, about.description, about.tags,
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), source=about.source, lora=about.lora,
        )  # fmt: skip
        read_member(member.to_json(), "This member")  # what could not be read again is refused before it is written
        slug = self.free_slug(member.name)
        with self.new_folder(slug) as folder:
            kept = write_picture(folder, 1, picture, looks)
            write_thumb(folder, picture)
            member = replace(member, pictures=(kept,))
            (folder / FILE).write_text(member.to_json(), "utf-8")
        return Saved("new", slug, member, f"{member.name} is in the cast now.")

    def _added(self, slug: str, member: Member, picture: np.ndarray, looks: Looks) -> Saved:
        numbers = {int(one.file[:2]) for one in member.pictures}
        if len(numbers) >= MOST_PICTURES:
            raise FFGOError(
                f"{member.name} has {len(numbers)} pictures, which are the most. Delete some, or keep it apart."
            )
        folder = self.folder / slug
        kept = write_picture(folder, max(numbers, default=0) + 1, picture, looks)
        member = replace(member, pictures=(*member.pictures, kept))
        with complete_file(folder / FILE) as partial:
            partial.write_text(member.to_json(), "utf-8")
        return Saved("picture added", slug, member, f"{member.name} has {len(member.pictures)} pictures now.")

    @contextmanager
    def new_folder(self, slug: str) -> Iterator[Path]:
        """A folder to write a member into; it is there when nothing was raised, and whole."""
        partial = unfinished_name(self.folder / slug)
        partial.mkdir(parents=True)
        try:
            yield partial
            partial.rename(self.folder / slug)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def free_slug(self, name: str) -> str:
        """The name of a folder that is not there."""
        slug, number = slug_of(name), 1
        while (self.folder / (free := slug if number == 1 else f"{slug}-{number}")).exists():
            number += 1
        return free

    def free_name(self, name: str) -> str:
        """A name that nobody has."""
        name, taken = name.strip(), {one.name.casefold() for one in self.members().values()}
        number = 2
        free = name
        while free.casefold() in taken:
            free, number = f"{name} {number}", number + 1
        return free


def labelled(members: Mapping[str, Member]) -> dict[str, str]:
    """By their folder's name: what each is chosen by."""
    times = Counter(member.name.casefold() for member in members.values())
    return {
        slug: member.name if times[member.name.casefold()] == 1 else f"{member.name} [{slug}]"
        for slug, member in members.items()
    }


def listed(members: Mapping[str, Member]) -> Sequence[dict[str, object]]:
    """What the page's list needs to know."""
    labels = labelled(members)
    return [
        {
            "slug": slug, "label": labels[slug], "name": one.name, "noun": one.noun, "tags": list(one.tags),
            "files": [picture.file for picture in one.pictures], "fingerprints": sorted(one.fingerprints),
        }
        for slug, one in members.items()
    ]  # fmt: skip
