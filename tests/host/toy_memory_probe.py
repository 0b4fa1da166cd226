"""Runs inside the host's Python, started by probe.py: learns two ways of a memory in two steps, and samples them."""

import torch
from boot import BASE

from ffgo.bases.catalogue import EXPERTS
from ffgo.host.loading import latent_format
from ffgo.lora.file import read_lora
from lab.toyworld.memory import Way, memory_of, training_set
from lab.toyworld.memory_rows import Row, measure, shown
from lab.toyworld.memory_school import MemorySchool

COUNT = 2
WAYS: tuple[Way, ...] = ("scene_cast", "shadow")


def find() -> dict:
    school = MemorySchool.below(BASE / "school", steps=2)
    family, found = school.family(), {}
    for way in WAYS:
        school.prepare(way, training_set()[2 : 2 + COUNT])
        for expert in EXPERTS:
            school.learn(way, 1, expert)
        files = [school.lora(way, 1, expert) for expert in EXPERTS]
        written = [file.stat().st_mtime_ns for file in files]
        for expert in EXPERTS:
            school.learn(way, 1, expert)
        found[way] = {
            "kept": written == [file.stat().st_mtime_ns for file in files],
            "memory": [read_lora(file, file.name).metadata.get("ffgo.memory") for file in files],
            "told": told(school, way),
            "row": shown(measure(Row(way, 6, 1), school, family, COUNT)),
        }
    return found


def told(school: MemorySchool, way: Way) -> dict:
    """Which latents are marked as given, in training and in sampling, and how far apart the latents of the two are."""
    example, learned = training_set()[2], school.dataset(way)[0].condition
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        ((_, values),) = school.family().conditioning_of([example.start(way)], [example.prompt], memory_of(way))
    sampled = latent_format().process_in(values["concat_latent_image"].float())[0]
    return {
        "given": learned[:4].amin((0, 2, 3)).tolist(),
        "sampled": values["concat_mask"].amax((0, 1, 3, 4)).tolist(),
        "apart": float((learned[4:] - sampled).abs().mean()),
    }
