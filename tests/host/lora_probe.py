"""Runs inside the host's Python, started by probe.py: loads LoRAs onto tiny experts and says what came of it."""

import gc
import importlib
from collections.abc import Callable
from typing import Any

import comfy.model_management as mm
import comfy.ops
import comfy.sd
import comfy.utils
import folder_paths
import server
import torch
from boot import BASE as FOLDER
from comfy.ldm.wan.model import WanModel
from comfy.model_patcher import ModelPatcher
from safetensors.torch import save_file


class Screen(server.PromptServer):
    """Takes the place of the running server's page: keeps what a node shows on itself."""

    def __init__(self):
        self.shown = []

    def send_progress_text(self, text, node_id):
        self.shown.append(text)


server.PromptServer.instance = Screen()
Loader = importlib.import_module("pack.nodes.experts.moe_lora_loader").WanMoELoRALoader
Loader.GET_SCHEMA()  # as the host does when it registers a node
Loader = Loader.PREPARE_CLASS_CLONE(None)
LORAS = FOLDER / "models" / "loras"
SIZES: dict[str, Any] = {"dim": 256, "ffn_dim": 512, "num_heads": 2, "num_layers": 2, "in_dim": 36, "out_dim": 16}
STRENGTH = {"high": 0.7, "low": -1.3}
RANK = 4


