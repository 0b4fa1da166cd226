"""The First Frame Instruction node."""

from comfy_api.latest import io

from ...ffgo.anchor.instruction import instruction
from ._choices import CONTENT, RATIO, STYLE, content_input, prompt_input, ratio_input, style_input


class FirstFrameInstruction(io.ComfyNode):
    """Tells a local language model to divide a prompt into its first frame and its motion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOFirstFrameInstruction",
            display_name="First Frame Instruction",
            category="FFGo/Prompt",
            description="Writes what a language model is told, so that it divides your prompt into the first frame and "
            "the motion. Connect it to Generate Text, and that one's text to caption of Factorized Prompts.",
            search_aliases=["factorized video", "anchored video", "first frame caption", "local llm", "ffgo prompt"],
            inputs=[prompt_input(), style_input(), content_input(), ratio_input()],
            outputs=[io.String.Output(display_name="instruction", tooltip="Connect to prompt of Generate Text.")],
        )

    @classmethod
    def execute(cls, prompt, style=STYLE, content=CONTENT, aspect_ratio=RATIO) -> io.NodeOutput:
        return io.NodeOutput(instruction(prompt, style, content, aspect_ratio))
