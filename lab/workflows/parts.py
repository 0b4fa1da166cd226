# ruff: noqa: RUF001 (the negative prompt is Chinese)
"""What the workflows share: the models, the sampling with both experts, and the texts."""

from collections.abc import Mapping, Sequence
from typing import Any

from .graph import NOTE, Column, Group, Node, Source, Subgraph

WAN22 = "https://huggingface.co/Comfy-Org/Wan_2.2_ComfyUI_Repackaged/resolve/main/split_files"
WAN21 = "https://huggingface.co/Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files"
FFGO = "https://huggingface.co/Kijai/WanVideo_comfy/resolve/main/LoRAs/Wan22_FFGO"
EXPERTS = {
    expert: f"{WAN22}/diffusion_models/wan2.2_i2v_{expert}_noise_14B_fp8_scaled.safetensors"
    for expert in ("high", "low")
}
FFGO_LORAS = {expert: f"{FFGO}/Wan22_FFGO-LoRA-{expert.upper()}_bf16.safetensors" for expert in ("high", "low")}
DISTILLATION_LORAS = {
    expert: f"{WAN22}/loras/wan2.2_i2v_lightx2v_4steps_lora_v1_{expert}_noise.safetensors" for expert in ("high", "low")
}
TEXT_ENCODER = f"{WAN21}/text_encoders/umt5_xxl_fp8_e4m3fn_scaled.safetensors"
VAE = f"{WAN22}/vae/wan_2.1_vae.safetensors"

# The long negative prompt of the official single_predict.py.
NEGATIVE = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，"
    "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，"
    "杂乱的背景，三条腿，背景人很多，倒着走"
)


def file_of(address: str) -> str:
    return address.rpartition("/")[2]


def note(title: str, text: str) -> Node:
    return Node(title, NOTE, values={"": text})


def expert_loaders() -> list[Node]:
    return [
        Node(
            f"{expert.capitalize()} noise expert", "UNETLoader",
            values={"unet_name": file_of(EXPERTS[expert])}, models=[EXPERTS[expert]],
        )
        for expert in ("high", "low")
    ]  # fmt: skip


def text_encoder_and_vae() -> list[Node]:
    return [
        Node(
            "Text encoder", "CLIPLoader", values={"clip_name": file_of(TEXT_ENCODER), "type": "wan"},
            models=[TEXT_ENCODER],
        ),
        Node("VAE", "VAELoader", values={"vae_name": file_of(VAE)}, models=[VAE]),
    ]  # fmt: skip


def lora_pair(title: str, files: Mapping[str, str], strength: float, high: Source, low: Source) -> Node:
    names = {f"lora_{expert}": file_of(address) for expert, address in files.items()}
    return Node(
        title, "FFGOWanMoELoRALoader", {"model_high": high, "model_low": low},
        {**names, "strength_high": strength, "strength_low": strength},
        models=[address for address in files.values() if address.startswith("https://")],
    )  # fmt: skip


_LOADERS = ["High noise expert", "Low noise expert", "Text encoder", "VAE"]
_LOADED = {
    "high noise expert": [("High noise expert", "unet_name")],
    "low noise expert": [("Low noise expert", "unet_name")],
    "text encoder": [("Text encoder", "clip_name")],
    "VAE": [("VAE", "vae_name")],
    "FFGo LoRA, high noise": [("FFGo LoRA", "lora_high")],
    "FFGo LoRA, low noise": [("FFGo LoRA", "lora_low")],
}


def models(loras: Mapping[str, str] = FFGO_LORAS, memory: int = 1) -> Subgraph:
    """Both experts with the FFGo LoRAs, the text encoder and the VAE; memory: canvases that the LoRAs shall know."""
    lora = lora_pair("FFGo LoRA", loras, 1, "High noise expert", "Low noise expert")
    if memory > 1:
        lora.values["memory"] = memory
    return Subgraph(
        "Models" if memory == 1 else "Models (several canvases)",
        [*expert_loaders(), *text_encoder_and_vae(), lora],
        [Column(400, _LOADERS), Column(400, ["FFGo LoRA"])],
        widgets=_LOADED if memory == 1 else {**_LOADED, "memory": [("FFGo LoRA", "memory")]},
        outputs={
            "clip": "Text encoder", "vae": "VAE",
            "high noise": ("FFGo LoRA", "model_high"), "low noise": ("FFGo LoRA", "model_low"),
        },
    )  # fmt: skip


