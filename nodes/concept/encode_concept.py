"""The FFGo Encode Concept node."""

from comfy_api.latest import io

from ...ffgo.bases.catalogue import DEFAULT
from ...ffgo.concept.encode import MOST_STITCH, encode_concept
from ...ffgo.concept.material import ConceptMaterial
from ...ffgo.dataset.encoders import host_encoders
from ...ffgo.dataset.sizing import PUBLISHED_FRAMES, Sizing
from ...ffgo.host.loading import latent_format
from .._host import show_on_node
from .._types import CONCEPT, ENCODED_DATASET
from ..dataset._folders import dataset_folder, shown_progress
from ._size import size_inputs

STITCH = 0.25


class EncodeConcept(io.ComfyNode):
    """Makes the examples of a concept, and encodes them once."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOEncodeConcept",
            display_name="FFGo Encode Concept",
            category="FFGo/Concept",
            description="Makes of a concept's clips a set of stills in many scenes, for who it is, and sequences in "
            "three forms, for how it moves, and encodes both. Cancelled, it goes on where it was.",
            search_aliases=["set and sequence", "cache latents", "prepare training"],
            hidden=[io.Hidden.unique_id],
            inputs=[
                CONCEPT.Input("concept", tooltip="From FFGo Concept Dataset."),
                io.Vae.Input("vae", tooltip="The Wan 2.1 VAE, which Wan2.2 A14B uses."),
                io.Clip.Input("clip", tooltip="The umT5-XXL text encoder."),
                io.String.Input(
                    "name", default="my_concept", optional=True,
                    tooltip="Folder below output/encoded_datasets. It can be deleted at any time; it is only work.",
                ),
                *size_inputs(),
                io.Float.Input(
                    "stitch", default=STITCH, min=0.0, max=MOST_STITCH, step=0.05, optional=True,
                    tooltip="Of several concepts: how often two stand side by side, beside any other example. It "
                    "keeps look-alikes apart; 0 = never.",
                ),
            ],
            outputs=[
                ENCODED_DATASET.Output(display_name="set", tooltip="Stills, for who it is."),
                ENCODED_DATASET.Output(display_name="sequence", tooltip="Parts of the clips, for how it moves."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, concept: ConceptMaterial, vae, clip, name="my_concept", width=DEFAULT.size[0], height=DEFAULT.size[1],
        frames=PUBLISHED_FRAMES, stitch=STITCH,
    ) -> io.NodeOutput:  # fmt: skip
        folder = dataset_folder(name, "encoded_datasets")
        # One concept has nobody to stand beside: that is no news.
        wanted = stitch if len(concept.concepts) > 1 else 0.0
        encoders = host_encoders(vae, clip, latent_format())
        sets = encode_concept(
            concept, encoders, folder, Sizing(width, height, frames), stitch=wanted, progress=shown_progress()
        )
        lines = [f"{len(sets[0])} stills and {len(sets[1])} sequences are in {folder}; words: {concept.words}"]
        notes = [note for one in sets for note in one.notes]
        show_on_node(cls, lines, notes)
        return io.NodeOutput(*sets, ui={"text": [*lines, *notes]})
