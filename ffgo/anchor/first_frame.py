"""A prompt divided into the first frame and the motion: by Gemini, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ..gemini.ask import Desk, ask_all
from ..gemini.asking import Asking, bill, model_id
from ..gemini.request import Request, SentPicture
from ..pixels import single_picture
from .instruction import instruction, own_prompt
from .scene import change_warning, read_scene


@dataclass(frozen=True, slots=True)
class Division:
    """A prompt for a video in two."""

    caption: str
    """What is seen in its first frame."""
    motion: str
    """What changes after it."""
    report: list[str]
    warnings: list[str] = field(default_factory=list)


def first_frame(
    prompt: str, pictures: Sequence[Tensor], asking: Asking, desk: Desk, *, style: str, content: str, ratio: str
) -> Division:
    """Ask for caption and motion, both in one question. pictures: (1, H, W, 3 or 4) each, what the prompt speaks of.

    Raises: FFGOError as `instruction` and `read_scene`; AnswerError, NoAccessError and CancelledError as `ask_all`.
    """
    question = instruction(prompt, style, content, ratio, asking.template)
    media = tuple(SentPicture(single_picture(picture, "a picture")) for picture in pictures)
    request = Request(
        "first frame", "the first frame", model_id(asking.model), question, media, "text", seed=asking.seed
    )
    (answer,) = ask_all([request], desk)
    scene = read_scene(answer.data.decode())
    warnings = [*desk.warnings, *scene.warnings, *change_warning(scene.caption)]
    return Division(scene.caption, scene.motion or own_prompt(prompt), bill([request], [answer], desk), warnings)


def first_frame_offline(prompt: str) -> Division:
    """The prompt as both, which is what skipping the reasoning means. Raises: FFGOError if it is empty."""
    own = own_prompt(prompt)
    note = (
        "Gemini was not asked: your prompt is the caption of the first frame and the motion. The picture may show what "
        "the video shall only come to; First Frame Instruction with Generate Text divides it with a local model."
    )
    return Division(own, own, [], [note])
