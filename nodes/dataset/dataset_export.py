"""The FFGo Dataset Export node."""

from comfy_api.latest import io

from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.dataset.examples import Dataset
from ...ffgo.dataset.export import FORMATS, Format, export_dataset
from ...ffgo.dataset.sizing import PAPER_FRAMES, Sizing
from .._host import show_on_node
from .._types import DATASET
from ._folders import free_folder, shown_progress
from ._sizing import sizing_inputs


class DatasetExport(io.ComfyNode):
    """Writes a dataset for another trainer."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGODatasetExport",
            display_name="FFGo Dataset Export",
            category="FFGo/Dataset",
            description="Writes the dataset for a trainer: the official one, musubi-tuner, diffusion-pipe, ai-toolkit "
            "or DiffSynth. Trainers that know no composite get it as the clip's first 4 frames.",
            search_aliases=["save dataset", "musubi", "diffusion-pipe", "ai-toolkit", "diffsynth"],
            inputs=[
                DATASET.Input("dataset", tooltip="The examples."),
                io.Combo.Input("format", options=list(FORMATS), default="official", tooltip="The trainer it is for."),
                io.String.Input(
                    "name",
                    default="my_dataset",
                    optional=True,
                    tooltip="Folder below output/dataset_exports. If it exists, a number is put behind the name.",
                ),
                *sizing_inputs(),
            ],
            outputs=[io.String.Output(display_name="path", tooltip="The folder that was written.")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        dataset: Dataset,
        format: Format,
        name="my_dataset",
        width=DEFAULT.size[0],
        height=DEFAULT.size[1],
        frames=PAPER_FRAMES,
        shortest=0,
    ) -> io.NodeOutput:
        folder = free_folder(name, "dataset_exports")
        sizing = Sizing(width, height, frames, shortest)
        notes = export_dataset(dataset.examples, folder, format, sizing, progress=shown_progress())
        lines = [f"{len(dataset.examples)} examples are in {folder}.", *notes]
        show_on_node(cls, lines)
        return io.NodeOutput(str(folder), ui={"text": lines})
