"""The workflow *Toy world* for ComfyUI's page: what the demo runs, drawn so that it can be read and played with.

Run by dev.py in the host's Python: `python -m lab.workshop.toy_workflow BASE` lays it out, with its pictures, in the
base folder of a ComfyUI that has not been started yet.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.toyworld.examples import test_set

from .comfyui import REPO
from .demo import ENLARGED, EXAMPLE, SETTINGS, draw_materials
from .graph import Node, Sub, write_workflow
from .server import TOY_MODULE, TOY_TEMPLATE

HELLO = """Press **Run**: a clip of two sprites over a scene, in about half a minute on two cores.

The models are small, and were trained on a toy world (docs/toy-world.md). They have never seen these sprites.

To play: move the subjects in *Canvas*; set a strength of *FFGo LoRA* to 0, and the composed frame stays; let a subject
move otherwise in *Prompt*: "stays", "moves left", "moves right", "rises", "sinks" or "circles".
"""


def _loader(title: str, kind: str, x: int, y: int, gives: str, **widgets: str) -> Node:
    return Node(title, kind, (x, y), (440, 60 + 24 * len(widgets)), [gives], widgets=widgets)


MODELS = Sub(
    "Toy models", (860, 200), (400, 110),
    [
        _loader("High noise expert", "UNETLoader", 0, 0, "MODEL", unet_name="", weight_dtype="default"),
        _loader("Low noise expert", "UNETLoader", 0, 180, "MODEL", unet_name="", weight_dtype="default"),
        _loader("Text encoder", "CLIPLoader", 0, 360, "CLIP", clip_name="", type="wan", device="default"),
        _loader("VAE", "VAELoader", 0, 560, "VAE", vae_name=""),
    ],
    {}, {"high": "High noise expert", "low": "Low noise expert", "clip": "Text encoder", "vae": "VAE"},
)  # fmt: skip


def _expert(name: str, y: int, noise: str, latent: str, number: int) -> list[Node]:
    title = f"{name} noise"
    guided = {"model": f"Shift ({title.lower()})", "positive": "First frame", "negative": "First frame/1"}
    steps = {"noise": noise, "guider": f"Guide ({title.lower()})", "sampler": "Sampler"}
    return [
        Node(f"Shift ({title.lower()})", "ModelSamplingSD3", (0, y), (260, 60), ["MODEL"],
             {"model": f"in/model_{name.lower()}"}, {"shift": 5.0}),
        Node(f"Guide ({title.lower()})", "CFGGuider", (820, y), (280, 110), ["GUIDER"], guided, {"cfg": 1.0}),
        Node(f"{title} steps", "SamplerCustomAdvanced", (1160, y), (280, 130), ["LATENT", "LATENT"],
             {**steps, "sigmas": f"Expert switch/{number}", "latent_image": latent}),
    ]  # fmt: skip


SAMPLING = Sub(
    "Wan 2.2 sampling", (1320, 0), (300, 150),
    [
        *_expert("High", 0, "Noise", "First frame/2", 1),
        *_expert("Low", 240, "No new noise", "High noise steps", 2),
        Node("Positive prompt", "CLIPTextEncode", (0, 480), (300, 80), ["CONDITIONING"],
             {"clip": "in/clip", "text": "in/prompt"}, {"text": ""}),
        Node("Negative prompt", "CLIPTextEncode", (0, 640), (300, 120), ["CONDITIONING"],
             {"clip": "in/clip"}, {"text": ""}),
        Node("Canvas size", "GetImageSize", (0, 820), (240, 80), ["INT", "INT", "INT"], {"image": "in/first_frame"}),
        Node("First frame", "WanImageToVideo", (420, 480), (300, 230), ["CONDITIONING", "CONDITIONING", "LATENT"],
             {"positive": "Positive prompt", "negative": "Negative prompt", "vae": "in/vae",
              "start_image": "in/first_frame", "width": "Canvas size", "height": "Canvas size/1"},
             {"width": 0, "height": 0, "length": 0, "batch_size": 1}),
        Node("Expert switch", "FFGOWanExpertSwitch", (420, 0), (300, 160), ["INT", "SIGMAS", "SIGMAS"],
             {"model": "Shift (high noise)"}, {"steps": 0, "scheduler": "simple", "boundary": 0.9}),
        Node("Noise", "RandomNoise", (820, 480), (280, 90), ["NOISE"],
             widgets={"noise_seed": 42, "control_after_generate": "fixed"}),
        Node("No new noise", "DisableNoise", (820, 640), (280, 30), ["NOISE"]),
        Node("Sampler", "KSamplerSelect", (820, 740), (280, 60), ["SAMPLER"], widgets={"sampler_name": "euler"}),
        Node("Decode", "VAEDecode", (1160, 480), (280, 60), ["IMAGE"], {"samples": "Low noise steps", "vae": "in/vae"}),
    ],
    {
        "model_high": ("MODEL", "FFGo LoRA"), "model_low": ("MODEL", "FFGo LoRA/1"), "clip": ("CLIP", "Toy models/2"),
        "vae": ("VAE", "Toy models/3"), "prompt": ("STRING", "Prompt"), "first_frame": ("IMAGE", "Canvas"),
    },
    {"frames": "Decode"},
)  # fmt: skip


def _root(background: str, subjects: Sequence[str], prompt: str) -> list[Node]:
    pictures = [
        _picture("Background", background, 0),
        *(_subject(f"Subject {n}", name, 450 * n - 100) for n, name in enumerate(subjects, 1)),
    ]
    shown = {f"subjects.subject{n}": f"Subject {n + 1}" for n in range(len(subjects))}
    return [
        Node("Start here", "MarkdownNote", (360, 700), (440, 310), widgets={"": HELLO}),
        *pictures,
        Node("Canvas", "FFGOComposeCanvas", (360, 0), (440, 620), ["IMAGE", "MASK", "STRING"],
             {"background": "Background", **shown},
             {"preset": "custom", "width": 0, "height": 0, "layout": "published", "background_fit": "keep_aspect"}),
        Node("FFGo LoRA", "FFGOWanMoELoRALoader", (860, 380), (400, 560), ["MODEL", "MODEL", "STRING"],
             {"model_high": "Toy models", "model_low": "Toy models/1"},
             {"lora_high": "", "lora_low": "", "strength_high": 1.0, "strength_low": 1.0, "strict": True,
              "apply": "auto"}),
        Node("Prompt", "FFGOTransitionPrompt", (860, 0), (400, 130), ["STRING"], widgets={"prompt": prompt}),
        Node("Trim", "FFGOTrimCompressionFrames", (1320, 220), (300, 330), ["IMAGE", "AUDIO", "INT"],
             {"images": "Wan 2.2 sampling"}, {"frames": 4, "mode": "fixed", "max_frames": 24, "fps": 16.0}),
        Node("Enlarge", "ImageScaleBy", (1680, 0), (400, 90), ["IMAGE"], {"image": "Trim"},
             {"upscale_method": "nearest-exact", "scale_by": ENLARGED}),
        Node("Create video", "CreateVideo", (1680, 160), (400, 110), ["VIDEO"], {"images": "Enlarge"}, {"fps": 16.0}),
        Node("Save video", "SaveVideo", (1680, 340), (400, 560), ["VIDEO"], {"video": "Create video"},
             {"filename_prefix": "toy_world/video", "format": "auto", "codec": "auto"}),
    ]  # fmt: skip


def _picture(title: str, name: str, y: int) -> Node:
    return Node(title, "LoadImage", (0, y), (280, 300), ["IMAGE", "MASK"], widgets={"image": name, "upload": "image"})


def _subject(title: str, name: str, y: int) -> Node:
    widgets = {"image": name, "cut_by": "auto", "shadow": "drop", "upload": "image"}
    return Node(title, "FFGOLoadSubject", (0, y), (280, 390), ["IMAGE", "STRING"], widgets=widgets)


def toy_workflow(background: str, subjects: Sequence[str], prompt: str) -> dict[str, Any]:
    """The workflow, with names from the input folder, in the form that Save writes."""
    values = dict(setting.split("=", 1) for setting in SETTINGS)
    return write_workflow(_root(background, subjects, prompt), [MODELS, SAMPLING], values)


def lay_out(base: Path) -> None:
    """Make the workflow a template of the ComfyUI whose base folder this is, and one of its user's workflows."""
    example = test_set()[EXAMPLE]
    background, subjects = draw_materials(example, base / "input")
    workflow = json.dumps(toy_workflow(background.name, [path.name for path in subjects], example.caption))
    module = base / "custom_nodes" / TOY_MODULE
    (module / "example_workflows").mkdir(parents=True)
    (module / "__init__.py").write_text("NODE_CLASS_MAPPINGS = {}\n")  # the host lists templates of packs of nodes
    (module / "example_workflows" / f"{TOY_TEMPLATE}.json").write_text(workflow)
    saved = base / "user" / "default" / "workflows"
    saved.mkdir(parents=True)
    (saved / "Toy world.json").write_text(workflow)
    for shipped in (REPO / "workflows").glob("*.json"):
        shutil.copy(shipped, saved)


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
