"""Encoding examples once: latents, the condition that I2V experts get, and captions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any
from weakref import proxy

import torch
from torch import Tensor

from ..bases.base import Base
from ..bases.catalogue import DEFAULT, base_with_text, base_with_vae
from ..bases.condition import start_frames
from ..errors import FFGOError
from ..locks import LOCK_FILE, sole_writer
from .cache import CachedDataset, Entry, example_file, is_whole, key_of, text_file, write_example, write_text
from .examples import Progress, load_frames
from .records import Example, LookedAt, memory_of
from .sizing import Bucket, Sizing, buckets

PATIENCE_S = 60
"""For another process that encodes into the same folder: enough to look through what is there, not to encode it."""

SAMPLED = 64
"""Numbers of every weight that go into a model's identity."""


@dataclass(frozen=True, slots=True)
class Encoders:
    """What turns pixels and captions into what the expert sees, and the names of the models that do it."""

    encode_frames: Callable[[Tensor], Tensor]
    """(F, H, W, 3) 0..1 to (C, T, h, w), in the expert's own scale."""
    encode_text: Callable[[str], Tensor]
    """A caption to (tokens, width)."""
    vae_identity: str
    text_identity: str
    base: Base = DEFAULT
    encode_vision: Callable[[Tensor], Tensor] | None = None
    """The first frame (H, W, 3) 0..1 to (tokens, width), for bases that take it."""
    vision_identity: str = ""

    def __post_init__(self) -> None:
        if self.base.condition.vision and self.encode_vision is None:
            raise FFGOError(
                f"{self.base.title} sees the first frame through {self.base.condition.vision_encoder}, too. Connect it "
                "to clip_vision (Load CLIP Vision); in a job file name it as clip_vision in [models]."
            )


@dataclass(frozen=True, slots=True)
class _Planned:
    """One example with everything that is known before it is encoded."""

    example: Example
    bucket: Bucket
    key: str
    text_key: str

    @property
    def entry(self) -> Entry:
        return Entry(
            self.example.name, self.key, self.text_key, self.bucket.latent_shape, memory=self.example.memory
        )  # fmt: skip


def host_encoders(
    vae: Any, text_encoder: Any, latent_format: Any, base: Base = DEFAULT, clip_vision: Any = None
) -> Encoders:
    """Encoders from the host's VAE, text encoder (its CLIP) and CLIP vision, and the host's latent format of the base.

    clip_vision: for bases that see the first frame through it; of others it is left alone.
    They keep none of these alive: a dataset that could encode again would hold gigabytes through a whole training.
    Raises: FFGOError when they are first used, if they are not those of the base; ReferenceError when they are gone.
    """
    vision = clip_vision if base.condition.vision else None
    return Encoders(
        partial(_encode_frames, proxy(vae), latent_format, base),
        partial(_encode_text, proxy(text_encoder), base),
        identify_weights(vae.first_stage_model.state_dict()),
        identify_weights(text_encoder.cond_stage_model.state_dict()),
        base,
        None if vision is None else partial(_encode_vision, proxy(vision), base),
        "" if vision is None else identify_weights(vision.model.state_dict()),
    )


