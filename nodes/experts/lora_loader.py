"""The FFGo LoRA Loader node."""

import folder_paths
from comfy_api.latest import io

from ...ffgo.bases.memory import MOST_MEMORY
from ._loading import Slot, load, stamps
from ._patching import Mode, require_single


class LoRALoader(io.ComfyNode):
    """Loads a LoRA onto the one model of a base that has no pair of experts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOLoRALoader",
            display_name="FFGo LoRA Loader",
            category="FFGo/Experts",
            description="Loads a LoRA onto Wan2.2 TI2V-5B, Hunyuan Video 1.5 or Wan2.1 I2V. Every trainer's key names "
            "are understood; a file that does not fit, or is for another base, is an error. Chain several for a stack.",
            search_aliases=["ffgo lora", "wan lora", "5b lora", "hunyuan lora", "single lora"],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
            inputs=[
                io.Model.Input("model", tooltip="Straight from Load Diffusion Model, or with other LoRAs on it."),
                io.Combo.Input(
                    "lora", options=folder_paths.get_filename_list("loras"), tooltip="LoRA for this model.",
                ),
                io.Float.Input(
                    "strength", default=1.0, min=-20.0, max=20.0, step=0.05, optional=True,
                    tooltip="1 = as trained, 0 = leave the model as it is.",
                ),
                io.Boolean.Input(
                    "strict", default=True, optional=True,
                    tooltip="On: a file that does not fit completely is an error. Off: what fits is applied.",
                ),
                io.Combo.Input(
                    "apply", options=["auto", "merge", "bypass"], default="auto", optional=True,
                    tooltip="merge: into the weights. bypass: beside them, a little slower, but exact on fp8 weights. "
                    "auto: bypass for quantised models, else merge.",
                ),
                io.Int.Input(
                    "memory", default=1, min=1, max=MOST_MEMORY, optional=True,
                    tooltip="How many composed canvases the clip begins with: a LoRA of another memory is warned of.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="The model with its LoRA."),
                io.String.Output(display_name="report", tooltip="What was loaded, and how."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, lora: str, **_) -> list[tuple[int, int]]:
        return stamps(lora)

    @classmethod
    def execute(
        cls, model, lora: str, strength: float = 1.0, strict: bool = True, apply: Mode = "auto", memory: int = 1
    ) -> io.NodeOutput:
        base = require_single(model, "model")
        return load(cls, [Slot("only", model, lora, strength)], base, apply, [], strict=strict, memory=memory)
