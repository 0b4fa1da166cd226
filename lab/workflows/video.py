"""The workflows from pictures to a video."""

from typing import Any

from .graph import Column, Graph, Group, Node, Source, Subgraph
from .parts import (
    canvas,
    clip_columns,
    clip_groups,
    clip_of,
    distilled_models,
    memory_sampling,
    models,
    note,
    picture,
    prompt,
    subject,
)  # fmt: skip

LAKE = (
    "A wide mountain lake at sunset in a storybook style: purple snow-capped peaks, pink clouds and a glowing "
    "sun, all mirrored in the still water. "
)
BOAT = (
    "A yellow wooden sailing boat with golden sails, a red stripe along its hull and a red pennant glides slowly "
    "from left to right and draws small ripples behind it. "
)
ROBOT = (
    "A round red robot with a dark screen for a face, two glowing cyan eyes, fluffy golden earmuffs and a heart "
    "on its chest stands on the "
)
ON_DECK = "deck and waves with its raised claw. "
BALLOON = (
    "High above the water a hot-air balloon with teal and white stripes, a red band and a wicker basket rises "
    "into the evening sky, its coral ribbons fluttering in the wind. The robot turns its head and looks up at the "
    "balloon. "
)
CAMERA = "The camera moves slowly closer while the reflections shimmer."
TWO = LAKE + BOAT + ROBOT + ON_DECK + CAMERA
THREE = LAKE + BOAT + ROBOT + ON_DECK + BALLOON + CAMERA

START = """## Press Run
These pictures become a video.

Then take your own. *Background* is the scene; each *Subject* is one picture, cut out or on a plain ground. Drag \
them to their places in *Canvas*. In *Prompt*, name each by its looks and say what it does.

Fewer subjects: delete one. More: connect it to the free socket of *Canvas*; four work well.

A model file is missing? The page offers it; choose other names in *Models*."""
HINTS = "Sizes and hardware"
SIZES = """*Canvas* alone decides the size. 1280x720 with 81 frames is what FFGo was made for.

Out of memory, or slow? Choose 832x480 as its *preset*, or fewer *frames* (49 or 33: 4n + 1).

*Trim* drops the first 4 frames, which still show the composed picture."""
EIGHT_STEPS = """

**8 steps**: the distillation LoRA stands at 0.6. At 1.0 little moves, and the composed picture comes back. At \
cfg 1 the negative prompt does nothing."""


def image_to_video() -> Graph:
    return _three_subjects("FFGo image to video", models(), SIZES)


def eight_steps() -> Graph:
    values = {"steps": 8, "cfg": 1, "sampler": "euler"}
    return _three_subjects("FFGo image to video (8 steps)", distilled_models(), SIZES + EIGHT_STEPS, **values)


def _three_subjects(name: str, kind: Subgraph, hints: str, **values: Any) -> Graph:
    subjects = [subject(f"Subject {i}", f"subject_{s}.png") for i, s in enumerate(("robot", "boat", "balloon"), 1)]
    titles = [node.title for node in subjects]
    return Graph(
        name,
        [
            note("Start here", START), picture("Background", "background_lake.png"), *subjects,
            canvas("Canvas", "Background", titles), prompt(THREE),
            *clip_of("Canvas", kind, note(HINTS, hints), **values),
        ],
        [
            Column(240, ["Background", "Start here"]),
            Column(230, titles[:2], top=60, left=40, between=16),
            Column(230, titles[2:], top=590, left=40),  # below the link of the one before
            *clip_columns(HINTS),
        ],
        [Group("1 · Pictures", ["Background", "Start here", *titles], "#3f789e"), *clip_groups(HINTS)],
    )  # fmt: skip


MANY = """## Press Run
Experimental: more than four subjects. The video starts with two pictures: the scene, then all subjects. Each so has \
about twice the pixels of one picture of all.

The published FFGo LoRA knows **one** picture, and *Models* warns of that. Train your own with examples of two: see \
docs/memory.md. How well it works is not measured yet.

More subjects: connect them to *Canvases*, up to 16. Set its **memory** to how many pictures there shall be, and the \
one of *Models* to the same. Each costs four frames, which *Trim* drops."""
FIVE = (
    LAKE + "A yellow wooden sailing boat with a red pennant and a violet one with violet sails glide side by side from "
    "left to right. On the shore a round red robot with golden earmuffs and a blue robot with violet earmuffs wave at "
    "each other. High above the water a hot-air balloon with teal and white stripes rises into the evening sky. "
) + CAMERA


