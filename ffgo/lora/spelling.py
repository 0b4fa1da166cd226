"""How each trainer spells the name of a module and the parts of its patch."""

import re
from collections.abc import Iterable, Mapping

from .kinds import DOWN, PARTS, UP

# Longest first where one begins with another. Prefixes may be stacked: base_model.model.diffusion_model.
DIALECTS = {
    "lora_unet__": "VideoX-Fun",
    "lora_unet_": "kohya",
    "lora_transformer_": "OneTrainer",
    "lycoris_": "LyCORIS",
    "base_model.model.": "PEFT",
    "diffusion_model.": "ComfyUI",
    "transformer.": "diffusers",
    "transformer_2.": "diffusers",
    "pipe.dit.": "DiffSynth",
    "dit.": "DiffSynth",
    "unet.": "diffusers",
    "model.": "checkpoint",
    "module.": "DistributedDataParallel",
    "module_": "DistributedDataParallel",
    "": "DiffSynth",
}

# Native names -> diffusers' names of WanTransformer3DModel, applied in this order.
DIFFUSERS_NAMES = (
    ("cross_attn.norm_k_img", "attn2.norm_added_k"),
    ("cross_attn.k_img", "attn2.add_k_proj"),
    ("cross_attn.v_img", "attn2.add_v_proj"),
    *((f"self_attn.{p}", f"attn1.to_{p}") for p in "qkv"),
    *((f"cross_attn.{p}", f"attn2.to_{p}") for p in "qkv"),
    ("self_attn.o", "attn1.to_out.0"),
    ("cross_attn.o", "attn2.to_out.0"),
    ("self_attn.", "attn1."),
    ("cross_attn.", "attn2."),
    ("ffn.0", "ffn.net.0.proj"),
    ("ffn.2", "ffn.net.2"),
    ("norm3", "norm2"),
    ("time_embedding.0", "condition_embedder.time_embedder.linear_1"),
    ("time_embedding.2", "condition_embedder.time_embedder.linear_2"),
    ("text_embedding.0", "condition_embedder.text_embedder.linear_1"),
    ("text_embedding.2", "condition_embedder.text_embedder.linear_2"),
    ("time_projection.1", "condition_embedder.time_proj"),
    ("img_emb.proj.0", "condition_embedder.image_embedder.norm1"),
    ("img_emb.proj.1", "condition_embedder.image_embedder.ff.net.0.proj"),
    ("img_emb.proj.3", "condition_embedder.image_embedder.ff.net.2"),
    ("img_emb.proj.4", "condition_embedder.image_embedder.norm2"),
    ("head.head", "proj_out"),
    ("head.modulation", "scale_shift_table"),
    ("modulation", "scale_shift_table"),
)

# Native names of Hunyuan Video 1.5 -> those of diffusion-pipe, and those of diffusers. Wan has none of them.
PIPE_NAMES = (
    ("_attn.qkv", "_attn_qkv"), ("_attn.proj", "_attn_proj"), ("_mod.lin", "_mod.linear"), ("mlp.0", "mlp.fc1"),
    ("mlp.2", "mlp.fc2"),
)  # fmt: skip
HUNYUAN_NAMES = (
    ("double_blocks.", "transformer_blocks."), ("img_attn.proj", "attn.to_out.0"), ("txt_attn.proj", "attn.to_add_out"),
    ("img_mlp.0", "ff.net.0.proj"), ("img_mlp.2", "ff.net.2"), ("txt_mlp.0", "ff_context.net.0.proj"),
    ("txt_mlp.2", "ff_context.net.2"), ("img_mod.lin", "norm1.linear"), ("txt_mod.lin", "norm1_context.linear"),
)  # fmt: skip

# Spellings of the two factors. PEFT puts the adapter's name before `weight`, "default" as a rule.
FACTORS = (
    (re.compile(r"(?:\.lora_(?:up|B)(?:(?:\.[^.]+)?\.weight)?|[._]lora(?:_linear_layer)?\.up\.weight)$"), UP),
    (re.compile(r"(?:\.lora_(?:down|A)(?:(?:\.[^.]+)?\.weight)?|[._]lora(?:_linear_layer)?\.down\.weight)$"), DOWN),
)

# What torch.compile, FSDP and gradient checkpointing put around modules, anywhere in a name; it says nothing.
WRAPPERS = re.compile(r"(?<![A-Za-z0-9])_(?:orig_mod|fsdp_wrapped_module|checkpoint_wrapped_module)[._]")
# LyCORIS' spelling for norms, and LightX2V's for modulations.
SAME_PARTS = {"w_norm": "diff", "b_norm": "diff_b"}


def spellings(weights: Iterable[str]) -> dict[str, str]:
    """Every way to write a module's name -> its native name. Parameters that are no `weight` count as modules."""
    natives = [name.removesuffix(".weight") for name in weights]
    spelled = {}
    for names in (HUNYUAN_NAMES, PIPE_NAMES, DIFFUSERS_NAMES, ()):  # a native name wins over all others
        for native in natives:
            name = _renamed(native, names)
            spelled[name] = spelled[name.replace(".", "_")] = native
    return spelled


def split(key: str) -> tuple[str, str]:
    """Cut a key into the module, as the file spells it, and the part in the host's spelling; "" where it is none."""
    key = WRAPPERS.sub("", key)
    for pattern, part in FACTORS:
        if match := pattern.search(key):
            return key[: match.start()], part
    if key.endswith(".diff_m"):
        return f"{key.removesuffix('.diff_m')}.modulation", "diff"
    cut = next((f".{part}" for part in (*PARTS, *SAME_PARTS) if key.endswith(f".{part}")), None)
    return (key.removesuffix(cut), SAME_PARTS.get(cut[1:], cut[1:])) if cut else (key, "")


def resolve(module: str, names: Mapping[str, str]) -> tuple[str, str] | None:
    """Find the native name of a module, and the dialect that it is written in."""
    stripped = []
    while module not in names:
        prefix = next((p for p in DIALECTS if p and module.startswith(p)), None)
        if prefix is None:
            return None
        stripped.append(prefix)
        module = module.removeprefix(prefix)
    native = names[module]
    first = next((p for p in stripped if not p.startswith("module")), stripped[0] if stripped else "")
    label = f"{DIALECTS[first]} ({''.join(stripped)})" if stripped else f"{DIALECTS['']} (no prefix)"
    if module.replace(".", "_") != native.replace(".", "_"):
        label += " with diffusers names"
    return native, label


def owner(key: str, names: Mapping[str, str]) -> str | None:
    """The native name of the module that a tensor of an unknown kind belongs to; None where there is none."""
    name = WRAPPERS.sub("", key)
    while "." in name:
        name = name.rpartition(".")[0]
        if found := resolve(name, names):
            return found[0]
    return None


def unknown_prefix(module: str, names: Mapping[str, str]) -> str:
    """What stands before the name of a module in a name that is not known as a whole; "" where it ends in none."""
    cuts = (match.end() for match in re.finditer(r"[.]|_(?=blocks_)", module))
    return next((module[:cut] for cut in cuts if module[cut:] in names), "")


def _renamed(native: str, names: Iterable[tuple[str, str]]) -> str:
    for ours, theirs in names:
        native = native.replace(ours, theirs)
    return native
