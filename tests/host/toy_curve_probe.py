"""Runs inside the host's Python: begins each stage of lab.toyworld.make anew, from what is shipped.

Usage: python -m tests.host.toy_curve_probe FOLDER, in the repository. Prints the first point of each curve, as JSON.
"""

import json
import shutil
import sys
from pathlib import Path

import torch

from ffgo.bases.catalogue import EXPERTS
from ffgo.host.boot import boot_here
from lab.toyworld import train_experts
from lab.toyworld.curves import read_curves
from lab.toyworld.family import TEXT_ENCODER, VAE, WEIGHTS
from lab.toyworld.make import CURVED
from lab.toyworld.together import CURVE_EVERY
from lab.toyworld.train_lora import LESSONS, encode_training_set, train_lora
from lab.toyworld.train_vae import train_vae

folder = Path(sys.argv[1])
boot_here("--cpu")
torch.set_num_threads(1)
train_vae(folder, until=CURVE_EVERY)
(folder / "encoders").mkdir()
for name in (VAE, TEXT_ENCODER):
    shutil.copy(WEIGHTS / name, folder / "encoders" / name)
train_experts.encode(folder)
for lesson in LESSONS:
    encode_training_set(folder, lesson)
for expert in EXPERTS:
    train_experts.train(expert, folder, until=CURVE_EVERY)
    for lesson in LESSONS:
        train_lora(folder, expert, lesson, until=CURVE_EVERY)
curves = [read_curves(folder / f"{name}.jsonl") for name in CURVED]
print(json.dumps({run: points[0]["loss"] for curve in curves for run, points in curve.items()}))
