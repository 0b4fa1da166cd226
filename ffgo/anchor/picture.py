"""The first frame, or a background for one, drawn by Gemini from a text."""

from collections.abc import Sequence

from torch import Tensor

from ..bases.catalogue import DEFAULT
from ..errors import FFGOError
from ..gemini.ask import Desk, ask_all
from ..gemini.asking import Asking, bill, model_id
from ..gemini.models import ONE_SIZE_MODELS, nearest_aspect_ratio
from ..gemini.request import Request, SentPicture
from ..pixels import opened_picture, single_picture
from .fit import Fitted, fitted
from .instruction import picture_instruction


def draw(
    prompt: str, pictures: Sequence[Tensor], asking: Asking, desk: Desk, *, width: int, height: int, fit: str
) -> Fitted:
    """Ask for a picture of this size in pixels. pictures: (1, H, W, 3 or 4) each, subjects that are to be in it.

    Another size of the same aspect ratio is the same question, so it costs nothing again.
    Raises: FFGOError for bad input; AnswerError, NoAccessError and CancelledError as `ask_all`.
    """
    DEFAULT.check_size(width, height)
    ratio = nearest_aspect_ratio(width, height)
    question = picture_instruction(prompt, ratio, bool(pictures), asking.template)
    media = tuple(SentPicture(single_picture(picture, "a picture")) for picture in pictures)
    model = model_id(asking.model)
    resolution = "" if model in ONE_SIZE_MODELS else asking.resolution
    request = Request("draw", "the picture", model, question, media, "picture", ratio, resolution, asking.seed)
    (answer,) = ask_all([request], desk)
    result = fitted(opened_picture(answer.data), width, height, fit, "The picture that Gemini drew")
    return Fitted(result.image, [*result.report, *bill([request], [answer], desk)], [*desk.warnings, *result.warnings])


def draw_offline() -> Fitted:
    """There is no honest picture without a model. Raises: FFGOError, always."""
    raise FFGOError(
        "A picture is drawn by Gemini only. Without a key, draw the first frame with a local model (FFGo factorized "
        "video (local)), or give your own with Load Image: in FFGo factorized video, switch on Own anchor?."
    )
