"""The Trim Compression Frames node."""

from comfy_api.latest import io

from ...ffgo.clip.trim import COMPOSED_FRAMES, MODES, Mode, trim_clip
from .._host import show_warnings

MOST_FRAMES = 4096


class TrimCompressionFrames(io.ComfyNode):
    """Drops the frames at the start of a clip that still show the composed first frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOTrimCompressionFrames",
            display_name="Trim Compression Frames",
            category="FFGo/Clip",
            description="Drops the first frames of a clip, which still show the composed first frame: four of them, "
            "or as many as a slow transition takes. Sound is cut in step.",
            search_aliases=["ffgo trim", "drop first frames", "cut transition", "skip frames"],
            hidden=[io.Hidden.unique_id],
            inputs=[
                io.Image.Input("images", tooltip="The clip, as VAE Decode gives it."),
                io.Int.Input(
                    "frames",
                    default=COMPOSED_FRAMES,
                    min=0,
                    max=MOST_FRAMES,
                    optional=True,
                    tooltip="fixed: how many frames to drop; 4 is FFGo's number. auto: the least, never below 4.",
                ),
                io.Combo.Input(
                    "mode",
                    options=list(MODES),
                    default="fixed",
                    optional=True,
                    tooltip="fixed: drop `frames`. auto: find where the transition from the composed frame ends.",
                ),
                io.Int.Input(
                    "max_frames",
                    default=24,
                    min=COMPOSED_FRAMES,
                    max=MOST_FRAMES,
                    optional=True,
                    tooltip="auto only: the most frames to drop.",
                ),
                io.Audio.Input("audio", optional=True, tooltip="Sound of the whole clip; its start is cut in step."),
                io.Float.Input(
                    "fps",
                    default=16.0,
                    min=0.01,
                    max=1000.0,
                    step=0.01,
                    optional=True,
                    tooltip="Frames per second of the clip, to cut the sound by the same time. Wan2.2 A14B makes 16.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The frames that are kept."),
                io.Audio.Output(display_name="audio", tooltip="The sound that belongs to them."),
                io.Int.Output(display_name="trimmed", tooltip="How many frames were dropped."),
            ],
        )

    @classmethod
    def execute(
        cls, images, frames: int = COMPOSED_FRAMES, mode: Mode = "fixed", max_frames: int = 24, audio=None, fps=16.0
    ) -> io.NodeOutput:  # fmt: skip
        clip = trim_clip(images, frames=frames, mode=mode, max_frames=max_frames, audio=audio, fps=fps)
        show_warnings(cls, clip.warnings)
        return io.NodeOutput(clip.images, clip.audio, clip.trimmed, ui={"text": [clip.summary, *clip.warnings]})
