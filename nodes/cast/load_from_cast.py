"""The FFGo Load from Cast node."""

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ...ffgo.cast.member import FILE, MOST_PICTURES, Member
from ...ffgo.cast.portable import SUFFIX, import_member
from ...ffgo.errors import FFGOError
from ...ffgo.names import plain_name
from .._host import show_on_node
from .._types import ENTITIES
from ._cast import as_image, entity_of, the_cast


def _choices() -> list[str]:
    """Who is there, and who came as a file that was put beside them."""
    cast = the_cast()
    return [*cast.labels(), *sorted(path.name for path in cast.folder.glob(f"*{SUFFIX}"))]


class LoadFromCast(io.ComfyNode):
    """Takes somebody out of the cast."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOLoadFromCast", display_name="FFGo Load from Cast", category="FFGo/Cast",
            description="Takes somebody out of the cast: the cut-out as it was saved, to the bit, and the words that "
            "go with it. A .ffgocast file in input/ffgo_cast is looked at, and taken in.",
            search_aliases=["load character", "character library", "entity memory", "cast"],
            inputs=[
                io.Combo.Input("cast", options=_choices(), tooltip="Who. Press R on the page to read the folder anew."),
                io.Int.Input(
                    "picture", default=1, min=1, max=MOST_PICTURES, optional=True, tooltip="Which of its pictures.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="RGBA: a subject of FFGo Compose Canvas."),
                io.Mask.Output(display_name="mask", tooltip="Its alpha: 1 = it."),
                io.String.Output(display_name="noun", tooltip="What a prompt calls it."),
                io.String.Output(display_name="description", tooltip="How it looks."),
                ENTITIES.Output(display_name="entity", tooltip="For FFGo Persistence."),
                io.Combo.Output(display_name="lora_high", tooltip="Its LoRA for the high-noise expert, if it has one."),
                io.Combo.Output(display_name="lora_low", tooltip="Its LoRA for the low-noise expert, if it has one."),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, cast: object) -> bool | str:  # None where it is linked, and anything from the API
        try:
            return cast is None or str(cast).endswith(SUFFIX) or bool(the_cast().find(str(cast)))
        except FFGOError as error:
            return str(error)

    @classmethod
    def fingerprint_inputs(cls, cast: str | None, picture: int = 1) -> object:
        try:
            slug, _ = the_cast().find(str(cast))
            return [(path.name, path.stat().st_mtime_ns) for path in sorted((the_cast().folder / slug).glob("*.*"))
                    if path.name == FILE or path.suffix == ".png"]  # fmt: skip
        except (FFGOError, OSError):
            return str(cast)

    @classmethod
    def execute(cls, cast: str, picture: int = 1) -> io.NodeOutput:
        shelf = the_cast()
        if cast.endswith(SUFFIX):
            cast = import_member(shelf, shelf.folder / plain_name(cast, "cast")).slug
        slug, member = shelf.find(cast)
        pixels = shelf.picture(slug, member, picture)
        image = as_image(pixels)
        show_on_node(cls, [_said(member)])
        noun = member.noun or member.name
        return io.NodeOutput(
            image, image[..., 3], noun, member.description, (entity_of(member, pixels),),
            _lora(member, member.lora.high, "high"), _lora(member, member.lora.low, "low"),
        )  # fmt: skip


def _lora(member: Member, name: str, expert: str) -> object:
    return name or ExecutionBlocker(f"{member.name} has no LoRA for the {expert}-noise expert in the cast.")


def _said(member: Member) -> str:
    concept = f", with its LoRAs {member.lora.high or 'none'} and {member.lora.low or 'none'}" if member.lora else ""
    return f"{member.name}: {len(member.pictures)} pictures{concept}"
