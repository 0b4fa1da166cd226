"""The Wan2.2 MoE LoRA Loader node."""

from dataclasses import dataclass
from pathlib import Path

import folder_paths
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io

from ...ffgo.bases.base import Expert
from ...ffgo.lora.file import KNOWN_FILES, LoRAFile, check_experts, check_slots, read_known_files, read_lora
from ...ffgo.lora.hints import FFGO_FILES, ffgo_file
from ...ffgo.lora.keys import ExpertLoRA, translate
from ...ffgo.lora.report import report_lines, report_row
from .._host import show_on_node
from ._patching import Mode, apply_lora, expert_file, expert_weights

USERS_KNOWN_FILES = "known_loras.json"


class WanMoELoRALoader(io.ComfyNode):
    """Loads one LoRA file onto each of Wan2.2's two experts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        files = folder_paths.get_filename_list("loras")
        lora = {e: {"options": files, **({"default": f} if (f := ffgo_file(files, e)) else {})} for e in FFGO_FILES}
        strength = {"default": 1.0, "min": -20.0, "max": 20.0, "step": 0.05, "optional": True}
        return io.Schema(
            node_id="FFGOWanMoELoRALoader",
            display_name="Wan2.2 MoE LoRA Loader",
            category="FFGo/Experts",
            description="Loads a LoRA onto each of Wan2.2's two experts. Every trainer's key names are understood; "
            "a file that does not fit, or that is for the other expert, is an error. Chain several for a stack.",
            search_aliases=["ffgo lora", "wan lora", "high low noise lora", "dual lora", "moe lora", "lightx2v"],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
            inputs=[
                io.Model.Input("model_high", tooltip="The high-noise expert, which runs first."),
                io.Model.Input("model_low", tooltip="The low-noise expert, which finishes."),
                io.Combo.Input("lora_high", **lora["high"], tooltip="LoRA for the high-noise expert."),
                io.Combo.Input("lora_low", **lora["low"], tooltip="LoRA for the low-noise expert."),
                io.Float.Input(
                    "strength_high", **strength, tooltip="1 = as trained, 0 = leave the high-noise expert as it is.",
                ),
                io.Float.Input(
                    "strength_low", **strength, tooltip="1 = as trained, 0 = leave the low-noise expert as it is.",
                ),
                io.Boolean.Input(
                    "strict", default=True, optional=True,
                    tooltip="On: a file that does not fit completely is an error. Off: what fits is applied.",
                ),
                io.Combo.Input(
                    "apply", options=["auto", "merge", "bypass"], default="auto", optional=True,
                    tooltip="merge: into the weights. bypass: beside them, a little slower, but exact on fp8 weights. "
                    "auto: bypass for quantised experts, else merge.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model_high", tooltip="The high-noise expert with its LoRA."),
                io.Model.Output(display_name="model_low", tooltip="The low-noise expert with its LoRA."),
                io.String.Output(display_name="report", tooltip="What was loaded, how, and how sure its expert is."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, lora_high: str, lora_low: str, **_) -> list[tuple[int, int]]:
        """A file that was written anew under the same name is another LoRA."""
        stats = [_path(name).stat() for name in (lora_high, lora_low)]
        return [(stat.st_mtime_ns, stat.st_size) for stat in stats]

    @classmethod
    def execute(
        cls, model_high, model_low, lora_high: str, lora_low: str,
        strength_high: float = 1.0, strength_low: float = 1.0, strict: bool = True, apply: Mode = "auto",
    ) -> io.NodeOutput:  # fmt: skip
        slots = [Slot("high", model_high, lora_high, strength_high), Slot("low", model_low, lora_low, strength_low)]
        loras, warnings = _opened(slots, strict=strict)
        models, rows = [], []
        for slot in slots:
            model, how = apply_lora(slot.model, loras.get(slot.expert), slot.strength, apply)
            models.append(model)
            rows.append(report_row(slot.expert, loras.get(slot.expert), slot.strength, how))
        report = [line for row in rows for line in report_lines(row)]
        show_on_node(cls, report, warnings)
        return io.NodeOutput(*models, "\n".join(report), ui={"text": report, "ffgo_report": rows})


@dataclass(frozen=True, slots=True)
class Slot:
    """What was put in for one expert."""

    expert: Expert
    model: ModelPatcher
    lora: str
    strength: float


def _opened(slots: list[Slot], *, strict: bool) -> tuple[dict[Expert, ExpertLoRA], list[str]]:
    """Read and check the LoRAs of all experts, before any of them is patched; also return warnings."""
    users_list = Path(folder_paths.get_system_user_directory("ffgo")) / USERS_KNOWN_FILES
    known = read_known_files(KNOWN_FILES, users_list)
    used = [slot for slot in slots if slot.strength]
    files: dict[Expert, LoRAFile] = {s.expert: read_lora(_path(s.lora), s.lora, known) for s in used}
    warnings = check_slots(files) + _experts_warnings(*slots)
    loras: dict[Expert, ExpertLoRA] = {}
    for slot in used:
        weights = expert_weights(slot.model, f"model_{slot.expert}")
        loras[slot.expert] = translate(files[slot.expert], weights, slot.expert, strict=strict)
        warnings += loras[slot.expert].warnings
    return loras, warnings


def _experts_warnings(high: Slot, low: Slot) -> list[str]:
    names: dict[Expert, str | None] = {slot.expert: expert_file(slot.model) for slot in (high, low)}
    return check_experts(names, one_model=high.model.is_clone(low.model))


def _path(name: str) -> Path:
    return Path(folder_paths.get_full_path_or_raise("loras", name))
