"""Runs inside the host's Python, started by probe.py: the toy world's quick forms of its models beside the host's."""

import torch
from boot import BASE

from ffgo.words.phrase import TRANSITION_PHRASE
from lab.toyworld.models import PAD, TEXT_WIDTH, TOKENS, build_expert, build_text_encoder, encode_text, tokenize
from lab.toyworld.scene import COLOURS, SCENE_COLOURS
from lab.toyworld.vae import build_vae, decode_whole, encode_whole, still_pictures


def off(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference, relative to the largest number."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float((ours - theirs).abs().max() / theirs.abs().max())


@torch.no_grad()
def vae() -> dict[str, float]:
    vae = build_vae()
    for weight in vae.parameters():  # those of a new one know no time
        weight.add_(0.05 * torch.randn_like(weight))
    clip = torch.rand(1, 3, 9, 32, 32) * 2 - 1
    theirs = vae.encode(clip)
    still = vae.encode(clip[:, :, :1])
    with still_pictures(vae):
        flat = off(encode_whole(vae, clip[:, :, :1])[0], still)
    return {
        "encoded": off(encode_whole(vae, clip)[0], theirs),
        "decoded": off(decode_whole(vae, theirs), vae.decode(theirs)),
        "still": flat,
    }


def text() -> dict[str, float | bool | int]:
    from lab.toyworld.custom_nodes.ffgo_standins.small_encoder import load_small_encoder
    from lab.toyworld.export import save_text_encoder

    encoder = build_text_encoder()
    save_text_encoder(encoder.state_dict(), BASE / "toy_probe_encoder.safetensors")
    clip = load_small_encoder(BASE / "toy_probe_encoder.safetensors")
    words = [*COLOURS, *SCENE_COLOURS]
    captions = [
        f"{TRANSITION_PHRASE} a {word} split disc moves left and an orange cross stays over dark tiles"
        for word in words
    ]
    theirs = torch.cat([clip.encode_from_tokens_scheduled(clip.tokenize(caption))[0][0] for caption in captions])
    with torch.no_grad():
        encoder.load_state_dict({name: weight.bfloat16().float() for name, weight in encoder.state_dict().items()})
        ours = encode_text(encoder, tokenize(captions))
    unknown = 2
    return {
        "text": off(ours, theirs.float()),
        "known": not bool((tokenize(captions) == unknown).any()),
        "padded": float(theirs[tokenize(captions) == PAD].abs().max()),
    }


@torch.no_grad()
def expert() -> dict[str, object]:
    """An expert as its training computes it, and as the pack's trainer and users load it."""
    from ffgo.host.loading import check_expert, load_expert
    from lab.toyworld.export import EIGHT_BITS, save_expert

    ours = build_expert()
    for name, weight in ours.named_parameters():
        weight.add_(0.02 * torch.randn_like(weight)).copy_(weight.bfloat16().float())
        if weight.ndim == 2 and name.startswith(EIGHT_BITS):
            scale = weight.abs().max() / 448
            weight.copy_((weight / scale).to(torch.float8_e4m3fn).float() * scale)  # so that the file tells it exactly
    save_expert(ours.state_dict(), BASE / "toy_probe_expert.safetensors")
    theirs = load_expert(BASE / "toy_probe_expert.safetensors")
    shape = check_expert(theirs)
    seen = torch.randn(2, 36, 3, 8, 8), torch.tensor([950.0, 300.0]), torch.randn(2, TOKENS, TEXT_WIDTH)
    return {
        "dim": shape.dim,
        "blocks": shape.blocks,
        "velocity": off(ours(*seen), theirs.model.diffusion_model(*seen)),
    }


def find() -> dict:
    torch.manual_seed(0)
    return {"vae": vae(), "text": text(), "expert": expert()}
