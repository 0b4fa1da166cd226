"""Runs inside the host's Python: how well an expert tells the velocity of clips that its LoRAs were not trained on.

Usage: python -m tests.host.toy_loss_probe EXPERT DATASET NAMES LORA..., in the repository. NAMES: of the encoded
examples, with commas between. Prints the mean loss without a LoRA and with each, as JSON. What the pack could do wrong
in training is not asked of it here: the sigmas are fixed, and the condition is put together from the files' latents.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch

from ffgo.bases.base import Expert
from ffgo.dataset.cache import CachedDataset, read_example, read_text
from ffgo.host.boot import boot_here
from ffgo.host.loading import load_expert
from lab.toyworld.family import WEIGHTS
from lab.toyworld.train_experts import velocity_loss
from lab.toyworld.train_lora import FILES

SIGMAS: dict[Expert, Sequence[float]] = {"high": (0.65, 0.8, 0.9, 1.0), "low": (0.2, 0.35, 0.5, 0.58)}
"""Where the experts have most to decide, on either side of the boundary."""
NOISES = 2
"""For each clip and sigma; the same for every LoRA."""


@torch.no_grad()
def loss(lora: str | None) -> float:
    """The mean over all clips, sigmas and noises."""
    import comfy.model_management
    from comfy.sd import load_lora_for_models
    from comfy.utils import load_torch_file

    model = load_expert(WEIGHTS / FILES[expert][0])
    if lora:
        model = load_lora_for_models(model, None, load_torch_file(lora), 1.0, 0.0)[0]
    assert model is not None
    comfy.model_management.load_models_gpu([model], force_full_load=True)
    torch.manual_seed(0)
    losses = [
        velocity_loss(model.model.diffusion_model, latents, conditions, texts, torch.full((len(latents),), sigma))
        for sigma in SIGMAS[expert]
        for _ in range(NOISES)
    ]
    return float(torch.stack(losses).mean())


expert: Expert = cast(Expert, sys.argv[1])
folder, names = Path(sys.argv[2]), sys.argv[3].split(",")
boot_here("--cpu")
entries = [entry for entry in CachedDataset.open(folder).entries if entry.name in names]
latents, composites = map(torch.stack, zip(*(read_example(folder, entry.example) for entry in entries), strict=True))
texts = torch.stack([read_text(folder, entry.text) for entry in entries])
given = torch.zeros_like(composites[:, :4])
given[:, :, 0] = 1
conditions = torch.cat([given, composites], 1)
print(json.dumps([loss(lora) for lora in (None, *sys.argv[4:])]))
