"""The FFGo Compose Memory node."""

from comfy_api.latest import io, ui

from ...ffgo.bases.memory import MOST_MEMORY
from ...ffgo.frame.compose import BackgroundFit
from ...ffgo.frame.geometry import PRESETS
from ...ffgo.frame.layout import LAYOUTS, LayoutName
from ...ffgo.frame.memory import MOST_SUBJECTS, SPREADS, Look, Spread, spread_subjects
from .._host import show_on_node
from ._canvas import max_upscale, refuse_unknown_subjects, side

SUBJECTS = io.Autogrow.TemplatePrefix(io.Image.Input("subject", optional=True), "subject", min=1, max=MOST_SUBJECTS)


class ComposeMemory(io.ComfyNode):
    """Spreads many subjects over the canvases of a larger memory."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOComposeMemory", display_name="FFGo Compose Memory", category="FFGo/Frame",
            description="Experimental: more than four subjects. Spreads 1 to 16 subjects over as many canvases as they "
            "need, so that each keeps its pixels. Memory Frames makes the start of a video of them.",
            search_aliases=["many subjects", "more subjects", "memory", "several start frames", "ffgo memory"],
            is_experimental=True,
            inputs=[
                io.Image.Input("background", tooltip="The scene of the video: one picture, without the subjects."),
                io.Autogrow.Input(
                    "subjects", template=SUBJECTS,
                    tooltip="What shall appear in the video: RGBA cut-outs (Load Subject gives them), up to 16. A "
                    "batch counts as several subjects.",
                ),
                io.Int.Input(
                    "memory", default=0, min=0, max=MOST_MEMORY, optional=True,
                    tooltip="How many canvases; each costs four frames of the clip. 0: as many as are needed, one for "
                    "up to four subjects. 1: what FFGo Compose Canvas makes, to the pixel.",
                ),
                io.Combo.Input(
                    "spread", options=list(SPREADS), default="scene_first", optional=True,
                    tooltip="Two canvases and more: `scene_first` shows the scene alone on the first one, and subjects "
                    "all over the others. `halves`: each has its subjects at the left and the scene at the right.",
                ),
                io.Combo.Input(
                    "preset", options=["custom", *PRESETS], default="custom", optional=True,
                    tooltip="Size of the canvases in pixels. `custom` takes width and height below.",
                ),
                side("width", 1280, "the canvases"), side("height", 720, "the canvases"),
                io.Combo.Input(
                    "layout", options=list(LAYOUTS), default="packed", optional=True,
                    tooltip="`packed`: the smallest subject is as large as can be. `published`: cropped subjects in "
                    "rows, as FFGo's training data has them. `script`: uncropped in rows.",
                ),
                io.Combo.Input(
                    "background_fit", options=["keep_aspect", "stretch"], default="keep_aspect", optional=True,
                    tooltip="`keep_aspect` shows the background undistorted. `stretch` gives it the canvas' aspect.",
                ),
                max_upscale(),
                io.Int.Input(
                    "gap", default=0, min=0, max=512, optional=True, advanced=True,
                    tooltip="Layout `packed` only: space between neighbouring subjects, in pixels.",
                ),
                io.Float.Input(
                    "min_alpha", default=0.0, min=0.0, max=1.0, step=0.01, optional=True, advanced=True,
                    tooltip="Subjects are cropped to what is at least so opaque; 0.1 crops away faint dust.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="canvases", tooltip="One picture a canvas: for Memory Frames."),
                io.Mask.Output(display_name="masks", tooltip="One mask for each subject, in pixels of its canvas."),
                io.String.Output(display_name="layout", tooltip="JSON: where everything is, canvas by canvas."),
            ],
            hidden=[io.Hidden.unique_id], has_intermediate_output=True,
        )  # fmt: skip

    @classmethod
    def check_lazy_status(cls, **inputs) -> list[str]:
        refuse_unknown_subjects(inputs, f"a memory takes up to {MOST_SUBJECTS} subjects, from subject0 on")
        return []

    @classmethod
    def execute(
        cls, background, subjects, memory=0, spread: Spread = "scene_first", preset="custom", width=1280, height=720,
        layout: LayoutName = "packed", background_fit: BackgroundFit = "keep_aspect", max_upscale=1.0, gap=0,
        min_alpha=0.0,
    ) -> io.NodeOutput:  # fmt: skip
        width, height = PRESETS.get(preset, (width, height))
        look = Look(
            width=width, height=height, layout=layout, background_fit=background_fit, max_upscale=max_upscale,
            gap=gap, min_alpha=min_alpha,
        )  # fmt: skip
        made = spread_subjects(background, subjects, look, frames=memory, spread=spread)
        show_on_node(cls, made.lines(), made.warnings)
        shown = ui.PreviewImage(made.canvases, cls=cls).as_dict()
        shown |= {"text": [*made.lines(), *made.warnings], "ffgo_pages": made.shown()}
        return io.NodeOutput(made.canvases, made.masks, made.to_json(), ui=shown)
