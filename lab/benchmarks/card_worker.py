"""The benchmark of the card, in a process of its own; prints its rows as JSON. Started as training_worker is."""

import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
import training_worker as base
from measure import Spent, row, spent, time_row, usual_of
from safetensors.torch import load_file, save_file
from torch import nn
from training_worker import FOLDER, ON_CARD, emit, ours, peak_mb

REAL: dict[str, Any] = {"dim": 5120, "ffn_dim": 13824, "num_heads": 40, "num_layers": 40, "in_dim": 36, "out_dim": 16}
SMALL: dict[str, Any] = REAL | {"dim": 256, "ffn_dim": 512, "num_heads": 2, "num_layers": 2}
CLIPS = (21, 90, 160), (21, 60, 104), (6, 96, 168), (6, 60, 104), (3, 32, 32)
"""Latents (frames, height, width), the largest first: 720p and 480p of 81 frames, two of 21 frames, a last try."""
RANK, SMALL_RANK = 128, 16
STEPS = 4
MB = 2**20


def random_expert(sizes: dict[str, Any], device: torch.device) -> Any:
    """An expert as the host loads it, its weights made where they stay."""
    import comfy.model_detection
    import comfy.ops
    from comfy.ldm.wan.model import WanModel
    from comfy.model_patcher import ModelPatcher

    dtype = torch.bfloat16 if ON_CARD else torch.float32
    shapes = WanModel(**sizes, operations=comfy.ops.disable_weight_init, dtype=dtype, device="meta").state_dict()
    config = comfy.model_detection.model_config_from_unet(shapes, "")
    assert config
    config.set_inference_dtype(dtype, None)
    model = config.get_model(shapes, "", device="meta")
    network = model.diffusion_model.to_empty(device=device)
    for name, weight in network.named_parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
        else:
            nn.init.constant_(weight, float(name.endswith("weight")))
    model.device = device
    return ModelPatcher(model, load_device=device, offload_device=torch.device("cpu"))


def planned(model: Any, clips: Any, recipe: Any, available: int) -> Any:
    """The largest clip that fits, and the plan for it; None where none does."""
    memory, loading = ours("training.memory"), ours("host.loading")
    shape = loading.check_expert(model)
    parameters = sum(
        recipe.rank * sum(weight.shape)
        for name, weight in model.model.diffusion_model.named_parameters()
        if name.startswith("blocks.") and name.endswith(".weight") and weight.ndim == 2
    )
    plans = ((clip, memory.plan_memory(shape, [clip], recipe, parameters)) for clip in clips)
    return next(((clip, plan) for clip, plan in plans if plan.total <= available), None)


class EnoughError(Exception):
    """Ends a run before it saves."""


class Clock:
    """Looks at the time after each step."""

    def __init__(self):
        self.started, self.times = 0.0, []

    def stepped(self, report: Any) -> None:
        synchronise()
        self.times.append(Spent(time.perf_counter(), time.process_time()))
        if len(self.times) == STEPS:
            raise EnoughError

    def wants_to_stop(self) -> bool:
        return False

    @property
    def step(self) -> Spent:
        pairs = zip(self.times, self.times[1:], strict=False)
        return usual_of([Spent(after.wall - before.wall, after.cpu - before.cpu) for before, after in pairs])


def synchronise() -> None:
    if ON_CARD:
        torch.cuda.synchronize()


def timed(work: Callable[[], object]) -> Spent:
    def whole() -> None:
        work()
        synchronise()

    return spent(whole)


def peak() -> float:
    """Megabytes: of the card's, as PyTorch counts them, or of main memory."""
    return torch.cuda.max_memory_allocated() / MB if ON_CARD else peak_mb()


def train(model: Any, plan: Any, recipe: Any, before: float) -> None:
    """A training sample against a forward pass, and peak memory against the plan."""
    clock = Clock()
    with base.trainable(model, recipe.checkpointing) as (expert, layers):
        dataset = base.RandomDataset()
        with suppress(EnoughError):
            base.train(expert, layers, recipe, clock, dataset=dataset)
        used = peak() - before
        step, sample = ours("training.step"), ours("training.step").draw_sample("one", dataset[0], 0.95)
        with torch.no_grad():
            forward = timed(lambda: step.velocity_loss(expert.predict, [sample], expert.device, 50.0))
        layers.remove()
    cpu = clock.step.cpu, forward.cpu
    emit(row("card_sample", clock.step.wall, forward.wall, "s, over a forward pass", cpu))
    emit(row("card_memory", used, (plan.total - ours("training.memory").OVERHEAD) / MB, "MB, over the plan", cpu))


