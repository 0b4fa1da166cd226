"""The FFGo Entities of Frame node."""

from comfy_api.latest import io

from ...ffgo.cast.of_frame import entities_of
from ...ffgo.cast.report import describe_entities
from ...ffgo.errors import FFGOError
from ...ffgo.frame.layout import MAX_SUBJECTS
from ...ffgo.pixels import require_image
from .._host import show_on_node
from .._types import ENTITIES
from ._cast import pictures_of, the_cast

SUBJECTS = io.Autogrow.TemplatePrefix(io.Image.Input("subject", optional=True), "subject", min=1, max=MAX_SUBJECTS)


class EntitiesOfFrame(io.ComfyNode):
    """Says who is where in a frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOEntitiesOfFrame", display_name="FFGo Entities of Frame", category="FFGo/Cast",
            description="Who is where in a frame, exactly: from the image, masks and layout of FFGo Compose Canvas. Of "
            "any other picture: by masks, one for each, such as those of SAM2 or SAM3. No model is needed.",
            search_aliases=["entity memory", "who is in the frame", "subjects", "segments", "cast"],
            inputs=[
                io.Image.Input("image", tooltip="The frame: one picture."),
                io.Mask.Input(
                    "masks", optional=True,
                    tooltip="One mask for each entity, of this very image. A single one is taken apart into what "
                    "hangs together.",
                ),
                io.String.Input(
                    "layout", optional=True, force_input=True,
                    tooltip="The output of the same name of FFGo Compose Canvas: exact boxes and fingerprints.",
                ),
                io.Autogrow.Input(
                    "subjects", template=SUBJECTS,
                    tooltip="The cut-outs, as they went into the canvas: whole, also where one hides another. "
                    "Without them, what the frame shows is taken.",
                ),
                io.String.Input(
                    "names", default="", multiline=True, optional=True,
                    tooltip="A name a line, in the order of the subjects. An empty line keeps the name that is known: "
                    "that of the cast, if the picture is in it.",
                ),
            ],
            outputs=[
                ENTITIES.Output(display_name="entities", tooltip="For FFGo Persistence."),
                io.String.Output(display_name="report", tooltip="Everybody in a line."),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def execute(cls, image, masks=None, layout="", subjects=None, names="") -> io.NodeOutput:
        require_image(image, "image")
        if len(image) != 1:
            raise FFGOError(f"image holds {len(image)} pictures; the frame is one. Pick it with Image From Batch.")
        given = names.split("\n") if names.strip() else []
        found = entities_of(image[0].float().cpu(), masks, layout or "", pictures_of(subjects), given)
        entities = tuple(
            _recognised(one, line) for one, line in zip(found.entities, [*given, *[""] * MAX_SUBJECTS], strict=False)
        )
        lines = describe_entities(entities)
        show_on_node(cls, lines, found.warnings)
        return io.NodeOutput(entities, "\n".join([*found.warnings, *lines]))


def _recognised(entity, line: str):
    """By the name that it has in the cast, unless the user gave one."""
    known = the_cast().known(entity.fingerprint)
    if known is None:
        return entity
    member = known[1]
    return entity.called(line.strip() or member.name, member.noun, member.id)
