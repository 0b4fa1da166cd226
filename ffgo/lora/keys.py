"""Key names in LoRA files: every trainer's dialect, translated into the host's own.

A key names a module of the expert and a part of its patch, `lora_unet__blocks_0_self_attn_q` + `.lora_down.weight`.
Trainers differ in the prefix, in dots or underscores, in native or diffusers names, and in the spelling of the part.
So the names are looked up among all spellings of the modules that the expert really has.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..bases.base import Base, Expert
from ..bases.catalogue import DEFAULT
from ..errors import FFGOError
from .file import HOST_PREFIX, LoRAFile, slot_name
from .fused import fused
from .kinds import BIAS, DOWN, UP, Kind, Shape, UnfitError, as_applied, check_fit, kinds_in, rank_of
from .origin import UNKNOWN, likely_origin, unapplied
from .peft_config import COMPONENTS, AlphaOf, declared_alpha
from .spelling import owner, resolve, spellings, split, unknown_prefix
from .values import ABSURD, NO_EFFECT, most_change, refuse_unusable

OF_NO_KIND = "of an unknown kind. Take the LoRA in ComfyUI's format, or one of another trainer"
_SHOWN, _LONGEST_KEY = 3, 200


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
    """Those that change something."""
    idle: list[str]
    """Modules whose patches change nothing: they are all zeros, or their alpha is 0."""
    dialect: str
    modules_in_file: int
    warnings: list[str]

    def host_tensors(self) -> dict[str, Tensor]:
        """All tensors under the names that the host's own LoRA loader reads."""
        return {f"{HOST_PREFIX}{p.module}.{part}": tensor for p in self.patches for part, tensor in p.parts.items()}


def translate(
    file: LoRAFile, weights: Mapping[str, Shape], expert: Expert, *, strict: bool = True, base: Base = DEFAULT
) -> ExpertLoRA:
    """Translate a LoRA file into the host's names and check every patch against the expert's weights.

    weights: the expert's parameters by native name, such as `blocks.0.self_attn.q.weight`, with their shapes;
    expert: the one that the file is put onto, of `base`; strict: what does not fit is an error, else a warning.

    Raises: FFGOError if nothing fits, if a patch is incomplete, doubled, or has a tensor that the host does not apply,
    if a number is not finite, and, when strict, if anything does not fit.
    """
    content = _Content(f"{slot_name(expert)} '{file.name}'")
    alpha_of = declared_alpha(file.metadata, file.name, expert)
    content.sort(fused(_of_one_expert(file.tensors, expert), weights, alpha_of), spellings(weights))
    patches = []
    for module in content.found.values():
        module.add_declared_alpha(alpha_of)
        try:
            patches.append(_checked(module, weights, content.subject))
        except UnfitError as error:
            content.problems.append(f"{module.name} {error}")
            content.unfit |= {key: module.parts[part] for part, key in module.keys.items()}
    warnings = []
    if content.problems or not patches:
        text = content.problem_text(matched=len(patches))
        if strict or not patches:
            raise FFGOError(f"{text} {_mend(len(patches), content.prefix, base)}")
        warnings.append(f"{text} Only what fits is applied.")
    effective = [patch for patch in patches if _changes_something(patch, content.subject)]
    idle = [patch.module for patch in patches if patch not in effective]
    dialects = Counter(module.dialect for module in content.found.values())
    warnings += _value_warnings(content.subject, effective, idle)
    warnings += _alpha_warnings(content.subject, effective, content.found.values())
    names = ", ".join(dialect for dialect, _ in dialects.most_common())
    return ExpertLoRA(file, effective, idle, names, content.total, warnings)


@dataclass
class _FoundModule:
    """The tensors that a file holds for one module, not checked yet."""

    name: str
    name_in_file: str
    dialect: str
    parts: dict[str, Tensor] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def add_declared_alpha(self, alpha_of: AlphaOf) -> None:
        if UP in self.parts and DOWN in self.parts and "alpha" not in self.parts and self.parts[DOWN].ndim:
            alpha = alpha_of(self.name_in_file, self.parts[DOWN].shape[0])
            if alpha is not None:
                self.parts["alpha"] = torch.tensor(alpha)


