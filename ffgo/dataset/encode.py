"""Encoding examples once: latents, the condition that I2V experts get, and captions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import file_digest
from pathlib import Path

from torch import Tensor

from ..bases.catalogue import DEFAULT
from ..bases.condition import start_frames
from ..errors import FFGOError
from ..locks import LOCK_FILE, sole_writer
from .cache import CachedDataset, Entry, example_file, is_whole, key_of, text_file, write_example, write_text
from .encoders import Encoders
from .examples import Progress, load_frames
from .records import LookedAt, memory_of
from .sizing import Bucket, Sizing, buckets

PATIENCE_S = 60
"""For another process that encodes into the same folder: enough to look through what is there, not to encode it."""


@dataclass(frozen=True, slots=True)
class MadeClip:
    """A clip that is made when it is encoded, of what its key tells."""

    name: str
    caption: str
    key: Sequence[str | int]
    """All that decides what its frames are, but for their size."""
    bucket: Bucket
    frames: Callable[[], Tensor]
    """Makes them: (T, H, W, 3), float32 0..1, in the bucket's size; the first one is what the expert is told."""
    weight: float = 1.0
    """How often it is drawn beside the others."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """One example with everything that is known before it is encoded."""

    name: str
    caption: str
    bucket: Bucket
    key: str
    text_key: str
    frames: Callable[[], Tensor]
    weight: float = 1.0
    memory: int = 1
    """Composed canvases that it begins with."""

    @property
    def entry(self) -> Entry:
        return Entry(self.name, self.key, self.text_key, self.bucket.latent_shape, self.weight, self.memory)


def encode_examples(
    examples: Sequence[LookedAt],
    encoders: Encoders,
    folder: Path,
    sizing: Sizing | None = None,
    *,
    progress: Progress | None = None,
) -> CachedDataset:
    """Encode the examples into the folder: only what is not there yet, one at a time.

    What is there is looked through first, and encoded again where it is damaged. Stopped half-way, by an error, by
    `progress` or by a kill, everything that is finished is kept, and the next run encodes the rest.
    Raises: one FFGOError for all examples that are too short, unreadable or damaged, before the first is encoded;
    BusyError if another process encodes into the folder.
    """
    if not examples:
        raise FFGOError("The dataset has no examples.")
    plan = partial(_plan, examples, encoders, replace(sizing or Sizing(), base=encoders.base))
    return _held(_Into(folder, encoders, plan, len(examples)), progress)


def encode_made(
    made: Sequence[MadeClip], encoders: Encoders, folder: Path, *, words: str = "", progress: Progress | None = None
) -> CachedDataset:
    """Encode clips that are made on the way into the folder, as `encode_examples` does.

    words: those that call the concept that they show. Raises: as `encode_examples`.
    """
    if not made:
        raise FFGOError("The dataset has no examples.")
    return _held(_Into(folder, encoders, partial(_plan_made, made, encoders), len(made), words), progress)


def _held(into: "_Into", progress: Progress | None = None) -> CachedDataset:
    """Encode what is planned, alone in the folder."""
    report, folder = progress or _silent, into.folder
    doing = f"{folder} is being encoded into"
    waiting = partial(report, 0, into.count, "waiting for another process that encodes into the same folder")
    with sole_writer(folder / LOCK_FILE, doing, patience_s=PATIENCE_S, waiting=waiting) as hold:
        for place in (folder, folder / "examples", folder / "texts"):
            hold.sweep(place)
        return _encode(into, report)


@dataclass(frozen=True, slots=True)
class _Into:
    """What is to be encoded, and where to."""

    folder: Path
    encoders: Encoders
    plan: Callable[[], list[_Planned]]
    count: int
    words: str = ""


def _encode(into: _Into, report: Progress) -> CachedDataset:
    """Encode, for who holds the folder."""
    folder, encoders, jobs = into.folder, into.encoders, into.plan()
    texts, clips = _missing(jobs, folder, report)
    damaged = [
        f"{job.name}: its encoded {what} was damaged and was encoded again."
        for what, file, missing in (("caption", text_file, texts), ("clip", example_file, clips))
        for key, job in missing.items()
        if file(folder, key).exists()
    ]
    total = len(texts) + len(clips)
    # All captions first: the text encoder and the VAE need not take turns in memory.
    for done, (key, job) in enumerate(texts.items()):
        report(done, total, f"caption of {job.name}")
        write_text(folder, key, _checked_text(encoders, job))
    for done, (key, job) in enumerate(clips.items(), len(texts)):
        report(done, total, job.name)
        write_example(folder, key, *_encode_clip(job, encoders))
    report(total, total, "")
    entries = [job.entry for job in jobs]
    dataset = CachedDataset(
        folder, entries, partial(_held, into), base=encoders.base, notes=damaged, encoded=total, words=into.words
    )
    dataset.save_index()
    return dataset


def _plan(examples: Sequence[LookedAt], encoders: Encoders, sizing: Sizing) -> list[_Planned]:
    jobs, base = [], encoders.base
    memory_of(examples)
    # Files that were encoded before bases had names stay right.
    made_for = () if base == DEFAULT else (base.id, encoders.vision_identity)
    for example, bucket in zip(examples, buckets(examples, sizing), strict=True):
        size = (bucket.width, bucket.height, bucket.frames)
        # Clips that are not stored as they are shown were once encoded as they are stored.
        shown = () if example.info.plain else ("shown",)
        files = (digest_of(example.clip), *map(digest_of, example.composites))
        key = key_of("clip", *files, *size, encoders.vae_identity, *made_for, *shown)
        text_key = key_of("text", example.caption, encoders.text_identity)
        load = partial(load_frames, example, bucket)
        jobs.append(_Planned(example.name, example.caption, bucket, key, text_key, load, memory=example.memory))
    return jobs


def _plan_made(made: Sequence[MadeClip], encoders: Encoders) -> list[_Planned]:
    jobs = []
    for one in made:
        size = (one.bucket.width, one.bucket.height, one.bucket.frames)
        key = key_of("made", *one.key, *size, encoders.vae_identity, encoders.base.id)
        text_key = key_of("text", one.caption, encoders.text_identity)
        jobs.append(_Planned(one.name, one.caption, one.bucket, key, text_key, one.frames, one.weight))
    return jobs


def _missing(
    jobs: Sequence[_Planned], folder: Path, report: Progress
) -> tuple[dict[str, _Planned], dict[str, _Planned]]:
    """The captions and the clips that are not whole in the folder, by their keys."""
    texts, clips = {}, {}
    for job in jobs:
        report(0, len(jobs), f"{job.name} (looking through it)")
        if not is_whole(text_file(folder, job.text_key), job.text_key):
            texts[job.text_key] = job
        if job.key not in clips and not is_whole(example_file(folder, job.key), job.key):
            clips[job.key] = job
    return texts, clips


def digest_of(file: Path) -> str:
    """A hash of what a file holds. Raises: FFGOError where it cannot be read."""
    try:
        with file.open("rb") as content:
            return file_digest(content, "blake2b").hexdigest()
    except OSError as error:
        raise FFGOError(f"{file} cannot be read: {error.strerror}.") from error


def _encode_clip(job: _Planned, encoders: Encoders) -> tuple[Tensor, Tensor, Tensor | None]:
    """The latents of the clip, and of its composites with what follows; one clip of pixels at a time."""
    frames = job.frames()
    latents = _checked(encoders.encode_frames(frames), job)
    given = {frame: frames[frame].clone() for frame in range(encoders.base.frames_of(job.memory))}
    del frames
    base = encoders.base
    start = start_frames(base, given, job.bucket.frames)
    told = _checked(encoders.encode_frames(start), job, len(start))
    if base.condition.kind == "clamp":
        latents[:, : told.shape[1]] = told  # what sampling puts there
    vision = encoders.encode_vision(given[0]).float().cpu().clone() if encoders.encode_vision else None
    return latents, told, vision


def _checked(latents: Tensor, job: _Planned, frames: int | None = None) -> Tensor:
    """frames: that were encoded, where they are not those of the clip."""
    base, (whole, *sides) = job.bucket.base, job.entry.shape
    expected = (base.latent.channels, whole if frames is None else base.latent_frames(frames), *sides)
    if latents.shape != expected:
        raise FFGOError(
            f"The VAE made latents of the shape {tuple(latents.shape)} of {job.name}, not {expected}. "
            f"{base.title} needs the {base.vae}."
        )
    if not latents.isfinite().all():
        raise FFGOError(f"The VAE made NaN values of {job.name}. Run the VAE in fp32.")
    return latents.float().cpu().clone()  # of its own: encoders may use one buffer again and again


def _checked_text(encoders: Encoders, job: _Planned) -> Tensor:
    text = encoders.encode_text(job.caption)
    if not text.isfinite().all():
        raise FFGOError(f"The text encoder made NaN values of the caption of {job.name}.")
    return text


def _silent(done: int, total: int, name: str) -> None:
    pass
