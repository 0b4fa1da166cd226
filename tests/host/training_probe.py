"""Runs inside the host's Python, started by probe.py: trains tiny experts and says what came of it."""

import hashlib
import importlib
import json
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.model_management as mm
import comfy.ops
import comfy.sd
import torch
from boot import BASE as FOLDER
from comfy.ldm.modules.attention import attention_pytorch
from comfy.ldm.wan.model import WanModel, sinusoidal_embedding_1d
from comfy_extras import nodes_lora_debug
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from peft import LoraConfig, inject_adapter_in_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file

host_nodes: Any = importlib.import_module("nodes")  # the host's; a type checker finds the pack's

SIZES: dict[str, Any] = {"dim": 256, "ffn_dim": 512, "num_heads": 2, "num_layers": 2, "in_dim": 36, "out_dim": 16}
SHAPE, TOKENS = (2, 4, 6), 12
PARTS = (
    "bases.catalogue", "dataset.encoded", "errors", "experts.schedule", "training.adapters", "training.checkpoint",
    "training.draws", "dataset.cache", "host.loading", "host.trainable", "training.loop", "training.recipe",
    "training.step", "training.run", "training.concept", "training.world",
)  # fmt: skip
ours = SimpleNamespace(**{part.rpartition(".")[2]: importlib.import_module(f"pack.ffgo.{part}") for part in PARTS})

Example, Recipe = ours.encoded.EncodedExample, ours.recipe.Recipe
PYTORCH = {"optimized_attention_override": lambda _, *args, **kwargs: attention_pytorch(*args, **kwargs)}
CPU = torch.device("cpu")
REPO = Path(__file__).parents[2]
LORAS = FOLDER / "models" / "loras"
LORAS.mkdir(parents=True, exist_ok=True)


class Examples:
    """Four random ones."""

    names, shapes, fingerprint = [f"example {i}" for i in range(4)], [SHAPE] * 4, "random"
    base, memory = ours.catalogue.DEFAULT, 1
    weights = (1.0,) * 4

    def __len__(self):
        return 4

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return Example(*(torch.randn(s, generator=generator) for s in ((16, *SHAPE), (20, *SHAPE), (TOKENS, 4096))))


class Watch:
    def stepped(self, report): ...

    def wants_to_stop(self):
        return False


def random_weights(model_type: str = "t2v", **sizes) -> dict[str, torch.Tensor]:
    torch.manual_seed(2)
    network = WanModel(model_type, **(SIZES | sizes), operations=comfy.ops.disable_weight_init, dtype=torch.float32)
    return {name: random_weight(name, weight.shape) for name, weight in network.state_dict().items()}


def random_weight(name: str, shape: torch.Size) -> torch.Tensor:
    """Keeps activations near one: norms at 1, biases at 0, matrices scaled by their fan-in."""
    if len(shape) < 2:
        return torch.zeros(shape) if name.endswith("bias") else torch.ones(shape)
    return torch.randn(shape) / shape[1:].numel() ** 0.5


WEIGHTS = random_weights()


def load(weights: dict[str, torch.Tensor], dtype: torch.dtype | None = None):
    """The MODEL that Load Diffusion Model gives, as the host runs it."""
    path = FOLDER / "expert.safetensors"
    save_file(weights, path)
    with torch.inference_mode():
        return comfy.sd.load_diffusion_model(str(path), model_options={"dtype": dtype} if dtype else {})


