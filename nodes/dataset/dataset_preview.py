"""The FFGo Dataset Preview node."""

from comfy_api.latest import io, ui

from ...ffgo.dataset.examples import Dataset
from ...ffgo.dataset.sheet import contact_sheet
from .._types import DATASET


class DatasetPreview(io.ComfyNode):
    """Shows the examples of a dataset."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGODatasetPreview",
            display_name="FFGo Dataset Preview",
            category="FFGo/Dataset",
            description="A contact sheet: the composite, frames and the caption of every example, a page at a time.",
            search_aliases=["contact sheet", "view dataset", "check dataset"],
            inputs=[
                DATASET.Input("dataset", tooltip="The examples."),
                io.Int.Input("page", default=1, min=1, max=9999, optional=True, tooltip="Which page, from 1."),
                io.Int.Input("per_page", default=8, min=1, max=64, optional=True, tooltip="Examples on a page."),
            ],
            outputs=[
                io.Image.Output(display_name="sheet", tooltip="The page as a picture, 1280 px wide."),
                io.Int.Output(display_name="pages", tooltip="How many pages there are."),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, dataset: Dataset, page=1, per_page=8) -> io.NodeOutput:
        sheet, pages = contact_sheet(dataset.examples, page, per_page)
        return io.NodeOutput(sheet, pages, ui=ui.PreviewImage(sheet, cls=cls))
