"""What a study asks and says where nothing else is given: the paper's questions (its figure 13), in our words."""

from .study_file import StudyKind, StudyQuestion

QUESTIONS: dict[StudyKind, tuple[StudyQuestion, ...]] = {
    "rank": (
        StudyQuestion(
            "object",
            "Object identity",
            "Do the subjects of the picture look the same in the video: shape, colours, details?",
            "not at all",
            "exactly",
        ),
        StudyQuestion(
            "scene",
            "Scene identity",
            "Is the scene of the video the one of the picture: place, things in it, style?",
            "not at all",
            "exactly",
        ),
        StudyQuestion(
            "quality",
            "Video quality",
            "How good is the video over all: sharp, smooth, natural, as it was asked for?",
            "very bad",
            "very good",
        ),
    ),
    "pairwise": (
        StudyQuestion("identity", "Identity", "In which video do the subjects look more like those of the picture?"),
        StudyQuestion("motion", "Motion", "In which video do things move more naturally?"),
        StudyQuestion("prompt", "What was asked for", "Which video does more of what was asked for?"),
        StudyQuestion("overall", "Over all", "Which video is better over all?"),
    ),
}
"""The last one of a pair decides where one answer counts."""

CONSENT = (
    "In this study you watch short videos that computer programs made, and say which ones are better.",
    "What is kept: your ID, your answers, when you gave them, and which browser you use. The ID is kept apart from the "
    "answers, and is used for nothing but paying you and letting you go on where you were. Results are published "
    "without it.",
    "Taking part is voluntary. You can stop at any time by closing the page, and ask for your answers to be deleted.",
)

_COMMON = (
    "Each set begins with a text and a picture. The picture shows one or more subjects beside a scene. Each video was "
    "meant to show these subjects in this scene, doing what the text says.",
)
_ENDING = (
    "Watch each video to its end, as often as you like. Videos have no sound. Judge only what you see: there are no "
    "right or wrong answers, but some sets check whether you look.",
    "Every answer is saved at once. If you reload or close the page, you go on where you were.",
)
INSTRUCTIONS: dict[StudyKind, tuple[str, ...]] = {
    "rank": (
        *_COMMON,
        "First rank the videos from best to worst. Then rate each video on three scales from 1 to 5: whether the "
        "subjects are the same, whether the scene is the same, and how good the video is.",
        *_ENDING,
    ),
    "pairwise": (*_COMMON, "There are two videos. For each question, say which one is better.", *_ENDING),
}
