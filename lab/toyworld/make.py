"""Make the experts and LoRAs of the toy world: `python -m lab.toyworld.make FOLDER [--from STAGE] [--ship]`.

It goes on where it was stopped. What it begins with are the models of the world before (start.py), each told by its
hash. FOLDER/weights then holds the files as they are shipped, and record.json: from what and by what they were
made, and the sha256 of each.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ffgo.bases.catalogue import EXPERTS
from ffgo.files import complete_file
from ffgo.host.boot import boot_here
from ffgo.lora.noise import BOUNDARY_KEY, SHIFT_KEY

from . import train_experts, train_vae
from .examples import TRAINING_SEED
from .export import copy_with_note, export_text_encoder, export_vae, save_expert
from .family import BOUNDARY, SHIFT, TEXT_ENCODER, VAE, WEIGHTS
from .start import START, start_file
from .together import CURVES
from .train_lora import FILES, LESSONS, RECIPE, encode_training_set, lora_files, train_lora

RECORD = "record.json"
RECIPE_KEY = "ffgo.toy"
"""In the metadata of each file: the record, without the hashes of what was made."""
CURVED = ["vae", *EXPERTS, *(f"lora_{lesson}_{expert}" for lesson in LESSONS for expert in EXPERTS)]


def stages(folder: Path) -> dict[str, Callable[[], object]]:
    """By name, in order; each does what is left of it."""
    work: dict[str, Callable[[], object]] = {
        "vae": partial(train_vae.train_vae, folder),
        "encoders": partial(_export_encoders, folder),
        "clips": partial(train_experts.encode, folder),
    }
    work |= {expert: partial(train_experts.train, expert, folder) for expert in EXPERTS}
    work["experts"] = partial(_export_experts, folder)
    for lesson in LESSONS:
        work[f"examples_{lesson}"] = partial(encode_training_set, folder, lesson, folder / "encoders")
        for expert in EXPERTS:
            work[f"lora_{lesson}_{expert}"] = partial(train_lora, folder, expert, lesson, folder / "experts")
    return work | {"record": partial(_record, folder)}


def outcome(folder: Path, stage: str) -> list[Path]:
    """What a stage leaves, to be taken away where it is to be done again."""
    match stage.split("_"):
        case ["clips"]:
            return [folder / f"latents_{part}.pt" for part in range(train_experts.PARTS)]
        case ["vae"]:
            return [folder / f"vae.{end}" for end in ("pt", "checkpoint", "jsonl")]
        case ["encoders"]:
            return [folder / "encoders"]
        case ["experts"]:
            return [folder / "experts"]
        case ["examples", lesson]:
            return [folder / f"dataset_{lesson}", folder / f"encoded_{lesson}"]
        case ["lora", lesson, expert]:
            return [
                folder / "runs" / lesson / expert, folder / f"{lesson}_{expert}.safetensors", folder / f"{stage}.jsonl",
            ]  # fmt: skip
        case ["record"]:
            return [folder / "weights"]
        case [expert]:
            return [folder / f"{expert}.{end}" for end in ("pt", "checkpoint", "jsonl")]
        case _:
            raise ValueError(stage)


def make(folder: Path, first: str | None) -> dict[str, Any]:
    """All stages, or those from one on anew; returns the record."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(stages(folder))
    for name in names[names.index(first) :] if first else ["record"]:
        for path in outcome(folder, name):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name, stage in stages(folder).items():
        print(name, flush=True)
        stage()
    return read_record(folder / "weights")


def _export_encoders(folder: Path) -> None:
    """As all later stages load them."""
    if not (folder / "encoders").exists():
        export_vae(folder)
        export_text_encoder(folder)


def _export_experts(folder: Path) -> None:
    """As the trainer of the LoRAs loads them."""
    for expert in EXPERTS:
        save_expert(torch.load(folder / f"{expert}.pt")["expert"], folder / "experts" / FILES[expert][0])


def _record(folder: Path) -> None:
    """Write all files with a note of how they were made, and record.json with their hashes."""
    made = folder / "weights"
    note = _note(folder)
    metadata = {BOUNDARY_KEY: f"{BOUNDARY:g}", SHIFT_KEY: f"{SHIFT:g}", RECIPE_KEY: json.dumps(note)}
    for name in (VAE, TEXT_ENCODER):
        copy_with_note(folder / "encoders" / name, made / name, metadata)
    for expert in EXPERTS:
        name = FILES[expert][0]
        for shipped, file in ({name: folder / "experts" / name} | lora_files(folder, expert)).items():
            copy_with_note(file, made / shipped, metadata)
    record = note | {"made": {file.name: _hash(file) for file in sorted(made.glob("*.safetensors"))}}
    (made / CURVES).write_text("".join((folder / f"{name}.jsonl").read_text() for name in CURVED))
    with complete_file(made / RECORD) as partial_file:
        partial_file.write_text(json.dumps(record, indent=2) + "\n")


def _note(folder: Path) -> dict[str, Any]:
    begun_with = {what: _hash(start_file(what, folder)) for what in START}
    return {
        "commit": _git("rev-parse", "HEAD") + ("-changed" if _git("status", "--porcelain", "--", ".") else ""),
        "versions": {"python": sys.version.split()[0], "torch": version("torch"), "comfyui": _comfyui()},
        "seeds": {
            "vae": train_vae.SEED,
            "experts": train_experts.SEED,
            "examples": TRAINING_SEED,
            "loras": RECIPE.seed,
        },
        "steps": {"vae": len(train_vae.LENGTHS), "experts": train_experts.STEPS, "loras": RECIPE.steps},
        "begun_with": begun_with,
    }


def _comfyui() -> str:
    from comfyui_version import __version__

    return __version__


def _git(*words: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _hash(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def read_record(weights: Path = WEIGHTS) -> dict[str, Any]:
    """What is told of the files in a folder."""
    return json.loads((weights / RECORD).read_text())


def changed(weights: Path = WEIGHTS) -> Mapping[str, str]:
    """The files of a folder that are not those of its record, with the hashes that they have."""
    record = read_record(weights)
    return {name: found for name, hash in record["made"].items() if (found := _hash(weights / name)) != hash}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--from", dest="first", choices=list(stages(Path())), help="do these stages anew")
    parser.add_argument("--ship", action="store_true", help="then put the files where they are shipped from")
    parser.add_argument("--dry-run", action="store_true", help="only print the record of what is shipped")
    arguments = parser.parse_args()
    if arguments.dry_run:
        print(json.dumps(read_record(), indent=2))
        return
    boot_here("--cpu")
    torch.set_num_threads(1)
    print(json.dumps(make(arguments.folder, arguments.first), indent=2))
    if arguments.ship:
        shutil.copytree(arguments.folder / "weights", WEIGHTS, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
