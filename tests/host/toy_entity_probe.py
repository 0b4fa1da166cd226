"""Runs inside the host's Python, started by probe.py: learns with entities in two steps, samples clips with them."""

import torch
from boot import BASE

from ffgo.bases.catalogue import EXPERTS
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.examples import open_dataset
from lab.toyworld.entity_attention import EntityMemory, numbers_of
from lab.toyworld.entity_lesson import OF_ALL, Lesson, examples_of, exchanged
from lab.toyworld.entity_school import EntitySchool, fresh_memory, generate_seeing, large_rank
from lab.toyworld.entity_table import EXCHANGED, MEMORY, Row, measure
from lab.toyworld.examples import unseen_set

COUNT, STEPS, SEED = 2, 2, 5


def find() -> dict:
    school, lesson = EntitySchool.below(BASE / "entities", STEPS), Lesson("entities", 1, STEPS)
    school.prepare(lesson)
    written = open_dataset(school.folder / f"dataset_{lesson.data}").examples
    told = [(example.name, example.caption) for example in written]
    names = CachedDataset.open(school.folder / f"encoded_{lesson.data}").names
    found: dict = {"order": told == list(zip(names, [one.prompt for one in examples_of(lesson.data)], strict=True))}
    for expert in EXPERTS:
        school.learn(lesson, expert)
        files = [school.lora_file(lesson, expert), school.memory_file(lesson, expert)]
        written = [file.stat().st_mtime_ns for file in files]
        files[0].unlink()  # as where the run was stopped before its last file was written: it ends there again
        before = files[1].read_bytes()
        school.learn(lesson, expert)
        found[f"{expert} again"] = files[0].exists() and files[1].read_bytes() == before
        school.learn(lesson, expert)
        found[f"{expert} kept"] = written[0] != files[0].stat().st_mtime_ns
    return found | clips(school, lesson) | sizes(school)


def clips(school: EntitySchool, lesson: Lesson) -> dict:
    """What is the same to the bit, and what is not."""
    family, every = school.family(), unseen_set("easy")
    firsts = torch.stack([example.composed() for example in every[:COUNT]])
    prompts = [example.prompt for example in every[:COUNT]]
    own, others = (school.entities(family, some[:COUNT]) for some in (every, exchanged(every)))

    def made(entities: torch.Tensor | None) -> torch.Tensor:
        return school.generate(family, lesson, firsts, prompts, seed=SEED, entities=entities)

    lora, seeing = made(None), made(own)
    learned = family.with_loras(*(school.lora_file(lesson, expert) for expert in EXPERTS))
    fresh = [EntityMemory.beside(getattr(family, expert).model.diffusion_model, 1) for expert in EXPERTS]
    return {
        "fresh is the LoRA": torch.equal(lora, generate_seeing(learned, fresh, own, firsts, prompts, seed=SEED)),
        "learned is not": not torch.equal(lora, seeing),
        "others differ": not torch.equal(seeing, made(others)),
        "again the same": torch.equal(seeing, made(own)),
        "rows": [measure(school, Row(kind, lesson, COUNT), family) for kind in (MEMORY, EXCHANGED)],
    }


def sizes(school: EntitySchool) -> dict:
    model = school.expert("high")
    rank = large_rank(model)
    return {"rank": rank, "usual": OF_ALL.rank, "memory": numbers_of(fresh_memory()), "numbers": _numbers(model)}


def _numbers(model) -> int:
    """Of a LoRA of rank one."""
    from ffgo.training.adapters import BOTH, count_numbers, target_layers

    network = model.model.diffusion_model
    return count_numbers(network, target_layers(network, OF_ALL.targets), 1, BOTH)
