"""The FFGo Find in Cast node."""

import numpy as np
import torch
from comfy_api.latest import io

from ...ffgo.cast.entity import one_cutout
from ...ffgo.cast.search import by_picture, by_words
from ...ffgo.errors import FFGOError
from ...ffgo.frame.layout import MAX_SUBJECTS
from .._host import show_on_node, step_by_step
from .._types import ENTITIES
from ._cast import as_image, cutouts, embedder_of, entity_of, the_cast


class FindInCast(io.ComfyNode):
    """Looks somebody up in the cast."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOFindInCast", display_name="FFGo Find in Cast", category="FFGo/Cast",
            description="Looks somebody up in the cast, by words or by a picture. Words are looked for in names, tags "
            "and descriptions. A picture is compared by a vision model; without one, by outline and colours.",
            search_aliases=["search character", "find subject", "similar", "entity memory", "cast"],
            inputs=[
                io.String.Input("text", default="", optional=True, tooltip="Words; or nothing, and a picture."),
                io.Int.Input("top", default=1, min=1, max=MAX_SUBJECTS, optional=True, tooltip="How many, best first."),
                io.Image.Input("image", optional=True, tooltip="One cut-out: who looks like it?"),
                io.Mask.Input("mask", optional=True, tooltip="Where it is: 1. For a picture without transparency."),
                io.ClipVision.Input(
                    "clip_vision", optional=True,
                    tooltip="A vision model (Load CLIP Vision). What it sees of each member is kept beside it.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="Their pictures, RGBA, on one size."),
                io.String.Output(display_name="names", tooltip="Their names, a line each."),
                io.String.Output(display_name="scores", tooltip="How well they fit, a line each."),
                ENTITIES.Output(display_name="entities", tooltip="For FFGo Persistence."),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def execute(cls, text="", top=1, image=None, mask=None, clip_vision=None) -> io.NodeOutput:
        cast = the_cast()
        if text.strip() and image is not None:
            raise FFGOError("text and image are both given. Empty text to look by the picture, or disconnect image.")
        if image is None:
            found = by_words(cast, text, top)
        else:
            picture = one_cutout(cutouts(image, mask, "image"), "image")
            step = step_by_step(max(1, len(cast.members())))
            found = by_picture(cast, picture, top, *embedder_of(clip_vision), step=lambda done, _: step(done))
        pictures = [cast.picture(one.slug, one.member, one.number) for one in found]
        names, scores = [one.member.name for one in found], [f"{one.score:.3f}" for one in found]
        show_on_node(cls, [f"{name}: {score}" for name, score in zip(names, scores, strict=True)])
        entities = tuple(entity_of(one.member, picture) for one, picture in zip(found, pictures, strict=True))
        return io.NodeOutput(_one_size(pictures), "\n".join(names), "\n".join(scores), entities)


def _one_size(pictures: list[np.ndarray]) -> torch.Tensor:
    """Pictures in the middle of transparent ones as large as the largest, (N, H, W, 4)."""
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    batch = np.zeros((len(pictures), height, width, 4), np.uint8)
    for room, picture in zip(batch, pictures, strict=True):
        top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
        room[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return torch.cat([as_image(one) for one in batch])