def five_subjects() -> Subgraph:
    """Five pictures as cut-outs."""
    names = ("robot", "robot_blue", "boat", "boat_violet", "balloon")
    subjects = [subject(f"Subject {i}", f"subject_{name}.png") for i, name in enumerate(names, 1)]
    titles = [node.title for node in subjects]
    return Subgraph(
        "Five subjects", subjects,
        [Column(230, titles[:2], between=16), Column(230, titles[2:4], between=16), Column(230, titles[4:])],
        widgets={title.lower(): [(title, "image")] for title in titles},
        outputs={title.lower(): title for title in titles},
    )  # fmt: skip


def many_subjects() -> Graph:
    shown: dict[str, Source] = {f"subjects.subject{i}": ("Subjects", f"subject {i + 1}") for i in range(5)}
    parts = {node.title: node for node in clip_of("Canvases", models(memory=2), note(HINTS, SIZES))}
    parts["Wan 2.2 sampling"].kind = memory_sampling()
    parts["Trim"].links["memory"] = ("Wan 2.2 sampling", "memory")
    return Graph(
        "FFGo image to video (many subjects)",
        [
            note("Start here", MANY), picture("Background", "background_lake.png"), Node("Subjects", five_subjects()),
            Node("Canvases", "FFGOComposeMemory", {"background": "Background", **shown}, {"memory": 2}, height=600),
            prompt(FIVE), *parts.values(),
        ],
        [
            Column(240, ["Background", "Start here"]),
            Column(260, ["Subjects"], top=60, left=40),
            Column(370, ["Canvases", "Prompt", "Models"], left=75),
            *clip_columns(HINTS)[1:],
        ],
        [
            Group("1 · Pictures", ["Background", "Start here", "Subjects"], "#3f789e"),
            Group("2 · Canvases, words, models", ["Canvases", "Prompt", "Models"], "#8A8"),
            clip_groups(HINTS)[1],
        ],
    )  # fmt: skip


WHITE = """## Press Run
The pictures on white are cut out, and become a video.

*Matte* finds the soft edge of what stands on a plain ground; it needs no model.

A photo instead? Paint the subject coarsely (right-click, *Open in MaskEditor*) and connect **MASK** to *mask* \
of its *Matte*; or connect *SAM2 Loader* and give points or a box."""


def subjects_from_cut_outs() -> Graph:
    pictures = ["Background", "Subject 1", "Subject 2"]
    mattes = [Node(f"Matte {i}", "FFGOSAM2Matte", {"image": f"Subject {i}"}) for i in (1, 2)]
    return Graph(
        "FFGo subjects from cut-outs",
        [
            note("Start here", WHITE), picture("Background", "background_lake.png"),
            picture("Subject 1", "robot_on_white.png"), picture("Subject 2", "boat_on_white.png"), *mattes,
            canvas("Canvas", "Background", ["Matte 1", "Matte 2"]), prompt(TWO),
            *clip_of("Canvas", models(), note(HINTS, SIZES)),
        ],
        [
            Column(240, pictures),
            Column(260, ["Start here", "Matte 1", "Matte 2"], top=80, at={"Matte 1": 380, "Matte 2": 760}),
            *clip_columns(HINTS),
        ],
        [
            Group("1 · Pictures and cut-outs", ["Start here", "Matte 1", "Matte 2", *pictures], "#3f789e"),
            *clip_groups(HINTS),
        ],
    )  # fmt: skip


PHOTO = """## Press Run
From one photo to cut-outs, the empty scene, and a video.

Load a photo in *Photo*, and name what shall move in *From one photo*, a line each, so that it cannot be \
mistaken: "the round red robot".

**With a Gemini key** (GEMINI_API_KEY in the environment) each thing is redrawn alone and taken out of the \
scene. Each answer is paid once, and kept.

**Without one** the things are cut out where *Element 1* and *2* are painted (right-click, *Open in MaskEditor*; \
one picture a line), and the scene is filled smoothly, as a preview."""


