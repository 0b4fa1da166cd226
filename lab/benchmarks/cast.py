"""The cast's list: how long a new process takes to read all members, and one that has read them before."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ffgo.cast.member import FILE
from ffgo.cast.shelf import About, Cast

from .measure import Spent, row, spent, usual_of

MEMBERS, SMALL = 500, 20
WANTED = {"cold": 1500, "warm": 150}
"""Milliseconds."""
ROUNDS = 8


def rows(*, small: bool = False) -> Iterator[dict]:
    """Milliseconds for the labels of 500 members, against those that are wanted."""
    with tempfile.TemporaryDirectory(prefix="ffgo-bench-") as name:
        folder = Path(name)
        _fill(folder, SMALL if small else MEMBERS)
        taken: dict[str, list[Spent]] = {"cold": [], "warm": []}
        for _ in range(ROUNDS):
            cast = Cast(folder)
            for times in taken.values():  # the first of the two reads every file
                times.append(spent(cast.labels))
    for what, times in taken.items():
        unit = f"ms, {SMALL if small else MEMBERS} members"
        yield row(f"cast_list_{what}", usual_of(times).wall * 1000, WANTED[what], unit, (0, 0))


def _fill(folder: Path, count: int) -> None:
    """So many members of one picture each; the list looks at no picture, so all but one have none."""
    saved = Cast(folder).save(np.full((64, 64, 4), 200, np.uint8), About("Member 0", "the member", "a grey square"))
    for number in range(1, count):
        slug = f"member-{number}"
        (folder / slug).mkdir()
        member = replace(saved.member, id=f"{number:016x}", name=f"Member {number}")
        (folder / slug / FILE).write_text(member.to_json(), "utf-8")
