"""Runs inside the host's Python, started by probe.py: files that no trainer should have written, and what is said.

A report must count the modules whose weights it changed, neither more nor fewer; else the file is refused in words.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any

import folder_paths
import lora_probe as lora
import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]
FFN, FFN2, SQUARE, CONV = "blocks.0.ffn.0", "blocks.0.ffn.2", "blocks.0.self_attn.q", "patch_embedding"
NORM = "blocks.1.norm3"
RANK, WIDE, NARROW = 4, 512, 256
INF, NAN = float("inf"), float("nan")
GENERATOR = torch.Generator().manual_seed(11)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=GENERATOR) * 0.1


def only(module: str = FFN, /, **parts: Any) -> Tensors:
    """The parts of a module; __ is a dot."""
    return {f"diffusion_model.{module}.{name.replace('__', '.')}": torch.as_tensor(t) for name, t in parts.items()}


def pair(module: str = FFN, outputs: int = WIDE, inputs: int = NARROW, /, **parts: Any) -> Tensors:
    """A LoRA of a module. parts: others beside its factors, or in their place."""
    both = {"lora_down__weight": random(RANK, inputs), "lora_up__weight": random(outputs, RANK), **parts}
    return only(module, **both)


def spotted(tensor: torch.Tensor, value: float) -> torch.Tensor:
    tensor = tensor.clone()
    tensor.view(-1)[7] = value
    return tensor


def renamed(name: str, tensors: Tensors) -> Tensors:
    return {key.replace("diffusion_model.", name): t for key, t in tensors.items()}


# A module that is as it should be, beside the others; and the factors of one.
GOOD = pair(SQUARE, NARROW, NARROW)
UP, DOWN, W1, W2 = random(WIDE, RANK), random(RANK, NARROW), random(2, 4), random(WIDE // 2, NARROW // 4)
FIRST, ONES = torch.tensor([1.0, 0, 1, 0]), (1, 1)


def numbers() -> dict[str, Tensors]:
    """Of the right shape, but not of the right size or type."""
    ups = {
        "nan": spotted(UP, NAN),
        "inf in half": spotted(UP, INF).half(),
        "nan in bf16": spotted(UP, NAN).bfloat16(),
        "nan in fp8": spotted(UP, NAN).to(torch.float8_e4m3fn),
        "too great for fp32": spotted(UP.double(), 1e300),
        "up all zero": UP * 0,
        "tiny": UP * 1e-30,
        "int8": UP.to(torch.int8),
        "bool": UP.bool(),
        "complex": UP.to(torch.complex64),
        "fp8": UP.to(torch.float8_e4m3fn),
        "double": UP.double(),
    }
    alphas = {
        "nan": NAN, "inf": INF, "of four": torch.ones(4), "in one row": torch.tensor([2.0]), "true": torch.tensor(True),
        "whole": torch.tensor(2), "negative": -2.0, "0": 0.0, "huge": 1e30,
    }  # fmt: skip
    return {
        **{name: pair(lora_up__weight=up) for name, up in ups.items()},
        **{f"alpha {name}": pair(alpha=alpha) for name, alpha in alphas.items()},
        "minus inf in down": pair(lora_down__weight=spotted(DOWN, -INF)),
        "zero together": pair(lora_up__weight=UP * FIRST, lora_down__weight=DOWN * (1 - FIRST)[:, None]),
        "diff of zeros": only(NORM, diff=torch.zeros(NARROW)),
        "bias of zeros": pair(diff_b=torch.zeros(WIDE)),
    }


def shapes() -> dict[str, Tensors]:
    """LoRAs, DoRAs and differences of shapes that do not go together, or only seem not to."""
    square, kernel = (SQUARE, NARROW, NARROW), random(NARROW, RANK, 1, 1, 1)
    return {
        "dora of 7": pair(dora_scale=torch.ones(7, 1)),
        "dora": pair(dora_scale=torch.ones(WIDE, 1)),
        "dora of inputs": pair(dora_scale=torch.ones(1, NARROW)),
        "up without dimensions": pair(lora_up__weight=1.0),
        "up in one row": pair(lora_up__weight=random(WIDE)),
        "rank 0": pair(lora_up__weight=UP[:, :0], lora_down__weight=DOWN[:0], alpha=1.0),
        "other rank": pair(lora_up__weight=random(WIDE, 8)),
        "factors exchanged": pair(lora_up__weight=DOWN, lora_down__weight=UP),
        "as a convolution": pair(lora_up__weight=UP[..., None, None], lora_down__weight=DOWN[..., None, None]),
        "kernel on a linear": pair(lora_down__weight=random(RANK, NARROW, 3, 3)),
        "kernel turned": pair(CONV, lora_up__weight=kernel, lora_down__weight=random(RANK, 36, 4, 1, 1)),
        "kernel of 2d": pair(CONV, lora_up__weight=kernel[..., 0], lora_down__weight=random(RANK, 36, 2, 2)),
        "kernel flat": pair(CONV, NARROW, 144),
        "core": pair(lora_mid__weight=random(RANK, RANK, 1, 1)),
        "core of another rank": pair(lora_mid__weight=random(3, RANK, 1, 1)),
        "core with a kernel": pair(lora_mid__weight=random(RANK, RANK, 3, 3)),
        "reshape": pair(reshape_weight=torch.tensor([1024, 512])),
        "reshape in floats": pair(reshape_weight=torch.tensor([512.0, 256.0])),
        "reshape to the same": pair(reshape_weight=torch.tensor([512, 256])),
        "diff of another shape": only(NORM, diff=random(NARROW, 1)),
        "bias of another shape": pair(diff_b=random(NARROW)),
        "replacement of another shape": only(NORM, set_weight=random(NARROW, 1)),
        "up alone": only(lora_up__weight=UP),
        # the only module of its file
        "dora in one row alone": pair(*square, dora_scale=torch.ones(NARROW)),
        "dora whole alone": pair(*square, dora_scale=torch.ones(NARROW, NARROW)),
        "without dimensions alone": {key: torch.tensor(1.0) for key in GOOD},
        "replacement alone": only(NORM, set_weight=random(NARROW)),
    }


def other_kinds() -> dict[str, Tensors]:
    hada: Tensors = {"hada_w1_a": UP, "hada_w1_b": DOWN, "hada_w2_a": random(WIDE, RANK), "hada_w2_b": DOWN + 1}
    cored = {**hada, "hada_w1_a": UP.T, "hada_w2_a": UP.T + 1}
    low = {"lokr_w2_a": random(WIDE // 2, RANK), "lokr_w2_b": random(RANK, NARROW // 4)}
    core = random(RANK, RANK, *ONES)
    return {
        "loha": only(**hada, alpha=2.0),
        "loha as a convolution": only(**{name: t[..., None, None] for name, t in hada.items()}),
        "loha of zeros": only(**hada | {"hada_w2_b": DOWN * 0}),
        "loha misfit": only(**hada | {"hada_w2_b": random(RANK, WIDE)}),
        "loha with one core": only(**hada, hada_t1=core),
        "loha with cores": only(**cored, hada_t1=core, hada_t2=core),
        "lokr": only(lokr_w1=W1, lokr_w2=W2),
        "lokr alpha 0": only(lokr_w1=W1, lokr_w2=W2, alpha=0.0),
        "lokr as a convolution": only(lokr_w1=W1, lokr_w2=W2[..., None, None]),
        "lokr of zeros": only(lokr_w1=W1 * 0, lokr_w2=W2),
        "lokr of low ranks": only(lokr_w1_a=random(2, 1), lokr_w1_b=random(1, 4), **low, alpha=2.0),
        "lokr misfit": only(lokr_w1=W1, lokr_w2=random(WIDE, NARROW)),
        "lokr on a kernel": only(CONV, lokr_w1=W1, lokr_w2=random(128, 9, 1, 2, 2)),
        "lokr with a core": only(lokr_w1=W1, **low | {"lokr_w2_a": random(RANK, WIDE // 2)}, lokr_t2=core),
    }


def alone() -> dict[str, Tensors]:
    """What lies on the module that the others leave as it is."""
    tall, flat = [random(NARROW, RANK) for _ in "ab"], [random(RANK, NARROW) for _ in "ab"]
    names = [f"{side}{n}__weight" for n in "12" for side in "ab"]
    new, old = (dict(zip(names, factors, strict=True)) for factors in ((*tall, *flat), (*flat, *tall)))
    turn, dora, three = random(32, 8, 8), torch.ones(NARROW, 1), random(3, 32, 8, 8)
    return {
        "glora": only(SQUARE, **new),
        "glora of old": only(SQUARE, **old),
        "glora of two ranks": only(SQUARE, **new | {"a1__weight": random(NARROW, 3)}),
        "glora misfit": GOOD | only(FFN2, **new),
        "glora of zeros": pair() | only(SQUARE, **{name: t * 0 for name, t in new.items()}, alpha=2.0),
        "oft": only(SQUARE, oft_blocks=turn),
        "oft that turns nothing": pair() | only(SQUARE, oft_blocks=turn + turn.transpose(1, 2)),
        "oft with a limit": only(SQUARE, oft_blocks=turn, alpha=0.1),
        "oft with rescale": only(SQUARE, oft_blocks=turn, rescale=dora),
        "oft with dora": only(SQUARE, oft_blocks=turn, dora_scale=dora),
        "oft not square": only(SQUARE, oft_blocks=random(32, 8, 4)),
        "boft": only(SQUARE, oft_blocks=three, alpha=0.0),
        "boft without alpha": only(SQUARE, oft_blocks=three),
        "boft with rescale": only(SQUARE, oft_blocks=three, rescale=dora + 1),
        "boft of odd blocks": only("time_projection.1", oft_blocks=random(2, 512, 3, 3)),
        "boft of too many": only(SQUARE, oft_blocks=random(9, 32, 8, 8)),
    }


def names() -> dict[str, Tensors]:
    peft = {f"{FFN}.lora_A.weight": DOWN, f"{FFN}.lora_B.weight": UP}
    diffusers = {"lora_A.weight": random(RANK, NARROW), "lora_B.weight": random(NARROW, RANK)}
    spelled = {f"transformer.blocks.0.attn1.to_q.{part}": t for part, t in diffusers.items()}
    ia3 = {f"lycoris_{SQUARE.replace('.', '_')}.{part}": random(NARROW, 1) for part in ("weight", "on_input")}
    text = {f"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_{part}.weight": UP for part in ("up", "down")}
    return {
        "peft dora": GOOD | peft | {f"{FFN}.lora_magnitude_vector.weight": torch.ones(WIDE)},
        "scaled fp8": GOOD | pair(scale_weight=torch.tensor(0.1)),
        "bias of peft": GOOD | pair(lora_B__bias=torch.ones(WIDE)),
        "scalar of lycoris": GOOD | pair(scalar=torch.tensor(0.5)),
        "oft of peft": {f"base_model.model.{module}.oft_R.weight": random(16, 28) for module in (FFN, FFN2)},
        "ia3": ia3,
        "ia3 of peft": {f"base_model.model.{FFN}.ia3_l": random(1, NARROW)},
        "text encoder beside": GOOD | text,
        "two spellings": GOOD | spelled,
        "half of each spelling": dict([*list(GOOD.items())[:1], *list(spelled.items())[1:]]),
        "compiled": renamed("_orig_mod.", pair()),
        "compiled blocks": {key.replace("blocks.0.", "blocks.0._orig_mod."): t for key, t in pair().items()},
        "compiled kohya": {f"lora_unet__orig_mod_blocks_0_ffn_0{key[len(FFN) :]}": t for key, t in peft.items()},
        "of many processes": renamed("module.", pair()),
        "compiled, of many processes": renamed("base_model.model.module._orig_mod.", pair()),
        "unknown prefix": renamed("my_model.net.", pair()),
        "with a space": pair() | {key.replace("self_attn", "self attn"): t for key, t in GOOD.items()},
        "adapter with a space": {key.replace(".weight", ".my style.weight"): t for key, t in peft.items()},
        "empty": {},
        "no name": {"": UP, "lora_up.weight": UP, "lora_down.weight": DOWN},
        "both experts": {f"{c}.{key}": t for c in ("transformer", "transformer_2") for key, t in peft.items()},
        "whole model": {f"{SQUARE}.weight": random(NARROW, NARROW), f"{FFN}.weight": random(WIDE, NARROW)},
        "everything zero": {key: t * 0 for key, t in GOOD.items()},
        "good": GOOD,
    }


def files() -> dict[str, Tensors]:
    beside = {**numbers(), **shapes(), **other_kinds()}
    with_good = {name: tensors if name.endswith(" alone") else GOOD | tensors for name, tensors in beside.items()}
    return {**with_good, **alone(), **names()}


METADATA = {
    "rank_pattern": {"r": "8", "rank_pattern": [1], "lora_alpha": 8},
    "alpha_pattern of texts": {"lora_alpha": 8, "alpha_pattern": {"ffn": "8"}},
    "alpha_pattern that never ends": {"lora_alpha": 8, "alpha_pattern": {"(a+)+b": 8, "(.*)*x": 4}},
    "alpha true": {"lora_alpha": True},
    "alpha inf": {"lora_alpha": 1e400},
    "rslora in words": {"lora_alpha": 8, "use_rslora": "false"},
    "deep": [[[[]]]],
}


def broken() -> Iterator[tuple[str, bytes]]:
    """Files that are no safetensors files, or not all of one."""

    def with_header(header: Any, data: bytes = b"") -> bytes:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    whole = (lora.LORAS / "hostile good.safetensors").read_bytes()
    yield "cut in the header", whole[:100]
    yield "cut in the tensors", whole[: len(whole) // 2]
    yield "cut by one", whole[:-1]
    yield "longer by one", whole + b"x"
    yield "endless header", struct.pack("<Q", 2**63) + b"{}"
    one = {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    yield "metadata that is no text", with_header({"__metadata__": {"a": 3}, **one}, bytes(4))
    yield "unknown type", with_header({"x": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}, bytes(3))
    yield "header of nulls", with_header(b"\0" * 30)
    yield "header that is a list", with_header([1])
    yield "deep header", with_header(b'{"a":' * 5000 + b"1" + b"}" * 5000)
    yield "nothing", b""


def meant(file: str) -> Tensors:
    """What some of the files should add to their weights."""
    name, tensors = file.removeprefix("hostile ").removesuffix(".safetensors"), load_file(lora.LORAS / file)
    part = {key.removeprefix(f"diffusion_model.{SQUARE}."): tensor for key, tensor in tensors.items()}
    part |= {key.removeprefix(f"diffusion_model.{CONV}."): tensor for key, tensor in tensors.items()}
    weight = lora.WEIGHTS["high"][f"{SQUARE}.weight"]
    if name == "lokr on a kernel":
        rows = [torch.cat([number * part["lokr_w2"] for number in row], 1) for row in part["lokr_w1"]]
        return {f"{CONV}.weight": torch.cat(rows)}
    if name == "kernel of 2d":
        up, down = part["lora_up.weight"].flatten(1), part["lora_down.weight"]
        return {f"{CONV}.weight": torch.einsum("or,rikl->oikl", up, down)[:, :, None]}
    if name in ("glora", "glora of old"):
        a1, a2, b1, b2 = (part[f"{factor}.weight"] for factor in ("a1", "a2", "b1", "b2"))
        return {f"{SQUARE}.weight": weight @ a1 @ a2 + b1 @ b2 if name == "glora" else weight @ a2 @ a1 + b2 @ b1}
    return {}


def outcome(file: str, *, strict: bool, apply: str) -> dict[str, Any]:
    """The error of a load, or how many modules the report says it changed, and how many it did."""
    try:
        model, _, report = lora.load(EXPERT, lora.LOW, file, file, strength_low=0, strict=strict, apply=apply)
    except Exception as error:
        return {"error": str(error), "kind": type(error).__module__}
    counted = int(report.partition("; ")[2].partition(" of ")[0])
    if apply == "bypass":
        merged = lora.load(EXPERT, lora.LOW, file, file, strength_low=0, strict=strict, apply="merge")[0]
        apart = lora.difference(lora.run(model), lora.run(merged))
        lora.mm.unload_all_models()
        return {"counted": counted, "changed": counted, "apart": apart}
    state = lora.patched(model)
    base = lora.WEIGHTS["high"]
    differing = [name for name, weight in state.items() if not torch.equal(weight, base[name])]
    changed = {name.removesuffix(".weight").removesuffix(".bias") for name in differing}
    finite = all(bool(w.isfinite().all()) for w in state.values())
    wrong = max((float((state[key] - base[key] - added).abs().max()) for key, added in meant(file).items()), default=0)
    return {"counted": counted, "changed": len(changed) if finite else -1, "wrong": wrong}


EXPERT = lora.load_expert("high")


def find() -> dict[str, Any]:
    found = {}
    for name, tensors in files().items():
        path = lora.LORAS / f"hostile {name}.safetensors"
        save_file({key: t.contiguous().clone() for key, t in tensors.items()}, path)
    for name, config in METADATA.items():
        path = lora.LORAS / f"hostile {name}, in metadata.safetensors"
        save_file(pair(), path, {"lora_adapter_metadata": json.dumps(config)})
    for name, content in broken():
        (lora.LORAS / f"hostile {name}.safetensors").write_bytes(content)
    folder_paths.filename_list_cache.clear()
    for path in sorted(lora.LORAS.glob("hostile *.safetensors")):
        ways = ((True, "merge"), (False, "merge"), (True, "bypass"))
        name = path.stem.removeprefix("hostile ")
        found[name] = {f"{'strict' if s else 'loose'} {a}": outcome(path.name, strict=s, apply=a) for s, a in ways}
    return found
