"""Run the main workflow on a running ComfyUI with the stand-ins, and draw what happened.

Run by dev.py in the host's Python: `python -m workshop.demo SERVER_URL FOLDER`.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from ffgo.clip.transition import COMPOSED_FRAMES
from ffgo.errors import FFGOError
from ffgo.remote import Result, Workflow, load_workflow, run_workflow

from .host import REPO
from .server import MATERIALS
from .story import draw_story

WORKFLOW = REPO / "workflows" / "api" / "FFGo image to video.json"
BACKGROUND = MATERIALS / "background_lake.png"
SUBJECTS = [MATERIALS / f"subject_{name}.png" for name in ("robot", "boat", "balloon")]
PROMPT = "At the evening lake, the red robot waves at the yellow boat while the striped balloon rises behind them."
NOTICE = "The models are UNTRAINED STAND-INS: the moving picture is noise. The rest is what you get with the real ones."

# Everything else of the workflow runs as it ships.
SETTINGS = [
    "High noise expert.unet_name=standin_high_noise.safetensors",
    "Low noise expert.unet_name=standin_low_noise.safetensors",
    "FFGo LoRA.lora_high=standin_ffgo_high_noise.safetensors",
    "FFGo LoRA.lora_low=standin_ffgo_low_noise.safetensors",
    "Text encoder.clip_name=standin_umt5.safetensors",
    "VAE.vae_name=standin_vae.safetensors",
    "Canvas.width=320",
    "Canvas.height=192",
    "First frame.length=13",
    "Expert switch.steps=4",
]


def run_demo(server: str, out: Path) -> None:
    """Leave video.mp4, first_frame.png and story.png in `out`. Raises FFGOError if any node fails."""
    with tempfile.TemporaryDirectory(prefix="ffgo-demo-") as folder:
        result = run_workflow(
            server,
            with_watchers(load_workflow(WORKFLOW)),
            Path(folder),
            background=BACKGROUND,
            subjects=SUBJECTS,
            prompt=PROMPT,
            settings=SETTINGS,
        )
        out.mkdir(parents=True, exist_ok=True)
        keep_video(result, out, NOTICE).save(out / "story.png")


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
