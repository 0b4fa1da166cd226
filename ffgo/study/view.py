"""What the page is told: where a participant is, and what to show. No method, no check, no other person."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .answering import StudyAnswer
from .people import StudyParticipant
from .sets import StudySet
from .study_file import MEDIA, Study


def state_of(
    study: Study,
    participant: StudyParticipant | None,
    one: StudySet | None,
    answers: Sequence[StudyAnswer] = (),
    watched: Sequence[int] = (),
) -> dict[str, Any]:
    """For JSON. participant: None where nobody is logged in; one: None where there is no set to do."""
    common = {"title": study.title, "sets": study.sets}
    if participant is None:
        return {**common, "step": "login"}
    if participant.consented is None:
        return {**common, "step": "consent", "paragraphs": study.consent}
    if participant.instructed is None:
        return {**common, "step": "instructions", "paragraphs": study.instructions, "places": study.places}
    if one is None:
        return {**common, "step": "done", "code": participant.code, "link": study.completion_url}
    return {**common, "step": "set", "set": _shown(study, one, answers, watched)}


def _shown(study: Study, one: StudySet, answers: Sequence[StudyAnswer], watched: Sequence[int]) -> dict[str, Any]:
    item = study.item(one.item)
    return {
        "token": one.token,
        "number": one.ordinal + 1,
        "kind": study.kind,
        "prompt": item.prompt,
        "frame": f"/{MEDIA}/{item.frame}.jpg",
        "clips": [f"/{MEDIA}/{clip}.mp4" for clip in one.clips],
        "questions": [asdict(question) for question in study.questions],
        "answers": [asdict(answer) for answer in answers],
        "watched": list(watched),
    }
