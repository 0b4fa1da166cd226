"""The workflows that begin with a prompt alone: the first frame is drawn, or the scene of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .graph import Column, Graph, Group, Node, Source, Subgraph
from .parts import (
    canvas,
    clip_of,
    expert_loaders,
    file_of,
    models,
    note,
    picture,
    sampling,
    subject,
    text_encoder_and_vae,
)  # fmt: skip
from .training import LANGUAGE_MODEL
from .video import HINTS
from .video import SIZES as CANVAS

SAMPLING = "Wan 2.2 sampling"
LAKE = (
    "A round red robot with a dark screen for a face and golden earmuffs stands in the shallows of a mountain lake at "
    "sunset, one claw raised. It waves and turns its head after a yellow sailing boat that glides past it to the "
    "right, while a striped hot-air balloon rises above the peaks. The camera moves slowly closer."
)
TOWN = (
    "On a quiet street of an old town a round red robot with a dark screen for a face, two glowing cyan eyes and "
    "fluffy golden earmuffs lifts its right claw and waves, while a hot-air balloon with teal and white stripes rises "
    "behind the roofs. The camera moves slowly closer."
)
Z_IMAGE = "https://huggingface.co/Comfy-Org/z_image_turbo/resolve/main/split_files"
Z_IMAGE_MODEL = f"{Z_IMAGE}/diffusion_models/z_image_turbo_bf16.safetensors"
Z_IMAGE_TEXT_ENCODER = f"{Z_IMAGE}/text_encoders/qwen_3_4b.safetensors"
Z_IMAGE_VAE = f"{Z_IMAGE}/vae/ae.safetensors"

WHOLE = """## Press Run
A prompt becomes its first frame, and the first frame a video. Write yours in *Prompt*.

Gemini says what the first frame shows and draws it, for about 4 cents: your key is **GEMINI_API_KEY**. Each answer is \
paid once, and kept. Prompt and pictures go to Google.

Your own first frame: load it in *Own anchor*, switch *own anchor* on in *Draw first frame*; nothing is drawn then. \
Set *mode* to offline, too, and no key is needed.

There is no FFGo in it: the first frame is wanted here."""
LOCAL = """## Press Run
A prompt becomes its first frame, and the first frame a video, all on your computer. Write yours in *Prompt*.

A small language model says what the first frame shows, Z-Image-Turbo draws it.

*skip reasoning* takes your prompt as the caption; *own anchor* takes the picture in *Own anchor*. What is skipped is \
not run.

There is no FFGo in it: the first frame is wanted here."""
SCENE = """## Press Run
Your cut-outs come into a scene that is drawn. Write in *Prompt* what happens, and where; each *Subject* is one picture.

Gemini draws the empty scene, for about 4 cents: your key is **GEMINI_API_KEY**. Each answer is paid once, and kept. \
The prompt goes to Google, the subjects do not.

Another scene? Another *variant*."""
SIZES = """*aspect ratio* and *long side* decide the size of picture and video: 1280 makes 1280x720, \
720x1280 or 960x960.

