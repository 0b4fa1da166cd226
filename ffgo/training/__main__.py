"""Train without ComfyUI's server, on one process or many:

python -m ffgo.training --example > job.toml
python -m ffgo.training job.toml
python -m ffgo.training job.toml --expert high
accelerate launch --num_processes 2 -m ffgo.training job.toml
python -m ffgo.training merge-concept output/loras/my_cat --identity 1 --motion 0.7
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..bases.base import spoken
from ..bases.catalogue import expert_names
from ..concept.encode import encode_concept, encoded_folders
from ..concept.material import read_material
from ..dataset.cache import CachedDataset
from ..dataset.encode import encode_examples
from ..dataset.encoded import EncodedDataset
from ..dataset.encoders import host_encoders
from ..dataset.examples import open_dataset
from ..errors import FFGOError
from ..host.boot import boot_here
from ..host.loading import latent_format, load_clip_vision, load_expert, load_text_encoder, load_vae
from ..lora.halves import PARTS, Part
from . import merge
from .concept import ConceptRun, train_concept, words_of
from .jobfile import EXAMPLE, EXAMPLE_CONCEPT, ConceptOf, ExamplesOf, JobFile, read_job
from .recipe import Recipe
from .world import World

if TYPE_CHECKING:
    from .loop import StepReport

SAY_EVERY_S = 10


class Terminal:
    """Tells of the run, and saves and stops it when the process is asked to end."""

    def __init__(self):
        self.asked_to_stop, self.said = False, 0.0
        for name in ("SIGTERM", "SIGINT"):
            signal.signal(getattr(signal, name), self._stop)

    def _stop(self, number: int, _: object) -> None:
        self.asked_to_stop = True
        print(f"{signal.Signals(number).name}: saving after this step", file=sys.stderr, flush=True)

    def stepped(self, report: "StepReport") -> None:
        if time.monotonic() - self.said > SAY_EVERY_S or report.step in (1, report.steps):
            self.said = time.monotonic()
            print(
                f"step {report.step}/{report.steps}  loss {report.loss:.5f}  gradient {report.gradient_norm:.4f}  "
                f"rate {report.learning_rate:.2e}",
                flush=True,
            )

    def wants_to_stop(self) -> bool:
        return self.asked_to_stop


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        "python -m ffgo.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("job", nargs="?", type=Path, help="the job, TOML")
    parser.add_argument(
        "--expert",
        choices=expert_names(),
        help="train this one alone; the other one meanwhile on another card, by the same job",
    )
    parser.add_argument("--example", action="store_true", help="print a job to start from")
    parser.add_argument("--example-concept", action="store_true", help="print one that learns a concept")
    parser.add_argument("--recipe", action="store_true", help="print the recipe with all its defaults")
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == [merge.COMMAND]:
        return _told(lambda: _merge(given[1:]))
    args = parser.parse_args(given)
    if args.example or args.example_concept or args.recipe:
        print(EXAMPLE if args.example else EXAMPLE_CONCEPT if args.example_concept else Recipe().to_toml(), end="")
        return 0
    if args.job is None:
        parser.error("name a job file; --example prints one")
    status = _told(lambda: _train(read_job(args.job, args.expert)))
    if status != 1:
        World.current().leave()
    return status


def _merge(arguments: Sequence[str]) -> int:
    for path in merge.merge_as_told(arguments):
        print(f"Wrote {path}")
    return 0


def _told(work: Callable[[], int]) -> int:
    """The exit status of some work; what it refuses is told."""
    try:
        return work()
    except FFGOError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _train(job: JobFile) -> int:
    from .run import TrainingRun, train_expert  # it takes seconds: a job with a mistake is refused at once

    world = _join_world()
    boot_here(*([] if torch.cuda.is_available() else ["--cpu"]))
    terminal = Terminal()
    if job.concept is not None:
        return _learn(job, job.concept, terminal, world)
    dataset = _dataset(job, ExamplesOf(job.encoded, job.dataset, job.sizing), world)
    prior = _dataset(job, job.prior, world) if job.prior else None
    for expert in job.experts:
        run = TrainingRun(
            job.name, expert, job.recipe, dataset, runs=job.output / "runs", loras=job.output, prior=prior
        )
        _say(world, [f"Training the {spoken(expert)}, {world.size} process(es)"])
        model = load_expert(job.models[expert])
        finished = train_expert(model, run, lambda _: terminal, lambda lines: _say(world, lines), world)
        if not finished.complete:
            _say(world, [f"Stopped; run the same command again to go on. Checkpoints: {run.folder}"])
            return 130
        _say(world, [f"Wrote {finished.path}"])
        del model
    return 0


def _learn(job: JobFile, concept: ConceptOf, terminal: Terminal, world: World) -> int:
    """Learn a concept with every expert."""
    if (material := concept.material) is not None:
        world.first_does(lambda: _encode_concept(job, concept, material), _own_device(world))
    places = zip(PARTS, encoded_folders(concept.encoded), strict=True)
    datasets: dict[Part, EncodedDataset] = {part: CachedDataset.open(place) for part, place in places}
    prior = _dataset(job, job.prior, world) if job.prior else None
    for expert in job.experts:
        recipes = concept.recipes(job.name, expert, has_prior=prior is not None)
        run = ConceptRun(
            job.name, expert, recipes, datasets, words_of(datasets), runs=job.output / "runs", loras=job.output,
            prior=prior, parts=concept.parts,
        )  # fmt: skip
        model = load_expert(job.models[expert])
        done = train_concept(model, run, lambda _: lambda _: terminal, lambda lines: _say(world, lines), world)
        for finished in done.values():
            if not finished.complete:
                _say(world, [f"Stopped; run the same command again to go on. Checkpoints: {run.runs}"])
                return 130
            _say(world, [f"Wrote {finished.path}"])
        del model
    return 0


def _encode_concept(job: JobFile, concept: ConceptOf, material: Path) -> None:
    vae, text_encoder = load_vae(job.models["vae"]), load_text_encoder(job.models["text_encoder"])
    encoders = host_encoders(vae, text_encoder, latent_format())
    sets = encode_concept(
        read_material(material), encoders, concept.encoded, concept.sizing, stitch=concept.stitch,
        progress=_tell_progress,
    )  # fmt: skip
    for line in [note for one in sets for note in one.notes]:
        print(line, flush=True)


def _join_world() -> World:
    """Join the processes that `accelerate launch` or torchrun started."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available())
    return World.current()


