"""The small Wan VAE: how it is made, and a form of it that trains quickly.

The host walks through a clip in chunks and keeps what each convolution saw; the same arithmetic over the whole clip at
once is several times faster on the way back. tests/host/test_toyworld.py holds the two against each other.
"""

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

LATENT_CHANNELS = 16
DIM = 16


def build_vae() -> Any:
    """A WanVAE with new weights, to which clips are separate pictures: of each convolution only the present counts."""
    from comfy.ldm.wan.vae import WanVAE

    vae: Any = WanVAE(dim=DIM, z_dim=LATENT_CHANNELS, temperal_downsample=[False, True, True])
    for name, weight in vae.named_parameters():
        if weight.ndim < 2 or name.endswith("gamma"):
            torch.nn.init.constant_(weight, 0.0 if name.endswith("bias") else 1.0)
        elif name.endswith(("residual.6.weight", "proj.weight")):
            torch.nn.init.zeros_(weight)  # each block begins by doing nothing
        else:
            torch.nn.init.normal_(weight, std=weight[0, :, -1:].numel() ** -0.5)
    with torch.no_grad():
        for name, weight in vae.named_parameters():
            if weight.ndim == 5:
                weight[:, :, :-1] = 0
            if name.endswith("time_conv.weight"):
                copies = len(weight) // weight.shape[1]
                weight[:, :, -1, 0, 0] = torch.eye(weight.shape[1]).repeat(copies, 1)
        vae.conv1.weight[LATENT_CHANNELS:] = 0  # nearly no noise at first
        vae.conv1.bias[LATENT_CHANNELS:] = -6
    return vae


@contextlib.contextmanager
def still_pictures(vae: Any) -> Iterator[None]:
    """For clips of one frame: each causal convolution as the flat one that it then is, three times faster."""
    from comfy.ldm.wan.vae import CausalConv3d

    convolutions: list[Any] = [module for module in vae.modules() if isinstance(module, CausalConv3d)]
    for convolution in convolutions:
        convolution.forward = partial(_flat, convolution)
    try:
        yield
    finally:
        for convolution in convolutions:
            del convolution.forward


def _flat(convolution: Any, x: Tensor) -> Tensor:
    weight = convolution.weight[:, :, -1]
    return functional.conv2d(x[:, :, 0], weight, convolution.bias, padding=weight.shape[-1] // 2)[:, :, None]


def channels_last(vae: Any) -> None:
    """Lay the convolutions' weights out so that a processor takes three quarters of the time."""
    for weight in vae.parameters():
        if weight.ndim == 5:
            weight.data = weight.data.to(memory_format=torch.channels_last_3d)


def as_input(clips: Sequence[np.ndarray]) -> Tensor:
    """Clips (F, H, W, 3), 0..1, as the VAE takes them: (B, 3, F, H, W) in -1..1."""
    return torch.from_numpy(np.stack(clips)).permute(0, 4, 1, 2, 3) * 2 - 1


def encode_whole(vae: Any, clip: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log variance (B, 16, 1 + T/4, H/8, W/8) of a clip (B, 3, 1 + T, H, W) in -1..1."""
    x = vae.encoder.conv1(clip)
    for layer in vae.encoder.downsamples:
        x = layer(x)
        if getattr(layer, "mode", "") == "downsample3d" and x.shape[2] > 1:
            x = torch.cat([x[:, :, :1], layer.time_conv(x)], 2)
    for layer in (*vae.encoder.middle, *vae.encoder.head):
        x = layer(x)
    mean, log_variance = vae.conv1(x).chunk(2, 1)
    return mean, log_variance


def decode_whole(vae: Any, latent: Tensor) -> Tensor:
    """The clip (B, 3, 1 + T, H, W) of latents (B, 16, 1 + T/4, H/8, W/8)."""
    x = vae.decoder.conv1(vae.conv2(latent))
    for layer in vae.decoder.middle:
        x = layer(x)
    for layer in vae.decoder.upsamples:
        if getattr(layer, "mode", "") == "upsample3d" and x.shape[2] > 1:
            x = _twice_as_many(layer, x)
        x = layer(x)
    for layer in vae.decoder.head:
        x = layer(x)
    return x


def _twice_as_many(layer: Any, x: Tensor) -> Tensor:
    """All frames but the first one become two."""
    batch, channels, _, height, width = x.shape
    pairs = layer.time_conv(x[:, :, 1:]).reshape(batch, 2, channels, -1, height, width)
    later = torch.stack([pairs[:, 0], pairs[:, 1]], 3).reshape(batch, channels, -1, height, width)
    return torch.cat([x[:, :, :1], later], 2)
