"""Pictures as vectors, by whatever network the user has: windows of frames, cut-outs, backgrounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from ..errors import FFGOError
from ..pixels import to_uint8
from .view import Box, windows

AT_ONCE = 32
"""Pictures that go through the network together."""
SIDE = 384
"""Pixels of the pictures that it gets; it makes them smaller as it needs."""
FAINT = 12
"""Of 255: alpha up to which nothing is seen of a cut-out."""
GREY = 0.5
"""Level of what stands around a cut-out: white is an edge that no frame has."""
MARGIN = 0.05
"""Around a cut-out, of its longer side."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """A network that makes vectors of pictures."""

    name: str
    embed: Callable[[Tensor], Tensor]
    """Pictures (B, S, S, 3), 0..1, to vectors (B, D) of any length."""

    def __call__(self, pictures: Sequence[Tensor]) -> Tensor:
        """Pictures (S, S, 3) to unit vectors (N, D), float32 on the CPU. Raises: FFGOError for what is no number."""
        vectors = []
        for start in range(0, len(pictures), AT_ONCE):
            found = self.embed(torch.stack(list(pictures[start : start + AT_ONCE]))).float().cpu()
            vectors.append(functional.normalize(found.flatten(1), dim=1))
        whole = torch.cat(vectors)
        if not whole.isfinite().all():
            raise FFGOError(
                f"The embedder {self.name} gives what is no number (NaN or infinite). Load it in fp32, or take another."
            )
        return whole


def window_pictures(frame: Tensor, boxes: Sequence[Box] | None = None) -> list[Tensor]:
    """The windows of a frame (H, W, 3) as squares for the network; the whole frame is squeezed, not cropped."""
    picture = Image.fromarray(to_uint8(frame[..., :3]))
    boxes = windows(picture.height, picture.width) if boxes is None else boxes
    return [_square(picture.crop((left, top, left + width, top + height))) for left, top, width, height in boxes]


def whole_picture(frame: Tensor) -> Tensor:
    """A frame (H, W, 3) squeezed into a square."""
    return _square(Image.fromarray(to_uint8(frame[..., :3])))


def cutout_picture(cutout: Tensor) -> Tensor:
    """A cut-out (1, H, W, 3 or 4), cropped to what is seen of it, on a grey square."""
    pixels = Image.fromarray(to_uint8(cutout[0]))
    if pixels.mode == "RGBA" and (
        box := pixels.getchannel("A").point([255 * (a > FAINT) for a in range(256)]).getbbox()
    ):
        pixels = pixels.crop(box)
    side = round(max(pixels.size) * (1 + 2 * MARGIN))
    ground = Image.new("RGB", (side, side), (round(255 * GREY),) * 3)
    mask = pixels.getchannel("A") if pixels.mode == "RGBA" else None
    ground.paste(pixels.convert("RGB"), ((side - pixels.width) // 2, (side - pixels.height) // 2), mask)
    return _square(ground)


def _square(picture: Image.Image) -> Tensor:
    import numpy as np

    smaller = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return torch.from_numpy(np.asarray(smaller, np.float32) / 255)


def host_embedder(path: Path) -> Embedder:
    """A CLIP_VISION model file in the host, without its server. Raises: FFGOError where it is none."""
    from ..host.loading import load_clip_vision

    return clip_vision_embedder(load_clip_vision(path), path.name)


def clip_vision_embedder(model, name: str = "CLIP_VISION") -> Embedder:
    """The host's CLIP_VISION model as an embedder; `model` is what its loader gives."""

    def embed(pictures: Tensor) -> Tensor:
        output = model.encode_image(pictures, crop=False)
        return output["image_embeds"]

    return Embedder(name, embed)
