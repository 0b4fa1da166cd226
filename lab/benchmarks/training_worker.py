"""One part of the training benchmark in a process of its own; prints its rows as JSON, one a line.

Usage: python training_worker.py make|loop|host|ranks|cached|memory FOLDER STANDINS RANK SMALL, with COMFYUI_PATH set.
SMALL: 1 for short clips that take seconds, else 0.
"""

import importlib
import importlib.util
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import torch
from measure import row as as_row
from measure import usual
from safetensors.torch import save_file
from torch import Tensor, distributed, nn

TASK, FOLDER, STANDINS, RANK = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
PACK = Path(__file__).parents[2]
MEDIUM: dict[str, Any] = {"dim": 512, "ffn_dim": 2048, "num_heads": 4, "num_layers": 6, "in_dim": 36, "out_dim": 16}
SMALL: dict[str, Any] = MEDIUM | {"dim": 128, "ffn_dim": 256, "num_heads": 1, "num_layers": 1}
LATENTS = (2, 8, 8) if sys.argv[5] == "1" else (3, 32, 32)
"""Frames, height, width: 768 tokens, 32 in the small form."""
CAPTION = "ad23r2 the camera view suddenly changes. a red robot and a blue bird meet by the lake"
LORA_RANK = 16
MODELS: list[Any] = []

torch.set_num_threads(1)
# The pack under another name: its `nodes` and the host's must not meet.
spec = importlib.util.spec_from_file_location("pack", PACK / "__init__.py", submodule_search_locations=[str(PACK)])
assert spec
sys.modules["pack"] = importlib.util.module_from_spec(spec)


def ours(name: str) -> Any:
    return importlib.import_module(f"pack.ffgo.{name}")


boot, loading, host_trainable = (ours(f"host.{room}") for room in ("boot", "loading", "trainable"))
loop, recipe_file = ours("training.loop"), ours("training.recipe")
ON_CARD = TASK == "card" and sys.argv[5] == "0" and torch.cuda.is_available()
boot.boot(Path(os.environ["COMFYUI_PATH"]), *([] if ON_CARD else ["--cpu"]))


class RandomDataset:
    """Four encoded examples, in memory."""

    names, fingerprint, weights, memory = ("one", "two", "three", "four"), "random", (1.0,) * 4, 1
    base = ours("bases.catalogue").DEFAULT
    shapes = (LATENTS,) * 4

    def __init__(self):
        self.examples = [random_example(index) for index in range(4)]

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return self.examples[index]


def random_example(index: int, tokens: int = 512) -> Any:
    generator = torch.Generator().manual_seed(index)
    shapes = (16, *LATENTS), (20, *LATENTS), (tokens, 4096)
    return ours("dataset.encoded").EncodedExample(*(torch.randn(shape, generator=generator) for shape in shapes))


class Turns:
    """Watches our loop, and lets another work have its turn after each step. The first step does not count."""

    def __init__(self, other: Callable[[], object]):
        self.other, self.seconds, self.started = other, [], 0.0

    def stepped(self, report: Any) -> None: ...

    def wants_to_stop(self) -> bool:
        mine = time.process_time() - self.started
        self.seconds.append((mine, cpu_seconds(self.other)))
        self.started = time.process_time()
        return False

    @property
    def results(self) -> tuple[float, float]:
        mine, others = zip(*self.seconds[1:], strict=True)
        return usual(mine), usual(others)


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def row(
    name: str, ours: float, other: float, unit: str = "CPU s", *,
    ratio: float | None = None, cpu: tuple[float, float] | None = None,
) -> None:  # fmt: skip
    """Print a row; `cpu` where `ours` and `other` are not CPU seconds themselves."""
    emit(as_row(name, ours, other, unit, cpu or (ours, other), ratio=ratio))


