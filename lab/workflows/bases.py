"""The workflows of the bases that have one model: Wan2.2 TI2V-5B and Hunyuan Video 1.5."""

from ffgo.bases.base import Base
from ffgo.bases.catalogue import HUNYUAN_15_I2V, WAN22_TI2V_5B

from .graph import Column, Graph, Group, Node, Source, Subgraph
from .parts import (
    NEGATIVE,
    TEXT_ENCODER,
    WAN22,
    canvas,
    clip_columns,
    clip_groups,
    clip_of,
    file_of,
    note,
    picture,
    prompt,
    subject,
)
from .video import TWO

HUNYUAN = "https://huggingface.co/Comfy-Org/HunyuanVideo_1.5_repackaged/resolve/main/split_files"
SIGCLIP = "https://huggingface.co/Comfy-Org/sigclip_vision_384/resolve/main/sigclip_vision_patch14_384.safetensors"
MODEL_5B = f"{WAN22}/diffusion_models/wan2.2_ti2v_5B_fp16.safetensors"
VAE_5B = f"{WAN22}/vae/wan2.2_vae.safetensors"
MODEL_HUNYUAN = f"{HUNYUAN}/diffusion_models/hunyuanvideo1.5_720p_i2v_fp16.safetensors"
VAE_HUNYUAN = f"{HUNYUAN}/vae/hunyuanvideo15_vae_fp16.safetensors"
TEXT_HUNYUAN = [
    f"{HUNYUAN}/text_encoders/{name}.safetensors" for name in ("qwen_2.5_vl_7b_fp8_scaled", "byt5_small_glyphxl_fp16")
]

START = """## Press Run with your own LoRA
Nobody has published FFGo weights for {title}; without any, the composed picture only begins to move.

{how} Its file is **{lora}**: choose it in *Models*.

*Background* is the scene; each *Subject* is one picture, cut out or on a plain ground. Name each by its looks in \
*Prompt*."""
TRAIN_5B = "*FFGo train LoRA (5B)* makes one of 20 to 50 examples."
TRAIN_HUNYUAN = (
    "In *FFGo train LoRA (5B)* connect the models of this workflow (*Encode* takes *CLIP vision*, too), or use a job "
    "file: docs/bases.md."
)
HINTS = "Sizes and hardware"
SIZES_5B = """*Canvas* alone decides the size: 1280x704, in steps of 32, as this model needs it (1280x720 is not).

121 frames at 24 a second. Out of memory, or slow? Fewer *frames* (81 or 49: 4n + 1).

*Trim* drops the first 4 frames, which still show the composed picture."""
SIZES_HUNYUAN = """*Canvas* alone decides the size: 1280x720, in steps of 16.

121 frames at 24 a second. Out of memory, or slow? 832x480 as *preset*, or fewer *frames* (81 or 49: 4n + 1).

*Trim* drops the first 4 frames. A super-resolution stage goes before it, without the LoRA."""
FRESH = """## Press Run
A LoRA for Wan2.2 TI2V-5B.

First put 20 to 50 examples into **output/datasets/my_dataset** (*FFGo build dataset* does that), or write \
another folder into *Examples*. Clips of 24 frames a second suit this model.

The node shows the loss, previews and the time that is left. *Cancel* saves; *Run* goes on. The file is \
**output/loras/my_ffgo_5b_only**; try it in *FFGo image to video (5B)*."""
NAMES = """*Encode* decides what is trained: 1280x704, in steps of 32. 121 frames are what the model was made for; 81 \
take two thirds of the memory, and less than two thirds of the time.

Out of memory? *Train* says before the run what is needed: fewer frames, a smaller size, a smaller *preset*."""


def _one_lora(name: str) -> Node:
    return Node("FFGo LoRA", "FFGOLoRALoader", {"model": "Model"}, {"lora": name, "strength": 1})


def models_5b() -> Subgraph:
    return Subgraph(
        "Models (5B)",
        [*_loaders_5b(), _one_lora("my_ffgo_5b_only.safetensors")],
        [Column(400, ["Model", "Text encoder", "VAE"]), Column(400, ["FFGo LoRA"])],
        widgets={
            "model": [("Model", "unet_name")], "text encoder": [("Text encoder", "clip_name")],
            "VAE": [("VAE", "vae_name")], "FFGo LoRA": [("FFGo LoRA", "lora")],
        },
        outputs={"clip": "Text encoder", "vae": "VAE", "patched model": ("FFGo LoRA", "model")},
    )  # fmt: skip


def _loaders_5b() -> list[Node]:
    return [
        Node("Model", "UNETLoader", values={"unet_name": file_of(MODEL_5B)}, models=[MODEL_5B]),
        Node(
            "Text encoder", "CLIPLoader", values={"clip_name": file_of(TEXT_ENCODER), "type": "wan"},
            models=[TEXT_ENCODER],
        ),
        Node("VAE", "VAELoader", values={"vae_name": file_of(VAE_5B)}, models=[VAE_5B]),
    ]  # fmt: skip


