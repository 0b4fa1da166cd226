"""The FFGo Memory Frames node."""

from comfy_api.latest import io

from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.bases.memory import MOST_MEMORY, composed_frames
from ...ffgo.errors import FFGOError
from ...ffgo.frame.start import start_of
from .._host import show_on_node

CANVASES = io.Autogrow.TemplatePrefix(io.Image.Input("canvas", optional=True), "canvas", min=1, max=MOST_MEMORY)


class MemoryFrames(io.ComfyNode):
    """Makes the start frames of a video of several composed canvases."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOMemoryFrames", display_name="FFGo Memory Frames", category="FFGo/Frame",
            description="Experimental: makes the start of a video of 1 to 4 composed canvases, 1 + 4 (canvases - 1) "
            "frames for WanImageToVideo. One canvas goes through as it is.",
            search_aliases=["several start frames", "more subjects", "extended memory", "start image", "ffgo memory"],
            is_experimental=True,
            inputs=[
                io.Autogrow.Input(
                    "canvases", template=CANVASES,
                    tooltip="Composed canvases of one size, from FFGo Compose Canvas or Compose Memory, in the order "
                    "in which the video shows them. Each picture of a batch is one; 4 at most.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="start_image",
                    tooltip="1, 5, 9 or 13 frames: start_image of WanImageToVideo, which then fill whole latents.",
                ),
                io.Int.Output(
                    display_name="memory",
                    tooltip="How many canvases: for `memory` of Trim Compression Frames, which drops 4 frames of each.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def check_lazy_status(cls, **inputs) -> list[str]:
        # The only place that sees a prompt's unknown keys; left alone, they end in a TypeError of `execute`.
        if unknown := [name for name in inputs if name.startswith("canvases.")]:
            raise FFGOError(f"{', '.join(unknown)}: a memory takes up to {MOST_MEMORY} canvases, from canvas0 on.")
        return []

    @classmethod
    def execute(cls, canvases) -> io.NodeOutput:
        start, memory = start_of(canvases)
        drop = composed_frames(DEFAULT, memory)
        show_on_node(cls, [f"{memory} canvas(es) in {len(start)} frame(s); the clip's first {drop} frames show them."])
        return io.NodeOutput(start, memory)
