"""The FFGo Compare Clips node."""

import torch
from comfy_api.latest import io, ui

from ...ffgo.evaluation.compared import compare_scores
from ...ffgo.pixels import to_float
from .._host import show_on_node
from .._types import SCORES


class CompareClips(io.ComfyNode):
    """Shows the scores of two clips side by side."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOCompareClips",
            display_name="FFGo Compare Clips",
            category="FFGo/Evaluation",
            description="The scores of two clips side by side, with their difference; the better one is marked. For "
            "methods, not clips, compare many cases: python -m ffgo.evaluation.",
            search_aliases=["compare videos", "compare loras", "a/b", "metrics"],
            inputs=[
                SCORES.Input("a", tooltip="Of one clip, from FFGo Evaluate Clip."),
                SCORES.Input("b", tooltip="Of the other one; best of the same seed."),
            ],
            outputs=[
                io.Image.Output(display_name="table", tooltip="The table as a picture."),
                io.String.Output(display_name="text", tooltip="The same in lines."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, a, b) -> io.NodeOutput:
        lines, picture = compare_scores(a, b)
        table = torch.from_numpy(to_float(picture))[None]
        show_on_node(cls, lines)
        shown = ui.PreviewImage(table, cls=cls).as_dict()
        shown["text"] = lines
        return io.NodeOutput(table, "\n".join(lines), ui=shown)