def models_hunyuan() -> Subgraph:
    texts = {f"clip_name{i}": file_of(address) for i, address in enumerate(TEXT_HUNYUAN, 1)}
    return Subgraph(
        "Models (Hunyuan 1.5)",
        [
            Node("Model", "UNETLoader", values={"unet_name": file_of(MODEL_HUNYUAN)}, models=[MODEL_HUNYUAN]),
            Node("Text encoder", "DualCLIPLoader", values={**texts, "type": "hunyuan_video_15"}, models=TEXT_HUNYUAN),
            Node("VAE", "VAELoader", values={"vae_name": file_of(VAE_HUNYUAN)}, models=[VAE_HUNYUAN]),
            Node("CLIP vision", "CLIPVisionLoader", values={"clip_name": file_of(SIGCLIP)}, models=[SIGCLIP]),
            _one_lora("my_ffgo_hunyuan_only.safetensors"),
        ],
        [Column(400, ["Model", "Text encoder", "VAE", "CLIP vision"]), Column(400, ["FFGo LoRA"])],
        widgets={
            "model": [("Model", "unet_name")], "text encoder": [("Text encoder", "clip_name1")],
            "text encoder 2": [("Text encoder", "clip_name2")], "VAE": [("VAE", "vae_name")],
            "CLIP vision": [("CLIP vision", "clip_name")], "FFGo LoRA": [("FFGo LoRA", "lora")],
        },
        outputs={
            "clip": "Text encoder", "vae": "VAE", "clip vision": "CLIP vision",
            "patched model": ("FFGo LoRA", "model"),
        },
    )  # fmt: skip


def _before(base: Base) -> list[Node]:
    """What stands before the sampler for both."""
    own = {name: ("", name) for name in ("image", "prompt", "clip", "patched model")}
    return [
        Node("Canvas size", "GetImageSize", {"image": own["image"]}),
        Node("Positive prompt", "CLIPTextEncode", {"clip": own["clip"], "text": own["prompt"]}),
        Node("Negative prompt", "CLIPTextEncode", {"clip": own["clip"]}, {"text": NEGATIVE}, height=200),
        Node("Shift", "ModelSamplingSD3", {"model": own["patched model"]}, {"shift": base.shift}),
        Node("Noise", "RandomNoise", values={"noise_seed": 42, "control_after_generate": "fixed"}),
    ]


def _after(base: Base, latent: Source, conditions: dict[str, Source], sampler: str, cfg: float) -> list[Node]:
    return [
        Node("Steps", "BasicScheduler", {"model": "Shift"}, {"scheduler": "simple", "steps": 20, "denoise": 1}),
        Node("Sampler", "KSamplerSelect", values={"sampler_name": sampler}),
        Node("Guide", "CFGGuider", {"model": "Shift", **conditions}, {"cfg": cfg}),
        Node("Sample", "SamplerCustomAdvanced", {
            "noise": "Noise", "guider": "Guide", "sampler": "Sampler", "sigmas": "Steps", "latent_image": latent,
        }),
        Node("Decode", "VAEDecode", {"samples": "Sample", "vae": ("", "vae")}),
    ]  # fmt: skip


_WIDGETS = {
    "frames": [("First frame", "length")],
    "steps": [("Steps", "steps")],
    "cfg": [("Guide", "cfg")],
    "seed": [("Noise", "noise_seed")],
    "shift": [("Shift", "shift")],
    "sampler": [("Sampler", "sampler_name")],
    "scheduler": [("Steps", "scheduler")],
}
_INPUTS = [("image", "IMAGE"), ("prompt", "STRING"), ("clip", "CLIP"), ("vae", "VAE"), ("patched model", "MODEL")]
_SIZE: dict[str, Source] = {"width": ("Canvas size", "width"), "height": ("Canvas size", "height")}


def sampling_5b() -> Subgraph:
    """From the composed first frame to frames: its latent stands in the clip itself, and is never noised."""
    base = WAN22_TI2V_5B
    first = Node(
        "First frame", "Wan22ImageToVideoLatent", {"vae": ("", "vae"), "start_image": ("", "image"), **_SIZE},
        {"length": base.frames},
    )  # fmt: skip
    told: dict[str, Source] = {"positive": "Positive prompt", "negative": "Negative prompt"}
    return Subgraph(
        "Wan 2.2 5B sampling",
        [*_before(base), first, *_after(base, "First frame", told, "uni_pc", 5)],
        [
            Column(300, ["Canvas size", "Positive prompt", "Negative prompt", "Shift"]),
            Column(260, ["First frame", "Noise", "Steps", "Sampler"], left=80),
            Column(240, ["Guide"], left=80),
            Column(240, ["Sample"], left=80),
            Column(240, ["Decode"]),
        ],
        inputs=_INPUTS,
        widgets=_WIDGETS,
        outputs={"frames": "Decode"},
    )