def distilled_models() -> Subgraph:
    """The same, with the distillation LoRA behind the FFGo LoRA."""
    plain = models()
    ffgo = ("FFGo LoRA", "model_high"), ("FFGo LoRA", "model_low")
    lora = lora_pair("Distillation LoRA", DISTILLATION_LORAS, 0.6, *ffgo)
    both = [("Distillation LoRA", "strength_high"), ("Distillation LoRA", "strength_low")]
    return Subgraph(
        "Models (8 steps)",
        [*plain.nodes, lora],
        [*plain.columns, Column(400, ["Distillation LoRA"])],
        widgets={
            **plain.widgets,
            "distillation, high noise": [("Distillation LoRA", "lora_high")],
            "distillation, low noise": [("Distillation LoRA", "lora_low")],
            "distillation strength": both,
        },
        outputs={
            **plain.outputs,
            "high noise": ("Distillation LoRA", "model_high"), "low noise": ("Distillation LoRA", "model_low"),
        },
    )  # fmt: skip


def concept_models() -> Subgraph:
    """The same as `models`, with a learned concept behind the FFGo LoRA."""
    plain = models()
    experts: dict[str, Source] = {name: ("FFGo LoRA", name) for name in ("model_high", "model_low")}
    concept = Node("Concept", "FFGOConceptLoader", experts, {"concept": "my_concept", "identity": 1, "motion": 1})
    return Subgraph(
        "Models (concept)",
        [*plain.nodes, concept],
        [*plain.columns, Column(400, ["Concept"])],
        widgets={**plain.widgets, **{name: [("Concept", name)] for name in ("concept", "identity", "motion")}},
        outputs={
            **plain.outputs,
            "high noise": ("Concept", "model_high"), "low noise": ("Concept", "model_low"),
        },
    )  # fmt: skip


def sampling() -> Subgraph:
    """From the composed first frame and the prompt to frames: both experts, each at its own noise."""
    high, low = "Guide (high noise)", "Guide (low noise)"
    conditions: dict[str, Source] = {"positive": ("First frame", "positive"), "negative": ("First frame", "negative")}
    own = {name: ("", name) for name in ("image", "prompt", "clip", "vae", "high noise", "low noise")}
    steps: dict[str, Source] = {"sampler": "Sampler"}
    shifts = ["Shift (high noise)", "Shift (low noise)"]
    nodes = [
        Node("Canvas size", "GetImageSize", {"image": own["image"]}),
        Node("Positive prompt", "CLIPTextEncode", {"clip": own["clip"], "text": own["prompt"]}),
        Node("Negative prompt", "CLIPTextEncode", {"clip": own["clip"]}, {"text": NEGATIVE}, height=200),
        Node("Shift (high noise)", "ModelSamplingSD3", {"model": own["high noise"]}, {"shift": 5}),
        Node("Shift (low noise)", "ModelSamplingSD3", {"model": own["low noise"]}, {"shift": 5}),
        Node("First frame", "WanImageToVideo", {
            "positive": "Positive prompt", "negative": "Negative prompt", "vae": own["vae"],
            "start_image": own["image"], "width": ("Canvas size", "width"), "height": ("Canvas size", "height"),
        }, {"length": 81}),
        Node("Expert switch", "FFGOWanExpertSwitch", {"model": "Shift (high noise)"}, {"steps": 50, "boundary": 0.9}),
        Node("Noise", "RandomNoise", values={"noise_seed": 42, "control_after_generate": "fixed"}),
        Node("No new noise", "DisableNoise"),
        Node("Sampler", "KSamplerSelect", values={"sampler_name": "uni_pc"}),
        Node(high, "CFGGuider", {"model": "Shift (high noise)", **conditions}, {"cfg": 6}),
        Node(low, "CFGGuider", {"model": "Shift (low noise)", **conditions}, {"cfg": 6}),
        Node("High noise steps", "SamplerCustomAdvanced", {
            "noise": "Noise", "guider": high, **steps, "sigmas": ("Expert switch", "high_sigmas"),
            "latent_image": ("First frame", "latent"),
        }),
        Node("Low noise steps", "SamplerCustomAdvanced", {
            "noise": "No new noise", "guider": low, **steps, "sigmas": ("Expert switch", "low_sigmas"),
            "latent_image": "High noise steps",
        }),
        Node("Decode", "VAEDecode", {"samples": "Low noise steps", "vae": own["vae"]}),
    ]  # fmt: skip
    return Subgraph(
        "Wan 2.2 sampling",
        nodes,
        [
            Column(300, ["Canvas size", "Positive prompt", "Negative prompt", *shifts]),
            Column(260, ["First frame", "Expert switch", "Noise", "No new noise", "Sampler"], left=80),
            Column(240, [high, low], left=80),
            Column(240, ["High noise steps"], left=80),
            Column(240, ["Low noise steps"], left=80),
            Column(240, ["Decode"]),
        ],
        inputs=[
            ("image", "IMAGE"), ("prompt", "STRING"), ("clip", "CLIP"), ("vae", "VAE"),
            ("high noise", "MODEL"), ("low noise", "MODEL"),
        ],
        widgets={
            "frames": [("First frame", "length")],
            "steps": [("Expert switch", "steps")],
            "cfg": [(high, "cfg"), (low, "cfg")],
            "seed": [("Noise", "noise_seed")],
            "boundary": [("Expert switch", "boundary")],
            "shift": [("Shift (high noise)", "shift"), ("Shift (low noise)", "shift")],
            "sampler": [("Sampler", "sampler_name")],
            "scheduler": [("Expert switch", "scheduler")],
        },
        outputs={"frames": "Decode"},
    )  # fmt: skip


