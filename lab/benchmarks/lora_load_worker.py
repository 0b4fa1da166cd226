"""One run of the LoRA benchmark in a process of its own; prints seconds and peak megabytes as JSON.

Usage: python lora_load_worker.py make|ours|other FOLDER DIM, with COMFYUI_PATH set.
"""

import asyncio
import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

TASK, FOLDER, DIM = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
PACK = Path(__file__).parents[2]
sys.argv = [sys.argv[0], "--cpu", "--base-directory", str(FOLDER)]
sys.path.insert(0, os.environ["COMFYUI_PATH"])

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.model_management  # noqa: E402
import comfy.ops  # noqa: E402
import server  # noqa: E402
import torch  # noqa: E402
from comfy.ldm.wan.model import WanModel  # noqa: E402
from measure import spent  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

host_nodes = importlib.import_module("nodes")  # the host's, not the pack's
EXPERTS = ("high", "low")
SIZES: dict[str, Any] = {
    "dim": DIM,
    "ffn_dim": 4 * DIM,
    "num_heads": DIM // 128,
    "num_layers": 6,
    "in_dim": 36,
    "out_dim": 16,
}
RANK = DIM // 8


def make() -> None:
    """Write two random experts, of 200 MB for DIM 1024, and a LoRA for each."""
    for expert in EXPERTS:
        state = WanModel(**SIZES, operations=comfy.ops.disable_weight_init, dtype=torch.bfloat16).state_dict()
        weights = {name: torch.randn_like(weight) / 32 for name, weight in state.items()}
        _save(weights, FOLDER / "models" / "diffusion_models" / f"{expert}_noise.safetensors")
        lora = {}
        for name, weight in weights.items():
            if name.startswith("blocks.") and name.endswith(".weight") and weight.ndim == 2:
                module = f"diffusion_model.{name.removesuffix('.weight')}"
                lora[f"{module}.lora_down.weight"] = torch.randn(RANK, weight.shape[1], dtype=torch.bfloat16) / 32
                lora[f"{module}.lora_up.weight"] = torch.randn(weight.shape[0], RANK, dtype=torch.bfloat16) / 32
                lora[f"{module}.alpha"] = torch.tensor(float(RANK))
        _save(lora, FOLDER / "models" / "loras" / f"lora_{expert}_noise.safetensors")


def _save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


def ours(high, low):
    spec = importlib.util.spec_from_file_location("pack", PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    assert spec
    sys.modules["pack"] = importlib.util.module_from_spec(spec)
    loader = importlib.import_module("pack.nodes.experts.moe_lora_loader").WanMoELoRALoader
    loader.GET_SCHEMA()
    loader = loader.PREPARE_CLASS_CLONE(None)  # as the host does before it runs a node
    return lambda: loader.execute(high, low, *(f"lora_{expert}_noise.safetensors" for expert in EXPERTS)).args[:2]


def other(high, low):
    loaders = [host_nodes.LoraLoaderModelOnly() for _ in EXPERTS]
    return lambda: [
        loader.load_lora_model_only(model, f"lora_{expert}_noise.safetensors", 1.0)[0]
        for loader, model, expert in zip(loaders, (high, low), EXPERTS, strict=True)
    ]


def peak_mb() -> float:
    if os.name == "nt":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def measure(way) -> dict[str, float]:
    """Load the LoRAs and have the host patch all weights with them, as it does before it samples."""
    server.PromptServer(asyncio.new_event_loop())  # nodes show things on the page; nobody looks at this one
    load = way(*(host_nodes.UNETLoader().load_unet(f"{expert}_noise.safetensors", "default")[0] for expert in EXPERTS))
    models = []

    def patch() -> None:
        models.extend(load())
        comfy.model_management.load_models_gpu(models)

    wall, cpu = spent(patch)
    patched = sum(len(model.backup) for model in models)
    assert patched == 2 * 10 * SIZES["num_layers"], patched
    return {"wall": wall, "cpu": cpu, "peak_mb": peak_mb()}


if __name__ == "__main__":
    if TASK == "make":
        make()
        print("{}")
    else:
        print(json.dumps(measure({"ours": ours, "other": other}[TASK])))
