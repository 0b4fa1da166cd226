"""From one photo to the video: the workflow that prepares subjects, with a stand-in for Gemini, and its story.

Run by dev.py in the host's Python: `python -m lab.workshop.curate STANDINS FOLDER`.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ffgo.demo.photos import PHOTO
from ffgo.errors import FFGOError
from ffgo.remote import Result, Workflow, load_workflow, run_workflow

from .comfyui import REPO, Host, SetupError
from .demo import keep_video, titled, watcher, with_watchers
from .fake_gemini import answer_for_demo_photo, fake_gemini
from .server import make_base, running_server
from .story import draw_rows, stacked

WORKFLOW = REPO / "workflows" / "api" / "FFGo prepare subjects.json"
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
NOTICE = "Gemini's answers come from a LOCAL STAND-IN, and the video's models are UNTRAINED: it shows nothing yet."


def stand_in_only(url: str) -> dict[str, str | None]:
    """The environment in which ComfyUI asks the server at `url` and nobody else, and nothing is paid or kept."""
    return {
        "GOOGLE_GEMINI_BASE_URL": url,
        "GOOGLE_API_KEY": "made-up-key-of-the-demo",
        "GEMINI_API_KEY": None,
        "GOOGLE_GENAI_USE_VERTEXAI": None,
        "GOOGLE_GENAI_USE_ENTERPRISE": None,
        "FFGO_GEMINI_CACHE": None,
        "FFGO_GEMINI_CACHE_MB": None,
    }


def with_curation_watchers(workflow: Workflow) -> Workflow:
    """Add nodes that keep what was made of the photo, besides what the story of the video needs."""
    watched = {"Extractions": "Extract", "Cut-outs": "Matte", "Plate": "Plate"}
    watchers = {
        f"curate_{number}": watcher(
            f"Demo: {name}", "SaveImage", images=[titled(workflow, title), 0], filename_prefix=f"ffgo/{title}"
        )
        for number, (name, title) in enumerate(watched.items())
    }
    return {**with_watchers(workflow), **watchers}


def curate(standins: Path, out: Path) -> None:
    """Leave photo.png, cutout_*.png, plate.png, first_frame.png, video.mp4 and story.png in `out`.

    Raises: FFGOError if any node fails, SetupError if ComfyUI does not start.
    """
    with tempfile.TemporaryDirectory(prefix="ffgo-demo-") as folder, fake_gemini() as gemini:
        gemini.default = answer_for_demo_photo
        base = make_base(Path(folder), standins)
        print("[ffgo] Starting ComfyUI", flush=True)
        with running_server(Host.current(), base, env=stand_in_only(gemini.url)) as server:
            tell_story(server.url, base / "input" / PHOTO, out)
        if not gemini.asked:
            raise FFGOError("Gemini's stand-in was not asked anything, so the nodes did without it.")


def tell_story(server: str, photo: Path, out: Path, settings: Sequence[str] = ()) -> None:
    """Run the workflow on a ComfyUI whose Gemini is the stand-in, and keep what it makes in `out`.

    photo: the one that is in the server's input folder; settings: "Node.input=value" each, on top of ours.
    """
    workflow = with_curation_watchers(load_workflow(WORKFLOW))
    with tempfile.TemporaryDirectory(prefix="ffgo-demo-") as folder:
        result = run_workflow(server, workflow, Path(folder), settings=[*SETTINGS, *settings])
        out.mkdir(parents=True, exist_ok=True)
        _keep(result, photo, out)


def _keep(result: Result, photo: Path, out: Path) -> None:
    extractions, cutouts, (plate,) = (result.files[f"Demo: {name}"] for name in ("Extractions", "Cut-outs", "Plate"))
    for old in out.glob("cutout_*.png"):
        old.unlink()
    for number, cutout in enumerate(cutouts, 1):
        shutil.copy(cutout, out / f"cutout_{number}.png")
    shutil.copy(photo, out / "photo.png")
    shutil.copy(plate, out / "plate.png")
    rows = [
        ("One photo", [photo]),
        ("Gemini Extract: each subject alone on white", extractions),
        ("SAM2 Matte: cut-outs with soft edges", cutouts),
        ("Gemini Remove: the clean plate, on the photo to the pixel", [plate]),
    ]
    beginning = draw_rows([(words, [Image.open(file) for file in files]) for words, files in rows])
    stacked([beginning, keep_video(result, out, NOTICE, len(rows) + 1)]).save(out / "story.png")


if __name__ == "__main__":
    try:
        curate(Path(sys.argv[1]), Path(sys.argv[2]))
    except (FFGOError, SetupError) as error:
        sys.exit(f"[ffgo] The demo failed. {error}")
    names = "story.png, photo.png, cutout_*.png, plate.png, first_frame.png and video.mp4"
    print(f"[ffgo] {NOTICE}\n[ffgo] Look at {names} in {sys.argv[2]}")
