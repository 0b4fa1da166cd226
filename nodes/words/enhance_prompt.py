"""The Gemini Enhance Prompt node."""

from comfy_api.latest import io

from ...ffgo.gemini.models import TEXT_MODELS
from ...ffgo.words.templates import ENHANCE
from ...ffgo.words.write import enhance, enhance_offline
from .._gemini import TIMEOUT_S, Mode, ask_or_do_without, asking_inputs, chosen, has_access, one_by_one, pictures_input
from .._host import show_on_node


class GeminiEnhancePrompt(io.ComfyNode):
    """Makes a short prompt a descriptive one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOGeminiEnhancePrompt",
            display_name="Gemini Enhance Prompt",
            category="FFGo/Gemini",
            description="Has Gemini write your prompt anew: what each subject looks like, what it does, the scene and "
            "the camera. Connect the result to Transition Prompt. Each answer is paid once and kept.",
            search_aliases=["improve prompt", "rewrite prompt", "prompt upsampling", "ffgo prompt"],
            inputs=[
                io.String.Input(
                    "prompt", multiline=True, dynamic_prompts=False, default="",
                    tooltip="What shall happen in the video, in your words, without the transition phrase.",
                ),
                pictures_input("The subjects and the background, so that the text fits them."),
                *asking_inputs(TEXT_MODELS, ENHANCE, "it passes on your prompt as it is."),
            ],
            outputs=[io.String.Output(display_name="prompt", tooltip="The new prompt. Connect to Transition Prompt.")],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, **_) -> bool:
        return has_access()

    @classmethod
    def execute(
        cls, prompt, pictures=None, model=TEXT_MODELS[0], custom_model="", template=ENHANCE, variant=0,
        mode: Mode = "auto", timeout=TIMEOUT_S,
    ) -> io.NodeOutput:  # fmt: skip
        asking = chosen(model, custom_model, template, variant)
        shown = one_by_one(pictures)
        result = ask_or_do_without(
            mode, timeout, lambda desk: enhance(prompt, shown, asking, desk), lambda: enhance_offline(prompt)
        )
        show_on_node(cls, result.report, result.warnings)
        return io.NodeOutput(result.text, ui={"text": [result.text, *result.report, *result.warnings]})