def sampling_hunyuan() -> Subgraph:
    """The same: the first frame's latent beside the clip, and all of the frame as SigLIP sees it."""
    base = HUNYUAN_15_I2V
    nodes = [
        Node(
            "Seen", "CLIPVisionEncode", {"clip_vision": ("", "clip vision"), "image": ("", "image")}, {"crop": "none"},
        ),
        Node("First frame", "HunyuanVideo15ImageToVideo", {
            "positive": "Positive prompt", "negative": "Negative prompt", "vae": ("", "vae"),
            "start_image": ("", "image"), "clip_vision_output": "Seen", **_SIZE,
        }, {"length": base.frames}),
    ]  # fmt: skip
    told: dict[str, Source] = {name: ("First frame", name) for name in ("positive", "negative")}
    return Subgraph(
        "Hunyuan 1.5 sampling",
        [*_before(base), *nodes, *_after(base, ("First frame", "latent"), told, "euler", 6)],
        [
            Column(300, ["Canvas size", "Positive prompt", "Negative prompt", "Shift", "Seen"]),
            Column(260, ["First frame", "Noise", "Steps", "Sampler"], left=80),
            Column(240, ["Guide"], left=80),
            Column(240, ["Sample"], left=80),
            Column(240, ["Decode"]),
        ],
        inputs=[*_INPUTS, ("clip vision", "CLIP_VISION")],
        widgets=_WIDGETS,
        outputs={"frames": "Decode"},
    )


def image_to_video_5b() -> Graph:
    start = START.format(title=WAN22_TI2V_5B.title, how=TRAIN_5B, lora="my_ffgo_5b_only")
    return _two_subjects(
        "FFGo image to video (5B)", WAN22_TI2V_5B, models_5b(), sampling_5b(), start=start, sizes=SIZES_5B
    )


def image_to_video_hunyuan() -> Graph:
    start = START.format(title="Hunyuan Video 1.5", how=TRAIN_HUNYUAN, lora="my_ffgo_hunyuan_only")
    return _two_subjects(
        "FFGo image to video (Hunyuan 1.5)", HUNYUAN_15_I2V, models_hunyuan(), sampling_hunyuan(), start=start,
        sizes=SIZES_HUNYUAN,
    )  # fmt: skip


def _two_subjects(name: str, base: Base, kind: Subgraph, how: Subgraph, *, start: str, sizes: str) -> Graph:
    subjects = [subject(f"Subject {i}", f"subject_{s}.png") for i, s in enumerate(("robot", "boat"), 1)]
    titles = [node.title for node in subjects]
    preset = "x".join(map(str, base.size))
    return Graph(
        name,
        [
            note("Start here", start), picture("Background", "background_lake.png"), *subjects,
            canvas("Canvas", "Background", titles, preset), prompt(TWO),
            *clip_of("Canvas", kind, note(HINTS, sizes), how, round(base.fps)),
        ],
        [
            Column(240, ["Background", "Start here"]),
            Column(230, titles, top=60, left=40, between=16),
            *clip_columns(HINTS, how.name),
        ],
        [Group("1 · Pictures", ["Background", "Start here", *titles], "#3f789e"), *clip_groups(HINTS, how.name)],
    )  # fmt: skip


def train_lora_5b() -> Graph:
    base = WAN22_TI2V_5B
    recipe = "steps = 600\nrank = 128\nlearning_rate = 1e-4\n"
    before = ["Examples", "Text encoder", "VAE", "Sizes and names"]
    asked = ["Encode", "Recipe", "Look at the examples"]
    encode: dict[str, Source] = {"dataset": "Examples", "vae": "VAE", "clip": "Text encoder", "model": "Model"}
    width, height = base.size
    return Graph(
        "FFGo train LoRA (5B)",
        [
            note("Start here", FRESH), note("Sizes and names", NAMES),
            Node("Examples", "FFGODatasetFolder", values={"folder": "my_dataset"}),
            Node("Look at the examples", "FFGODatasetPreview", {"dataset": "Examples"}, height=380),
            *_loaders_5b(),
            Node("Encode", "FFGOEncodeDataset", encode, {
                "name": "my_dataset_5b", "width": width, "height": height, "frames": 81,
            }),
            Node("Recipe", "PrimitiveStringMultiline", values={"value": recipe}, height=130),
            Node(
                "Train", "FFGOTrainExpertLoRA", {"model": "Model", "dataset": "Encode", "recipe": "Recipe"},
                {"expert": "only", "name": "my_ffgo_5b"}, 600,
            ),
            Node(
                "Save", "FFGOSaveExpertLoRA", {"lora": "Train"},
                {"filename_prefix": "my_ffgo_5b_bf16", "expert": "as trained", "dtype": "bfloat16"},
            ),
        ],
        [
            Column(300, ["Model", "Start here", *before]),
            Column(340, asked, top=190, left=80),  # below the model's link to the trainer
            Column(440, ["Train"], left=110),
            Column(320, ["Save"], left=60),
        ],
        [
            Group("1 · Examples and models", ["Model", "Start here", *before], "#3f789e"),
            Group("2 · What is trained", asked, "#8A8"),
            Group("3 · Training", ["Train", "Save"], "#b58b2a"),
        ],
    )  # fmt: skip
