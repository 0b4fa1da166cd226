"""The FFGo Compose Canvas node."""

from comfy_api.latest import io

from ...ffgo.frame.compose import CUSTOM, BackgroundFit, CanvasLayout, compose
from ...ffgo.frame.geometry import PRESETS
from ...ffgo.frame.layout import LAYOUTS, MAX_SUBJECTS
from .._host import show_on_node
from ._canvas import max_upscale, refuse_unknown_subjects, side
from ._editor import editor_output

SUBJECTS = io.Autogrow.TemplatePrefix(io.Image.Input("subject", optional=True), "subject", min=1, max=MAX_SUBJECTS)
"""Optional, so that the first may be left out, as where its node is bypassed."""


class ComposeCanvas(io.ComfyNode):
    """Puts cut-out subjects and a background into one first frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOComposeCanvas", display_name="FFGo Compose Canvas", category="FFGo/Frame",
            description="Composes the first frame that FFGo wants: subjects on white in the left half, the background "
            "in the right half, or where you put them. Nothing is enlarged or distorted unless you ask for it.",
            search_aliases=["first frame", "composite", "collage", "subjects and background", "ffgo canvas"],
            inputs=[
                io.Image.Input("background", tooltip="The scene of the video: one picture, without the subjects."),
                io.Autogrow.Input(
                    "subjects",
                    template=SUBJECTS,
                    tooltip="What shall appear in the video: RGBA cut-outs (Load Subject gives them) or RGB pictures, "
                    "which stay rectangles. A batch counts as several subjects. Up to 4 work well.",
                ),
                io.Combo.Input(
                    "preset", options=["custom", *PRESETS], default="custom", optional=True,
                    tooltip="Size of the frame in pixels. `custom` takes width and height below; others ignore them.",
                ),
                side("width", 1280, "the frame", " FFGo was made at 1280x720."),
                side("height", 720, "the frame"),
                io.Combo.Input(
                    "layout", options=[*LAYOUTS, CUSTOM], default="published", optional=True,
                    tooltip="`published`: as in FFGo's training data, cropped subjects in rows, two columns from four "
                    "on. `script`: as FFGo's own script, uncropped in rows. `packed`: cropped, arranged so that the "
                    "smallest subject is as large as can be. `custom`: as you put them in the editor.",
                ),
                io.Combo.Input(
                    "background_fit", options=["keep_aspect", "stretch"], default="keep_aspect", optional=True,
                    tooltip="`keep_aspect` shows the background undistorted. `stretch` gives it the frame's aspect "
                    "first, as the training data has it; the layout `script` always does.",
                ),
                max_upscale(),
                io.Int.Input(
                    "gap", default=0, min=0, max=512, optional=True, advanced=True,
                    tooltip="Layout `packed` only: space between neighbouring subjects, in pixels of the frame.",
                ),
                # Values in users' files go by the order of the widgets: new ones come last.
                io.String.Input(
                    "arrangement", default="", optional=True, extra_dict={"hidden": True},
                    tooltip="Layout `custom` only: where everything is, as JSON (docs/arrangement.md). The editor "
                    "writes it; empty is `published`.",
                ),
                io.Float.Input(
                    "min_alpha", default=0.0, min=0.0, max=1.0, step=0.01, optional=True, advanced=True,
                    tooltip="Subjects are cropped to what is at least so opaque. 0 is FFGo's own recipe: all that is "
                    "not fully transparent. 0.1 crops away the faint dust that background removers leave.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The first frame, RGB: start_image of WanImageToVideo."),
                io.Mask.Output(display_name="masks", tooltip="One mask for each subject, in pixels of the frame."),
                io.String.Output(display_name="layout", tooltip="JSON: where everything is, in pixels of the frame."),
            ],
            hidden=[io.Hidden.unique_id], has_intermediate_output=True,
        )  # fmt: skip

    @classmethod
    def check_lazy_status(cls, **inputs) -> list[str]:
        refuse_unknown_subjects(inputs, f"a frame takes up to {MAX_SUBJECTS} subjects, subject0 to subject7")
        return []

    @classmethod
    def execute(
        cls, background, subjects, preset="custom", width=1280, height=720, layout: CanvasLayout = "published",
        background_fit: BackgroundFit = "keep_aspect", max_upscale=1.0, gap=0, arrangement="", min_alpha=0.0,
    ) -> io.NodeOutput:  # fmt: skip
        width, height = PRESETS.get(preset, (width, height))
        frame = compose(
            background, subjects, width=width, height=height, layout=layout, background_fit=background_fit,
            max_upscale=max_upscale, gap=gap, arrangement=arrangement, min_alpha=min_alpha,
        )  # fmt: skip
        show_on_node(cls, [], frame.warnings)
        return io.NodeOutput(frame.image, frame.masks, frame.plan.to_json(), ui=editor_output(frame, cls))
