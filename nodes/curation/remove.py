"""The Gemini Remove node."""

import json

from comfy_api.latest import io

from ...ffgo.curation.remove import remove, remove_offline
from ...ffgo.gemini.models import IMAGE_MODELS
from ...ffgo.words.templates import REMOVE
from .._gemini import TIMEOUT_S, Mode, ask_or_do_without, asking_inputs, chosen, has_access, resolution_input
from .._host import show_on_node


class GeminiRemove(io.ComfyNode):
    """Takes things away from a photo and leaves the rest of it as it is."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOGeminiRemove",
            display_name="Gemini Remove",
            category="FFGo/Gemini",
            description="Has Gemini remove the things that you name from a photo, brings the answer back onto the "
            "photo to the pixel, and keeps the photo's own pixels everywhere else. Each answer is paid once and kept.",
            search_aliases=["remove object", "clean plate", "nano banana", "erase", "inpaint", "ffgo background"],
            inputs=[
                io.Image.Input("image", tooltip="One photo."),
                io.String.Input(
                    "elements", multiline=True, dynamic_prompts=False, default="",
                    tooltip="What to remove, one per line, each so that it cannot be mistaken.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="Where the photo may change, 1 = change: the elements with their shadows, grown a little. "
                    "Without one it is found by what the model changed. Offline it is what is filled.",
                ),
                *asking_inputs(
                    IMAGE_MODELS, REMOVE, "it fills the mask smoothly from its edge, which is only a preview."
                ),
                resolution_input(),
            ],
            outputs=[
                io.Image.Output(
                    display_name="image", tooltip="The clean plate: the photo's size, and its pixels outside the mask."
                ),
                io.Mask.Output(display_name="mask", tooltip="Where the plate is not the photo, 1 = changed."),
                io.String.Output(
                    display_name="mapping",
                    tooltip="JSON: how the model's picture lies on the photo, and the score (0..1) of that.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, **_) -> bool:
        return has_access()

    @classmethod
    def execute(
        cls, image, elements, mask=None, model=IMAGE_MODELS[0], custom_model="", template=REMOVE, variant=0,
        mode: Mode = "auto", timeout=TIMEOUT_S, resolution="1K",
    ) -> io.NodeOutput:  # fmt: skip
        asking = chosen(model, custom_model, template, variant, resolution=resolution)
        result = ask_or_do_without(
            mode, timeout,
            lambda desk: remove(image, elements, mask, asking, desk),
            lambda: remove_offline(image, mask),
        )  # fmt: skip
        show_on_node(cls, result.report, result.warnings)
        text = [*result.report, *result.warnings]
        return io.NodeOutput(result.image, result.mask, json.dumps(result.mapping), ui={"text": text})
