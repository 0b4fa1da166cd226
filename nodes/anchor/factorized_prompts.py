"""The Factorized Prompts node."""

from comfy_api.latest import io

from ...ffgo.anchor.prompts import STRATEGIES, factorized_texts
from ...ffgo.anchor.styles import LONG_SIDE, size_of
from .._host import show_on_node
from ._choices import RATIO, STYLE, prompt_input, ratio_input, side_input, style_input


class FactorizedPrompts(io.ComfyNode):
    """Makes the texts for the first frame and for the video, and their size."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOFactorizedPrompts",
            display_name="Factorized Prompts",
            category="FFGo/Prompt",
            description="Of the caption of the first frame and the motion after it: the prompt for the picture, with "
            "its style's own words of quality, the prompt for the video, and the size of both.",
            search_aliases=["factorized video", "anchored video", "anchor frame", "prompt strategy", "style"],
            inputs=[
                prompt_input(),
                io.String.Input(
                    "caption", force_input=True,
                    tooltip="The first frame: from Gemini First Frame Caption, or the whole answer of Generate Text, "
                    "which is read here.",
                ),
                io.String.Input(
                    "motion", force_input=True, optional=True,
                    tooltip="What changes after it, from Gemini First Frame Caption. Generate Text's answer has it.",
                ),
                style_input(),
                io.Boolean.Input(
                    "enhance", default=True, optional=True,
                    tooltip="Add the style's words of quality to the prompt of the picture.",
                ),
                io.Combo.Input(
                    "strategy", options=[*STRATEGIES], default=STRATEGIES[0], optional=True,
                    tooltip="What the video model reads. `combined`: the caption, then the motion. `original`: your "
                    "prompt. `motion only`: the motion, which leaves all else to the picture.",
                ),
                ratio_input(),
                side_input("long_side", LONG_SIDE, "The longer side at 16:9; the other ratios get as many pixels,"),
            ],
            outputs=[
                io.String.Output(display_name="anchor_prompt", tooltip="For the model that draws the first frame."),
                io.String.Output(display_name="video_prompt", tooltip="For the video model."),
                io.String.Output(
                    display_name="negative", tooltip="Wan's negative prompt, without what speaks against the style."
                ),
                io.Int.Output(display_name="width", tooltip="Of the first frame and of the video, in pixels."),
                io.Int.Output(display_name="height", tooltip="Of the first frame and of the video, in pixels."),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, prompt, caption, motion="", style=STYLE, enhance=True, strategy=STRATEGIES[0], aspect_ratio=RATIO,
        long_side=LONG_SIDE,
    ) -> io.NodeOutput:  # fmt: skip
        texts = factorized_texts(prompt, caption, motion or "", style=style, enhance=enhance, strategy=strategy)
        width, height = size_of(aspect_ratio, long_side)
        shown = [f"Picture: {texts.anchor}", f"Video: {texts.video}", f"{width}x{height} px"]
        show_on_node(cls, shown, texts.warnings)
        return io.NodeOutput(
            texts.anchor, texts.video, texts.negative, width, height, ui={"text": [*shown, *texts.warnings]}
        )
