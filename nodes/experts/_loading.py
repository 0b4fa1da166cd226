"""What both LoRA loaders do: read the files, check them against the models, put them on."""

from dataclasses import dataclass
from pathlib import Path

import folder_paths
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io

from ...ffgo.bases.base import Base, Expert
from ...ffgo.lora.file import KNOWN_FILES, LoRAFile, check_slots, read_known_files, read_lora
from ...ffgo.lora.halves import Half, half_of
from ...ffgo.lora.keys import ExpertLoRA, translate
from ...ffgo.lora.memory import memory_warnings
from ...ffgo.lora.report import report_lines, report_row
from .._host import show_on_node
from ._halves import half_warnings, remember_half
from ._patching import Mode, apply_lora, expert_weights

USERS_KNOWN_FILES = "known_loras.json"


@dataclass(frozen=True, slots=True)
class Slot:
    """What was put in for one expert."""

    expert: Expert
    model: ModelPatcher
    lora: str
    strength: float


def load(
    node: type[io.ComfyNode], slots: list[Slot], base: Base, mode: Mode, more: list[str], *, strict: bool,
    memory: int | None = None,
) -> io.NodeOutput:  # fmt: skip
    """The models with their LoRAs, and the report. base: of the models; more: warnings besides.

    memory: the composed canvases that the clip begins with; None where nobody says.
    """
    loras, halves, warnings = _opened(slots, base, strict=strict)
    if memory:
        warnings += memory_warnings([lora.file for lora in loras.values()], memory)
    models, rows = [], []
    for slot in slots:
        model, how = apply_lora(slot.model, loras.get(slot.expert), slot.strength, mode)
        if model is not slot.model:
            remember_half(model, halves.get(slot.expert))
        models.append(model)
        rows.append(report_row(slot.expert, loras.get(slot.expert), slot.strength, how))
    report = [line for row in rows for line in report_lines(row)]
    show_on_node(node, report, [*warnings, *more])
    return io.NodeOutput(*models, "\n".join(report), ui={"text": report, "ffgo_report": rows})


def stamps(*names: str) -> list[tuple[int, int]]:
    """A file that was written anew under the same name is another LoRA."""
    stats = [_path(name).stat() for name in names]
    return [(stat.st_mtime_ns, stat.st_size) for stat in stats]


def _opened(
    slots: list[Slot], base: Base, *, strict: bool
) -> tuple[dict[Expert, ExpertLoRA], dict[Expert, Half | None], list[str]]:
    """Read and check all LoRAs, before any model is patched; also return halves of concepts, and warnings."""
    users_list = Path(folder_paths.get_system_user_directory("ffgo")) / USERS_KNOWN_FILES
    known = read_known_files(KNOWN_FILES, users_list)
    used = [slot for slot in slots if slot.strength]
    files: dict[Expert, LoRAFile] = {s.expert: read_lora(_path(s.lora), s.lora, known) for s in used}
    warnings = check_slots(files, base)
    halves: dict[Expert, Half | None] = {expert: half_of(file) for expert, file in files.items()}
    loras: dict[Expert, ExpertLoRA] = {}
    for slot in used:
        weights = expert_weights(slot.model)
        loras[slot.expert] = translate(files[slot.expert], weights, slot.expert, strict=strict, base=base)
        warnings += loras[slot.expert].warnings + half_warnings(slot.model, halves[slot.expert])
    return loras, halves, warnings


def _path(name: str) -> Path:
    return Path(folder_paths.get_full_path_or_raise("loras", name))