def identify_weights(weights: Mapping[str, Tensor]) -> str:
    """A name for a model by its content: names, types and shapes of all weights, and a sample of their numbers."""
    digest = blake2b(digest_size=16)
    for name, weight in sorted(weights.items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        numbers = weight.detach().flatten()
        digest.update(numbers[:: max(1, len(numbers) // SAMPLED)][:SAMPLED].float().cpu().numpy().tobytes())
    return digest.hexdigest()


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
    report = progress or _silent
    doing = f"{folder} is being encoded into"
    waiting = partial(report, 0, len(examples), "waiting for another process that encodes into the same folder")
    with sole_writer(folder / LOCK_FILE, doing, patience_s=PATIENCE_S, waiting=waiting) as hold:
        for place in (folder, folder / "examples", folder / "texts"):
            hold.sweep(place)
        return _encode(examples, encoders, folder, sizing, report)


def _encode(
    examples: Sequence[LookedAt], encoders: Encoders, folder: Path, sizing: Sizing | None, report: Progress
) -> CachedDataset:
    """Encode, for who holds the folder."""
    jobs = _plan(examples, encoders, replace(sizing or Sizing(), base=encoders.base))
    texts, clips = _missing(jobs, folder, report)
    damaged = [
        f"{job.example.name}: its encoded {what} was damaged and was encoded again."
        for what, file, missing in (("caption", text_file, texts), ("clip", example_file, clips))
        for key, job in missing.items()
        if file(folder, key).exists()
    ]
    total = len(texts) + len(clips)
    # All captions first: the text encoder and the VAE need not take turns in memory.
    for done, (key, job) in enumerate(texts.items()):
        report(done, total, f"caption of {job.example.name}")
        write_text(folder, key, _checked_text(encoders, job.example))
    for done, (key, job) in enumerate(clips.items(), len(texts)):
        report(done, total, job.example.name)
        write_example(folder, key, *_encode_clip(job, encoders))
    report(total, total, "")
    again = partial(encode_examples, examples, encoders, folder, sizing)
    entries = [job.entry for job in jobs]
    dataset = CachedDataset(folder, entries, again, base=encoders.base, notes=damaged, encoded=total)
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
        files = (_digest(example.clip), *map(_digest, example.composites))
        key = key_of("clip", *files, *size, encoders.vae_identity, *made_for, *shown)
        jobs.append(_Planned(example, bucket, key, key_of("text", example.caption, encoders.text_identity)))
    return jobs


def _missing(
    jobs: Sequence[_Planned], folder: Path, report: Progress
) -> tuple[dict[str, _Planned], dict[str, _Planned]]:
    """The captions and the clips that are not whole in the folder, by their keys."""
    texts, clips = {}, {}
    for job in jobs:
        report(0, len(jobs), f"{job.example.name} (looking through it)")
        if not is_whole(text_file(folder, job.text_key), job.text_key):
            texts[job.text_key] = job
        if job.key not in clips and not is_whole(example_file(folder, job.key), job.key):
            clips[job.key] = job
    return texts, clips


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return file_digest(content, "blake2b").hexdigest()
    except OSError as error:
        raise FFGOError(f"{file} cannot be read: {error.strerror}.") from error


def _encode_clip(job: _Planned, encoders: Encoders) -> tuple[Tensor, Tensor, Tensor | None]:
    """The latents of the clip, and of its composites with what follows; one clip of pixels at a time."""
    frames = load_frames(job.example, job.bucket)
    latents = _checked(encoders.encode_frames(frames), job)
    given = {frame: frames[frame].clone() for frame in range(encoders.base.frames_of(job.example.memory))}
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
            f"The VAE made latents of the shape {tuple(latents.shape)} of {job.example.name}, not {expected}. "
            f"{base.title} needs the {base.vae}."
        )
    if not latents.isfinite().all():
        raise FFGOError(f"The VAE made NaN values of {job.example.name}. Run the VAE in fp32.")
    return latents.float().cpu().clone()  # of its own: encoders may use one buffer again and again


def _checked_text(encoders: Encoders, example: Example) -> Tensor:
    text = encoders.encode_text(example.caption)
    if not text.isfinite().all():
        raise FFGOError(f"The text encoder made NaN values of the caption of {example.name}.")
    return text


@torch.inference_mode()
def _encode_frames(vae: Any, latent_format: Any, base: Base, frames: Tensor) -> Tensor:
    latents = vae.encode(frames)
    if latents.ndim != 5 or latents.shape[1] != base.latent.channels:
        raise FFGOError(
            f"The VAE makes latents of the shape {tuple(latents.shape)}{_belongs(latents, base)}. {base.title} needs "
            f"the {base.vae}, which makes {base.latent.channels} channels over time."
        )
    return latent_format.process_in(latents.float())[0].cpu()


@torch.inference_mode()
def _encode_text(text_encoder: Any, base: Base, caption: str) -> Tensor:
    embedding, more = text_encoder.encode_from_tokens_scheduled(text_encoder.tokenize(caption))[0]
    if embedding.shape[-1] != base.text_width:
        other = base_with_text(embedding.shape[-1], base)
        raise FFGOError(
            f"The text encoder makes {embedding.shape[-1]} numbers a token{_as_of(other)}. {base.title} needs "
            f"{base.text_encoder} ({base.text_width})."
        )
    if "conditioning_byt5small" in more:
        raise FFGOError(
            f"A caption has words in quotation marks ({caption[:80]!r}), which {base.title} reads with a second text "
            "encoder; that way is not trained here. Write them without the marks."
        )
    return embedding[0].float().cpu()


@torch.inference_mode()
def _encode_vision(clip_vision: Any, base: Base, frame: Tensor) -> Tensor:
    # All of the frame: its middle alone would leave the subjects out, which stand on the left.
    seen = getattr(clip_vision.encode_image(frame[None], crop=False), base.condition.vision)
    if seen.shape[-1] != base.condition.vision_width:
        raise FFGOError(
            f"The CLIP vision model makes {seen.shape[-1]} numbers a token. {base.title} needs "
            f"{base.condition.vision_encoder} ({base.condition.vision_width})."
        )
    return seen[0].float().cpu()


def _belongs(latents: Tensor, base: Base) -> str:
    return _as_of(base_with_vae(latents.shape[1], base)) if latents.ndim > 1 else ""


def _as_of(base: Base | None) -> str:
    return f", as that of {base.title}" if base else ""


def _silent(done: int, total: int, name: str) -> None:
    pass