def scaled_fp8(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights as in ComfyUI's fp8_scaled files: the blocks' matrices in fp8 with a scale each."""
    stored = {"scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}
    for name, weight in weights.items():
        if name.startswith("blocks.") and name.endswith(".weight") and weight.ndim == 2:
            scale = weight.abs().max() / 448.0
            stored[name] = (weight / scale).to(torch.float8_e4m3fn)
            stored[f"{name.removesuffix('.weight')}.scale_weight"] = scale.reshape(())
        else:
            stored[name] = weight
    return stored


@contextmanager
def trainable(model, *, checkpointing: bool = False, offload: bool = False):
    """As in a node, which the host runs in inference mode."""
    loaded = ours.trainable.trainable_expert(model, checkpointing=checkpointing, offload_block_inputs=offload)
    with torch.inference_mode(), loaded as expert:
        yield expert


def adapted(network, rank: int = 8, alpha: float = 4.0):
    return ours.adapters.add_adapters(
        network, Recipe().targets, rank=rank, alpha=alpha, read=ours.trainable.read_weight, device=CPU, key=1
    )


def fill_b(layers) -> None:
    """As after some training, so that A has gradients too."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for layer in layers.values():
            layer.b.copy_(torch.randn(layer.b.shape, generator=generator) * 0.05)


def samples(expert: str = "high"):
    window, examples = ours.schedule.training_window(expert), Examples()
    return [
        ours.step.draw_sample(name, examples[i], window.official_sigma(ours.draws.fraction(i)), i)
        for i, name in enumerate(examples.names)
    ]


def losses_and_gradients(predict, named, batches):
    """Mean loss over all samples, and its gradients."""
    total, count = 0.0, sum(map(len, batches))
    for parameter in named.values():
        parameter.grad = None
    for batch in batches:
        loss = ours.step.velocity_loss(predict, batch, CPU, 50.0).sum() / count
        loss.backward()
        total += float(loss.detach())
    return total, {name: parameter.grad.clone() for name, parameter in named.items()}


def relative(found, wanted) -> float:
    """Greatest relative difference of any of the gradients."""
    assert found.keys() == wanted.keys()
    return max(float((found[n].double() - wanted[n].double()).norm() / wanted[n].double().norm()) for n in wanted)


def differ(found, wanted) -> float:
    return max(float((found[name] - wanted[name]).abs().max()) for name in wanted)


DIFFUSERS = {
    "self_attn.": "attn1.", "cross_attn.": "attn2.", ".q.": ".to_q.", ".k.": ".to_k.", ".v.": ".to_v.",
    ".o.": ".to_out.0.", "norm3.": "norm2.", "ffn.0.": "ffn.net.0.proj.", "ffn.2.": "ffn.net.2.",
    "head.modulation": "scale_shift_table", ".modulation": ".scale_shift_table", "head.head.": "proj_out.",
    "time_embedding.0.": "condition_embedder.time_embedder.linear_1.",
    "time_embedding.2.": "condition_embedder.time_embedder.linear_2.",
    "text_embedding.0.": "condition_embedder.text_embedder.linear_1.",
    "text_embedding.2.": "condition_embedder.text_embedder.linear_2.",
    "time_projection.1.": "condition_embedder.time_proj.",
}  # fmt: skip


def diffusers_name(name: str) -> str:
    for here, there in DIFFUSERS.items():
        name = name.replace(here, there)
    return name


def scheduler():
    """Sigmas of the trainer against those of diffusers' scheduler."""
    theirs: Any = FlowMatchEulerDiscreteScheduler(shift=5)
    low, high = (ours.schedule.training_window(expert) for expert in ("low", "high"))
    places = [(i + 0.5) / 5000 for i in range(5000)]
    sigmas = {window.official_sigma(place) for window in (low, high) for place in places}
    sigmas = torch.tensor(sorted(sigmas, reverse=True))
    result: dict[str, float] = {
        "timesteps": torch.equal(sigmas * 1000, theirs.timesteps),
        "sigmas": torch.equal(sigmas, theirs.sigmas[:1000]),
    }
    # The official split: the timestep nearest 900 belongs to the low-noise expert.
    split = int((theirs.timesteps - 900).abs().argmin())
    known = {"high": theirs.sigmas[:split], "low": theirs.sigmas[split:1000]}
    recipe, count = Recipe(), 100_000
    fractions = [ours.draws.fraction("sigma", recipe.seed, step, 0, 0) for step in range(count)]
    for expert, wanted in known.items():
        window = ours.schedule.training_window(expert)
        for way, sigma in (("continuous", window.sigma), ("official", window.official_sigma)):
            result[f"{expert} {way}"] = smirnov(torch.tensor(list(map(sigma, fractions))), wanted)
    return result


def smirnov(drawn: torch.Tensor, wanted: torch.Tensor) -> float:
    """Kolmogorov and Smirnov's distance of two distributions."""
    drawn, wanted = drawn.sort().values, wanted.sort().values
    places = torch.cat([drawn, wanted])
    shares = [torch.searchsorted(values, places, right=True) / len(values) for values in (drawn, wanted)]
    return float((shares[0] - shares[1]).abs().max())


def oracle():
    """One step against diffusers' scheduler and model with peft's own layers: loss and every gradient."""
    theirs: Any = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=128, in_channels=36, out_channels=16, ffn_dim=512, num_layers=2,
        cross_attn_norm=True, text_dim=4096,
    )  # fmt: skip
    # Both reckon the angles of the timestep in float32, up to 1000 radians, which leaves them 1e-4: the same for both.
    embedder, places = theirs.condition_embedder, torch.tensor([1.0, 900.056, 999.8])
    yield "angles", float((embedder.timesteps_proj(places) - sinusoidal_embedding_1d(256, places)).abs().max())
    embedder.timesteps_proj.forward = partial(sinusoidal_embedding_1d, 256)
    theirs.load_state_dict({diffusers_name(name): weight for name, weight in WEIGHTS.items()})
    theirs.requires_grad_(False)
    targets = ["to_q", "to_k", "to_v", "to_out.0", "ffn.net.0.proj", "ffn.net.2"]
    inject_adapter_in_model(LoraConfig(r=8, lora_alpha=4, target_modules=targets), theirs)
    with trainable(load(WEIGHTS), checkpointing=True) as expert:
        adapters = adapted(expert.network)
        fill_b(adapters.layers)
        layers = {name: theirs.get_submodule(diffusers_name(f"{name}.")[:-1]) for name in adapters.layers}
        with torch.no_grad():
            for name, layer in layers.items():
                layer.lora_A.default.weight.copy_(adapters.layers[name].a)
                layer.lora_B.default.weight.copy_(adapters.layers[name].b)
        for noise_level in ("high", "low"):
            step = samples(noise_level)
            loss, found = losses_and_gradients(expert.predict, adapters.parameters, [step[:2], step[2:]])
            wanted_loss = oracle_loss(theirs, step)
            wanted = {}
            for name, layer in layers.items():
                for part in "AB":
                    weight = getattr(layer, f"lora_{part}").default.weight
                    wanted[f"{name}.{part}"] = weight.grad.clone()
                    weight.grad = None
            yield (
                noise_level,
                {
                    "layers": len(layers),
                    "loss": abs(loss - wanted_loss) / wanted_loss,
                    "gradients": relative(found, wanted),
                },
            )
        adapters.remove()


