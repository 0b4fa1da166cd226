"""Runs inside the host's Python, started by probe.py: loads a concept in every way, and says what came of it."""

import importlib
from typing import Any

import lora_probe
import torch
from lora_probe import LORAS, RANK, WEIGHTS, load_expert, random_lora, run
from safetensors import safe_open
from safetensors.torch import save_file

halves = importlib.import_module("pack.ffgo.lora.halves")
merge = importlib.import_module("pack.ffgo.training.merge")
Loader: Any = importlib.import_module("pack.nodes.concept.concept_loader").ConceptLoader
EXPERTS = ("high", "low")
WORDS = "sks1 mvt1"


def write_concept(name: str, seed: int) -> None:
    """Both halves for both experts, as the trainer writes them; the alphas differ, as they may."""
    for number, expert in enumerate(EXPERTS):
        first, second = random_lora(seed + number), random_lora(seed + 10 + number)
        start = ""
        for part, alpha in (("identity", float(RANK)), ("motion", RANK / 2)):
            tensors = {}
            for module, (a, b) in first.items():
                tensors[f"diffusion_model.{module}.lora_A.weight"] = a
                tensors[f"diffusion_model.{module}.lora_B.weight"] = b if part == "identity" else second[module][1]
                tensors[f"diffusion_model.{module}.alpha"] = torch.tensor(alpha)
            metadata = halves.half_metadata(part, tensors, WORDS, start) | {"ffgo.expert": expert}
            start = halves.content_of(tensors)
            save_file(tensors, LORAS / f"{name}_{part}_{expert}.safetensors", metadata)
    lora_probe.folder_paths.filename_list_cache.clear()


def loader():
    Loader.GET_SCHEMA()
    return Loader.PREPARE_CLASS_CLONE(None)


def load(models, concept="cat", **strengths):
    high, low, words, report = loader().execute(models["high"], models["low"], concept, **strengths).args
    return {"high": high, "low": low, "words": words, "report": report}


def chained(models, *files: str, **strengths):
    """By ordinary LoRA loaders, one after the other."""
    for file in files:
        high, low = (f"{file}_{expert}.safetensors" for expert in EXPERTS)
        loaded = lora_probe.load(models["high"], models["low"], high, low, **strengths)
        models = dict(zip(EXPERTS, loaded[:2], strict=True))
    return models


def farthest(one, other) -> float:
    """Greatest difference of any weight of any expert."""
    states = [(lora_probe.patched(one[e]), lora_probe.patched(other[e])) for e in EXPERTS]
    return max(float((a[name] - b[name]).abs().max()) for a, b in states for name in a)


def refused(work) -> str:
    try:
        work()
    except Exception as error:
        return str(error)
    return ""


def said() -> str:
    screen: Any = lora_probe.server.PromptServer.instance
    return screen.shown[-1]


def ways(models) -> dict[str, float]:
    both = load(models)
    merged = merge.merge_concept(LORAS / "cat", 1.0, 0.5)
    lora_probe.folder_paths.filename_list_cache.clear()
    found = {
        "two loaders": farthest(both, chained(models, "cat_identity", "cat_motion")),
        "merged": farthest(load(models, motion=0.5), chained(models, "cat_merged")),
        "the concept": farthest(both, models),
        "nothing": farthest(load(models, identity=0.0, motion=0.0), models),
        "identity alone": farthest(load(models, motion=0.0), chained(models, "cat_identity")),
    }
    for path in merged:
        path.unlink()
    fp8 = {e: load_expert(e, {k: v.clone() for k, v in WEIGHTS[e].items()}, torch.float8_e4m3fn) for e in EXPERTS}
    found["two loaders, fp8"] = max(
        float((run(load(fp8)[e]) - run(chained(fp8, "cat_identity", "cat_motion")[e])).abs().max()) for e in EXPERTS
    )
    return found


def refusals(models) -> dict[str, str]:
    found = {
        "foreign": refused(lambda: chained(models, "cat_identity", "dog_motion")),
        "swapped": refused(
            lambda: lora_probe.load(
                models["high"], models["low"], "cat_motion_low.safetensors", "cat_motion_high.safetensors"
            )
        ),
        "missing": refused(lambda: load(models, "fox")),
    }
    path = LORAS / "dog_motion_low.safetensors"
    before = path.read_bytes()
    path.write_bytes((LORAS / "cat_motion_low.safetensors").read_bytes())
    found["mixed"] = refused(lambda: load(models, "dog"))
    with safe_open(path, "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    name = next(name for name in tensors if name.endswith("lora_A.weight"))
    save_file({**tensors, name: tensors[name] + 1}, path, metadata)
    found["changed"] = refused(lambda: load(models, "dog"))
    path.write_bytes(before)
    return found


def find() -> dict:
    write_concept("cat", 1)
    write_concept("dog", 50)
    models = {expert: load_expert(expert) for expert in EXPERTS}
    found = {"ways": ways(models), "refusals": refusals(models), "words": load(models)["words"]}
    chained(models, "cat_motion")
    found["alone"] = said()
    chained(models, "dog_identity", "cat_identity", "cat_motion")
    found["on its own"] = said()
    found["listed"] = [
        str(option) for option in Loader.define_schema().inputs[2].options if str(option) in ("cat", "dog")
    ]
    return found
