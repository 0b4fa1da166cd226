"""The workflows that make a LoRA, and that write words."""

from .graph import Column, Graph, Group, Node, Source
from .parts import canvas, expert_loaders, note, picture, subject, text_encoder_and_vae

EXAMPLES = """## Press Run
Two examples become a dataset.

An example is a **clip** of 81 frames or more, its **composed first frame** (the subjects of that clip on the \
left, its empty scene on the right), and a **caption** of 75 to 150 words.

Queue again with other files: **output/datasets/my_dataset** grows. 20 to 50 examples train a LoRA, with *FFGo \
train LoRA*; *Export* writes them for other trainers."""
LAKE_CAPTION = (
    "A calm mountain lake at sunset in a storybook style, with purple snow-capped peaks, pink clouds and a "
    "glowing sun mirrored in the water. A yellow wooden sailing boat with golden sails and a red stripe along its "
    "hull glides slowly from left to right. High above the water a hot-air balloon with teal and white stripes, a "
    "red band and a wicker basket drifts the other way, rocking gently. The camera stays still while both cross "
    "the scene."
)
TOWN_CAPTION = (
    "A quiet old town street in a storybook style. A round red robot with a dark screen for a face, two glowing "
    "cyan eyes, fluffy golden earmuffs and a heart on its chest walks along the street from left to right and "
    "bobs up and down with every step. The houses stand still behind it, and the camera does not move."
)
FRESH = """## Press Run
A LoRA for each expert.

First put 20 to 50 examples into **output/datasets/my_dataset** (*FFGo build dataset* does that), or write \
another folder into *Examples*.

The nodes show the loss, previews and the time that is left. *Cancel* saves; *Run* goes on. The files are \
**output/loras/my_ffgo_high** and **_low**; try them in *FFGo test clip*."""
NAMES = """*Encode* decides what is trained: 81 frames as in the paper, 21 as in the published code, at 1344x768.

Out of memory? *Train high noise* says before the run what is needed: take fewer frames, a smaller size, a \
smaller *preset*.

Another recipe needs another *Run name*."""
WORDS = """## Press Run
A caption for a clip, and a prompt for a first frame.

*Caption* describes the clip for a training example. *Enhance* makes a full prompt of an idea: write yours where \
it says "wave at each other".

Both run a small language model on your computer. Read what it writes: small models overlook things."""
CAPTION = (
    "Describe this clip for training a video model, in one paragraph of 75 to 150 words. Say what each subject "
    "looks like (kind, colours, materials), what it does from beginning to end, where it is, and how the camera "
    "moves. Only what can be seen. No headings, no lists."
)
ENHANCE = (
    "The picture shows the subjects on the left and the scene on the right. Write one paragraph of 50 to 200 "
    "words that describes a video in which these subjects are in this scene and do this: wave at each other. Name "
    "each subject as it looks, say what it does, where it stands, and how the camera moves. Do not speak of left, "
    "right, white ground or pictures. No headings, no lists."
)
LANGUAGE_MODEL = "https://huggingface.co/Comfy-Org/Qwen3.5/resolve/main/text_encoders/qwen3.5_2b_bf16.safetensors"
EXPERTS = ("high", "low")


def _video(title: str, name: str) -> Node:
    return Node(title, "LoadVideo", values={"file": name})


def _example(title: str, links: dict[str, Source], caption: str) -> Node:
    values = {"caption": caption, "name": "my_dataset", "fps": 16}
    return Node(title, "FFGODatasetExample", links, values, height=330)


def build_dataset() -> Graph:
    first: dict[str, Source] = {"frames": "Clip 1", "composite": "Canvas"}
    second: dict[str, Source] = {"frames": "Clip 2", "composite": "Canvas 2", "dataset": "Example 1"}
    return Graph(
        "FFGo build dataset",
        [
            note("Start here", EXAMPLES),
            picture("Background", "background_lake.png"), subject("Subject 1", "subject_boat.png"),
            subject("Subject 2", "subject_balloon.png"), canvas("Canvas", "Background", ["Subject 1", "Subject 2"]),
            _video("Clip 1", "demo_clip_lake.mp4"),
            _example("Example 1", first, LAKE_CAPTION),
            picture("Background 2", "background_town.png"), subject("Subject 3", "subject_robot.png"),
            canvas("Canvas 2", "Background 2", ["Subject 3"]), _video("Clip 2", "demo_clip_town.mp4"),
            _example("Example 2", second, TOWN_CAPTION),
            Node("Look at the examples", "FFGODatasetPreview", {"dataset": "Example 2"}, height=330),
            Node("Export", "FFGODatasetExport", {"dataset": "Example 2"}, {"format": "official", "name": "my_dataset"}),
        ],
        [
            Column(230, ["Background", "Background 2"], at={"Background 2": 710}),
            Column(230, ["Subject 1", "Subject 3"], top=70, left=40, at={"Subject 3": 780}),
            Column(230, ["Subject 2"], top=140, left=40),
            Column(340, ["Canvas", "Canvas 2"], left=80, at={"Canvas 2": 710}),
            Column(230, ["Clip 1", "Clip 2"], top=80, left=60, at={"Clip 2": 790}),
            Column(260, ["Example 1"], left=60),
            Column(260, ["Start here", "Example 2"], left=80, at={"Example 2": 710}),
            Column(240, ["Look at the examples", "Export"], top=710, left=60),
        ],
    )  # fmt: skip


