"""The SAM2 Matte node."""

from comfy_api.latest import io

from ...ffgo.cutout.matte import SHADOWS, Shadow, cut_out_batch
from ...ffgo.cutout.subject import coarse_masks
from .._host import show_on_node, step_by_step
from .._types import FFGO_SAM2


class SAM2Matte(io.ComfyNode):
    """Cuts a subject out of its picture, with soft edges."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOSAM2Matte",
            display_name="SAM2 Matte",
            category="FFGo/Cutout",
            description="Cuts the subject out of a picture on white, or out of a photo with points, boxes or a coarse "
            "mask. The edge is soft and keeps nothing of the background's colour. On white it needs no model.",
            search_aliases=["cut out", "remove background", "matting", "alpha", "rgba", "segment"],
            inputs=[
                io.Image.Input(
                    "image", tooltip="Pictures on white or light grey; or photos, with points, boxes or a mask."
                ),
                FFGO_SAM2.Input(
                    "sam2", optional=True,
                    tooltip="From SAM2 Loader. Needed for points and boxes; helps with white subjects on white.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="Where the subject is, 1 = subject; may be coarse. One, or one for each picture.",
                ),
                io.BoundingBox.Input(
                    "bounding_box", optional=True, force_input=True,
                    tooltip="A box around the subject, in pixels of the picture, from another node. Needs sam2.",
                ),
                io.String.Input(
                    "points", default="", optional=True,
                    tooltip="JSON, in pixels of the picture: [[x, y], ...] on the subject, [x, y, 0] on the "
                    "background. Needs sam2.",
                ),
                io.String.Input(
                    "boxes", default="", optional=True,
                    tooltip="JSON, in pixels of the picture: [[left, top, right, bottom], ...]. Needs sam2.",
                ),
                io.Combo.Input(
                    "shadow", options=list(SHADOWS), default="drop", optional=True,
                    tooltip="White backgrounds only: `drop` leaves the subject's soft shadow out, `keep` keeps it as "
                    "partly transparent black.",
                ),
                io.Boolean.Input(
                    "trim", default=False, optional=True,
                    tooltip="Crop to what is not fully transparent; a batch to the box that holds all its subjects.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="cutout", tooltip="The subject as RGBA, for FFGo Compose Canvas."),
                io.Mask.Output(display_name="mask", tooltip="Its soft mask, 1 = subject. Join Image with Alpha wants "
                               "it inverted."),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, image, sam2=None, mask=None, bounding_box=None, points="", boxes="", shadow: Shadow = "drop", trim=False,
    ) -> io.NodeOutput:  # fmt: skip
        found = coarse_masks(
            image, mask, points=points, boxes=boxes, bounding_box=bounding_box, ask=sam2.masks if sam2 else None
        )
        cuts = cut_out_batch(image, found.masks, shadow=shadow, trim=trim, step=step_by_step(len(image)))
        warnings = [*found.warnings, *cuts.warnings]
        show_on_node(cls, cuts.summary, warnings)
        return io.NodeOutput(cuts.image, cuts.mask, ui={"text": [*cuts.summary, *warnings]})
