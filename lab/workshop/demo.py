"""Run the main workflow on a running ComfyUI with the small models of the toy world, and draw what happened.

Run by dev.py in the host's Python: `python -m lab.workshop.demo SERVER_URL FOLDER`.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image

from ffgo.bases.catalogue import COMPOSED_FRAMES
from ffgo.errors import FFGOError
from ffgo.pixels import to_uint8
from ffgo.remote import Result, Workflow, load_workflow, run_workflow
from lab.toyworld import family
from lab.toyworld.examples import ToyExample, test_set
from lab.toyworld.render import render_cutout, render_scene
from lab.toyworld.scene import FRAMES, HEIGHT, WIDTH

from .comfyui import REPO
from .story import draw_story

WORKFLOW = REPO / "workflows" / "api" / "FFGo image to video.json"
EXAMPLE = 17
"""Of the 64 that no model was trained on."""
ENLARGED = 8
NOTICE = "Made by small models that were trained on a toy world (docs/toy-world.md), from sprites they have never seen."

# Everything else of the workflow runs as it ships.
SETTINGS = [
    f"High noise expert.unet_name={family.HIGH}",
    f"Low noise expert.unet_name={family.LOW}",
    f"FFGo LoRA.lora_high={family.LORA_HIGH}",
    f"FFGo LoRA.lora_low={family.LORA_LOW}",
    f"Text encoder.clip_name={family.TEXT_ENCODER}",
    f"VAE.vae_name={family.VAE}",
    f"Canvas.width={WIDTH}",
    f"Canvas.height={HEIGHT}",
    f"First frame.length={FRAMES}",
    f"Shift (high noise).shift={family.SHIFT}",
    f"Shift (low noise).shift={family.SHIFT}",
    f"Expert switch.boundary={family.BOUNDARY}",
    f"Expert switch.steps={family.STEPS}",
    "Sampler.sampler_name=euler",
    "Guide (high noise).cfg=1",
    "Guide (low noise).cfg=1",
]


def run_demo(server: str, out: Path) -> None:
    """Leave video.mp4, first_frame.png and story.png in `out`. Raises: FFGOError if any node fails."""
    example = test_set()[EXAMPLE]
    with tempfile.TemporaryDirectory(prefix="ffgo-demo-") as folder:
        background, subjects = draw_materials(example, Path(folder))
        result = run_workflow(
            server,
            with_watchers(with_large_video(load_workflow(WORKFLOW))),
            Path(folder) / "results",
            background=background,
            subjects=subjects,
            prompt=example.caption,
            settings=SETTINGS,
        )
        out.mkdir(parents=True, exist_ok=True)
        keep_video(result, out, NOTICE).save(out / "story.png")


def draw_materials(example: ToyExample, folder: Path) -> tuple[Path, list[Path]]:
    """Write the example's background and cut-outs as a user would bring them."""
    shot = example.clip.shot
    assert shot.scene is not None
    pictures = {"background": render_scene(shot.scene)}
    pictures |= {f"subject_{n}": render_cutout(subject.sprite) for n, subject in enumerate(shot.subjects, 1)}
    paths = []
    for name, pixels in pictures.items():
        paths.append(folder / f"toy_{name}.png")
        Image.fromarray(to_uint8(torch.from_numpy(pixels))).save(paths[-1])
    return paths[0], paths[1:]


def keep_video(result: Result, out: Path, notice: str, number: int = 1) -> Image.Image:
    """Leave first_frame.png and video.mp4 in `out`; returns the story from the first frame on, numbered from there."""
    frames = [Image.open(path).convert("RGB") for path in result.files["Demo: frames"]]
    first_frame = Image.open(result.files["Demo: first frame"][0]).convert("RGB")
    first_frame.save(out / "first_frame.png")
    shutil.copy(result.files["Save video"][0], out / "video.mp4")
    layout = json.loads(result.texts["Demo: layout"][0])
    return draw_story(first_frame, layout, frames, COMPOSED_FRAMES, notice, number=number)


def with_watchers(workflow: Workflow) -> Workflow:
    """Add nodes that keep what the story needs: the composed frame, its layout, and the frames before the cut."""
    canvas = titled(workflow, "Canvas")
    decoded = titled(workflow, "Decode")
    return {
        **workflow,
        "demo_1": watcher("Demo: first frame", "SaveImage", images=[canvas, 0], filename_prefix="ffgo/first"),
        "demo_2": watcher("Demo: layout", "PreviewAny", source=[canvas, 2]),
        "demo_3": watcher("Demo: frames", "SaveImage", images=[decoded, 0], filename_prefix="ffgo/frame"),
    }


def with_large_video(workflow: Workflow) -> Workflow:
    """Enlarge the frames that go into the video: those of the toy world are as small as a stamp."""
    video = titled(workflow, "Create video")
    inputs = {"image": workflow[video]["inputs"]["images"], "upscale_method": "nearest-exact", "scale_by": ENLARGED}
    large = {**workflow[video], "inputs": {**workflow[video]["inputs"], "images": ["demo_large", 0]}}
    return {**workflow, "demo_large": watcher("Demo: enlarge", "ImageScaleBy", **inputs), video: large}


def watcher(title: str, class_type: str, **inputs: object) -> dict:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title}}


def titled(workflow: Workflow, title: str) -> str:
    return next(node_id for node_id, node in workflow.items() if node["_meta"]["title"] == title)


if __name__ == "__main__":
    try:
        run_demo(sys.argv[1], Path(sys.argv[2]))
    except FFGOError as error:
        sys.exit(f"[ffgo] The demo failed. {error}")
    print(f"[ffgo] {NOTICE}\n[ffgo] Look at story.png, first_frame.png and video.mp4 in {sys.argv[2]}")