def oracle_loss(transformer, step) -> float:
    schedule: Any = FlowMatchEulerDiscreteScheduler(shift=5)
    x0, noise = torch.stack([s.latents_CThw for s in step]), torch.stack([s.noise_CThw for s in step])
    nearest = [int((schedule.sigmas[:1000] - s.sigma).abs().argmin()) for s in step]
    timesteps = schedule.timesteps[nearest]
    noised = schedule.scale_noise(x0, timesteps, noise)
    condition = torch.stack([s.condition_CThw for s in step])
    velocity = transformer(
        torch.cat([noised, condition], 1), timesteps, torch.stack([s.text for s in step]), return_dict=False
    )[0]
    loss = torch.nn.functional.mse_loss(velocity, noise - x0)
    loss.backward()
    return float(loss.detach())


def ways():
    """The same step in other ways: how far loss and gradients are from plain ones."""
    model, step = load(WEIGHTS), samples()
    one_by_one, at_once = [[s] for s in step], [step]

    def run(batches, **options):
        with trainable(model, **options) as expert:
            adapters = adapted(expert.network)
            fill_b(adapters.layers)
            found = losses_and_gradients(expert.predict, adapters.parameters, batches)
            adapters.remove()
        return found

    loss, wanted = run(at_once)
    for name, batches, options in (
        ("checkpointed", at_once, {"checkpointing": True}),
        ("offloaded", at_once, {"checkpointing": True, "offload": True}),
        ("accumulated", one_by_one, {}),
        ("accumulated, checkpointed", one_by_one, {"checkpointing": True}),
    ):
        other_loss, found = run(batches, **options)
        yield (
            name,
            {
                "loss": abs(other_loss - loss) / loss,
                "gradients": relative(found, wanted),
                "difference": differ(found, wanted),
            },
        )
    yield "peft", peft_parity(step, loss, wanted)


