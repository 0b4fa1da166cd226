"""The FFGo Dataset Example node."""

from comfy_api.latest import io

from ...ffgo.dataset.build import add_example, pictures_of
from ...ffgo.dataset.examples import Dataset
from .._host import show_on_node
from .._types import DATASET
from ._folders import clip_writer, dataset_folder, stop_if_cancelled


class DatasetExample(io.ComfyNode):
    """Puts one training example into a dataset's folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGODatasetExample",
            display_name="FFGo Dataset Example",
            category="FFGo/Dataset",
            description="Makes a training example of a clip, its composed first frame and a caption, and writes it "
            "into output/datasets/<name> in the official format. Chain several through `dataset`.",
            search_aliases=["training example", "build dataset", "collect clips", "ffgo dataset"],
            inputs=[
                io.MultiType.Input(
                    "frames",
                    [io.Image, io.Video],
                    tooltip="The clip as the model shall make it: an IMAGE batch or a VIDEO, at least 21 or 81 frames, "
                    "at 12 to 32 a second. Its first 4 frames are replaced by the composite in training.",
                ),
                io.Image.Input(
                    "composite",
                    tooltip="The composed first frame of this clip: one picture, from FFGo Compose Canvas, of the "
                    "clip's aspect. Experimental: the canvases of FFGo Compose Memory.",
                ),
                io.String.Input(
                    "caption",
                    multiline=True,
                    default="",
                    tooltip="What happens in the clip, 75 to 150 words. The transition phrase is put before it if it "
                    "is not there.",
                ),
                io.String.Input(
                    "name",
                    default="my_dataset",
                    optional=True,
                    tooltip="Folder below output/datasets. The same pictures again replace the caption, nothing else.",
                ),
                io.Float.Input(
                    "fps",
                    default=16.0,
                    min=1.0,
                    max=120.0,
                    step=0.01,
                    optional=True,
                    tooltip="Frames per second of an IMAGE batch. A VIDEO has its own, this is not used for it.",
                ),
                DATASET.Input("dataset", optional=True, tooltip="Examples collected before; this one comes last."),
            ],
            outputs=[DATASET.Output(display_name="dataset", tooltip="The examples that came in, and this one.")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls, frames, composite, caption, name="my_dataset", fps=16.0, dataset: Dataset | None = None
    ) -> io.NodeOutput:
        folder = dataset_folder(name)
        example = add_example(
            folder, clip_writer(frames, fps), pictures_of(composite), caption, waiting=stop_if_cancelled
        )
        before = dataset.examples if dataset else ()
        collected = Dataset((*before, example), dataset.notes if dataset else ())
        summary = f"{example.name} is in {folder}; {len(collected.examples)} example(s) collected."
        show_on_node(cls, [summary])
        return io.NodeOutput(collected, ui={"text": [summary]})
