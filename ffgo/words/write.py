"""Captions and prompts: written by Gemini, or passed on as they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ..errors import FFGOError
from ..gemini.ask import Desk, ask_all
from ..gemini.asking import Asking, bill, model_id
from ..gemini.request import Request, SentClip, SentPicture
from ..pixels import on_white, require_image, single_picture, to_uint8
from .templates import CAPTION, ENHANCE, PROMPT, fill, read_caption


@dataclass(frozen=True, slots=True)
class Words:
    """A caption or a prompt."""

    text: str
    report: list[str]
    warnings: list[str] = field(default_factory=list)


def caption(
    frames: Tensor, pictures: Sequence[Tensor], asking: Asking, desk: Desk, *, fps: float, looks: float
) -> Words:
    """Ask for a caption of a clip. frames (N, H, W, 3); fps of the clip; `looks` frames of each second are looked at.

    pictures: (1, H, W, 3 or 4) each, the components. Raises: as `extract`.
    """
    require_image(frames, "the clip")
    clip = SentClip(to_uint8(on_white(frames)), fps, min(looks, fps, 24.0))
    media = (*(SentPicture(single_picture(picture, "a picture")) for picture in pictures), clip)
    return _written("caption", asking.template or CAPTION, media, asking, desk)


def enhance(prompt: str, pictures: Sequence[Tensor], asking: Asking, desk: Desk) -> Words:
    """Ask for a richer prompt. pictures: (1, H, W, 3 or 4) each, the components. Raises: as `extract`."""
    if not prompt.strip():
        raise FFGOError("The prompt is empty. Write what shall happen in the video.")
    media = tuple(SentPicture(single_picture(picture, "a picture")) for picture in pictures)
    return _written("enhance", fill(asking.template or ENHANCE, PROMPT, prompt.strip()), media, asking, desk)


def caption_offline(draft: str) -> Words:
    """Pass on a caption that somebody else wrote. Raises: FFGOError if there is none."""
    if not draft.strip():
        raise FFGOError(
            "Offline, the caption is what is in draft: type it, or connect the Generate Text node with a local model."
        )
    return Words(draft.strip(), [], ["Gemini was not asked: the caption is the draft."])


def enhance_offline(prompt: str) -> Words:
    """Pass on the prompt as it is. Raises: FFGOError if it is empty."""
    if not prompt.strip():
        raise FFGOError("The prompt is empty. Write what shall happen in the video.")
    note = (
        "Gemini was not asked: the prompt is passed on as it is. The Generate Text node can enhance it with a local "
        "model."
    )
    return Words(prompt.strip(), [], [note])


def _written(task: str, prompt: str, media: tuple[SentPicture | SentClip, ...], asking: Asking, desk: Desk) -> Words:
    request = Request(task, task, model_id(asking.model), prompt, media, "text", seed=asking.seed)
    (answer,) = ask_all([request], desk)
    text = read_caption(answer.data.decode())
    return Words(text, bill([request], [answer], desk), list(desk.warnings))
