"""Runs inside the host's Python: encodes a dataset, and makes the same with the host's own nodes and model, as JSON.

Usage: python dataset_probe.py COMFYUI BASE DATASET FOLDER. The test beside it starts it and judges what it prints.
"""

import importlib
import importlib.util
import json
import sys
from pathlib import Path

import torch

COMFYUI, BASE, DATASET, FOLDER = map(Path, sys.argv[1:])
PACK = Path(__file__).parents[2]
sys.argv = [sys.argv[0], "--cpu", "--base-directory", str(BASE)]
sys.path.insert(0, str(COMFYUI))

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.latent_formats  # noqa: E402
import comfy.sd  # noqa: E402
import comfy.utils  # noqa: E402
import folder_paths  # noqa: E402, F401
from comfy_extras.nodes_wan import WanImageToVideo  # noqa: E402

import nodes  # noqa: E402


def module(name: str, path: Path):
    spec = importlib.util.spec_from_file_location(name, path / "__init__.py", submodule_search_locations=[str(path)])
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


module("pack", PACK)
core = {name: importlib.import_module(f"pack.ffgo.dataset.{name}") for name in ("encode", "examples")}
standins = module("standins", BASE / "custom_nodes" / "ffgo_standins")

vae_file = BASE / "models/vae/standin_vae.safetensors"
vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(vae_file)))
clip = standins.load_standin("standin_umt5.safetensors")
expert = comfy.sd.load_diffusion_model(str(BASE / "models/diffusion_models/standin_high_noise.safetensors"))

examples = core["examples"].open_dataset(DATASET).examples
sizing = core["examples"].Sizing(64, 48, 9)
encoders = core["encode"].host_encoders(vae, clip, comfy.latent_formats.Wan21())
encoded = core["encode"].encode_examples(examples, encoders, FOLDER, sizing)[0]

with torch.inference_mode():
    frames = core["examples"].load_frames(examples[0], core["examples"].Bucket(64, 48, 9))
    (prompt,) = nodes.CLIPTextEncode().encode(clip, examples[0].caption)
    made = WanImageToVideo.execute(prompt, prompt, vae, 64, 48, 9, 1, start_image=frames[:1])
    (embedding, extras), latent = made[0][0], made[2]["samples"]
    condition = expert.model.concat_cond(noise=torch.zeros_like(latent), device=torch.device("cpu"), **extras)
    latents = expert.model.process_latent_in(vae.encode(frames))

found = {
    "condition": torch.equal(encoded.condition, condition[0]),
    "latents": torch.equal(encoded.latents, latents[0]),
    "text": torch.equal(encoded.text, embedding[0].float()),
    "shapes": [list(t.shape) for t in (encoded.latents, encoded.condition, encoded.text)],
    "varied": bool(encoded.condition[4:].std() > 0.01),
}
print(json.dumps(found))
