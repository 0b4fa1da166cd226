"""The Anchor Frame node."""

from comfy_api.latest import io

from ...ffgo.anchor.fit import FITS, fitted_image
from ...ffgo.anchor.styles import RATIOS, size_of
from .._host import show_on_node
from ._choices import side_input

WIDTH, HEIGHT = size_of(next(iter(RATIOS)))


class AnchorFrame(io.ComfyNode):
    """Brings any picture to exactly the size of the video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOAnchorFrame",
            display_name="Anchor Frame",
            category="FFGo/Frame",
            description="Makes any picture the first frame of a video: exactly its size, resampled once or not at all, "
            "never distorted. It says what was cut off, and when the picture is too small.",
            search_aliases=["first frame", "fit image", "factorized video", "resize", "crop", "start image"],
            inputs=[
                io.Image.Input("image", tooltip="One picture: drawn by a model, or your own."),
                side_input("width", WIDTH, "Width of the video"),
                side_input("height", HEIGHT, "Height of the video"),
                io.Combo.Input(
                    "fit", options=[*FITS], default=FITS[0], optional=True,
                    tooltip="For a picture of another aspect: `crop` cuts off what is too much; `pad` adds bars of the "
                    "edge's colour.",
                ),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="One picture, of exactly this width and height.")],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def execute(cls, image, width=WIDTH, height=HEIGHT, fit=FITS[0]) -> io.NodeOutput:
        result = fitted_image(image, width, height, fit, "The anchor")
        show_on_node(cls, result.report, result.warnings)
        return io.NodeOutput(result.image, ui={"text": [*result.report, *result.warnings]})
