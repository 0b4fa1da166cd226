"""The FFGo Save Expert LoRA node."""

from comfy_api.latest import io

from ...ffgo.lora.saving import DTYPES, EXPERT_CHOICES, save_lora
from .._host import loras_output_folder, show_on_node
from .._types import LORA_MODEL


class SaveExpertLoRA(io.ComfyNode):
    """Writes a trained LoRA into a file that says which expert it is for."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOSaveExpertLoRA",
            display_name="FFGo Save Expert LoRA",
            category="FFGo/Training",
            description="Saves a LoRA below output/loras, where every LoRA loader finds it, with its expert written "
            "into the file. Never writes over another file.",
            search_aliases=["save lora", "export lora", "bf16 lora"],
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
            inputs=[
                LORA_MODEL.Input("lora", tooltip="From FFGo Train Expert LoRA, or any node that trains a LoRA."),
                io.String.Input(
                    "filename_prefix", default="my_ffgo_lora", optional=True,
                    tooltip="Start of the name, with folders if you like; _high or _low is added.",
                ),
                io.Combo.Input(
                    "expert", options=list(EXPERT_CHOICES), default=EXPERT_CHOICES[0], optional=True,
                    tooltip="`as trained` takes what the LoRA says; choose one for a LoRA that says nothing.",
                ),
                io.Combo.Input(
                    "dtype", options=list(DTYPES), default=DTYPES[0], optional=True,
                    tooltip="`bfloat16` halves the file, as the released ones; `float32` keeps every bit.",
                ),
            ],
            outputs=[io.String.Output(display_name="path", tooltip="The file.")],
        )  # fmt: skip

    @classmethod
    def execute(cls, lora, filename_prefix="my_ffgo_lora", expert="as trained", dtype="bfloat16") -> io.NodeOutput:
        path = save_lora(lora, loras_output_folder(), filename_prefix, expert, dtype)
        show_on_node(cls, [f"Saved {path.name}"])
        return io.NodeOutput(str(path), ui={"text": [str(path)]})
