"""The FFGo Concept Dataset node."""

from comfy_api.latest import io, ui

from ...ffgo.concept.collect import GivenClip, collect_clip
from ...ffgo.concept.material import ConceptMaterial
from ...ffgo.concept.sheet import concept_sheet
from ...ffgo.concept.words import DEFAULT_HOW, DEFAULT_WHO
from .._host import show_on_node
from .._types import CONCEPT
from ..dataset._folders import clip_writer, dataset_folder, stop_if_cancelled
from ._given import masks_of, plate_of, plates_of


class ConceptDataset(io.ComfyNode):
    """What is known of a concept: a clip of it, where it is, and its words."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOConceptDataset",
            display_name="FFGo Concept Dataset",
            category="FFGo/Concept",
            description="Keeps a clip of a concept in output/datasets/<name>: its frames, where it is in them, its "
            "scene and others, and its words. Chain several for more clips, or for concepts that are learned together.",
            search_aliases=["set and sequence", "learn a person", "learn a motion", "one video lora"],
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
            inputs=[
                io.MultiType.Input(
                    "clip", [io.Image, io.Video],
                    tooltip="A clip that shows the concept, 5 to 10 seconds: an IMAGE batch or a VIDEO.",
                ),
                io.String.Input(
                    "appearance", multiline=True, default="",
                    tooltip="How it looks, and its pose, in detail; [v] where its word goes. What tells of the scene "
                    "goes into braces: {on a bridge}. What is told can be changed by a prompt.",
                ),
                io.String.Input(
                    "motion", multiline=True, default="", tooltip="How it moves; [u] where that word goes.",
                ),
                io.String.Input(
                    "word_v", default=DEFAULT_WHO, optional=True,
                    tooltip="A rare word that calls who it is; not ad23r2, which is FFGo's.",
                ),
                io.String.Input(
                    "word_u", default=DEFAULT_HOW, optional=True, tooltip="Another that calls how it moves.",
                ),
                io.String.Input("name", default="my_concept", optional=True, tooltip="Folder below output/datasets."),
                io.Float.Input(
                    "fps", default=16.0, min=1.0, max=120.0, step=0.01, optional=True,
                    tooltip="Frames per second of an IMAGE batch. A VIDEO has its own.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="Where the concept is, 1, in every frame: from SAM2 or SAM3. Not needed for RGBA frames.",
                ),
                io.Image.Input(
                    "plate", optional=True,
                    tooltip="Its scene without it, from FFGo Gemini Remove. Nothing: what the clip shows of it.",
                ),
                io.Image.Input(
                    "plates", optional=True,
                    tooltip="Pictures of other scenes, at least 8: they free the concept from its own.",
                ),
                CONCEPT.Input("concept", optional=True, tooltip="What was collected before; this clip comes last."),
            ],
            outputs=[
                CONCEPT.Output(display_name="concept", tooltip="All that was collected."),
                io.Image.Output(display_name="preview", tooltip="What each run sees of this clip, a row an example."),
                io.String.Output(display_name="report", tooltip="What is in the folder."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, clip, appearance, motion, word_v=DEFAULT_WHO, word_u=DEFAULT_HOW, name="my_concept", fps=16.0, mask=None,
        plate=None, plates=None, concept: ConceptMaterial | None = None,
    ) -> io.NodeOutput:  # fmt: skip
        given = GivenClip(
            clip_writer(clip, fps), masks_of(clip, mask), plate_of(plate),
            appearance, motion, word_v, word_u,
        )  # fmt: skip
        material = collect_clip(
            dataset_folder(name), given, plates_of(plates), before=concept, waiting=stop_if_cancelled
        )
        sheet = concept_sheet(material)
        lines = [
            f"{len(material.clips)} clip(s) of {len(material.concepts)} concept(s), {len(material.plates)} other "
            f"scene(s); words: {material.words}. Folder: {material.folder}"
        ]
        show_on_node(cls, lines)
        shown = ui.PreviewImage(sheet, cls=cls).as_dict()
        return io.NodeOutput(material, sheet, "\n".join(lines), ui=shown | {"text": lines})
