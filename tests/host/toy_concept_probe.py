"""Runs inside the host's Python, started by probe.py: learns a concept in two steps of each run, and samples it."""

from dataclasses import replace

import torch
from boot import BASE

from ffgo.bases.catalogue import EXPERTS
from ffgo.lora.file import read_lora
from ffgo.lora.halves import check_pair, half_of
from lab.toyworld.concept import Training, concepts
from lab.toyworld.concept_rows import Row, base_rows, measure, rows_of, tasks, with_strengths
from lab.toyworld.school import School

COUNT = 2


def find() -> dict:
    school = School.below(BASE / "school", identity=2, motion=2)
    concept = next(iter(concepts().values()))
    training = Training((concept,), "two_stage", 1)
    school.prepare(training)
    found = {}
    for expert in EXPERTS:
        school.learn(training, expert)
        files = school.learned(training, expert)
        written = [file.stat().st_mtime_ns for file in files]
        school.learn(training, expert)
        found[f"{expert} kept"] = written == [file.stat().st_mtime_ns for file in files]
        one, two = (half_of(read_lora(file, file.name)) for file in files)
        assert one is not None
        assert two is not None
        check_pair(one, two)
        found[f"{expert} words"] = one.words
    family = school.family()
    row = next(row for row in rows_of(training) if (row.frame, row.identity, row.motion) == ("plate", 1, 1))
    base = next(row for row in base_rows(concept) if row.frame == "plate")
    found |= {
        "nothing": same(replace(row, identity=0, motion=0), base, school, family),
        "both": same(row, base, school, family),
        "row": measure(row, family, school, COUNT),
    }
    return found


def same(one: Row, other: Row, school: School, family) -> bool:
    firsts, prompts, _ = zip(*tasks(one, COUNT), strict=True)
    clips = [with_strengths(row, family, school).generate(torch.stack(firsts), prompts) for row in (one, other)]
    return torch.equal(*clips)
