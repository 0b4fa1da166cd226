"""The Trim Compression Frames node."""

from comfy_api.latest import io, ui

from ...ffgo.bases.catalogue import COMPOSED_FRAMES
from ...ffgo.bases.memory import MOST_MEMORY
from ...ffgo.clip.transition import MAX_FRAMES
from ...ffgo.clip.trim import MODES, Mode, trim_clip
from ...ffgo.clip.trim_strip import draw_cut
from .._host import show_on_node


class TrimCompressionFrames(io.ComfyNode):
    """Drops the frames at the start of a clip that show the composed first frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOTrimCompressionFrames", display_name="Trim Compression Frames", category="FFGo/Clip",
            description="Drops the frames at the start of a clip that still show the composed first frame: the first "
            "four, as the FFGo paper does, or as many as the transition really takes.",
            search_aliases=["drop first frames", "remove transition", "trim start", "ffgo trim"],
            inputs=[
                io.Image.Input("images", tooltip="The clip: the frames from VAE Decode."),
                io.Int.Input(
                    "frames", default=COMPOSED_FRAMES, min=0, max=4096, optional=True,
                    tooltip="Mode `fixed`: how many frames to drop. Mode `auto`: the least to drop; never fewer than "
                    f"{COMPOSED_FRAMES}.",
                ),
                io.Combo.Input(
                    "mode", options=list(MODES), default="fixed", optional=True,
                    tooltip="`fixed` drops the number above. `auto` looks where the composed first frame is gone, "
                    "also after a slow dissolve; in doubt it drops the least.",
                ),
                io.Int.Input(
                    "max_frames", default=MAX_FRAMES, min=COMPOSED_FRAMES, max=4096, optional=True,
                    tooltip="Mode `auto`: the most frames to drop.",
                ),
                io.Audio.Input(
                    "audio", optional=True, tooltip="Sound of the clip; the same time is cut off its start."
                ),
                io.Float.Input(
                    "fps", default=16.0, min=0.01, max=1000.0, step=0.01, optional=True,
                    tooltip="Frames per second of the clip, to cut the audio in step. Wan2.2 makes 16.",
                ),
                # Values in users' files go by the order of the widgets: new ones come last.
                io.Int.Input(
                    "memory", default=1, min=1, max=MOST_MEMORY, optional=True,
                    tooltip="How many composed canvases the clip begins with (FFGo Memory Frames says it): 4 frames "
                    "more are dropped for each after the first.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The clip without its first frames."),
                io.Audio.Output(display_name="audio", tooltip="The audio in step with the clip; nothing if none came."),
                io.Int.Output(display_name="trimmed", tooltip="How many frames were dropped."),
            ],
            hidden=[io.Hidden.unique_id], has_intermediate_output=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls, images, frames=COMPOSED_FRAMES, mode: Mode = "fixed", max_frames=MAX_FRAMES, audio=None, fps=16.0, memory=1
    ) -> io.NodeOutput:
        clip = trim_clip(images, frames=frames, mode=mode, max_frames=max_frames, audio=audio, fps=fps, memory=memory)
        show_on_node(cls, [clip.summary], clip.warnings)
        shown = ui.PreviewImage(draw_cut(images, clip.trimmed), cls=cls).as_dict()
        shown["text"] = [clip.summary, *clip.warnings]
        return io.NodeOutput(clip.images, clip.audio, clip.trimmed, ui=shown)
