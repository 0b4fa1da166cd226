"""Key names in LoRA files: every trainer's dialect, translated into the host's own.

A key names a module of the expert and a part of its patch, `lora_unet__blocks_0_self_attn_q` + `.lora_down.weight`.
Trainers differ in the prefix, in dots or underscores, in native or diffusers names, and in the spelling of the part.
So the names are looked up among all spellings of the modules that the expert really has.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import FFGOError
from .file import HOST_PREFIX, LoRAFile
from .kinds import BIAS, DOWN, PARTS, UP, Kind, Shape, UnfitError, check_fit, kinds_in, rank_of
from .origin import likely_origin
from .peft_config import AlphaOf, declared_alpha

# Longest first where one begins with another. Prefixes may be stacked: base_model.model.diffusion_model.
DIALECTS = {
    "lora_unet__": "VideoX-Fun",
    "lora_unet_": "kohya",
    "lora_transformer_": "OneTrainer",
    "lycoris_": "LyCORIS",
    "base_model.model.": "PEFT",
    "diffusion_model.": "ComfyUI",
    "transformer.": "diffusers",
    "pipe.dit.": "DiffSynth",
    "dit.": "DiffSynth",
    "unet.": "diffusers",
    "model.": "checkpoint",
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

# Spellings of the two factors. PEFT puts the adapter's name before `weight`, "default" as a rule.
_FACTORS = (
    (re.compile(r"(?:\.lora_(?:up|B)(?:(?:\.[^.]+)?\.weight)?|[._]lora(?:_linear_layer)?\.up\.weight)$"), UP),
    (re.compile(r"(?:\.lora_(?:down|A)(?:(?:\.[^.]+)?\.weight)?|[._]lora(?:_linear_layer)?\.down\.weight)$"), DOWN),
)
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ModulePatch:
    """The tensors that one file holds for one module of the expert."""

    module: str
    weight_name: str
    """The parameter that is patched, `<module>.weight`, or the module itself where it is a bare parameter."""
    parts: dict[str, Tensor]
    kinds: list[Kind]

    def patched_names(self) -> list[str]:
        """The parameters that the patch changes: the weight, the bias, or both."""
        return [f"{self.module}.bias" if kind is BIAS else self.weight_name for kind in self.kinds]

    @property
    def rank(self) -> int | None:
        return rank_of(self.parts)

    @property
    def alpha(self) -> float | None:
        return float(self.parts["alpha"]) if "alpha" in self.parts else None


@dataclass(frozen=True, slots=True)
class ExpertLoRA:
    """A LoRA file in the host's names, checked against the expert that it is for."""

    file: LoRAFile
    patches: list[ModulePatch]
    dialect: str
    modules_in_file: int
    warnings: list[str]

    def host_tensors(self) -> dict[str, Tensor]:
        """All tensors under the names that the host's own LoRA loader reads."""
        return {f"{HOST_PREFIX}{p.module}.{part}": tensor for p in self.patches for part, tensor in p.parts.items()}


def translate(file: LoRAFile, weights: Mapping[str, Shape], slot: str, *, strict: bool = True) -> ExpertLoRA:
    """Translate a LoRA file into the host's names and check every patch against the expert's weights.

    weights: the expert's parameters by native name, such as `blocks.0.self_attn.q.weight`, with their shapes;
    slot: where the user put the file, for messages; strict: anything that does not fit is an error, else a warning.

    Raises: FFGOError if nothing fits, if a patch is incomplete or doubled, and, when strict, if anything does not fit.
    """
    subject = f"{slot} '{file.name}'"
    tensors = file.tensors
    found, strangers, problems = _sorted_by_module(tensors, weights, subject)
    alpha_of = declared_alpha(file.metadata, file.name)
    patches = []
    for module in found:
        module.add_declared_alpha(alpha_of)
        try:
            patches.append(_checked(module, weights, subject))
        except UnfitError as error:
            problems.append(f"{module.name} {error}")
    total = len(found) + len(strangers)
    warnings = []
    if problems or not patches:
        text = _problem_text(subject, problems, tensors, matched=len(patches), total=total)
        if strict or not patches:
            raise FFGOError(f"{text} {_mend(len(patches))}")
        warnings.append(f"{text} Only what fits is applied.")
    dialects = Counter(module.dialect for module in found)
    if any(dialect.startswith("PEFT") for dialect in dialects) and all(patch.alpha is None for patch in patches):
        warnings.append(
            f"{subject} does not say its alpha (PEFT keeps it in adapter_config.json), so alpha = rank is taken. "
            "If lora_alpha there differs from r, use lora_alpha / r as the strength."
        )
    return ExpertLoRA(file, patches, ", ".join(dialect for dialect, _ in dialects.most_common()), total, warnings)