Out of memory, or slow? A *long side* of 832, or fewer *frames* (49 or 33: 4n + 1)."""

TEXTS, OUTPUTS = "Factorized prompts", ("anchor_prompt", "video_prompt", "negative", "width", "height")


def _in_words(  # noqa: PLR0917 (all that two ways differ in)
    name: str,
    before: list[Node],
    columns: list[Column],
    links: Mapping[str, Source],
    asks: str,
    more: Mapping[str, Any],
) -> Subgraph:
    """From a prompt to all texts and the size.

    before: the nodes that make the caption; links: what *Factorized prompts* takes of them; asks: the one that has a
    style and a ratio, too, so that each is chosen once; more: widgets.
    """
    return Subgraph(
        name,
        [*before, Node(TEXTS, "FFGOFactorizedPrompts", {"prompt": ("", "prompt"), **links})],
        [*columns, Column(360, [TEXTS], left=80)],
        inputs=[("prompt", "STRING")],
        widgets={
            **{choice.replace("_", " "): [(asks, choice), (TEXTS, choice)] for choice in ("style", "aspect_ratio")},
            **{choice.replace("_", " "): [(TEXTS, choice)] for choice in ("strategy", "enhance", "long_side")},
            **more,
        },
        outputs={name: (TEXTS, name) for name in OUTPUTS},
    )  # fmt: skip


def in_words() -> Subgraph:
    """By Gemini."""
    asks = "First frame caption"
    return _in_words(
        "First frame in words", [Node(asks, "FFGOGeminiFirstFrame", {"prompt": ("", "prompt")})], [Column(380, [asks])],
        {"caption": asks, "motion": (asks, "motion")}, asks, {name: [(asks, name)] for name in ("mode", "variant")},
    )  # fmt: skip


def in_words_locally() -> Subgraph:
    """By a language model in ComfyUI; a switch passes the prompt on in its place."""
    model, told, asked, switch = "Language model", "First frame instruction", "First frame caption", "Caption"
    return _in_words(
        "First frame in words (local)",
        [
            Node("Skip reasoning?", "PrimitiveBoolean", values={"value": False}),
            Node(model, "CLIPLoader", models=[LANGUAGE_MODEL], values={"clip_name": file_of(LANGUAGE_MODEL)}),
            Node(told, "FFGOFirstFrameInstruction", {"prompt": ("", "prompt")}),
            Node(asked, "TextGenerate", {"clip": model, "prompt": told}),
            Node(switch, "ComfySwitchNode", {
                "switch": "Skip reasoning?", "on_false": asked, "on_true": ("", "prompt"),
            }),
        ],
        [Column(340, [model, told, "Skip reasoning?"]), Column(380, [asked], left=80), Column(240, [switch], left=80)],
        {"caption": switch}, told,
        {"language model": [(model, "clip_name")], "skip reasoning": [("Skip reasoning?", "value")]},
    )  # fmt: skip


def z_image() -> Subgraph:
    """A picture by Z-Image-Turbo, as ComfyUI's own blueprint has it."""
    own = {name: ("", name) for name in ("prompt", "width", "height")}
    nodes = [
        Node("Picture model", "UNETLoader", values={"unet_name": file_of(Z_IMAGE_MODEL)}, models=[Z_IMAGE_MODEL]),
        Node(
            "Picture text encoder", "CLIPLoader", models=[Z_IMAGE_TEXT_ENCODER],
            values={"clip_name": file_of(Z_IMAGE_TEXT_ENCODER), "type": "lumina2"},
        ),
        Node("Picture VAE", "VAELoader", values={"vae_name": file_of(Z_IMAGE_VAE)}, models=[Z_IMAGE_VAE]),
        Node("Picture shift", "ModelSamplingAuraFlow", {"model": "Picture model"}, {"shift": 3}),
        Node("Picture prompt", "CLIPTextEncode", {"clip": "Picture text encoder", "text": own["prompt"]}),
        Node("No negative prompt", "ConditioningZeroOut", {"conditioning": "Picture prompt"}),
        Node("Picture size", "EmptySD3LatentImage", {"width": own["width"], "height": own["height"]}),
        Node(
            "Draw", "KSampler",
            {
                "model": "Picture shift", "positive": "Picture prompt", "negative": "No negative prompt",
                "latent_image": "Picture size",
            },
            {
                "seed": 0, "control_after_generate": "fixed", "steps": 8, "cfg": 1, "sampler_name": "res_multistep",
                "scheduler": "simple", "denoise": 1,
            },
        ),
        Node("Picture", "VAEDecode", {"samples": "Draw", "vae": "Picture VAE"}),
    ]  # fmt: skip
    return Subgraph(
        "Z-Image-Turbo",
        nodes,
        [
            Column(380, ["Picture model", "Picture text encoder", "Picture VAE"]),
            Column(300, ["Picture shift", "Picture prompt", "Picture size"], left=80),
            Column(240, ["No negative prompt"], top=200, left=80),
            Column(300, ["Draw"], left=80), Column(200, ["Picture"], left=80),
        ],
        inputs=[("prompt", "STRING"), ("width", "INT"), ("height", "INT")],
        widgets={
            "picture model": [("Picture model", "unet_name")],
            "picture text encoder": [("Picture text encoder", "clip_name")],
            "picture VAE": [("Picture VAE", "vae_name")],
            "seed": [("Draw", "seed")],
        },
        outputs={"image": "Picture"},
    )  # fmt: skip