def emit(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def recipe(**values: Any) -> Any:
    plain = {"accumulation": 1, "rank": LORA_RANK, "alpha": LORA_RANK, "checkpointing": "none"}
    return recipe_file.Recipe(**plain | values)


def make() -> None:
    """Write the experts."""
    import comfy.ops
    from comfy.ldm.wan.model import WanModel

    torch.manual_seed(1)
    for name, sizes in (("medium", MEDIUM), ("small", SMALL)):
        state = WanModel(**sizes, operations=comfy.ops.disable_weight_init, dtype=torch.float32).state_dict()
        weights = {
            n: torch.randn_like(w) / w[0].numel() ** 0.5 if w.ndim > 1 else torch.full_like(w, n.endswith("weight"))
            for n, w in state.items()
        }
        save_file(weights, FOLDER / f"{name}.safetensors")


def load(name: str = "medium", dtype: torch.dtype | None = None) -> Any:
    model = loading.load_expert(FOLDER / f"{name}.safetensors")
    if dtype:
        model.set_model_compute_dtype(dtype)
    return model


@contextmanager
def trainable(model: Any, checkpointing: str = "none") -> Iterator[tuple[Any, Any]]:
    """The expert with our adapters."""
    options = {"checkpointing": checkpointing == "blocks", "offload_block_inputs": False}
    with host_trainable.trainable_expert(model, **options) as expert:
        layers = ours("training.adapters").add_adapters(
            expert.network, recipe_file.OFFICIAL_TARGETS, rank=LORA_RANK, alpha=LORA_RANK,
            read=host_trainable.read_weight, device=expert.device, key=1,
        )  # fmt: skip
        yield expert, layers


def train(expert: Any, layers: Any, recipe: Any, watcher: Any, *, dataset: Any = None, world: Any = None) -> None:
    task = loop.Task("high", expert.predict, layers, dataset or RandomDataset(), recipe, expert.device)
    folder = ours("training.checkpoint").RunFolder(run_folder(world), {})
    watcher.started = time.process_time()
    loop.train(task, folder, watcher, world)


RUNS = itertools.count()


def run_folder(world: Any) -> Path:
    """A new one, the same for processes that work together."""
    rank = RANK if world is None or world.size == 1 else "all"
    return FOLDER / f"{TASK}_{next(RUNS)}_{rank}"


def bare() -> Callable[[], None]:
    """The same expert with peft's own layers: forward, backward, and nothing else."""
    from peft import LoraConfig, inject_adapter_in_model

    network: nn.Module = load().model.diffusion_model.requires_grad_(False)
    targets = list(recipe_file.OFFICIAL_TARGETS)
    inject_adapter_in_model(LoraConfig(r=LORA_RANK, lora_alpha=LORA_RANK, target_modules=targets), network)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    given = random_example(0)
    x, text, sigma = torch.cat([given.latents, given.condition])[None], given.text[None], torch.tensor([900.0])

    def step() -> None:
        network(x, sigma, text).sub(given.latents).square().mean().backward()
        for parameter in trained:
            parameter.grad = None

    return step


def against_bare() -> None:
    other = bare()
    for name, checkpointing in (("loop_over_bare", "none"), ("loop_over_bare_checkpointed", "blocks")):
        turns = Turns(other)
        with trainable(load(), checkpointing) as (expert, layers):
            train(expert, layers, recipe(steps=9), turns)
        row(name, *turns.results)


class HostNode:
    """TrainLoraNode, held after each of its steps. Everything that is not named here is as the node comes."""

    def __init__(self, steps: int, batch_size: int, dtype: str):
        self.may_step, self.has_stepped = threading.Semaphore(0), threading.Semaphore(0)
        self.steps, self.options = steps, {"batch_size": batch_size, "training_dtype": dtype, "lora_dtype": dtype}
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def step(self) -> None:
        self.may_step.release()
        while not self.has_stepped.acquire(timeout=1):
            if not self.thread.is_alive():
                raise RuntimeError("TrainLoraNode failed: the lines above say why.")

    @torch.inference_mode()  # so the host runs its nodes
    def _run(self) -> None:
        from comfy_extras import nodes_train

        torch.set_num_threads(1)  # counts for the thread that says so
        nodes_train.trange = self._counted
        schema = nodes_train.TrainLoraNode.define_schema()
        defaults = {given.id: getattr(given, "default", None) for given in schema.inputs}
        given = {name: default for name, default in defaults.items() if default is not None}
        examples = RandomDataset()
        given |= {"model": load(), "positive": [_host_condition(e) for e in examples], "steps": self.steps}
        given |= {"rank": LORA_RANK, **self.options}
        self.may_step.acquire()
        nodes_train.TrainLoraNode.execute(
            latents=[{"samples": e.latents[None]} for e in examples], **{name: [value] for name, value in given.items()}
        )
        self.has_stepped.release()

    def _counted(self, steps: int, **_: Any) -> Any:
        """In place of the node's progress bar."""
        return _Held(self, steps)


def _host_condition(example: Any) -> list[Any]:
    """Caption and composite as Wan Image To Video hands them on."""
    mask, latents = 1 - example.condition[None, :1], example.condition[None, 4:]
    return [example.text[None], {"concat_latent_image": latents, "concat_mask": mask}]


class _Held:
    def __init__(self, node: HostNode, steps: int):
        self.node, self.steps = node, steps

    def __iter__(self) -> Iterator[int]:
        for step in range(self.steps):
            yield step
            if step < self.steps - 1:
                self.node.has_stepped.release()
                self.node.may_step.acquire()

    def set_postfix(self, *_: Any) -> None: ...


def against_host() -> None:
    """Both in one dtype: the expert's own, and bfloat16, which the node computes in unless told otherwise."""
    for dtype, ending, steps in ((None, "", 4), (torch.bfloat16, "_bf16", 4)):
        for batch_size in (1, 2):
            node = HostNode(steps, batch_size, "fp32" if dtype is None else "bf16")
            turns = Turns(node.step)
            with trainable(load(dtype=dtype)) as (expert, layers):
                train(expert, layers, recipe(steps=steps, batch_size=batch_size), turns)
            node.thread.join()
            loops, nodes = (seconds / batch_size for seconds in turns.results)
            row(f"host_node_over_loop_b{batch_size}{ending}", loops, nodes, "CPU s per sample", ratio=nodes / loops)


def ranks() -> None:
    """A step of two examples, on each of two processes alone at the same time, then on both together, in turn."""
    distributed.init_process_group("gloo", init_method=(FOLDER / "ranks").as_uri(), rank=RANK, world_size=2)
    world = ours("training.world").World
    with trainable(load()) as (expert, layers):
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(2):
            for together in (False, True):
                where = world.current() if together else world(0, 1)
                turns, steps = Turns(lambda: None), 6 if together else 4
                train(expert, layers, recipe(steps=steps, accumulation=2), turns, world=where)
                seconds[together] += [mine for mine, _ in turns.seconds[1:]]
    one, two = (usual(seconds[together]) for together in (False, True))
    slower = torch.tensor([two, -one])
    distributed.all_reduce(slower, distributed.ReduceOp.MAX)
    distributed.destroy_process_group()
    two, one = float(slower[0]), -float(slower[1])
    row("two_processes_over_one", two, one, "CPU s per step and process", ratio=one / two)


class UncachedDataset(RandomDataset):
    """Encodes what it is asked for, each time, with the stand-ins' VAE and text encoder: small beside the real ones."""

    def __init__(self):
        super().__init__()
        self.encoders = stand_in_encoders()
        frames, height, width = 4 * (LATENTS[0] - 1) + 1, 8 * LATENTS[1], 8 * LATENTS[2]
        torch.manual_seed(1)
        self.clips = torch.rand(4, frames, height, width, 3)

    def __getitem__(self, index: int) -> Any:
        grey = self.clips[index].clone()
        grey[1:] = 0.5
        latents, composite = (self.encoders.encode_frames(frames) for frames in (self.clips[index], grey))
        given = torch.zeros(4, *LATENTS)
        given[:, 0] = 1
        text = self.encoders.encode_text(f"{CAPTION} {index}")
        return ours("dataset.encoded").EncodedExample(latents, torch.cat([given, composite]), text)


def stand_in_encoders() -> Any:
    import comfy.sd
    import comfy.text_encoders.wan
    import comfy.utils

    path = STANDINS / "text_encoders" / "standin_umt5.safetensors"
    weights, metadata = comfy.utils.load_torch_file(str(path), safe_load=True, return_metadata=True)
    assert metadata
    sizes = {name: int(metadata[name]) for name in ("num_layers", "num_heads", "d_kv", "d_ff", "vocab_size")}
    kind = comfy.text_encoders.wan.te(dtype_t5=weights["shared.weight"].dtype)
    target = SimpleNamespace(params={}, clip=kind, tokenizer=comfy.text_encoders.wan.WanT5Tokenizer)
    clip = comfy.sd.CLIP(
        target, parameters=comfy.utils.calculate_parameters(weights),
        tokenizer_data={"spiece_model": weights["spiece_model"]}, state_dict=[weights],
        model_options={"model_name": "umt5xxl", "umt5xxl_model_config": sizes},
    )  # fmt: skip
    vae = loading.load_vae(STANDINS / "vae" / "standin_vae.safetensors")
    MODELS.extend((vae, clip))  # encoders keep neither alive
    return ours("dataset.encoders").host_encoders(vae, clip, loading.latent_format())


def cached_dataset(folder: str, examples: Any) -> Any:
    """Examples as Encode Dataset leaves them on the disk."""
    cache, path, entries = ours("dataset.cache"), FOLDER / folder, []
    for index, example in enumerate(examples):
        cache.write_example(path, f"{index}", example.latents, example.condition[4:])
        cache.write_text(path, f"{index}", example.text)
        entries.append(cache.Entry(f"{index}", f"{index}", f"{index}", LATENTS))
    return cache.CachedDataset(path, entries)


def cached() -> None:
    """Steps on examples from the disk against steps that encode theirs; a few of each in turn."""
    uncached = UncachedDataset()
    dataset = cached_dataset("cached", [uncached[index] for index in range(4)])
    seconds = {}
    with trainable(load()) as (expert, layers):
        for name, source in (("cached", dataset), ("uncached", uncached)) * 2:
            turns = Turns(lambda: None)
            train(expert, layers, recipe(steps=3), turns, dataset=source)
            seconds.setdefault(name, []).extend(mine for mine, _ in turns.seconds[1:])
    row("cached_over_uncached", usual(seconds["cached"]), usual(seconds["uncached"]))


def activations() -> None:
    """Bytes that a forward pass keeps for the way back, weights left out."""
    kept, seconds = {}, {}
    for checkpointing in ("blocks", "none"):
        with trainable(load(), checkpointing) as (expert, layers):
            weights = {weight.untyped_storage().data_ptr() for weight in expert.network.parameters()}
            found: dict[int, int] = {}

            def keep(tensor: Tensor, weights: set[int] = weights, found: dict[int, int] = found) -> Tensor:
                storage = tensor.untyped_storage()
                if storage.data_ptr() not in weights:
                    found[storage.data_ptr()] = storage.nbytes()
                return tensor

            sample = ours("training.step").draw_sample("one", random_example(0), 0.95)
            started = time.process_time()
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                loss = ours("training.step").velocity_loss(expert.predict, [sample], expert.device, 50.0)
            kept[checkpointing] = sum(found.values()) / 2**20
            loss.backward()
            seconds[checkpointing] = time.process_time() - started
            layers.remove()
    cpu = seconds["blocks"], seconds["none"]
    row("checkpointed_activations", kept["blocks"], kept["none"], "MB kept for backward", cpu=cpu)


def memory() -> None:
    """Peak memory after training on 20 examples, and then on 200; each is used once or more."""
    peaks, seconds = [], []
    for count in (20, 200):
        dataset = cached_dataset(f"{count}", (random_example(index, tokens=192) for index in range(count)))
        with trainable(load("small"), "blocks") as (expert, layers):
            started = time.process_time()
            train(expert, layers, recipe(steps=20, accumulation=10), Turns(lambda: None), dataset=dataset)
            seconds.append(time.process_time() - started)
            layers.remove()
        peaks.append(peak_mb())
    row("memory_200_over_20", peaks[1], peaks[0], "MB", cpu=(seconds[1], seconds[0]))
    activations()


def peak_mb() -> float:
    if os.name == "nt":
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


TASKS: dict[str, Callable[[], None]] = {
    "make": make, "loop": against_bare, "host": against_host, "ranks": ranks, "cached": cached, "memory": memory,
}  # fmt: skip

if __name__ == "__main__":
    TASKS[TASK]()
