"""The FFGo Pick Clip node."""

from comfy_api.latest import io

from ...ffgo.cast.best import best_of
from .._host import show_on_node


class PickClip(io.ComfyNode):
    """Lets the best of several clips through."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOPickClip", display_name="FFGo Pick Clip", category="FFGo/Cast",
            description="Lets the clip with the highest score through, of a list of clips, and lists all scores.",
            search_aliases=["best of n", "best seed", "select video", "cast"],
            inputs=[
                io.Image.Input("images", tooltip="A list of clips."),
                io.Float.Input(
                    "scores", default=0.0, min=-1000000.0, max=1000000.0, force_input=True,
                    tooltip="A list of scores, such as those of FFGo Persistence: one for each clip.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The best clip; of equal ones the first."),
                io.Int.Output(display_name="index", tooltip="Its number, from 0."),
            ],
            hidden=[io.Hidden.unique_id], is_input_list=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, images, scores) -> io.NodeOutput:
        index = best_of(scores, len(images))
        show_on_node(cls, [f"clip {n}: {score:.3f}{' (taken)' * (n == index)}" for n, score in enumerate(scores)])
        return io.NodeOutput(images[index], index)
