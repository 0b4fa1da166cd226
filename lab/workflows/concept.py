"""The workflows that learn a concept, and that use it."""

from .graph import Column, Graph, Group, Node, Source, Subgraph
from .parts import (
    canvas,
    clip_columns,
    clip_groups,
    clip_of,
    concept_models,
    expert_loaders,
    note,
    picture,
    prompt,
    subject,
    text_encoder_and_vae,
)  # fmt: skip
from .video import CAMERA, HINTS, LAKE, ROBOT, SIZES

LEARN = """## Press Run
Who is in this clip, and how it moves, become four files.

Take your own **clip** of 5 to 10 seconds, and a **mask** for each of its frames: *Run SAM3 Video Track* makes it of \
a name. Tell in *Concept* what can be seen, in detail, with **[v]** and **[u]** where the two words go. \
Pictures of 8 other scenes at *plates* free it from its own.

*Prior* keeps the experts from forgetting the rest of the world. *Cancel* saves; *Run* goes on."""
LOOKS = (
    "a round red [v] robot with a dark screen for a face, two glowing cyan eyes and fluffy golden earmuffs {in a "
    "quiet old town street in a storybook style}"
)
MOVES = "The robot is performing [u] bobbing motion from left to right."
PRIOR = (
    "A small toy car in a street in a storybook style. It drives from left to right.\n"
    "A wooden puppet in a meadow. It waves its hand.\nA kitten on a table. It turns its head."
)
EXPERTS = ("high", "low")
MODELS = "Models and prior"
SIZE = {"width": 832, "height": 480, "frames": 21}
USE = """## Press Run after training
The concept of *FFGo learn a concept* makes one clip.

On *Models*, **identity** is how much it looks like itself, **motion** how much it moves like itself. Its words, \
**sks1** and **mvt1**, stand in *Prompt*.

Its motion for something else: another picture at *Subject 1*, identity 0."""


def models_and_prior() -> Subgraph:
    """Both experts, the text encoder and the VAE, and what the experts shall not forget."""
    experts: dict[str, Source] = {f"model_{expert}": f"{expert.capitalize()} noise expert" for expert in EXPERTS}
    asked: dict[str, Source] = {**experts, "vae": "VAE", "clip": "Text encoder"}
    loaders = [*expert_loaders(), *text_encoder_and_vae()]
    return Subgraph(
        "Models and prior",
        [*loaders, Node("Prior", "FFGOPriorClips", asked, {"prompts": PRIOR, "name": "my_prior", **SIZE}, 420)],
        [Column(400, [node.title for node in loaders]), Column(400, ["Prior"], top=640)],
        widgets={
            "high noise expert": [("High noise expert", "unet_name")],
            "low noise expert": [("Low noise expert", "unet_name")],
            "text encoder": [("Text encoder", "clip_name")],
            "VAE": [("VAE", "vae_name")],
            "prior prompts": [("Prior", "prompts")],
            "prior clips": [("Prior", "count")],
        },
        outputs={
            "clip": "Text encoder", "vae": "VAE", "high noise": "High noise expert", "low noise": "Low noise expert",
            "prior": "Prior",
        },
    )  # fmt: skip


def learn_a_concept() -> Graph:
    clip, mask = (
        Node(title, "LoadVideo", values={"file": name})
        for title, name in (("Clip", "demo_clip_town.mp4"), ("Mask clip", "demo_clip_town_mask.mp4"))
    )
    given: dict[str, Source] = {"clip": "Clip", "mask": "Mask", "plates": "Other scene"}
    trainers = [
        Node(
            f"Train {expert} noise", "FFGOTrainConcept",
            {
                "model": (MODELS, f"{expert} noise"), "set": ("Encode", "set"), "sequence": ("Encode", "sequence"),
                "prior": (MODELS, "prior"),
            },
            {"expert": expert, "name": "my_concept"}, 440,
        )
        for expert in EXPERTS
    ]  # fmt: skip
    encoders: dict[str, Source] = {"vae": (MODELS, "vae"), "clip": (MODELS, "clip")}
    given_first = ["Clip", "Mask clip", "Start here"]
    return Graph(
        "FFGo learn a concept",
        [
            note("Start here", LEARN), clip, mask, picture("Other scene", "background_lake.png"),
            Node("Mask frames", "GetVideoComponents", {"video": "Mask clip"}),
            Node("Mask", "ImageToMask", {"image": "Mask frames"}, {"channel": "red"}),
            Node("Concept", "FFGOConceptDataset", given, {
                "appearance": LOOKS, "motion": MOVES, "word_v": "sks1", "word_u": "mvt1", "name": "my_concept",
            }, 560),
            Node(MODELS, models_and_prior(), height=420),
            Node("Encode", "FFGOEncodeConcept", {"concept": "Concept", **encoders}, {"name": "my_concept", **SIZE}),
            *trainers,
        ],
        [
            Column(260, given_first),
            Column(210, ["Mask frames"], top=440, left=60),
            Column(230, ["Mask", "Other scene"], top=330, left=60),
            Column(350, ["Concept"], left=60),
            Column(310, [MODELS], top=330, left=60),
            Column(300, ["Encode"], left=80),
            Column(340, [node.title for node in trainers], top=330, left=70),
        ],
        [
            Group("1 · What is learned", [*given_first, "Mask frames", "Mask", "Other scene", "Concept"], "#3f789e"),
            Group("2 · Training", [MODELS, "Encode", *(node.title for node in trainers)], "#b58b2a"),
        ],
    )  # fmt: skip


def concept_video() -> Graph:
    pictures = ["Background", "Subject 1"]
    text = LAKE + ROBOT.replace("red robot", "red sks1 robot") + "shore, performing mvt1 bobbing motion. " + CAMERA
    return Graph(
        "FFGo image to video, concept",
        [
            note("Start here", USE), picture("Background", "background_lake.png"),
            subject("Subject 1", "subject_robot.png"), canvas("Canvas", "Background", ["Subject 1"]), prompt(text),
            *clip_of("Canvas", concept_models(), note(HINTS, SIZES)),
        ],
        [Column(260, [*pictures, "Start here"]), *clip_columns(HINTS)],
        [Group("1 · Pictures", ["Start here", *pictures], "#3f789e"), *clip_groups(HINTS)],
    )  # fmt: skip
