"""The SAM2 Loader node."""

from comfy_api.latest import io

from .._host import show_on_node
from .._types import FFGO_SAM2
from ._sam2 import checkpoints, load_sam2, missing


class SAM2Loader(io.ComfyNode):
    """Loads a SAM2 checkpoint for SAM2 Matte."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOSAM2Loader",
            display_name="SAM2 Loader",
            category="FFGo/Cutout",
            description="Loads a SAM2 or SAM2.1 checkpoint from models/sam2, in any of the four sizes. It needs the "
            "Python package sam2. Pictures on a white background can be cut out without it.",
            search_aliases=["segment anything", "sam 2.1", "load sam2", "mask model"],
            inputs=[
                io.Combo.Input(
                    "checkpoint",
                    options=checkpoints(),
                    tooltip="File in models/sam2: .pt or .safetensors, tiny to large; which one it is is read off its "
                    "weights.",
                ),
            ],
            outputs=[FFGO_SAM2.Output(display_name="sam2", tooltip="The model: sam2 of SAM2 Matte.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, checkpoint: str) -> bool | str:
        return missing(checkpoint) or True

    @classmethod
    def execute(cls, checkpoint: str) -> io.NodeOutput:
        sam2 = load_sam2(checkpoint)
        show_on_node(cls, [f"SAM{sam2.kind.version} {sam2.kind.size}"])
        return io.NodeOutput(sam2)
