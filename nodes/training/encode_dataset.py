"""The FFGo Encode Dataset node."""

from comfy_api.latest import io

from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.dataset.encode import encode_examples
from ...ffgo.dataset.encoders import host_encoders
from ...ffgo.dataset.examples import Dataset
from ...ffgo.dataset.sizing import PAPER_FRAMES, Sizing
from ...ffgo.host.loading import check_expert, latent_format
from .._host import show_on_node
from .._types import DATASET, ENCODED_DATASET
from ..dataset._folders import dataset_folder, shown_progress
from ..dataset._sizing import sizing_inputs


class EncodeDataset(io.ComfyNode):
    """Encodes a dataset for training, once."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOEncodeDataset",
            display_name="FFGo Encode Dataset",
            category="FFGo/Training",
            description="Encodes clips, composites and captions for training and keeps them in "
            "output/encoded_datasets. Cancelled, it goes on where it was; a second run encodes nothing.",
            search_aliases=["cache latents", "cache text encoder", "prepare training", "ffgo training"],
            inputs=[
                DATASET.Input("dataset", tooltip="The examples."),
                io.Vae.Input("vae", tooltip="The Wan 2.1 VAE, which Wan2.2 A14B uses."),
                io.Clip.Input("clip", tooltip="The umT5-XXL text encoder."),
                io.String.Input(
                    "name",
                    default="my_dataset",
                    optional=True,
                    tooltip="Folder below output/encoded_datasets. It can be deleted at any time; it is only work.",
                ),
                *sizing_inputs(),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="Only for another base than Wan2.2 A14B: the model that will be trained. VAE and clip are "
                    "then its own.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="For Wan2.1 I2V (CLIP ViT-H) and Hunyuan Video 1.5 (SigLIP), which see the first frame so.",
                ),
            ],
            outputs=[
                ENCODED_DATASET.Output(display_name="encoded", tooltip="The encoded examples, for the trainer."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        dataset: Dataset,
        vae,
        clip,
        name="my_dataset",
        width=DEFAULT.size[0],
        height=DEFAULT.size[1],
        frames=PAPER_FRAMES,
        shortest=0,
        model=None,
        clip_vision=None,
    ) -> io.NodeOutput:
        folder = dataset_folder(name, "encoded_datasets")
        base = DEFAULT if model is None else check_expert(model).base
        encoders = host_encoders(vae, clip, latent_format(base), base, clip_vision)
        sizing = Sizing(width, height, frames, shortest, base)
        encoded = encode_examples(dataset.examples, encoders, folder, sizing, progress=shown_progress())
        lines = [
            f"{len(encoded)} examples are in {folder}, for {base.title}; {encoded.encoded} clips and captions were "
            "encoded now."
        ]
        show_on_node(cls, lines, encoded.notes)
        return io.NodeOutput(encoded, ui={"text": [*lines, *encoded.notes]})