def _own_device(world: World) -> torch.device:
    if world.size == 1:
        return torch.device("cpu")
    from accelerate import PartialState

    return PartialState().device or torch.device("cpu")


def _dataset(job: JobFile, examples: ExamplesOf, world: World) -> CachedDataset:
    """The encoded dataset; the first process encodes what is missing, the others wait for it."""
    if (clips := examples.clips) is not None:
        world.first_does(lambda: _encode(job, examples, clips), _own_device(world))
    # Opened anew by all: only the first process encoded.
    return CachedDataset.open(examples.encoded)


def _encode(job: JobFile, examples: ExamplesOf, clips: Path) -> None:
    listing = open_dataset(clips)
    second = job.models["text_encoder_2"] if job.base.text_files > 1 else None
    vae, text_encoder = load_vae(job.models["vae"]), load_text_encoder(job.models["text_encoder"], job.base, second)
    clip_vision = load_clip_vision(job.models["clip_vision"]) if job.base.condition.vision else None
    encoders = host_encoders(vae, text_encoder, latent_format(job.base), job.base, clip_vision)
    dataset = encode_examples(listing.examples, encoders, examples.encoded, examples.sizing, progress=_tell_progress)
    for line in [*listing.notes, *dataset.notes]:
        print(line, flush=True)


def _tell_progress(done: int, total: int, name: str) -> None:
    print(f"encoding {done}/{total} {name}", flush=True)


def _say(world: World, lines: Sequence[str]) -> None:
    if world.is_first:
        for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