def peft_parity(step, loss, wanted):
    """Plain peft on the host's float32 expert, with the same A and B."""
    network = load(WEIGHTS).model.diffusion_model
    with torch.inference_mode(False):
        for module in network.modules():
            for name, weight in list(module.named_parameters(recurse=False)):
                setattr(module, name, torch.nn.Parameter(weight.detach().clone(), requires_grad=False))
    inject_adapter_in_model(LoraConfig(r=8, lora_alpha=4, target_modules=list(Recipe().targets)), network)
    with trainable(load(WEIGHTS)) as expert:
        adapters = adapted(expert.network)
        fill_b(adapters.layers)
        named = {}
        with torch.no_grad():
            for name, layer in adapters.layers.items():
                theirs = network.get_submodule(name)
                for part, value in (("A", layer.a), ("B", layer.b)):
                    weight = getattr(theirs, f"lora_{part}").default.weight
                    weight.copy_(value)
                    named[f"{name}.{part}"] = weight
        adapters.remove()

    def predict(x, sigma, text):
        return network(x, sigma * 1000, text, transformer_options=dict(PYTORCH))

    mm.in_training = True  # else the host takes a kernel that cannot go backward
    peft_loss, found = losses_and_gradients(predict, named, [step])
    mm.in_training = False
    return {"loss": abs(peft_loss - loss) / loss, "gradients": relative(wanted, found), "layers": len(named) // 2}


def fingerprint(network) -> str:
    """Of all weights, bit for bit, as they are stored."""
    digest = hashlib.sha256()
    for name, weight in network.state_dict().items():
        digest.update(name.encode() + weight.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def bases():
    """Training on every kind of base, and the finished file in the host's own loaders."""
    pack_loader = importlib.import_module("pack.nodes.experts._patching")
    lora_file, lora_keys = (importlib.import_module(f"pack.ffgo.lora.{n}") for n in ("file", "keys"))
    x, text = torch.randn(1, 36, *SHAPE), torch.randn(1, TOKENS, 4096)
    for kind, weights, dtype in (
        ("fp32", WEIGHTS, None),
        ("bf16", WEIGHTS, torch.bfloat16),
        ("fp16", WEIGHTS, torch.float16),
        ("fp8", WEIGHTS, torch.float8_e4m3fn),
        ("scaled fp8", scaled_fp8(WEIGHTS), None),
    ):
        model = load(weights, dtype)
        network = model.model.diffusion_model
        before, names = fingerprint(network), [(n, type(m).__name__) for n, m in network.named_modules()]
        recipe = Recipe(
            steps=10, rank=8, alpha=4.0, learning_rate=5e-3, clip_norm=0, checkpointing="blocks", save_every=100
        )
        folder = ours.checkpoint.RunFolder(FOLDER / kind, {})
        with trainable(model, checkpointing=True) as expert:
            adapters = adapted(expert.network)
            task = ours.loop.Task("high", expert.predict, adapters, Examples(), recipe, CPU)
            trained = ours.loop.train(task, folder, Watch())
            kinds = {str(parameter.dtype) for parameter in adapters.parameters.values()}
            with torch.no_grad():
                training = expert.predict(x, torch.tensor([0.95]), text).float()
                adapters.drop_from_b(0)
            adapters.remove()
        means = trained.history[:, 2].reshape(10, 4).mean(1)
        name = f"{kind}.safetensors"
        save_file(trained.lora, LORAS / name, trained.metadata)
        result = {
            "adapters": sorted(kinds),
            "first": float(means[:3].mean()),
            "last": float(means[-3:].mean()),
            "base kept": fingerprint(network) == before,
            "layers kept": [(n, type(m).__name__) for n, m in network.named_modules()] == names,
            "training mode": mm.in_training,
            "without": difference(forward(model, x, text), training),
        }
        merged = host_nodes.LoraLoaderModelOnly().load_lora_model_only(model, name, 1.0)[0]
        result["merged"] = difference(forward(merged, x, text), training)
        bypass = nodes_lora_debug.LoraLoaderBypassModelOnly().load_lora_model_only(model, name, 1.0)[0]
        result["bypass"] = difference(forward(bypass, x, text), training)
        file = lora_file.read_lora(LORAS / name, name)
        result["recognised"] = [file.evidence.expert, file.evidence.certain]
        shapes = pack_loader.expert_weights(model)
        own = pack_loader.apply_lora(model, lora_keys.translate(file, shapes, "high"), 1.0, "bypass")[0]
        result["own bypass"] = difference(forward(own, x, text), training)
        mm.unload_all_models()
        yield kind, result


def forward(model, x, text) -> torch.Tensor:
    """The expert as the sampler would call it, with PyTorch's attention."""
    with torch.inference_mode():
        mm.load_models_gpu([model])
        dtype = model.model.get_dtype_inference()
        output = model.model.diffusion_model(
            x.to(dtype), torch.tensor([950.0]), text.to(dtype),
            transformer_options=dict(PYTORCH),
        )  # fmt: skip
    return output.float()


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


def refusals():
    """What the trainer says of what it cannot train, or go on with."""

    def said(work) -> str:
        try:
            work()
        except ours.errors.FFGOError as error:
            return str(error)
        return "nothing"

    for kind, weights in (
        ("text to video", random_weights(in_dim=16)),
        ("Fun-Control", random_weights(in_dim=48)),
    ):
        model = load(weights)
        yield kind, said(lambda model=model: ours.loading.check_expert(model))
    torch.save([1, 2], FOLDER / "list.pt")
    for loader in (ours.loading.load_expert, ours.loading.load_vae, ours.loading.load_text_encoder):
        yield loader.__name__, said(lambda loader=loader: loader(FOLDER / "list.pt"))
    expert, low = load(WEIGHTS), {"steps": 1, "rank": 2, "checkpointing": "none"}

    def train(name: str, side: str, model=expert, **changes):
        job = ours.run.TrainingRun(
            name=name, expert=side, recipe=Recipe.from_dict(low | changes), dataset=Examples(), runs=FOLDER / "runs",
            loras=FOLDER / "out",
        )  # fmt: skip
        return ours.run.train_expert(model, job, lambda _: Watch(), lambda _: None)

    first = train("mine", "low")
    yield "file", [first.path.name, first.complete, first.lora.metadata["ffgo.expert"]]
    yield "low for high", said(lambda: train("other", "high", start_lora="mine_low.safetensors"))
    yield "low for low", said(lambda: train("third", "low", start_lora="mine_low.safetensors"))
    (FOLDER / "runs" / "swapped").mkdir()
    (FOLDER / "runs" / "mine" / "low").rename(FOLDER / "runs" / "swapped" / "high")
    yield "low's folder for high", said(lambda: train("swapped", "high"))
    train("size", "high")
    yield "another size", said(lambda: train("size", "high", load(random_weights(num_layers=3)), steps=2))


TOY, SAVED = REPO / "lab/toyworld/weights", REPO / "tests/data/made_by_e515c26/encoded"
MIX_UPS = {
    "low, called low, for high": ("toy_low_noise", "toy_low_noise", "high"),
    "low in a folder of high ones, for high": ("toy_low_noise", "high_noise_model/model", "high"),
    "low, called nothing, for high": ("toy_low_noise", "model", "high"),
    "high, called high, for low": ("toy_high_noise", "toy_high_noise", "low"),
    "high, called nothing, for low": ("toy_high_noise", "model", "low"),
    "high, called low, for low": ("toy_high_noise", "toy_low_noise", "low"),
    "high, called nothing, for high": ("toy_high_noise", "model", "high"),
    "low, called low, for low": ("toy_low_noise", "toy_low_noise", "low"),
}
"""Which expert it is, what its file is called, and what it is said to be."""


def mix_ups():
    """What becomes of a run whose model, prior examples or first LoRA are not what they are said to be."""
    small = {"steps": 1, "rank": 2, "accumulation": 1, "targets": ["cross_attn.v"], "checkpointing": "none"}
    dataset, said = ours.cache.CachedDataset.open(SAVED), []

    def train(place: Path, side: str, name: str, data=dataset, **changes) -> str:
        said.clear()
        job = ours.run.TrainingRun(
            name=name, expert=side, recipe=Recipe.from_dict(small | changes), dataset=data, runs=FOLDER / "mixed",
            loras=FOLDER / "mixed",
        )  # fmt: skip
        try:
            with torch.inference_mode():
                model = comfy.sd.load_diffusion_model(str(place))
            trained = ours.run.train_expert(model, job, lambda _: Watch(), said.extend)
        except ours.errors.FFGOError as error:
            return str(error)
        return f"trained, checked by {trained.lora.metadata.get('ffgo.expert_check')}"

    for number, (kind, (weights, called, side)) in enumerate(MIX_UPS.items()):
        place = FOLDER / f"models{number}" / f"{called}.safetensors"
        place.parent.mkdir(parents=True)
        place.symlink_to(TOY / f"{weights}.safetensors")
        yield kind, train(place, side, f"mixed{number}")
    yield "insisting", train(FOLDER / "models0/toy_low_noise.safetensors", "high", "insisting", check_expert=False)
    save_file(WEIGHTS, FOLDER / "model.safetensors")
    yield "untrained", [train(FOLDER / "model.safetensors", "high", "untrained", Examples()), said[-1]]
    high, low = TOY / "toy_high_noise.safetensors", TOY / "toy_low_noise.safetensors"
    yield "prior_weight without prior", train(high, "high", "prior", prior_weight=0.5)
    start = FOLDER / "mixed" / "start.safetensors"
    for time, content in enumerate(("mixed6_high", "insisting_high", "mixed6_high")):
        start.unlink(missing_ok=True)
        start.symlink_to(FOLDER / "mixed" / f"{content}.safetensors")
        yield f"{time}: {content}", train(high, "high", "started", start_lora="start.safetensors", steps=2)
    yield "goes on with the other model", train(low, "high", "started", start_lora="start.safetensors", steps=3)
    nameless = FOLDER / "models6" / "model.safetensors"
    nameless.unlink()
    nameless.symlink_to(low)
    yield "another model in the file's place", train(nameless, "high", "mixed6", steps=2)
    save_file({name: w.bfloat16() for name, w in load_file(high).items()}, FOLDER / "half_high_noise.safetensors")
    half = train(FOLDER / "half_high_noise.safetensors", "high", "started", start_lora="start.safetensors", steps=3)
    yield "in bfloat16", [half, said[-1]]
    run = FOLDER / "mixed/started/high"
    begun_before(run)
    yield "begun before", train(high, "high", "started", start_lora="start.safetensors", steps=4)
    begun_before(run)
    yield "begun before, on the other model", [
        train(low, "high", "started", start_lora="start.safetensors", steps=5), said[-1],
    ]  # fmt: skip


def begun_before(run: Path) -> None:
    """Make a run one that was begun before there were notes and hashes."""
    about = json.loads((run / "run.json").read_text())
    new = "content of start_lora"
    (run / "run.json").write_text(json.dumps({key: value for key, value in about.items() if key not in ("notes", new)}))
    for state in run.glob("*.state.safetensors"):
        with safe_open(state, "pt") as file:
            metadata = file.metadata()
        plain = json.loads(metadata["ffgo.state"])
        plain["identity"].pop(new, None)
        save_file(load_file(state), state, {"ffgo.state": json.dumps(plain)})


class HugeExamples(Examples):
    """Larger than any memory, and never read."""

    shapes = [(2001, 2000, 2000)] * 4


def plans():
    """What is said before the first run of a concept, of which one run is too large."""
    values = {"rank": 2, "identity": {"steps": 1, "b_dropout": 0.3}, "motion": {"steps": 1}, "checkpointing": "none"}

    def learn(name: str, motion: Examples, prior: Examples | None = None, **changes) -> list:
        recipes = ours.concept.concept_recipes(Recipe(), name, "high", values | changes, has_prior=prior is not None)
        job = ours.concept.ConceptRun(
            name, "high", recipes, {"identity": Examples(), "motion": motion}, "sks1 mvt1", FOLDER / "planned",
            FOLDER / "planned", prior,
        )  # fmt: skip
        try:
            done = ours.concept.train_concept(
                load(WEIGHTS), job, lambda _: lambda _: Watch(), lambda _: None, ours.world.World.current()
            )
            said = " and ".join(done)
        except ours.errors.FFGOError as error:
            said = str(error)
        return [said, sorted(path.name for path in (FOLDER / "planned").glob(f"{name}_*"))]

    yield "both fit", learn("fits", Examples())
    yield "a large motion", learn("motion", HugeExamples())
    yield "a large prior", learn("prior", Examples(), HugeExamples())
    yield "a large prior without weight", learn("beside", Examples(), HugeExamples(), prior_weight=0)


SCENARIOS = (scheduler, oracle, ways, bases, refusals, mix_ups, plans)


def find() -> dict:
    return {scenario.__name__: dict(scenario()) for scenario in SCENARIOS}
