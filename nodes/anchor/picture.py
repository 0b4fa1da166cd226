"""The Gemini Picture node."""

from comfy_api.latest import io

from ...ffgo.anchor.fit import FITS
from ...ffgo.anchor.instruction import PICTURE
from ...ffgo.anchor.picture import draw, draw_offline
from ...ffgo.anchor.styles import RATIOS, size_of
from ...ffgo.gemini.models import IMAGE_MODELS
from .._gemini import (
    TIMEOUT_S,
    Mode,
    ask_or_do_without,
    asking_inputs,
    chosen,
    has_access,
    one_by_one,
    pictures_input,
    resolution_input,
)
from .._host import show_on_node
from ._choices import side_input

WIDTH, HEIGHT = size_of(next(iter(RATIOS)))


class GeminiPicture(io.ComfyNode):
    """Draws a picture of an exact size from a text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOGeminiPicture",
            display_name="Gemini Picture",
            category="FFGo/Gemini",
            description="Has Gemini draw the first frame of a video, or a background for one, in exactly the video's "
            "size, undistorted. With pictures of your subjects it draws those. Each answer is paid once and kept.",
            search_aliases=["text to image", "anchor frame", "nano banana", "generate background", "factorized video"],
            inputs=[
                io.String.Input(
                    "prompt", multiline=True, dynamic_prompts=False, default="",
                    tooltip="What is seen: connect anchor_prompt of Factorized Prompts, or write it.",
                ),
                side_input("width", WIDTH, "Width of the picture"),
                side_input("height", HEIGHT, "Height of the picture"),
                pictures_input("Subjects that shall be in it, as they look."),
                io.Combo.Input(
                    "fit", options=[*FITS], default=FITS[0], optional=True,
                    tooltip="Models draw in sizes of their own. `crop` cuts off what is too much; `pad` adds bars of "
                    "the edge's colour.",
                ),
                *asking_inputs(IMAGE_MODELS, PICTURE, "it says so and stops, for nothing else here can draw."),
                resolution_input(),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="One picture, of exactly this width and height.")],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, **_) -> bool:
        return has_access()

    @classmethod
    def execute(
        cls, prompt, width=WIDTH, height=HEIGHT, pictures=None, fit=FITS[0], model=IMAGE_MODELS[0], custom_model="",
        template=PICTURE, variant=0, mode: Mode = "auto", timeout=TIMEOUT_S, resolution="1K",
    ) -> io.NodeOutput:  # fmt: skip
        asking = chosen(model, custom_model, template, variant, resolution=resolution)
        shown = one_by_one(pictures)
        result = ask_or_do_without(
            mode, timeout,
            lambda desk: draw(prompt, shown, asking, desk, width=width, height=height, fit=fit),
            draw_offline,
        )  # fmt: skip
        show_on_node(cls, result.report, result.warnings)
        return io.NodeOutput(result.image, ui={"text": [*result.report, *result.warnings]})
