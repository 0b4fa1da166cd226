"""What networks see in a member's pictures: a cache beside them, which may be deleted at any time."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..evaluation.embedding import Embedder, cutout_picture
from ..files import complete_file
from ..pixels import to_float

VECTORS = "embeddings.safetensors"
MOST_BYTES = 32 * 2**20


def vector_of(picture: np.ndarray, embedder: Embedder) -> np.ndarray:
    """The unit vector (D,) of a cut-out (h, w, 4) uint8 on grey."""
    return embedder([cutout_picture(torch.from_numpy(to_float(picture))[None])])[0].numpy()


def cached_vectors(folder: Path) -> dict[str, np.ndarray]:
    """What is cached of a member: model and picture -> vector; nothing where the file is missing or damaged."""
    path = folder / VECTORS
    try:
        if path.stat().st_size > MOST_BYTES:
            return {}
        return {name: vector.astype(np.float32) for name, vector in load_file(path).items()}
    except (OSError, SafetensorError, ValueError, TypeError, KeyError):
        return {}


def cache_vectors(folder: Path, vectors: dict[str, np.ndarray]) -> None:
    """Keep vectors, as float16. Where the disk refuses, nothing is kept: it is a cache."""
    try:
        with complete_file(folder / VECTORS) as partial:
            save_file({name: vector.astype(np.float16) for name, vector in vectors.items()}, partial)
    except OSError:
        return


def key_of(model: str, fingerprint: str) -> str:
    """A vector's name in the cache."""
    return f"{model}/{fingerprint}"


def model_id(state: dict[str, torch.Tensor]) -> str:
    """What tells a network: its largest weight's shape, and a part of its values."""
    name, weight = max(state.items(), key=lambda item: (item[1].numel(), item[0]))
    flat = weight.detach().flatten()
    some = flat[:: max(1, flat.numel() // 4096)][:4096].float().cpu().numpy()
    return hashlib.sha256(f"{name} {tuple(weight.shape)}".encode() + some.tobytes()).hexdigest()[:16]
