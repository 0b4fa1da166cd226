"""Runs inside the host's Python, started by probe.py: a dataset as the pack encodes it beside the host's own nodes."""

import importlib
from pathlib import Path
from typing import Any

import comfy.latent_formats
import comfy.sd
import comfy.utils
import torch
from boot import BASE, module
from comfy_extras.nodes_wan import WanImageToVideo

host_nodes: Any = importlib.import_module("nodes")  # the host's; a type checker finds the pack's

core = {
    name: importlib.import_module(f"pack.ffgo.dataset.{name}") for name in ("encode", "encoders", "examples", "sizing")
}
standins = module("standins", BASE / "custom_nodes" / "ffgo_standins")


def find(dataset: str, folder: str) -> dict:
    vae_file = BASE / "models/vae/standin_vae.safetensors"
    vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(vae_file)))
    clip = standins.load_standin("standin_umt5.safetensors")
    expert = comfy.sd.load_diffusion_model(str(BASE / "models/diffusion_models/standin_high_noise.safetensors"))

    examples = core["examples"].open_dataset(Path(dataset)).examples
    sizing = core["sizing"].Sizing(64, 48, 9)
    encoders = core["encoders"].host_encoders(vae, clip, comfy.latent_formats.Wan21())
    encoded = core["encode"].encode_examples(examples, encoders, Path(folder), sizing)[0]

    with torch.inference_mode():
        frames = core["examples"].load_frames(examples[0], core["sizing"].Bucket(64, 48, 9))
        (prompt,) = host_nodes.CLIPTextEncode().encode(clip, examples[0].caption)
        made = WanImageToVideo.execute(prompt, prompt, vae, 64, 48, 9, 1, start_image=frames[:1])
        (embedding, extras), latent = made[0][0], made[2]["samples"]
        condition = expert.model.concat_cond(noise=torch.zeros_like(latent), device=torch.device("cpu"), **extras)
        latents = expert.model.process_latent_in(vae.encode(frames))

    assert condition is not None
    return {
        "condition": torch.equal(encoded.condition, condition[0]),
        "latents": torch.equal(encoded.latents, latents[0]),
        "text": torch.equal(encoded.text, embedding[0].float()),
        "shapes": [list(t.shape) for t in (encoded.latents, encoded.condition, encoded.text)],
        "varied": bool(encoded.condition[4:].std() > 0.01),
    }