def from_one_photo() -> Subgraph:
    """What the frame needs, out of one photo: cut-outs and the empty scene."""
    own = {name: ("", name) for name in ("photo", "mask 1", "mask 2")}
    asked: dict[str, Source] = {"image": own["photo"], "elements": "Elements"}
    return Subgraph(
        "From one photo",
        [
            Node(
                "Elements", "PrimitiveStringMultiline", height=120,
                values={"value": "the round red robot with the yellow earmuffs\nthe yellow sailing boat"},
            ),
            Node("Element masks", "BatchMasksNode", {"masks.mask0": own["mask 1"], "masks.mask1": own["mask 2"]}),
            Node(
                "All elements", "MaskComposite", {"destination": own["mask 1"], "source": own["mask 2"]},
                {"operation": "add"},
            ),
            Node("With their edges", "GrowMask", {"mask": "All elements"}, {"expand": 12}),
            Node("Extract", "FFGOGeminiExtract", {**asked, "masks": "Element masks"}),
            Node("Matte", "FFGOSAM2Matte", {"image": "Extract"}),
            Node("Plate", "FFGOGeminiRemove", {**asked, "mask": "With their edges"}),
            Node("Clean plate", "PreviewImage", {"images": "Plate"}),
        ],
        [
            Column(260, ["Elements", "Element masks", "All elements"]),
            Column(260, ["With their edges"], top=400),
            Column(380, ["Extract", "Plate"], left=80),
            Column(300, ["Matte", "Clean plate"]),
        ],
        inputs=[("photo", "IMAGE"), ("mask 1", "MASK"), ("mask 2", "MASK")],
        widgets={"elements": [("Elements", "value")], "mode": [("Extract", "mode"), ("Plate", "mode")]},
        outputs={"empty scene": "Plate", "cut-outs": "Matte"},
        previews=["Clean plate"],
    )  # fmt: skip


def prepare_subjects() -> Graph:
    pictures = ["Photo", "Element 1", "Element 2"]
    return Graph(
        "FFGo prepare subjects",
        [
            note("Start here", PHOTO), picture("Photo", "demo_photo.png"),
            picture("Element 1", "demo_photo_robot.png"), picture("Element 2", "demo_photo_boat.png"),
            Node("From one photo", from_one_photo(), {
                "photo": "Photo", "mask 1": ("Element 1", "MASK"), "mask 2": ("Element 2", "MASK"),
            }, height=420),
            canvas("Canvas", ("From one photo", "empty scene"), [("From one photo", "cut-outs")]), prompt(TWO),
            *clip_of("Canvas", models(), note(HINTS, SIZES)),
        ],
        [Column(240, pictures), Column(320, ["From one photo", "Start here"], left=90), *clip_columns(HINTS)],
        [Group("1 · One photo", ["From one photo", "Start here", *pictures], "#3f789e"), *clip_groups(HINTS)],
    )  # fmt: skip


TEST = """## Press Run after training
Your LoRAs make one clip.

*Models* takes the two files by the name of the run, **my_ffgo_high** and **my_ffgo_low**. Try pictures and \
words that were not among the examples. More subjects: *FFGo image to video*."""


def test_clip() -> Graph:
    trained = {expert: f"my_ffgo_{expert}.safetensors" for expert in ("high", "low")}
    pictures = ["Background", "Subject 1"]
    text = LAKE + ROBOT + "shore, turns its head and waves with its raised claw. " + CAMERA
    return Graph(
        "FFGo test clip",
        [
            note("Start here", TEST), picture("Background", "background_lake.png"),
            subject("Subject 1", "subject_robot.png"), canvas("Canvas", "Background", ["Subject 1"]), prompt(text),
            *clip_of("Canvas", models(trained), note(HINTS, SIZES)),
        ],
        [Column(260, [*pictures, "Start here"]), *clip_columns(HINTS)],
        [Group("1 · Pictures", ["Start here", *pictures], "#3f789e"), *clip_groups(HINTS)],
    )  # fmt: skip
