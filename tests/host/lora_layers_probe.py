"""Runs inside the host's Python, started by probe.py: LoRAs on one layer alone, on experts of every kind of weights."""

import json
from collections.abc import Iterator
from typing import Any

import comfy.samplers
import lora_probe as lora
import torch
from comfy.quant_ops import QuantizedTensor

LAYERS = [f"{attention}.{p}" for attention in ("self_attn", "cross_attn") for p in "qkvo"] + ["ffn.0", "ffn.2"]
BLOCK = "blocks.1"
FP8 = torch.float8_e4m3fn


def int8(weights: dict[str, torch.Tensor], *, convrot: bool) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The weights as in ComfyUI's INT8 files, and what those stand for in fp32."""
    stored, meant = {}, {}
    for name, weight in weights.items():
        stored[name] = meant[name] = weight
        if name.startswith("blocks.") and name.endswith(".weight") and weight.ndim == 2:
            layer = name.removesuffix(".weight")
            quantised = QuantizedTensor.from_float(weight, "TensorWiseINT8Layout", per_channel=True, convrot=convrot)
            stored |= {f"{layer}.{key}": value for key, value in quantised.state_dict("weight").items()}
            form = {"format": "int8_tensorwise", **({"convrot": True} if convrot else {})}
            stored[f"{layer}.comfy_quant"] = torch.tensor(list(json.dumps(form).encode()), dtype=torch.uint8)
            meant[name] = quantised.dequantize()
    return stored, meant


def experts() -> Iterator[tuple[str, Any, dict[str, torch.Tensor]]]:
    """Kind of weights, the expert, and what its weights stand for in fp32."""
    weights = lora.WEIGHTS["high"]
    plain = {name: weight.to(FP8) for name, weight in weights.items()}
    yield "plain fp8", lora.load_expert("high", plain, FP8), lora.as_stored(plain)
    scaled = lora.scaled_fp8(weights)
    yield "scaled fp8", lora.load_expert("high", scaled), lora.as_stored(scaled)
    for convrot in (False, True):
        stored, meant = int8(weights, convrot=convrot)
        yield f"int8{' turned' if convrot else ''}", lora.load_expert("high", stored), meant


def layers() -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    """How far a LoRA on one layer moves the output towards where it would in fp32, 1 = as far: by expert, layer, way.

    What only rounds otherwise, as INT8 does with every input, moves it too, but nowhere.
    """
    for kind, expert, meant in experts():
        exact, base = lora.load_expert("high", meant), lora.run(expert)
        plain, moved = lora.run(exact), {}
        for number, layer in enumerate(LAYERS):
            file = lora.write_lora(f"layer {number}", lora.random_lora(50 + number, [f"{BLOCK}.{layer}"], size=6.0))
            wanted = lora.run(lora.stacked(exact, (file, 1.0, "merge"))) - plain
            moved[layer] = {
                how: float(
                    ((lora.run(lora.stacked(expert, (file, 1.0, how))) - base) * wanted).sum() / wanted.square().sum()
                )
                for how in (("auto", "merge", "bypass") if layer == "ffn.2" else ("auto", "merge"))
            }
        yield kind, moved


class Folded(torch.nn.Sequential):
    """A feed-forward as ComfyUI 0.33 has it for INT8: its last layer is never called, only its weights are used."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last: Any = self[2]
        return torch.nn.functional.linear(self[1](self[0](x)), last.weight, last.bias)


def fold(model: Any, forward: Any = None) -> list[torch.nn.Module]:
    """Have an expert's feed-forwards be folded, by their class, or by a function in each of them; returns them."""
    chains = [block.ffn for block in model.model.diffusion_model.blocks]
    for chain in chains:
        if forward:
            chain.forward = forward.__get__(chain)
        else:
            chain.__class__ = Folded
    return chains


def sample(model: Any, steps: int = 2) -> torch.Tensor:
    """A run of the host's sampler."""
    guider = comfy.samplers.CFGGuider(model)
    text = [[torch.ones(1, 5, 4096), {}]]
    guider.set_conds(text, text)
    guider.set_cfg(1.0)
    noise = torch.randn(1, 16, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    euler, sigmas = comfy.samplers.sampler_object("euler"), torch.linspace(1, 0, steps + 1)
    return guider.sample(noise, torch.zeros_like(noise), euler, sigmas, disable_pbar=True)


def folded() -> Iterator[tuple[str, Any]]:
    """What becomes of LoRAs on the last layers of feed-forwards that the host folds."""
    layer = f"{BLOCK}.ffn.2"
    names = [lora.write_lora(f"folded {i}", lora.random_lora(70 + i, [layer, f"{BLOCK}.self_attn.q"])) for i in (0, 1)]
    expert = lora.load_expert("high")
    untouched, steps = sample(expert), [(name, 0.5 + i, "bypass") for i, name in enumerate(names)]
    wanted = sample(lora.stacked(expert, *((name, strength, "merge") for name, strength, _ in steps)))
    yield "the LoRAs", lora.difference(wanted, untouched)
    chains = fold(expert)
    both, one = lora.stacked(expert, *steps), lora.stacked(expert, steps[0])
    yield "two beside", lora.difference(sample(both), wanted)
    sample(one)
    yield "two beside, again", lora.difference(sample(both), wanted)
    del both, one
    yield "taken off", lora.difference(sample(expert), untouched)
    yield "changed chains left", sum("forward" in chain.__dict__ for chain in chains)


def uncalled() -> Iterator[tuple[str, Any]]:
    """What a run says in which a layer with a LoRA was never called."""
    name = lora.write_lora("uncalled", lora.random_lora(80, [f"{BLOCK}.ffn.2", f"{BLOCK}.ffn.0"]))
    expert = lora.load_expert("high")
    model = lora.stacked(expert, (name, 1.0, "bypass"))
    yield "called", lora.difference(sample(model), sample(expert))
    chains = fold(expert, Folded.forward)
    try:
        sample(model)
    except ValueError as error:
        yield "left out", str(error)
    for chain in chains:
        del chain.forward
    yield "called again", lora.difference(sample(model), sample(expert))


def find() -> dict[str, Any]:
    return {"layers": dict(layers()), "folded": dict(folded()), "uncalled": dict(uncalled())}