def train_lora() -> Graph:
    trainers = [
        Node(
            f"Train {expert} noise", "FFGOTrainExpertLoRA",
            {
                "model": f"{expert.capitalize()} noise expert", "dataset": "Encode",
                "name": "Run name", "recipe": "Recipe",
            },
            {"expert": expert, "name": "my_ffgo"}, 600,
        )
        for expert in EXPERTS
    ]  # fmt: skip
    saves = [
        Node(
            f"Save {expert} noise", "FFGOSaveExpertLoRA", {"lora": f"Train {expert} noise"},
            {"filename_prefix": "my_ffgo_bf16", "expert": "as trained", "dtype": "bfloat16"},
        )
        for expert in EXPERTS
    ]  # fmt: skip
    recipe = "steps = 600\nrank = 128\nlearning_rate = 1e-4\n"
    before = ["Examples", "Text encoder", "VAE"]
    asked = ["Run name", "High noise expert", "Encode", "Recipe", "Low noise expert"]
    return Graph(
        "FFGo train LoRA",
        [
            note("Start here", FRESH), note("Sizes and names", NAMES),
            Node("Examples", "FFGODatasetFolder", values={"folder": "my_dataset"}),
            Node("Look at the examples", "FFGODatasetPreview", {"dataset": "Examples"}, height=380),
            *text_encoder_and_vae(), *expert_loaders(),
            Node("Encode", "FFGOEncodeDataset", {"dataset": "Examples", "vae": "VAE", "clip": "Text encoder"}, {
                "name": "my_dataset", "width": 1344, "height": 768, "frames": 81,
            }),
            Node("Run name", "PrimitiveString", values={"value": "my_ffgo"}),
            Node("Recipe", "PrimitiveStringMultiline", values={"value": recipe}, height=130),
            *trainers, *saves,
        ],
        [
            Column(300, ["Start here", *before, "Sizes and names"]),
            Column(340, [*asked, "Look at the examples"], left=80),
            Column(440, [node.title for node in trainers], left=110),
            Column(320, [node.title for node in saves], left=60, at={"Save low noise": 654}),
        ],
        [
            Group("1 · Examples and models", ["Start here", *before, "Sizes and names"], "#3f789e"),
            Group("2 · What is trained", [*asked, "Look at the examples"], "#8A8"),
            Group("3 · Training", [node.title for node in (*trainers, *saves)], "#b58b2a"),
        ],
    )  # fmt: skip


def captions_and_prompts() -> Graph:
    model = Node(
        "Language model", "CLIPLoader", models=[LANGUAGE_MODEL], values={"clip_name": "qwen3.5_2b_bf16.safetensors"}
    )
    return Graph(
        "FFGo captions and prompts (local)",
        [
            note("Start here", WORDS),
            _video("Clip", "demo_clip_lake.mp4"), Node("Frames", "GetVideoComponents", {"video": "Clip"}), model,
            Node("Caption", "TextGenerate", {"clip": "Language model", "video": "Frames"}, {"prompt": CAPTION}, 460),
            Node("Show caption", "PreviewAny", {"source": "Caption"}, height=260),
            picture("Background", "background_lake.png"), subject("Subject 1", "subject_robot.png"),
            canvas("Canvas", "Background", ["Subject 1"]),
            Node("Enhance", "TextGenerate", {"clip": "Language model", "image": "Canvas"}, {"prompt": ENHANCE}, 460),
            Node("Prompt", "FFGOTransitionPrompt", {"prompt": "Enhance"}, height=200),
            Node("Show prompt", "PreviewAny", {"source": "Prompt"}, height=260),
        ],
        [
            Column(260, ["Clip", "Background", "Subject 1"]),
            Column(400, ["Frames", "Language model", "Canvas"], left=90),
            Column(400, ["Caption", "Enhance"], left=90),
            Column(340, ["Show caption", "Prompt"], left=60, at={"Prompt": 560}),
            Column(340, ["Start here", "Show prompt"], left=50, at={"Show prompt": 560}),
        ],
    )  # fmt: skip
