"""The Gemini First Frame Caption node."""

from comfy_api.latest import io

from ...ffgo.anchor.first_frame import first_frame, first_frame_offline
from ...ffgo.anchor.instruction import FIRST_FRAME
from ...ffgo.gemini.models import TEXT_MODELS
from .._gemini import TIMEOUT_S, Mode, ask_or_do_without, asking_inputs, chosen, has_access, one_by_one, pictures_input
from .._host import show_on_node
from ._choices import CONTENT, RATIO, STYLE, content_input, prompt_input, ratio_input, style_input


class GeminiFirstFrame(io.ComfyNode):
    """Divides a prompt for a video into its first frame and its motion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOGeminiFirstFrame",
            display_name="Gemini First Frame Caption",
            category="FFGo/Gemini",
            description="Has Gemini divide your prompt in two: what is seen in the first frame, before anything has "
            "happened, and what moves after it. One question gives both; each answer is paid once and kept.",
            search_aliases=["factorized video", "anchored video", "anchor frame", "first frame caption", "reasoning"],
            inputs=[
                prompt_input(),
                style_input(),
                content_input(),
                ratio_input(),
                pictures_input("What the prompt speaks of, if it shall look like that."),
                *asking_inputs(TEXT_MODELS, FIRST_FRAME, "it passes on your prompt as it is."),
            ],
            outputs=[
                io.String.Output(
                    display_name="caption", tooltip="What the first frame shows. Connect to Factorized Prompts."
                ),
                io.String.Output(
                    display_name="motion", tooltip="What changes after it. Connect to Factorized Prompts."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, **_) -> bool:
        return has_access()

    @classmethod
    def execute(
        cls, prompt, style=STYLE, content=CONTENT, aspect_ratio=RATIO, pictures=None, model=TEXT_MODELS[0],
        custom_model="", template=FIRST_FRAME, variant=0, mode: Mode = "auto", timeout=TIMEOUT_S,
    ) -> io.NodeOutput:  # fmt: skip
        asking, shown = chosen(model, custom_model, template, variant), one_by_one(pictures)
        result = ask_or_do_without(
            mode, timeout,
            lambda desk: first_frame(prompt, shown, asking, desk, style=style, content=content, ratio=aspect_ratio),
            lambda: first_frame_offline(prompt),
        )  # fmt: skip
        show_on_node(cls, result.report, result.warnings)
        text = [result.caption, result.motion, *result.report, *result.warnings]
        return io.NodeOutput(result.caption, result.motion, ui={"text": text})