def base_models() -> Subgraph:
    """Both experts as they are, the text encoder and the VAE: no FFGo."""
    return Subgraph(
        "Models (without FFGo)",
        [*expert_loaders(), *text_encoder_and_vae()],
        [Column(400, ["High noise expert", "Low noise expert", "Text encoder", "VAE"])],
        widgets={
            "high noise expert": [("High noise expert", "unet_name")],
            "low noise expert": [("Low noise expert", "unet_name")],
            "text encoder": [("Text encoder", "clip_name")],
            "VAE": [("VAE", "vae_name")],
        },
        outputs={
            "clip": "Text encoder", "vae": "VAE",
            "high noise": "High noise expert", "low noise": "Low noise expert",
        },
    )  # fmt: skip


def sampling_with_negative() -> Subgraph:
    """With the negative prompt from outside: that of the style."""
    plain, title = sampling(), "Negative prompt"
    nodes = [
        Node(title, node.kind, {**node.links, "text": ("", "negative")}) if node.title == title else node
        for node in plain.nodes
    ]
    return replace(plain, name="Wan 2.2 sampling (styled)", nodes=nodes, inputs=[*plain.inputs, ("negative", "STRING")])


def first_frame(drawn: Node, widgets: Mapping[str, str]) -> Subgraph:
    """A drawn picture, or the user's own, in the video's size. widgets: of `drawn`, by their names on the outside."""
    own = {name: ("", name) for name in ("own", "width", "height")}
    return Subgraph(
        f"First frame by {'Gemini' if isinstance(drawn.kind, str) else drawn.kind.name}",
        [
            drawn, Node("Own anchor?", "PrimitiveBoolean", values={"value": False}),
            Node("Anchor", "ComfySwitchNode", {
                "switch": "Own anchor?", "on_false": drawn.title, "on_true": own["own"],
            }),
            Node("Anchor frame", "FFGOAnchorFrame", {
                "image": "Anchor", "width": own["width"], "height": own["height"],
            }),
            Node("Save anchor", "SaveImage", {"images": "Anchor frame"}, {"filename_prefix": "ffgo/anchor"}, 300),
        ],
        [
            Column(380, [drawn.title, "Own anchor?"]), Column(240, ["Anchor"], left=80),
            Column(280, ["Anchor frame"], left=80), Column(300, ["Save anchor"], left=80),
        ],
        inputs=[("prompt", "STRING"), ("width", "INT"), ("height", "INT"), ("own", "IMAGE")],
        widgets={
            "own anchor": [("Own anchor?", "value")], "fit": [("Anchor frame", "fit")],
            **{name: [(drawn.title, inside)] for name, inside in widgets.items()},
        },
        outputs={"image": "Anchor frame"},
        previews=["Save anchor"],
    )  # fmt: skip


def _anchored(name: str, start: Node, words: Subgraph, frame: Subgraph) -> Graph:
    """A prompt, its first frame, the video."""
    said: dict[str, Source] = {one: ("First frame in words", one) for one in OUTPUTS}
    taken: dict[str, Source] = {one: ("Models", one) for one in ("clip", "vae", "high noise", "low noise")}
    return Graph(
        name,
        [
            start, Node("Prompt", "PrimitiveStringMultiline", values={"value": LAKE}, height=200),
            Node("First frame in words", words, {"prompt": "Prompt"}),
            Node("Show prompts", "PreviewAny", {"source": said["video_prompt"]}, height=170),
            picture("Own anchor", "background_lake.png"),
            Node("Draw first frame", frame, {
                "prompt": said["anchor_prompt"], "width": said["width"], "height": said["height"], "own": "Own anchor",
            }, height=380),
            Node("Models", base_models()),
            Node(SAMPLING, sampling_with_negative(), {
                "image": "Draw first frame", "prompt": said["video_prompt"], "negative": said["negative"], **taken,
            }, {"steps": 20}),
            note(HINTS, SIZES),
            Node("Create video", "CreateVideo", {"images": SAMPLING}, {"fps": 16}),
            Node("Save video", "SaveVideo", {"video": "Create video"}, {"filename_prefix": "ffgo/video"}),
        ],
        [
            Column(280, ["Prompt", "Start here"]),
            Column(320, ["First frame in words", "Own anchor"], left=70),
            Column(
                360, ["Show prompts", "Draw first frame", "Models"], top=-270, left=90, at={"Draw first frame": 280},
            ),
            Column(320, [SAMPLING, HINTS], left=110),
            Column(220, ["Create video"], left=60),
            Column(250, ["Save video"]),
        ],
        [
            Group("1 · Words", ["Prompt", "Start here", "First frame in words", "Own anchor"], "#3f789e"),
            Group("2 · First frame and models", ["Show prompts", "Draw first frame", "Models"], "#8A8"),
            Group("3 · Video", [SAMPLING, HINTS, "Create video", "Save video"], "#88A"),
        ],
    )  # fmt: skip


