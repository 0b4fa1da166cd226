"""How well a clip shows what its prompt says, by sentences: CLIP reads 77 tokens, and most prompts have more."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import FFGOError
from .embedding import Embedder

_END = re.compile(r"(?<=[.!?])(?=\s)|(?<=[.!?][\"'”’)\]])(?=\s)|(?<=[。！？])")  # noqa: RUF001 (as people write)
SHORTEST = 3
"""Words of a sentence that stands for itself; a shorter one goes with the one before it."""


@dataclass(frozen=True, slots=True)
class TextEmbedder:
    """The two halves of a CLIP model."""

    pictures: Embedder
    texts: Callable[[Sequence[str]], Tensor]
    """Sentences to vectors (N, D)."""
    tokens_over: Callable[[str], int]
    """How many tokens of a sentence it does not read."""
    model: Any = None
    tokenizer: Any = None


@dataclass(frozen=True, slots=True)
class TextScore:
    """Of one clip."""

    value: float
    sentences: int
    frames: int
    cut_off: int
    """Tokens that were not read."""


def sentences_of(prompt: str) -> list[str]:
    """The sentences of a prompt, without the phrase.

    >>> sentences_of("A robot waves. Slowly. The boat glides!")
    ['A robot waves. Slowly.', 'The boat glides!']
    """
    sentences: list[str] = []
    for part in filter(None, (part.strip() for part in _END.split(prompt))):
        if sentences and len(part.split()) < SHORTEST and part.isascii():
            sentences[-1] = f"{sentences[-1]} {part}"
        else:
            sentences.append(part)
    return sentences


def text_alignment(model: TextEmbedder, prompt: str, frames: Sequence[Tensor]) -> TextScore:
    """Mean over frames (S, S, 3) of the mean over sentences of the cosine. Raises: FFGOError for a prompt of none."""
    sentences = sentences_of(prompt)
    if not sentences:
        raise FFGOError("The prompt has no sentence.")
    told = functional.normalize(model.texts(sentences).float().cpu(), dim=1)
    shown = model.pictures(frames)
    return TextScore(
        float((shown @ told.T).mean()), len(sentences), len(shown), sum(model.tokens_over(one) for one in sentences)
    )


def clip_model(folder: Path) -> TextEmbedder:
    """A CLIP model in a local folder of transformers' format. Raises: FFGOError where it is none."""
    from transformers import AutoTokenizer, CLIPModel

    try:
        model = CLIPModel.from_pretrained(folder, local_files_only=True).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise FFGOError(
            f"{folder} holds no CLIP model in transformers' format ({error}). Give a folder with config.json, "
            "model.safetensors and the tokenizer's files."
        ) from error
    config: Any = model.config
    limit, vision = config.text_config.max_position_embeddings, config.vision_config.image_size
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)  # of CLIP, as OpenAI published them
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)

    @torch.inference_mode()
    def pictures(batch: Tensor) -> Tensor:
        sized = functional.interpolate(batch.movedim(-1, 1), (vision, vision), mode="bicubic", antialias=True)
        pooled = model.vision_model(pixel_values=(sized.clamp(0, 1) - mean) / deviation).pooler_output
        return model.visual_projection(pooled)

    @torch.inference_mode()
    def texts(sentences: Sequence[str]) -> Tensor:
        tokens = tokenizer(list(sentences), padding=True, truncation=True, max_length=limit, return_tensors="pt")
        return model.text_projection(model.text_model(**tokens).pooler_output)

    def tokens_over(sentence: str) -> int:
        return max(0, len(tokenizer(sentence)["input_ids"]) - limit)

    return TextEmbedder(Embedder(folder.name, pictures), texts, tokens_over, model, tokenizer)
