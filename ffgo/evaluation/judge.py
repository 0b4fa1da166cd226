"""A language model that watches each clip and answers the questions of the paper's user study, for money.

Source of the questions: "First Frame Is the Place to Go for Video Content Customization", section 4.3 and figure 13.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

import numpy as np
from torch import Tensor

from ..errors import FFGOError
from ..gemini.ask import Desk, ask_all
from ..gemini.asking import model_id
from ..gemini.request import Request, SentClip, SentPicture
from ..pixels import to_uint8
from ..plain import is_number, parse_json
from .view import EVERY, ClipView

TASK = "judge"
LEAST, MOST = 1, 5
"""Of each scale."""
QUESTIONS: Mapping[str, str] = MappingProxyType(
    {
        "object_identity": "Do the subjects look as in their pictures: shape, colours, materials, faces, text? A "
        "subject that never appears, or appears as something else, gives 1.",
        "scene_identity": "Is the place the one of the background's picture: layout, things in it, light, style?",
        "video_quality": "How good is the video as a whole: what the prompt asks for happens, motion is natural and "
        "steady, nothing flickers, melts or jumps?",
    }
)
"""The scales of the study, and what each asks."""

PROMPT = "{prompt}"
TEMPLATE = (
    """\
You are given pictures and a short video. The first pictures show subjects, each alone; the last picture shows the \
background. The video was generated: its subjects should be those of the pictures, in that background, doing what \
this prompt says:

{prompt}

Rate the video. Each scale goes from 1 (not at all) to 5 (perfect); use all of it, and whole numbers only.

"""
    + "\n".join(f"- {name}: {question}" for name, question in QUESTIONS.items())
    + """

Judge each by itself: a fine video of the wrong subject has a low object_identity and a high video_quality. Still \
frames are no good video where the prompt asks for motion. Answer with JSON alone, such as
{"object_identity": 3, "scene_identity": 4, "video_quality": 2}"""
)

_OBJECT = re.compile(r"\{[^{}]*\}")
SHOWN = 160
"""Characters of an answer that a message shows."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Who is asked."""

    model: str
    desk: Desk

    @property
    def key(self) -> str:
        """Another judge, or another question, judges anew."""
        return f"{model_id(self.model)} {TEMPLATE}"

    def rate(self, view: ClipView, prompt: str, subjects: Sequence[Tensor], background: Tensor) -> dict[str, int]:
        """The answer to each question, 1 to 5, about the frames of `view.full`. subjects, background: (1, H, W, 3).

        Raises: FFGOError where nothing, or something else, came back; NoAccessError where there is no key.
        """
        media = _media(view, subjects, background)
        request = Request(TASK, "the judge", model_id(self.model), TEMPLATE.replace(PROMPT, prompt), media, "text")
        (answer,) = ask_all([request], self.desk)
        return read_rating(answer.data.decode())


def _media(view: ClipView, subjects: Sequence[Tensor], background: Tensor) -> tuple[SentPicture | SentClip, ...]:
    pictures = [SentPicture(_pixels(picture)) for picture in (*subjects, background)]
    seen = view.fps / EVERY
    return (*pictures, SentClip(to_uint8(view.full), seen, min(24.0, seen)))


def _pixels(picture: Tensor) -> np.ndarray:
    return to_uint8(picture[0, ..., :3])


def read_rating(answer: str) -> dict[str, int]:
    """The numbers in an answer, whatever stands around them; the last object counts, for models think aloud.

    >>> read_rating('Hm. {"object_identity": 4, "scene_identity": 5, "video_quality": 2}')
    {'object_identity': 4, 'scene_identity': 5, 'video_quality': 2}

    Raises: FFGOError for an answer without them: a number that is not there is not guessed.
    """
    found = _OBJECT.findall(answer)
    if not found:
        _refuse(answer, "has no JSON object in it")
    try:
        content = parse_json(found[-1])
    except ValueError as error:
        _refuse(answer, str(error))
    if missing := [name for name in QUESTIONS if name not in content]:
        _refuse(answer, f"lacks {', '.join(missing)}")
    for name in QUESTIONS:
        number = content[name]
        if not is_number(number) or int(number) != number or not LEAST <= number <= MOST:
            _refuse(answer, f"has no whole number from {LEAST} to {MOST} as {name}")
    return {name: int(content[name]) for name in QUESTIONS}


def _refuse(answer: str, why: str) -> NoReturn:
    raise FFGOError(f"The judge's answer {why}: {answer.strip()[:SHOWN]!r}. Another model may keep to the form.")