@dataclass
class _FoundModule:
    """The tensors that a file holds for one module, not checked yet."""

    name: str
    name_in_file: str
    dialect: str
    parts: dict[str, Tensor] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def add_declared_alpha(self, alpha_of: AlphaOf) -> None:
        if UP in self.parts and DOWN in self.parts and "alpha" not in self.parts:
            alpha = alpha_of(self.name_in_file, self.parts[DOWN].shape[0])
            if alpha is not None:
                self.parts["alpha"] = torch.tensor(alpha)


def _sorted_by_module(
    tensors: Mapping[str, Tensor], weights: Mapping[str, Shape], subject: str
) -> tuple[list[_FoundModule], set[str], list[str]]:
    """Gather the tensors of each module; also return the names of unknown modules and what is wrong with their keys."""
    names = _spellings(weights)
    found: dict[str, _FoundModule] = {}
    strangers: set[str] = set()
    problems: list[str] = []
    for key, tensor in tensors.items():
        name_in_file, part = _split(key)
        resolved = _resolve(name_in_file, names) if part else None
        if resolved is None:
            strangers.add(name_in_file)
            problems.append(
                f"'{key}' {'names nothing in this expert' if part else 'is nothing that ComfyUI can apply'}"
            )
            continue
        name, dialect = resolved
        module = found.setdefault(name, _FoundModule(name, name_in_file, dialect))
        if part in module.parts:
            raise FFGOError(
                f"{subject} holds {part} of {name} twice, as '{module.keys[part]}' and as '{key}'. "
                "It seems to hold more than one LoRA: save them into separate files."
            )
        module.parts[part], module.keys[part] = tensor, key
    return list(found.values()), strangers, problems


def _checked(module: _FoundModule, weights: Mapping[str, Shape], subject: str) -> ModulePatch:
    """Check one module. Raises: FFGOError if it is incomplete, UnfitError if it does not fit the expert."""
    try:
        kinds = kinds_in(module.parts)
    except UnfitError as error:
        raise FFGOError(f"{subject} is incomplete: {module.name} {error}. Download or save it again.") from error
    weight = f"{module.name}.weight"
    patch = ModulePatch(module.name, weight if weight in weights else module.name, module.parts, kinds)
    for kind, name in zip(kinds, patch.patched_names(), strict=True):
        if name not in weights:
            raise UnfitError("holds a bias where the expert has none")
        check_fit(kind, module.parts, weights[name])
    return patch


def _spellings(weights: Iterable[str]) -> dict[str, str]:
    """Every way to write a module's name -> its native name. Parameters that are no `weight` count as modules."""
    natives = [name.removesuffix(".weight") for name in weights]
    spelled = {}
    for spell in (_diffusers_name, str):  # a native name wins over a diffusers one
        for native in natives:
            spelled[spell(native)] = spelled[spell(native).replace(".", "_")] = native
    return spelled


def _diffusers_name(native: str) -> str:
    for ours, theirs in DIFFUSERS_NAMES:
        native = native.replace(ours, theirs)
    return native


def _split(key: str) -> tuple[str, str]:
    """Cut a key into the module, as the file spells it, and the part in the host's spelling."""
    for pattern, part in _FACTORS:
        if match := pattern.search(key):
            return key[: match.start()], part
    if key.endswith(".diff_m"):  # LightX2V's spelling
        return f"{key.removesuffix('.diff_m')}.modulation", "diff"
    cut = next((f".{part}" for part in PARTS if key.endswith(f".{part}")), None)
    return (key.removesuffix(cut), cut[1:]) if cut else (key, "")


def _resolve(module: str, names: Mapping[str, str]) -> tuple[str, str] | None:
    """Find the native name of a module, and the dialect that it is written in."""
    stripped = []
    while module not in names:
        prefix = next((p for p in DIALECTS if p and module.startswith(p)), None)
        if prefix is None:
            return None
        stripped.append(prefix)
        module = module.removeprefix(prefix)
    native = names[module]
    label = f"{DIALECTS[stripped[0]]} ({''.join(stripped)})" if stripped else f"{DIALECTS['']} (no prefix)"
    if module.replace(".", "_") != native.replace(".", "_"):
        label += " with diffusers names"
    return native, label


def _problem_text(subject: str, problems: list[str], tensors: Mapping[str, Tensor], *, matched: int, total: int) -> str:
    if not tensors:
        return f"{subject} holds no tensors."
    shown = "; ".join(problems[:_SHOWN]) + (f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else "")
    looks = likely_origin({key: tuple(tensor.shape) for key, tensor in tensors.items()})
    return f"{subject} does not fit this expert: {matched} of its {total} modules fit. {shown}. It looks like {looks}."


def _mend(matched: int) -> str:
    if matched:
        return "Choose a LoRA made for Wan2.2 I2V-A14B, or switch 'strict' off to apply only what fits."
    return "Choose a LoRA made for Wan2.2 I2V-A14B."
