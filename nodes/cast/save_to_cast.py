"""The FFGo Save to Cast node."""

import folder_paths
from comfy_api.latest import io

from ...ffgo.cast.entity import one_cutout
from ...ffgo.cast.member import Concept
from ...ffgo.cast.search import by_picture
from ...ffgo.cast.shelf import WHEN_KNOWN, About, WhenKnown, labelled
from .._host import show_on_node
from .._types import ENTITIES
from ._cast import cutouts, embedder_of, entity_of, the_cast

NONE = "none"


def _lora(expert: str) -> io.Combo.Input:
    return io.Combo.Input(
        f"lora_{expert}", options=[NONE, *folder_paths.get_filename_list("loras")], default=NONE, optional=True,
        advanced=True, tooltip=f"A LoRA that was trained on it, for the {expert}-noise expert: its name goes along.",
    )  # fmt: skip


class SaveToCast(io.ComfyNode):
    """Keeps a cut-out for later."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOSaveToCast", display_name="FFGo Save to Cast", category="FFGo/Cast",
            description="Keeps a cut-out with its name, as plain files in the folder input/ffgo_cast. Nothing is ever "
            "overwritten; a picture that is there already, also smaller or mirrored, is found without a model.",
            search_aliases=["save character", "character library", "entity memory", "save subject", "cast"],
            inputs=[
                io.Image.Input("image", tooltip="One cut-out with transparency; or a picture, with its mask below."),
                io.String.Input("name", default="", tooltip="What you choose it by, such as `Red robot`."),
                io.String.Input(
                    "noun", default="", optional=True,
                    tooltip="What a prompt calls it, such as `the red robot`. Empty: its name.",
                ),
                io.String.Input(
                    "description", default="", multiline=True, optional=True, tooltip="How it looks, for prompts.",
                ),
                io.String.Input("tags", default="", optional=True, tooltip="Words to find it by, with commas between."),
                io.Combo.Input(
                    "when_known", options=list(WHEN_KNOWN), default="note", optional=True,
                    tooltip="If the name is taken or somebody looks the same. `note`: nothing is saved, and it is "
                    "said. `add picture`: one more picture of who is known. `keep apart`: it is somebody else.",
                ),
                _lora("high"), _lora("low"),
                io.Mask.Input("mask", optional=True, tooltip="Where it is: 1. For a picture without transparency."),
                io.ClipVision.Input(
                    "clip_vision", optional=True,
                    tooltip="A vision model (Load CLIP Vision): it says whom the new one looks like.",
                ),
            ],
            outputs=[
                ENTITIES.Output(display_name="entity", tooltip="The member of the cast."),
                io.String.Output(display_name="path", tooltip="Its folder."),
                io.Combo.Output(display_name="member", tooltip="Its name, for `cast` of FFGo Load from Cast."),
            ],
            hidden=[io.Hidden.unique_id], is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls, image, name, noun="", description="", tags="", when_known: WhenKnown = "note", lora_high=NONE,
        lora_low=NONE, mask=None, clip_vision=None,
    ) -> io.NodeOutput:  # fmt: skip
        picture, cast = one_cutout(cutouts(image, mask, "image"), "image"), the_cast()
        high, low = ("" if lora == NONE else lora for lora in (lora_high, lora_low))
        listed = tuple(tag.strip() for tag in tags.split(",") if tag.strip())
        near = _near(picture, clip_vision)
        saved = cast.save(
            picture, About(name, noun.strip(), description.strip(), listed, lora=Concept(high, low)), when_known
        )
        lines = [saved.note, *near]
        show_on_node(cls, lines if saved.what != "not saved" else near, [saved.note] * (saved.what == "not saved"))
        label = labelled(cast.members())[saved.slug]
        path = str(cast.folder / saved.slug)
        return io.NodeOutput((entity_of(saved.member, picture),), path, label, ui={"text": lines})


def _near(picture, clip_vision) -> list[str]:
    """Whom a vision model finds most alike: a note, and never more."""
    embedder, model = embedder_of(clip_vision)
    if embedder is None or not the_cast().members():
        return []
    best = by_picture(the_cast(), picture, 1, embedder, model)
    return [f"The vision model finds {one.member.name} most alike (cosine {one.score:.2f})." for one in best]
