"""The FFGo Dataset Folder node."""

from comfy_api.latest import io

from ...ffgo.dataset.examples import open_dataset
from .._host import show_on_node
from .._types import DATASET
from ._folders import find_dataset, shown_progress, state_of


class DatasetFolder(io.ComfyNode):
    """Reads a dataset from a folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGODatasetFolder",
            display_name="FFGo Dataset Folder",
            category="FFGo/Dataset",
            description="Reads training examples: the official FFGo JSON, or a folder of clips with captions (.txt) "
            "and composites (.png) of the same names. Every bad example is named.",
            search_aliases=["load dataset", "training folder", "train_data.json", "ffgo dataset"],
            inputs=[
                io.String.Input(
                    "folder",
                    default="my_dataset",
                    tooltip="Folder, or JSON file, below output/datasets, output, input or the host's datasets folder.",
                ),
                io.Boolean.Input(
                    "add_phrase",
                    default=False,
                    optional=True,
                    tooltip="Put the transition phrase before captions that do not begin with it. Off: such captions "
                    "are an error. The files stay as they are.",
                ),
            ],
            outputs=[
                DATASET.Output(display_name="dataset", tooltip="The examples, by their files."),
                io.Int.Output(display_name="count", tooltip="How many examples there are."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, folder, add_phrase=False) -> str:
        return state_of(folder)

    @classmethod
    def execute(cls, folder, add_phrase=False) -> io.NodeOutput:
        dataset = open_dataset(find_dataset(folder), add_phrase=add_phrase, progress=shown_progress())
        lines = [f"{len(dataset.examples)} examples.", *dataset.notes]
        show_on_node(cls, lines)
        return io.NodeOutput(dataset, len(dataset.examples), ui={"text": lines})