def expert_weights(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = WanModel(**SIZES, operations=comfy.ops.disable_weight_init, dtype=torch.float32).state_dict()
    return {
        name: torch.randn(weight.shape, generator=generator) / max(weight[0].numel(), 1) ** 0.5
        if weight.ndim > 1
        else torch.ones_like(weight)
        for name, weight in state.items()
    }


WEIGHTS = {"high": expert_weights(1), "low": expert_weights(2)}
LINEARS = [
    name.removesuffix(".weight") for name, w in WEIGHTS["high"].items() if name.endswith(".weight") and w.ndim == 2
]


def load_expert(expert: str, weights: dict[str, torch.Tensor] | None = None, dtype: torch.dtype | None = None):
    """An expert's MODEL as Load Diffusion Model gives it."""
    path = FOLDER / f"{expert}_noise.safetensors"
    save_file(weights or WEIGHTS[expert], path)
    return comfy.sd.load_diffusion_model(str(path), model_options={"dtype": dtype} if dtype else {})


def random_lora(
    seed: int, modules: list[str] = LINEARS, size: float = 1.0
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {module: WEIGHTS["high"][f"{module}.weight"].shape for module in modules}
    return {
        module: (
            torch.randn(RANK, shape[1:].numel(), generator=generator) / shape[1:].numel() ** 0.5,
            size * torch.randn(shape[0], RANK, generator=generator) / shape[0] ** 0.5,
        )
        for module, shape in shapes.items()
    }


DIFFUSERS = {
    "self_attn": "attn1", "cross_attn": "attn2", ".q": ".to_q", ".k": ".to_k", ".v": ".to_v", ".o": ".to_out.0",
    "ffn.0": "ffn.net.0.proj", "ffn.2": "ffn.net.2", "head.head": "proj_out",
    "time_embedding.0": "condition_embedder.time_embedder.linear_1",
    "time_embedding.2": "condition_embedder.time_embedder.linear_2",
    "text_embedding.0": "condition_embedder.text_embedder.linear_1",
    "text_embedding.2": "condition_embedder.text_embedder.linear_2",
    "time_projection.1": "condition_embedder.time_proj",
}  # fmt: skip


def diffusers(module: str) -> str:
    for ours, theirs in DIFFUSERS.items():
        head, found, tail = module.rpartition(ours)
        if found and not tail:
            module = head + theirs
    return module.replace("self_attn", "attn1").replace("cross_attn", "attn2")


def flat(prefix: str, name: Callable[[str], str] = str) -> Callable[[str], str]:
    return lambda module: prefix + name(module).replace(".", "_")


def dotted(prefix: str, name: Callable[[str], str] = str) -> Callable[[str], str]:
    return lambda module: prefix + name(module)


KOHYA = (".lora_down.weight", ".lora_up.weight")
PEFT = (".lora_A.weight", ".lora_B.weight")
DEFAULT = (".lora_A.default.weight", ".lora_B.default.weight")
# name -> how a module is written, how its factors are, alpha (None: not in the file), modules
BLOCKS = [module for module in LINEARS if module.startswith("blocks.")]
DIALECTS = {
    "kohya": (flat("lora_unet_"), KOHYA, 2.0, LINEARS),
    "comfyui lora_down": (dotted("diffusion_model."), KOHYA, 2.0, LINEARS),
    "comfyui lora_A": (dotted("diffusion_model."), PEFT, 2.0, LINEARS),
    "comfyui default": (dotted("diffusion_model."), DEFAULT, None, LINEARS),
    "videox-fun": (flat("lora_unet__"), KOHYA, 2.0, [*BLOCKS, "time_projection.1"]),
    "videox-fun without marker": (flat("lora_unet__"), KOHYA, 2.0, [m for m in BLOCKS if "cross_attn" not in m]),
    "videox-fun lora_A": (flat("lora_unet__"), PEFT, None, BLOCKS),
    "diffsynth": (dotted(""), DEFAULT, None, BLOCKS),
    "diffsynth alpha": (dotted(""), PEFT, 8.0, LINEARS),
    "peft": (dotted("base_model.model."), PEFT, None, LINEARS),
    "peft of the host's model": (dotted("base_model.model.diffusion_model."), PEFT, None, LINEARS),
    "diffusers": (dotted("transformer.", diffusers), PEFT, None, LINEARS),
    "diffusers alpha": (dotted("transformer.", diffusers), KOHYA, 2.0, LINEARS),
    "transformer native": (dotted("transformer."), PEFT, None, LINEARS),
    "peft of diffusers": (dotted("base_model.model.", diffusers), PEFT, None, LINEARS),
    "pipe.dit": (dotted("pipe.dit."), DEFAULT, None, LINEARS),
    "dit": (dotted("dit."), PEFT, None, LINEARS),
    "lycoris": (flat("lycoris_"), KOHYA, 2.0, LINEARS),
    "lycoris diffusers": (flat("lycoris_", diffusers), KOHYA, 2.0, LINEARS),
    "onetrainer": (flat("lora_transformer_"), KOHYA, 2.0, LINEARS),
    "onetrainer diffusers": (flat("lora_transformer_", diffusers), KOHYA, 2.0, LINEARS),
    "kohya diffusers": (flat("lora_unet_", diffusers), KOHYA, 2.0, BLOCKS),
    "unet": (dotted("unet."), PEFT, None, LINEARS),
    "model.diffusion_model": (dotted("model.diffusion_model."), PEFT, None, LINEARS),
    "lora.up": (dotted("transformer."), (".lora.down.weight", ".lora.up.weight"), None, LINEARS),
}


def write_lora(name: str, lora, spell=DIALECTS["comfyui lora_A"], metadata: dict[str, str] | None = None) -> str:
    write, (down, up), alpha, _ = spell
    tensors = {}
    for module, (a, b) in lora.items():
        tensors[write(module) + down], tensors[write(module) + up] = a, b
        if alpha is not None:
            tensors[write(module) + ".alpha"] = torch.tensor(alpha)
    save_file(tensors, LORAS / f"{name}.safetensors", metadata)
    folder_paths.filename_list_cache.clear()
    return f"{name}.safetensors"


def load(high, low, lora_high: str, lora_low: str, **inputs):
    return Loader.execute(high, low, lora_high, lora_low, **inputs).args


def patched(model) -> dict[str, torch.Tensor]:
    mm.load_models_gpu([model])
    state = {name: w.clone() for name, w in model.model.diffusion_model.state_dict().items()}
    mm.unload_all_models()
    return state


def run(model, seed: int = 0) -> torch.Tensor:
    """One forward pass of the expert, loaded by the host as for sampling."""
    mm.load_models_gpu([model])
    return forward(model, seed)


def forward(model, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x, context = torch.randn(1, 36, 2, 8, 8, generator=generator), torch.randn(1, 5, 4096, generator=generator)
    with torch.no_grad():
        return model.model.diffusion_model(x, torch.tensor([700.0]), context)


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b.double()).norm() / b.double().norm())


def worst(state: dict[str, torch.Tensor], base: dict[str, torch.Tensor], *loras: tuple[dict, float]) -> float:
    """Greatest absolute difference of all weights from W + sum of scale * B @ A, reckoned in double precision."""
    wanted = {name: weight.double() for name, weight in base.items()}
    for lora, scale in loras:
        for module, (a, b) in lora.items():
            weight = wanted[f"{module}.weight"]
            wanted[f"{module}.weight"] = weight + scale * (b.double() @ a.double()).reshape(weight.shape)
    return max(float((state[name].double() - weight).abs().max()) for name, weight in wanted.items())


def dialects():
    """Greatest error of the patched weights, by dialect and expert."""
    models = {expert: load_expert(expert) for expert in WEIGHTS}
    for number, (name, spell) in enumerate(DIALECTS.items()):
        loras = {expert: random_lora(100 * number + i, spell[3]) for i, expert in enumerate(WEIGHTS)}
        files = {expert: write_lora(f"{expert} noise {number}", lora, spell) for expert, lora in loras.items()}
        strengths = {f"strength_{expert}": strength for expert, strength in STRENGTH.items()}
        high, low, report = load(models["high"], models["low"], files["high"], files["low"], **strengths)
        scale = 1.0 if spell[2] is None else spell[2] / RANK
        errors = {
            expert: worst(patched(model), WEIGHTS[expert], (loras[expert], STRENGTH[expert] * scale))
            for expert, model in (("high", high), ("low", low))
        }
        yield name, {**errors, "modules": len(spell[3]), "report": report}


HIGH_1, HIGH_2 = random_lora(1001), random_lora(1002)


def stacked(model, *steps: tuple[str, float, str]):
    """Chain loaders on the high-noise expert; each step is a LoRA's name, its strength, and how to apply it."""
    low = LOW
    for name, strength, how in steps:
        if how == "stock":
            lora, _ = comfy.utils.load_torch_file(str(LORAS / name), safe_load=True, return_metadata=True)
            model, _ = comfy.sd.load_bypass_lora_for_models(model, None, lora, strength, 0)
        else:
            model, low, _ = load(model, low, name, name, strength_high=strength, strength_low=0, apply=how)
    assert model is not None
    return model


def stacks():
    """Relative difference of each stack's output from the one with weights that were added up beforehand."""
    first, second = write_lora("first", HIGH_1), write_lora("second", HIGH_2)
    base = load_expert("high")
    untouched = run(base)
    merged = dict(WEIGHTS["high"])
    for lora, strength in ((HIGH_1, 0.8), (HIGH_2, -0.5)):
        merged |= {f"{m}.weight": merged[f"{m}.weight"] + strength * b @ a * 2.0 / RANK for m, (a, b) in lora.items()}
    wanted = run(load_expert("high", merged))
    yield "the LoRAs", difference(wanted, untouched)
    for ways in ("merge merge", "merge bypass", "bypass merge", "bypass bypass", "stock bypass", "bypass stock"):
        one, two = ways.split()
        model = stacked(base, (first, 0.8, one), (second, -0.5, two))
        yield ways, difference(run(model), wanted)
        yield f"{ways}, taken off", difference(run(base), untouched)
        yield f"{ways}, second run", difference(run(model), wanted)
        del model
        yield f"{ways}, dropped", difference(run(base), untouched)


def outdated():
    """What is left of a LoRA whose loader ran again, as the host drops the old model before it makes the new one."""
    name = write_lora("outdated", HIGH_1)
    base = load_expert("high")
    untouched = run(base)
    wanted = run(stacked(base, (name, 0.5, "merge")))
    model = stacked(base, (name, 1.0, "bypass"))
    run(model)
    del model
    model = stacked(base, (name, 0.5, "bypass"))
    yield "after a change of strength", difference(run(model), wanted)
    model.clone()
    yield "while a clone of it dies", difference(forward(model), wanted)
    patched_on = model.clone()  # as ModelSamplingSD3 does, while the model is loaded
    yield "a clone of it", difference(run(patched_on), wanted)
    del model
    yield "a clone that outlives it", difference(run(patched_on), wanted)
    deep = patched_on.clone(force_deepcopy=True)
    yield "a deep copy", difference(run(deep), wanted)
    run(deep)
    onward = stacked(patched_on, (name, 0.25, "bypass"), (name, -0.25, "bypass"))
    yield "a loader on the loaded model", difference(run(onward), wanted)
    yield "and the loaded model again", difference(run(patched_on), wanted)
    del patched_on, deep, onward
    yield "without the loader", difference(run(base), untouched)
    yield "hooks left", sum(len(layer._forward_hooks) for layer in base.model.modules())
    half = write_lora("half", {module: (a.bfloat16(), b.bfloat16()) for module, (a, b) in HIGH_1.items()})
    model, before = stacked(base, (half, 1.0, "bypass")), tensors_in_fp32()
    run(model)
    mm.unload_all_models()
    yield "copies left", tensors_in_fp32() - before


def tensors_in_fp32() -> int:
    """How many there are of the shape of a LoRA's factor: what bypass makes of a LoRA in bf16 on an fp32 expert."""
    gc.collect()
    shape = HIGH_1["blocks.0.ffn.0"][0].shape
    return sum(isinstance(o, torch.Tensor) and o.dtype == torch.float32 and o.shape == shape for o in gc.get_objects())


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


def as_stored(stored: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What the stored weights stand for, in fp32."""
    scales = {
        name.removesuffix(".scale_weight"): scale for name, scale in stored.items() if name.endswith(".scale_weight")
    }
    return {
        name: weight.float() * scales.get(name.removesuffix(".weight"), 1.0)
        for name, weight in stored.items()
        if not name.endswith(".scale_weight") and name != "scaled_fp8"
    }


def quantised():
    """On fp8 experts: difference from fp32 arithmetic on the weights that the file stands for, by way of applying."""
    name = write_lora("quantised", random_lora(7, BLOCKS, size=0.2))
    plain = {name: weight.to(torch.float8_e4m3fn) for name, weight in WEIGHTS["high"].items()}
    for kind, stored, dtype in (
        ("plain fp8", plain, torch.float8_e4m3fn),
        ("scaled fp8", scaled_fp8(WEIGHTS["high"]), None),
    ):
        wanted = run(stacked(load_expert("high", as_stored(stored)), (name, 1.0, "merge")))
        base = load_expert("high", stored, dtype)
        for how in ("auto", "merge", "bypass"):
            model, _, report = load(base, LOW, name, name, strength_low=0, apply=how)
            yield f"{kind}, {how}", {"difference": difference(run(model), wanted), "report": report}
        yield f"{kind}, without the LoRA", {"difference": difference(run(base), wanted), "report": ""}


def patches_of_each_kind() -> dict[str, tuple[dict[str, dict[str, torch.Tensor]], dict[str, torch.Tensor]]]:
    """Name -> the tensors in the file, by module and part; and what they add to which weight."""
    generator = torch.Generator().manual_seed(3)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * 0.2

    untouched = WEIGHTS["high"]
    ffn, conv, norm, modulation = "blocks.0.ffn.0", "patch_embedding", "blocks.1.norm3", "blocks.0.modulation"
    out, inside = untouched[f"{ffn}.weight"].shape
    a, b, a2, b2, alpha = (
        random(RANK, inside),
        random(out, RANK),
        random(RANK, inside),
        random(out, RANK),
        torch.tensor(2.0),
    )
    k1, k2, k2a, k2b = random(2, 4), random(out // 2, inside // 4), random(out // 2, RANK), random(RANK, inside // 4)
    kernel, up = random(RANK, 36, 1, 2, 2), random(256, RANK, 1, 1, 1)
    change, gate_change, head_change, bias_change = random(256), random(1, 6, 256), random(1, 2, 256), random(out)
    square, g = "blocks.0.self_attn.q", [random(256, RANK), random(RANK, 256)]
    blocks, dora = random(32, 8, 8), untouched[f"{square}.weight"].norm(dim=1, keepdim=True) + 0.1
    weight = untouched[f"{square}.weight"]
    rotation = torch.block_diag(*(_cayley(block) for block in blocks)).T
    scaled = dora / weight.norm(dim=1, keepdim=True) * (weight + g[0] @ g[1])
    low_rank = {"hada_w1_a": b, "hada_w1_b": a, "hada_w2_a": b2, "hada_w2_b": a2, "alpha": alpha}
    glora = {"a1.weight": g[0], "a2.weight": g[1], "b1.weight": g[0], "b2.weight": g[1]}
    one_norm = {f"{norm}.weight": change, f"{norm}.bias": change}
    return {
        "LoHa": ({ffn: low_rank}, {f"{ffn}.weight": 2 / RANK * (b @ a) * (b2 @ a2)}),
        "LoKr": ({ffn: {"lokr_w1": k1, "lokr_w2": k2}}, {f"{ffn}.weight": torch.kron(k1, k2)}),
        "LoKr of low rank": (
            {ffn: {"lokr_w1": k1, "lokr_w2_a": k2a, "lokr_w2_b": k2b, "alpha": alpha}},
            {f"{ffn}.weight": 2 / RANK * torch.kron(k1, k2a @ k2b)},
        ),
        "convolution": (
            {conv: {"lora_down.weight": kernel, "lora_up.weight": up}},
            {f"{conv}.weight": (up.flatten(1) @ kernel.flatten(1)).reshape(256, 36, 1, 2, 2)},
        ),
        "differences": (
            {norm: {"diff": change, "diff_b": change}, square: {"diff_b": change}, modulation: {"diff": gate_change}},
            {**one_norm, f"{square}.bias": change, modulation: gate_change},
        ),
        "LightX2V's modulation": ({"head": {"diff_m": head_change}}, {"head.modulation": head_change}),
        "norms": ({norm: {"w_norm": change, "b_norm": change}}, one_norm),
        "replacement": ({norm: {"set_weight": change}}, {f"{norm}.weight": change - untouched[f"{norm}.weight"]}),
        "LoRA and bias": (
            {ffn: {"lora_A.weight": a, "lora_B.weight": b, "diff_b": bias_change}},
            {f"{ffn}.weight": b @ a, f"{ffn}.bias": bias_change},
        ),
        "GLoRA": ({square: glora}, {f"{square}.weight": weight @ g[0] @ g[1] + g[0] @ g[1]}),
        "OFT": ({square: {"oft_blocks": blocks}}, {f"{square}.weight": rotation @ weight - weight}),
        "DoRA": (
            {square: {"lora_up.weight": g[0], "lora_down.weight": g[1], "dora_scale": dora}},
            {f"{square}.weight": scaled - weight},
        ),
    }


def kinds():
    """Each kind of patch: its greatest error where merged, and how far bypass is from merging."""
    base, untouched = load_expert("high"), WEIGHTS["high"]
    before = run(base)
    for number, (name, (modules, added)) in enumerate(patches_of_each_kind().items()):
        file = f"kind {number}.safetensors"
        tensors = {
            f"{module}.{part}": tensor.clone() for module, parts in modules.items() for part, tensor in parts.items()
        }
        save_file({f"diffusion_model.{key}": tensor for key, tensor in tensors.items()}, LORAS / file)
        folder_paths.filename_list_cache.clear()
        merged, beside = (stacked(base, (file, 1.0, how)) for how in ("merge", "bypass"))
        wanted = {key: w.double() + added.get(key, 0) for key, w in untouched.items()}
        error = max(float((w.double() - wanted[key]).abs().max()) for key, w in patched(merged).items())
        after = run(merged)
        yield name, {"error": error, "effect": difference(after, before), "bypass": difference(run(beside), after)}
        if name == "LightX2V's modulation":
            twice, change = stacked(base, (file, 1.0, "merge"), (file, -0.5, "bypass")), added["head.modulation"]
            gate = patched(twice)["head.modulation"].double()
            yield f"{name}, twice", float((gate - untouched["head.modulation"] - 0.5 * change).abs().max())
            yield f"{name}, taken off", difference(run(base), before)


def _cayley(block: torch.Tensor) -> torch.Tensor:
    skew, one = block - block.T, torch.eye(len(block))
    return (one + skew) @ torch.linalg.inv(one - skew)


def refusals():
    """What the user reads when something is put in that cannot work."""
    name = write_lora("refused", HIGH_1)
    stranger = ModelPatcher(torch.nn.Linear(2, 2), torch.device("cpu"), torch.device("cpu"))
    try:
        load(stranger, LOW, name, name, strength_low=0)
    except ValueError as error:
        yield "another model", str(error)


def gguf():
    """What is said of an expert with weights as ComfyUI-GGUF's loader makes them: unpacked at each use."""
    name, expert = write_lora("on gguf", HIGH_1), load_expert("high")
    next(expert.model.parameters()).tensor_type = 8  # pyright: ignore[reportAttributeAccessIssue]  Q8_0
    for how in ("auto", "merge"):
        yield how, load(expert, LOW, name, name, strength_low=0, apply=how)[2]


LOW = load_expert("low")
SCENARIOS = {
    "dialects": dialects,
    "stacks": stacks,
    "outdated": outdated,
    "quantised": quantised,
    "kinds": kinds,
    "refusals": refusals,
    "gguf": gguf,
}


def find() -> dict:
    torch.manual_seed(0)
    return {name: dict(scenario()) for name, scenario in SCENARIOS.items()}
