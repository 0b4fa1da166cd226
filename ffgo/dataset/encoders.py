"""What turns pixels and captions into what an expert sees, made of the host's models."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any
from weakref import proxy

import torch
from torch import Tensor

from ..bases.base import Base
from ..bases.catalogue import DEFAULT, base_with_text, base_with_vae
from ..errors import FFGOError

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