def _drawn(kind: str | Subgraph) -> Node:
    return Node("Anchor picture", kind, {name: ("", name) for name in ("prompt", "width", "height")})


def factorized_video() -> Graph:
    frame = first_frame(_drawn("FFGOGeminiPicture"), {"picture model": "model", "variant": "variant"})
    return _anchored("FFGo factorized video", note("Start here", WHOLE), in_words(), frame)


def factorized_video_local() -> Graph:
    frame = first_frame(_drawn(z_image()), {"picture model": "picture model", "seed": "seed"})
    return _anchored("FFGo factorized video (local)", note("Start here", LOCAL), in_words_locally(), frame)


def scene() -> Subgraph:
    """The empty scene of a prompt, and the prompt for FFGo."""
    asks, words = "First frame caption", in_words()
    texts = words.node(TEXTS)
    return Subgraph(
        "Scene of the prompt",
        [
            Node(asks, "FFGOGeminiFirstFrame", {"prompt": ("", "prompt")}, {"content": "scene only"}),
            replace(texts, values={"strategy": "original"}),
            Node("Background", "FFGOGeminiPicture", {"prompt": (TEXTS, "anchor_prompt")}),
            Node("Save background", "SaveImage", {"images": "Background"}, {"filename_prefix": "ffgo/background"}, 300),
            Node("Transition prompt", "FFGOTransitionPrompt", {"prompt": (TEXTS, "video_prompt")}),
        ],
        [
            *words.columns, Column(360, ["Background", "Transition prompt"], left=80),
            Column(300, ["Save background"], left=80),
        ],
        inputs=[("prompt", "STRING")],
        widgets={
            "style": [(asks, "style"), (TEXTS, "style")], "enhance": [(TEXTS, "enhance")], "mode": [(asks, "mode")],
            "picture model": [("Background", "model")], "variant": [("Background", "variant")],
        },
        outputs={"image": "Background", "prompt": "Transition prompt"},
        previews=["Save background"],
    )  # fmt: skip


def generated_background() -> Graph:
    subjects = [subject(f"Subject {i}", f"subject_{name}.png") for i, name in enumerate(("robot", "balloon"), 1)]
    titles, drawn = [node.title for node in subjects], "Scene of the prompt"
    clip = [
        replace(node, links={**node.links, "prompt": (drawn, "prompt")}) if node.title == SAMPLING else node
        for node in clip_of("Canvas", models(), note(HINTS, CANVAS))
    ]
    return Graph(
        "FFGo generated background",
        [
            note("Start here", SCENE), Node("Prompt", "PrimitiveStringMultiline", values={"value": TOWN}, height=200),
            *subjects, Node(drawn, scene(), {"prompt": "Prompt"}, height=300), canvas("Canvas", drawn, titles), *clip,
        ],
        [
            Column(280, ["Prompt", "Start here"]),
            Column(290, [drawn, *titles], left=70),
            Column(400, ["Canvas", "Models"], top=290, left=80),
            Column(290, [SAMPLING, HINTS], left=90),
            Column(210, ["Trim"]), Column(210, ["Create video"], left=40), Column(240, ["Save video"], left=40),
        ],
        [
            Group("1 · Words, scene and subjects", ["Prompt", "Start here", drawn, *titles], "#3f789e"),
            Group("2 · First frame and models", ["Canvas", "Models"], "#8A8"),
            Group("3 · Video", [SAMPLING, HINTS, "Trim", "Create video", "Save video"], "#88A"),
        ],
    )  # fmt: skip