@dataclass
class _Content:
    """What a file holds, by module, and what is wrong with it."""

    subject: str
    """The file and its slot, for messages."""
    found: dict[str, _FoundModule] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    unfit: dict[str, Tensor] = field(default_factory=dict)
    """Tensors that fit nothing, by key."""
    prefix: str = ""
    """An unknown one, before names of modules that the expert has."""

    @property
    def total(self) -> int:
        return len(self.found) + len(self.strangers)

    def sort(self, tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
        """Gather the tensors of each module. Raises: FFGOError where two are the same, or the host would leave one."""
        unknown: dict[str, str] = {}
        for key, tensor in tensors.items():
            name_in_file, part = split(key)
            if resolved := resolve(name_in_file, names) if part else None:
                self._add(key, tensor, _FoundModule(resolved[0], name_in_file, resolved[1]), part)
                continue
            if not part and (module := owner(key, names)):
                unknown[module] = key
            self._leave(key, tensor, name_in_file, part, unknown_prefix(name_in_file, names))
        if wrong := next((module for module in unknown if module in self.found), None):
            raise FFGOError(
                f"{self.subject}: '{_short(unknown[wrong])}' is nothing that ComfyUI can apply, and without it the "
                f"patch of {wrong} would be another one. It is {unapplied(unknown[wrong]) or OF_NO_KIND}."
            )

    def _add(self, key: str, tensor: Tensor, module: _FoundModule, part: str) -> None:
        module = self.found.setdefault(module.name, module)
        name_in_file, _ = split(key)
        if part in module.parts or name_in_file != module.name_in_file:
            other = module.keys.get(part) or next(iter(module.keys.values()))
            what = part if part in module.parts else "patches"
            raise FFGOError(
                f"{self.subject} holds {what} of {module.name} twice, as '{other}' and as '{key}'. "
                "It seems to hold more than one LoRA: save them into separate files."
            )
        module.parts[part], module.keys[part] = tensor, key

    def _leave(self, key: str, tensor: Tensor, name_in_file: str, part: str, prefix: str) -> None:
        self.strangers.add(name_in_file)
        self.unfit[key] = tensor
        if prefix:
            what = f"begins with '{_short(prefix)}', which no known trainer writes"
        else:
            what = "names nothing in this expert" if part else "is nothing that ComfyUI can apply"
        self.problems.append(f"'{_short(key)}' {what}")
        self.prefix = self.prefix or prefix

    def problem_text(self, *, matched: int) -> str:
        if not self.total:
            return f"{self.subject} holds no tensors."
        more = len(self.problems) - _SHOWN
        shown = "; ".join(self.problems[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        origin = likely_origin({key: tuple(tensor.shape) for key, tensor in self.unfit.items()})
        looks = f" {'The rest' if matched else 'It'} looks like {origin}." if origin != UNKNOWN or not matched else ""
        return f"{self.subject} does not fit this expert: {matched} of its {self.total} modules fit. {shown}.{looks}"


def _of_one_expert(tensors: Mapping[str, Tensor], expert: Expert) -> Mapping[str, Tensor]:
    """diffusers puts the LoRAs of both experts into one file, under the names of its pipeline's components."""
    prefixes = {role: f"{component}." for role, component in COMPONENTS.items()}
    own = prefixes.pop(expert, None)
    if own is None or not any(key.startswith(own) for key in tensors):
        return tensors
    return {key: tensor for key, tensor in tensors.items() if not key.startswith(tuple(prefixes.values()))}


def _checked(module: _FoundModule, weights: Mapping[str, Shape], subject: str) -> ModulePatch:
    """Check one module. Raises: UnfitError if it does not fit, FFGOError if it is incomplete or not to be used."""
    try:
        kinds = kinds_in(module.parts)
    except UnfitError as error:
        raise FFGOError(f"{subject} is incomplete: {module.name} {error}. Download or save it again.") from error
    weight = f"{module.name}.weight"
    weight = weight if weight in weights else module.name
    patch = ModulePatch(module.name, weight, module.parts, kinds)
    for kind, name in zip(kinds, patch.patched_names(), strict=True):
        if name not in weights:
            raise UnfitError("holds a bias where the expert has none")
        check_fit(kind, module.parts, weights[name])
    refuse_unusable(module.parts, module.keys, subject)
    parts = module.parts
    for kind in kinds:
        parts = as_applied(kind, parts)
    return ModulePatch(module.name, weight, parts, kinds)


def _changes_something(patch: ModulePatch, subject: str) -> bool:
    """Raises: FFGOError where it changes weights by more than can be meant."""
    change = most_change(patch.kinds, patch.parts)
    if ABSURD < change < float("inf"):
        raise FFGOError(
            f"{subject} would change weights of {patch.module} by up to {change:.0e}; weights are below 10. "
            "The file is damaged, or its alpha is wrong. Download or save it again."
        )
    return change > NO_EFFECT


def _value_warnings(subject: str, effective: list[ModulePatch], idle: list[str]) -> list[str]:
    warnings = []
    if idle:
        which = ", ".join(idle[:_SHOWN]) + (f" and {len(idle) - _SHOWN} more" if len(idle) > _SHOWN else "")
        some = f"{len(idle)} modules of {subject} are" if len(idle) > 1 else f"A module of {subject} is"
        what = some if effective else f"All of {subject} is"
        warnings.append(
            f"{what} without effect, as the numbers are zero or cancel out, or alpha is 0: {which}. "
            "A file that was saved before its training began looks like that."
        )
    if negative := [patch.module for patch in effective if (patch.alpha or 0.0) < 0]:
        warnings.append(f"{subject} has a negative alpha, as for {negative[0]}: its effect is turned round.")
    return warnings


def _alpha_warnings(subject: str, effective: list[ModulePatch], found: Iterable[_FoundModule]) -> list[str]:
    """Trainers that write these names have an alpha; where it is missing, the LoRA may be many times too strong."""
    if not effective or any(patch.alpha is not None for patch in effective):
        return []
    if any(module.dialect.startswith("PEFT") for module in found):
        return [
            f"{subject} does not say its alpha (PEFT keeps it in adapter_config.json), so alpha = rank is taken. "
            "If lora_alpha there differs from r, use lora_alpha / r as the strength."
        ]
    if any(".lora_down." in key for module in found for key in module.keys.values()):
        return [
            f"{subject} does not say its alpha, so alpha = rank is taken. Files with names like its own (lora_down) "
            "have one as a rule; the first ones of Wan2.2-Lightning lacked it and were 8 times too strong. If the page "
            "of the file names an alpha, use alpha / rank as the strength."
        ]
    return []


def _mend(matched: int, prefix: str, base: Base) -> str:
    mend = f"If it is for {base.title.split()[0]}, save it with names without '{_short(prefix)}'. " if prefix else ""
    loose = ", or switch 'strict' off to apply only what fits" if matched else ""
    return f"{mend}Choose a LoRA made for {base.title}{loose}."


def _short(key: str) -> str:
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}..."
