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


TWO_HALVES = (
    "Load both halves of one CLIP: clip_l (with its text projection) in Load CLIP, CLIP ViT-L/14 in Load CLIP Vision."
)
PROJECTED = (1e-4, 1.0)
"""Standard deviation of a text projection's weights that were trained; those that the file lacks hold anything."""


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


def host_clip(clip: Any, vision: Any) -> TextEmbedder:
    """The host's CLIP and CLIP_VISION as the two halves of one model; both as their loaders give them.

    Raises: FFGOError where they are not: one of them is no CLIP, or they are of two.
    """
    from .embedding import clip_vision_embedder

    pictures = clip_vision_embedder(vision)
    encoders = [module for module in clip.cond_stage_model.modules() if hasattr(module, "text_projection")]
    if not encoders or getattr(vision, "model_type", "") != "clip_vision_model":
        which = "clip_vision" if encoders else "clip"
        raise FFGOError(
            f"{which} is no CLIP model that knows pictures and words. {TWO_HALVES} A video model's text encoder, "
            "SigLIP and DINOv2 are none."
        )
    _check_projection(clip, encoders)

    def texts(sentences: Sequence[str]) -> Tensor:
        found = [clip.encode_from_tokens(clip.tokenize(one), return_pooled=True)[1] for one in sentences]
        return torch.cat([one.reshape(1, -1) for one in found])

    def tokens_over(sentence: str) -> int:
        chunks = next(iter(clip.tokenize(sentence, return_word_ids=True).values()))
        return sum(word != 0 for chunk in chunks[1:] for *_, word in chunk)

    words, seen = texts(["a picture"]).shape[1], pictures([torch.zeros(8, 8, 3)]).shape[1]
    if words != seen:
        raise FFGOError(
            f"clip and clip_vision are of two models: their vectors have {words} and {seen} numbers. {TWO_HALVES}"
        )
    return TextEmbedder(pictures, texts, tokens_over)


def _check_projection(clip: Any, encoders: Sequence[Any]) -> None:
    """The host leaves a projection that the file lacks as it is, and says nothing. Raises: FFGOError."""
    _, arguments, *_ = getattr(clip.patcher, "cached_patcher_init", None) or (None, ())
    files = [Path(path) for path in (arguments[0] if arguments and isinstance(arguments[0], list) else [])]
    weights = [encoder.text_projection.weight.float() for encoder in encoders]
    trained = all(bool(one.isfinite().all()) and PROJECTED[0] < float(one.std()) < PROJECTED[1] for one in weights)
    if not trained or (files and not any(_names_projection(file) for file in files)):
        raise FFGOError(
            f"The text encoder's file has no text projection: words cannot be compared with pictures. {TWO_HALVES}"
        )


def _names_projection(file: Path) -> bool:
    """Whether a file has the weights of a text projection; True for what is no safetensors file."""
    if file.suffix != ".safetensors":
        return True
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        return any("text_projection" in name for name in opened.keys())  # noqa: SIM118 (it is no mapping)
