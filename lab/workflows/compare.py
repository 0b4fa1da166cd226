"""The workflow that compares the clips of two LoRAs on one case."""

from .graph import Column, Graph, Group, Node, Source
from .parts import note, picture, subject

START = """## Press Run
Two finished clips are measured and compared; no video model is needed.

Make one clip with each LoRA (*FFGo image to video*, same pictures, words and seed), choose them in *Clip a* and \
*Clip b*, and give the *Background* and *Subject* that both were made of. *Compare* shows their scores side by side.

One case says little: for many, with intervals, see docs/evaluation.md. *Load CLIP Vision* into \
*clip_vision* adds looks to colours; its text half in *clip* adds the *prompt*."""
WAYS = ("a", "b")
_GIVEN = ["Start here", "Clip a", "Clip b", "Frames a", "Frames b", "Background", "Subject"]


def compare_two_loras() -> Graph:
    clips = dict(zip(WAYS, ("demo_clip_town.mp4", "demo_clip_lake.mp4"), strict=True))
    evaluate = [f"Evaluate {way}" for way in WAYS]
    shown: dict[str, Source] = {"background": "Background", "subjects.subject0": "Subject"}
    return Graph(
        "FFGo compare two LoRAs",
        [
            note("Start here", START),
            *(Node(f"Clip {way}", "LoadVideo", values={"file": name}) for way, name in clips.items()),
            picture("Background", "background_town.png"), subject("Subject", "subject_robot.png"),
            *(Node(f"Frames {way}", "GetVideoComponents", {"video": f"Clip {way}"}) for way in WAYS),
            *(
                Node(
                    f"Evaluate {way}", "FFGOEvaluateClip",
                    {"frames": (f"Frames {way}", "images"), **shown, "fps": (f"Frames {way}", "fps")},
                )
                for way in WAYS
            ),
            Node(
                "Compare", "FFGOCompareClips", {"a": (evaluate[0], "scores"), "b": (evaluate[1], "scores")}, height=420,
            ),
        ],
        [
            Column(300, ["Clip a", "Clip b", "Start here"]),
            Column(240, ["Frames a", "Frames b", "Background", "Subject"], left=60),
            Column(320, evaluate, left=80),
            Column(460, ["Compare"], left=70),
        ],
        [
            Group("1 · Two clips, and what they were made of", _GIVEN, "#3f789e"),
            Group("2 · Measured and compared", [*evaluate, "Compare"], "#88A"),
        ],
    )  # fmt: skip
