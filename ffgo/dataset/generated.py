"""Clips that a model made, encoded without a way through pixels: their latents are kept as they came."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from ..bases.condition import start_frames
from ..errors import FFGOError
from ..locks import LOCK_FILE, sole_writer
from .cache import CachedDataset, Entry, example_file, is_whole, key_of, text_file, write_example, write_text
from .encode import PATIENCE_S
from .encoders import Encoders
from .examples import Progress
from .sizing import Bucket


@dataclass(frozen=True, slots=True)
class GeneratedClip:
    """A clip that is generated when it is not there yet."""

    name: str
    caption: str
    key: Sequence[str | int]
    """All that decides what is generated, but for its size."""
    bucket: Bucket
    first: Tensor
    """(H, W, 3), 0..1, in the bucket's size: what the model is told of it."""
    make: Callable[[], Tensor]
    """Its latents (C, T, h, w), in the expert's own scale."""


def keep_generated(
    clips: Sequence[GeneratedClip], encoders: Encoders, folder: Path, *, progress: Progress
) -> CachedDataset:
    """Generate and keep what is not in the folder yet, one at a time; stopped, it goes on where it was.

    Raises: FFGOError where latents cannot be used, or the disk refuses; BusyError where another process generates.
    """
    doing, count = f"{folder} is being generated into", len(clips)
    waiting = partial(progress, 0, count, "waiting for another process")
    entries, made = [], 0
    with sole_writer(folder / LOCK_FILE, doing, patience_s=PATIENCE_S, waiting=waiting) as hold:
        for place in (folder, folder / "examples", folder / "texts"):
            hold.sweep(place)
        for done, clip in enumerate(clips):
            progress(done, count, clip.name)
            size = (clip.bucket.width, clip.bucket.height, clip.bucket.frames)
            key = key_of("generated", *clip.key, clip.caption, *size, encoders.vae_identity, encoders.base.id)
            text = key_of("text", clip.caption, encoders.text_identity)
            if not is_whole(text_file(folder, text), text):
                write_text(folder, text, encoders.encode_text(clip.caption))
            if not is_whole(example_file(folder, key), key):
                write_example(folder, key, _checked(clip.make(), clip), _told(clip, encoders))
                made += 1
            entries.append(Entry(clip.name, key, text, clip.bucket.latent_shape))
        progress(count, count, "")
        dataset = CachedDataset(folder, entries, base=encoders.base, encoded=made)
        dataset.save_index()
    return dataset


def _told(clip: GeneratedClip, encoders: Encoders) -> Tensor:
    return encoders.encode_frames(start_frames(encoders.base, {0: clip.first}, clip.bucket.frames))


def _checked(latents: Tensor, clip: GeneratedClip) -> Tensor:
    wanted = (clip.bucket.base.latent.channels, *clip.bucket.latent_shape)
    if latents.shape != wanted:
        raise FFGOError(f"{clip.name}: the model made latents {tuple(latents.shape)}, and {wanted} are wanted.")
    if not latents.isfinite().all():
        raise FFGOError(f"{clip.name}: the model made NaN values. Load it in another weight_dtype.")
    return latents