def write_lora(model: Any) -> Path:
    """A random LoRA for all blocks."""
    tensors = {}
    for name, weight in model.model.diffusion_model.named_parameters():
        if name.startswith("blocks.") and name.endswith(".weight") and weight.ndim == 2:
            module = f"diffusion_model.{name.removesuffix('.weight')}"
            tensors[f"{module}.lora_down.weight"] = torch.randn(base.LORA_RANK, weight.shape[1], dtype=weight.dtype)
            tensors[f"{module}.lora_up.weight"] = torch.randn(weight.shape[0], base.LORA_RANK, dtype=weight.dtype) / 99
    path = FOLDER / "lora_high_noise.safetensors"
    save_file(tensors, path)
    return path


def patching_room() -> Any:
    return importlib.import_module("pack.nodes.experts._patching")


def with_ours(model: Any, path: Path, mode: str) -> Any:
    patching = patching_room()
    file = ours("lora.file").read_lora(path, path.name)
    lora = ours("lora.keys").translate(file, patching.expert_weights(model), "high")
    return patching.apply_lora(model, lora, 1.0, mode)[0]


def with_hosts(model: Any, path: Path, _: str) -> Any:
    import comfy.sd

    return comfy.sd.load_lora_for_models(model, None, load_file(path), 1.0, 0.0)[0]


@contextmanager
def loaded(make: Callable[..., Any], *given: Any) -> Iterator[tuple[Any, Spent]]:
    """The expert with a LoRA on it, loaded, and what that took."""
    import comfy.model_management as management

    made: list[Any] = []

    def load() -> None:
        made.append(make(*given))
        management.load_models_gpu(made)

    cost = timed(load)
    yield made[0], cost
    management.unload_all_models()


def loras(model: Any) -> None:
    """Our loader against the host's, and the forward pass with the LoRA beside the weights over one with it merged."""
    path = write_lora(model)
    patching_room()  # a running host has imported it
    with loaded(with_hosts, model, path, "merge") as (_, theirs):
        pass
    with loaded(with_ours, model, path, "merge") as (merged, mine):
        merge = forward(merged)
    with loaded(with_ours, model, path, "bypass") as (beside, _):
        bypass = forward(beside)
    emit(time_row("card_lora_load", mine, theirs))
    emit(row("card_bypass_over_merge", bypass.wall, merge.wall, "s of a forward pass", (bypass.cpu, merge.cpu)))


@torch.inference_mode()
def forward(model: Any) -> Spent:
    device, dtype = model.load_device, model.model.get_dtype_inference()
    given = base.random_example(0)
    x = torch.cat([given.latents, given.condition])[None].to(device, dtype)
    text, timestep = given.text[None].to(device, dtype), torch.tensor([900.0], device=device)
    run = model.model.diffusion_model
    return usual_of([timed(lambda: run(x, timestep, text)) for _ in range(4)][1:])


def main() -> None:
    device = torch.device("cuda" if ON_CARD else "cpu")
    base.LORA_RANK = RANK if ON_CARD else SMALL_RANK
    recipe = base.recipe(steps=100, checkpointing="blocks")
    before = 0.0 if ON_CARD else peak_mb()
    model = random_expert(REAL if ON_CARD else SMALL, device)
    available = torch.cuda.get_device_properties(device).total_memory if ON_CARD else 1 << 60
    fits = planned(model, CLIPS if ON_CARD else CLIPS[-1:], recipe, available)
    if fits is None:
        emit({"note": "The card's memory is too small for an expert in bfloat16. See --small for the processor."})
        return
    clip, plan = fits
    emit(
        {"note": f"{torch.cuda.get_device_name() if ON_CARD else 'The small form, on the processor'}. {plan.lines[0]}"}
    )
    base.LATENTS = clip
    base.RandomDataset.shapes = (clip,) * 4
    train(model, plan, recipe, before)
    loras(model)


main()
