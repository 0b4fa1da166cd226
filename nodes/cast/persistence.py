"""The FFGo Persistence node."""

from comfy_api.latest import io, ui

from ...ffgo.cast.persistence import persistence_of
from ...ffgo.cast.presence import describe
from ...ffgo.cast.presence_graph import draw_presence
from ...ffgo.pixels import require_image
from .._host import show_on_node, step_by_step
from .._types import ENTITIES, PRESENCE, TRACK_DATA
from ._cast import as_image, embedder_of


class Persistence(io.ComfyNode):
    """Says who stays in a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOPersistence", display_name="FFGo Persistence", category="FFGo/Cast",
            description="Is each subject still there? Looks for all of them through the clip, and says who is lost "
            "and when. Without any model it is rough; a vision model or SAM3's tracks say more.",
            search_aliases=["subject lost", "identity", "consistency", "entity memory", "best seed", "cast"],
            inputs=[
                io.Image.Input("images", tooltip="The clip, after Trim Compression Frames."),
                ENTITIES.Input("entities", tooltip="Who should be there: from FFGo Entities of Frame."),
                io.Float.Input(
                    "threshold", default=0.0, min=0.0, max=1.0, step=0.05, optional=True, advanced=True,
                    tooltip="From 0, as where a subject is not, to 1, as in the composed frame: from where on it "
                    "counts as there. 0 takes what is usual.",
                ),
                io.Float.Input(
                    "fps", default=16.0, min=0.01, max=1000.0, step=0.01, optional=True, advanced=True,
                    tooltip="Frames per second, for the times in the report. Wan2.2 makes 16.",
                ),
                TRACK_DATA.Input(
                    "track_data", optional=True,
                    tooltip="Of SAM3 Video Track, on this very clip: who is lost has no mask any more.",
                ),
                io.ClipVision.Input(
                    "clip_vision", optional=True,
                    tooltip="A vision model (Load CLIP Vision) that looks for the subjects: CLIP, SigLIP, DINOv2.",
                ),
            ],
            outputs=[
                PRESENCE.Output(display_name="presence", tooltip="Who is there in which frame."),
                io.Float.Output(display_name="score", tooltip="Share of the looks at which the worst one is there."),
                io.Boolean.Output(display_name="kept", tooltip="Whether nobody is lost."),
                io.String.Output(display_name="report", tooltip="A line for each subject."),
            ],
            hidden=[io.Hidden.unique_id], is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, images, entities, threshold=0.0, fps=16.0, track_data=None, clip_vision=None) -> io.NodeOutput:
        require_image(images, "images")
        embedder, _ = embedder_of(clip_vision)
        step = step_by_step(max(1, len(entities) if embedder is None else len(images)))
        presence, wanted = persistence_of(
            images, entities, fps, threshold, track_data=track_data, embedder=embedder, step=step
        )
        lines = describe(presence)
        show_on_node(cls, lines)
        graph = as_image(draw_presence(presence, [one.picture for one in wanted]))
        shown = ui.PreviewImage(graph, cls=cls).as_dict()
        shown |= {"text": lines, "ffgo_persistence": [*presence.rank]}
        return io.NodeOutput(presence, presence.score, presence.kept, "\n".join(lines), ui=shown)
