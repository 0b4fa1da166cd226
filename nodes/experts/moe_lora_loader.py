"""The Wan2.2 MoE LoRA Loader node."""

import folder_paths
from comfy_api.latest import io

from ...ffgo.bases.base import Expert
from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.bases.memory import MOST_MEMORY
from ...ffgo.lora.file import check_experts
from ...ffgo.lora.hints import FFGO_FILES, ffgo_file
from ._loading import Slot, load, stamps
from ._patching import Mode, expert_file, require_pair


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
                io.Int.Input(
                    "memory", default=1, min=1, max=MOST_MEMORY, optional=True,
                    tooltip="How many composed canvases the clip begins with: a LoRA of another memory is warned of.",
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
        return stamps(lora_high, lora_low)

    @classmethod
    def execute(
        cls, model_high, model_low, lora_high: str, lora_low: str,
        strength_high: float = 1.0, strength_low: float = 1.0, strict: bool = True, apply: Mode = "auto",
        memory: int = 1,
    ) -> io.NodeOutput:  # fmt: skip
        slots = [Slot("high", model_high, lora_high, strength_high), Slot("low", model_low, lora_low, strength_low)]
        for slot in slots:
            require_pair(slot.model, f"model_{slot.expert}")
        names: dict[Expert, str | None] = {slot.expert: expert_file(slot.model) for slot in slots}
        swapped = check_experts(names, one_model=model_high.is_clone(model_low))
        return load(cls, slots, DEFAULT, apply, swapped, strict=strict, memory=memory)
