"""The Gemini Extract node."""

from comfy_api.latest import io

from ...ffgo.curation.elements import extract, extract_offline
from ...ffgo.gemini.models import IMAGE_MODELS
from ...ffgo.words.templates import EXTRACT
from .._gemini import TIMEOUT_S, Mode, ask_or_do_without, asking_inputs, chosen, has_access, resolution_input
from .._host import show_on_node
from .._types import FFGO_SAM2


class GeminiExtract(io.ComfyNode):
    """Takes things out of a photo, each onto a picture of its own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOGeminiExtract",
            display_name="Gemini Extract",
            category="FFGo/Gemini",
            description="Has Gemini redraw each thing that you name from a photo, whole and alone on white. "
            "SAM2 Matte then makes soft cut-outs of them. Each answer is paid once and kept.",
            search_aliases=["extract object", "nano banana", "isolate subject", "cut out with ai", "ffgo extract"],
            inputs=[
                io.Image.Input("image", tooltip="One photo that shows all the elements."),
                io.String.Input(
                    "elements", multiline=True, dynamic_prompts=False, default="",
                    tooltip="What to take out, one per line, each so that it cannot be mistaken: `the red toy robot`.",
                ),
                *asking_inputs(
                    IMAGE_MODELS, EXTRACT, "it cuts the elements out of the photo, by masks or with SAM2."
                ),
                resolution_input(),
                io.Mask.Input(
                    "masks", optional=True,
                    tooltip="Offline only: where each element is, one mask for each line, 1 = element; may be coarse.",
                ),
                FFGO_SAM2.Input(
                    "sam2", optional=True, tooltip="Offline only: from SAM2 Loader, to find the elements in places."
                ),
                io.String.Input(
                    "places", multiline=True, dynamic_prompts=False, default="", optional=True, advanced=True,
                    tooltip="Offline with sam2 only: where each element is, one line for each, in pixels of the photo. "
                    "A box [left, top, right, bottom], or points [[x, y], ...].",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="images",
                    tooltip="One picture for each element, on white, all of the photo's size. Connect to SAM2 Matte.",
                ),
                io.String.Output(display_name="names", tooltip="The elements in the same order, one per line."),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, **_) -> bool:
        return has_access()

    @classmethod
    def execute(
        cls, image, elements, model=IMAGE_MODELS[0], custom_model="", template=EXTRACT, variant=0, mode: Mode = "auto",
        timeout=TIMEOUT_S, resolution="1K", masks=None, sam2=None, places="",
    ) -> io.NodeOutput:  # fmt: skip
        asking = chosen(model, custom_model, template, variant, resolution=resolution)
        result = ask_or_do_without(
            mode, timeout,
            lambda desk: extract(image, elements, asking, desk),
            lambda: extract_offline(image, elements, masks, places=places, ask=sam2.masks if sam2 else None),
        )  # fmt: skip
        show_on_node(cls, result.report, result.warnings)
        return io.NodeOutput(result.images, "\n".join(result.names), ui={"text": [*result.report, *result.warnings]})