def memory_sampling() -> Subgraph:
    """The same from the canvases of a memory, with their number."""
    plain = sampling()
    plain.node("First frame").links["start_image"] = "Memory frames"
    return Subgraph(
        "Wan 2.2 sampling (several canvases)",
        [Node("Memory frames", "FFGOMemoryFrames", {"canvases.canvas0": ("", "image")}), *plain.nodes],
        [Column(300, ["Memory frames", *plain.columns[0].titles]), *plain.columns[1:]],
        inputs=plain.inputs, widgets=plain.widgets,
        outputs={**plain.outputs, "memory": ("Memory frames", "memory")},
    )  # fmt: skip


def picture(title: str, name: str) -> Node:
    return Node(title, "LoadImage", values={"image": name})


def subject(title: str, name: str) -> Node:
    """A picture that becomes a cut-out."""
    return Node(title, "FFGOLoadSubject", values={"image": name})


def canvas(title: str, background: Source, subjects: Sequence[Source], preset: str = "") -> Node:
    """The composed first frame, in the size and layout of the published examples, or in the size of a preset."""
    shown = {f"subjects.subject{i}": source for i, source in enumerate(subjects)}
    return Node(title, "FFGOComposeCanvas", {"background": background, **shown}, {"preset": preset} if preset else {})


def prompt(text: str, height: int = 150) -> Node:
    return Node("Prompt", "FFGOTransitionPrompt", values={"prompt": text}, height=height)


def clip_of(
    first: str, kind: Subgraph, hints: Node, how: Subgraph | None = None, fps: int = 16, **values: Any
) -> list[Node]:
    """From a composed frame and a prompt to the saved video.

    kind: of the models; hints: the note below the sampling; how: it is sampled; values: of the sampling.
    """
    how = how or sampling()
    taken: dict[str, Source] = {name: ("Models", name) for name, _ in how.inputs if name not in ("image", "prompt")}
    return [
        Node("Models", kind),
        Node(how.name, how, {"image": first, "prompt": "Prompt", **taken}, values),
        hints,
        Node(
            "Trim", "FFGOTrimCompressionFrames", {"images": how.name},
            {"frames": 4, "mode": "fixed", "max_frames": 24, "fps": fps},
        ),
        Node("Create video", "CreateVideo", {"images": "Trim"}, {"fps": fps}),
        Node("Save video", "SaveVideo", {"video": "Create video"}, {"filename_prefix": "ffgo/video"}),
    ]  # fmt: skip


def clip_columns(hints: str, how: str = "Wan 2.2 sampling") -> list[Column]:
    """Where the nodes of `clip_of` stand, from the composed frame on."""
    return [
        Column(370, ["Canvas", "Prompt", "Models"], left=75),
        Column(290, [how, hints], top=200, left=90),
        Column(230, ["Trim"], top=200, left=40),
        Column(225, ["Create video"], top=200, left=35),
        Column(225, ["Save video"], top=200, left=35),
    ]


def clip_groups(hints: str, how: str = "Wan 2.2 sampling") -> list[Group]:
    return [
        Group("2 · First frame, words, models", ["Canvas", "Prompt", "Models"], "#8A8"),
        Group("3 · Video", [how, hints, "Trim", "Create video", "Save video"], "#88A"),
    ]
