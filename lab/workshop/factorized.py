"""Factorized generation on the real host: a prompt to its first frame to a video, with a stand-in for Gemini.

Run by dev.py in the host's Python: `python -m lab.workshop.factorized STANDINS FOLDER`.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ffgo.errors import FFGOError
from ffgo.pixels import to_uint8
from ffgo.remote import Result, factorized_settings, load_workflow, run_workflow
from lab.toyworld.examples import ToyExample, test_set
from lab.toyworld.render import render_clip, render_cutout, render_scene
from lab.toyworld.scene import HEIGHT, WIDTH

from .comfyui import REPO, Host, SetupError
from .curate import stand_in_only
from .demo import EXAMPLE, titled, watcher, with_large_video
from .demo import SETTINGS as FFGO_SETTINGS
from .fake_gemini import Asked, Reply, fake_gemini, picture, text
from .server import make_base, running_server
from .story import draw_rows

ANCHORED = REPO / "workflows" / "api" / "FFGo factorized video.json"
BACKGROUND = REPO / "workflows" / "api" / "FFGo generated background.json"
NOTICE = (
    "A LOCAL STAND-IN answers in Gemini's place, and small models of a toy world make the videos: no sign of quality."
)
DRAWN = 16
"""Times that the stand-in enlarges a picture of the toy world: image models draw large."""
SHOWN = 3
NAMES = "anchor.png", "background.png", "anchored.mp4", "video.mp4"

# Everything else of the workflows runs as it ships.
ANCHORED_SETTINGS = [
    *(one for one in FFGO_SETTINGS if not one.startswith(("Canvas.", "FFGo LoRA."))),
    "First frame caption.aspect_ratio=16:9",
    "Factorized prompts.aspect_ratio=16:9",  # the nearest: in whole tokens it is the toy world's 2:1
    f"Factorized prompts.long_side={WIDTH}",
]
BACKGROUND_SETTINGS = [*FFGO_SETTINGS, f"Background.width={WIDTH}", f"Background.height={HEIGHT}"]


def painter_of(example: ToyExample) -> Callable[[Asked], Reply]:
    """What Gemini could say and draw if it knew this example: its first frame, or its scene alone."""
    shot = example.clip.shot
    assert shot.scene is not None
    place, subjects = shot.scene.words, " and ".join(subject.sprite.words for subject in shot.subjects)
    nobody = f"An empty place {place}"
    scene, first = render_scene(shot.scene), render_clip(example.clip)[0]

    def answer(asked: Asked) -> Reply:
        if "<first_frame>" in asked.prompt:
            caption = nobody if "The place alone" in asked.prompt else f"{subjects} {place}"
            return text(f"<first_frame>{caption}.</first_frame>\n<motion>{example.caption}.</motion>")
        return picture(_enlarged(scene if nobody in asked.prompt else first, DRAWN))

    return answer


def factorized(standins: Path, out: Path) -> None:
    """Leave anchor.png, anchored.mp4, background.png, video.mp4 and story.png in `out`.

    Raises: FFGOError if any node fails or Gemini's stand-in was not asked, SetupError if ComfyUI does not start.
    """
    example = test_set()[EXAMPLE]
    with tempfile.TemporaryDirectory(prefix="ffgo-demo-") as folder, fake_gemini() as gemini:
        gemini.default = painter_of(example)
        base = make_base(Path(folder) / "base", standins)
        print("[ffgo] Starting ComfyUI", flush=True)
        with running_server(Host.current(), base, env=stand_in_only(gemini.url)) as server:
            made = anchored(server.url, example, Path(folder)), with_background(server.url, example, Path(folder))
        if len(gemini.asked) != 4:
            raise FFGOError(f"Gemini's stand-in was asked {len(gemini.asked)} times instead of 4.")
        _keep(example, *made, out)


def anchored(server: str, example: ToyExample, folder: Path, **options: Any) -> Result:
    """Mode A: the first frame is drawn whole, and Wan goes on from it. folder: for the results."""
    return _run(server, ANCHORED, example, folder / "anchored", ANCHORED_SETTINGS, **options)


def with_background(server: str, example: ToyExample, folder: Path) -> Result:
    """Mode B: the scene alone is drawn, and FFGo brings the user's cut-outs into it. folder: for the results."""
    folder.mkdir(parents=True, exist_ok=True)
    subjects = []
    for number, subject in enumerate(example.clip.shot.subjects, 1):
        subjects.append(folder / f"toy_subject_{number}.png")
        _enlarged(render_cutout(subject.sprite)).save(subjects[-1])
    return _run(server, BACKGROUND, example, folder / "with_background", BACKGROUND_SETTINGS, subjects=subjects)


def _run(server: str, path: Path, example: ToyExample, folder: Path, small: list[str], **options: Any) -> Result:
    """Run a workflow with small models, whose text encoder knows its own grammar only: it reads the prompt itself."""
    workflow = load_workflow(path)
    frames = workflow[titled(workflow, "Create video")]["inputs"]["images"]
    workflow["demo_frames"] = watcher("Demo: frames", "SaveImage", images=frames, filename_prefix="ffgo/frame")
    every = [*small, *factorized_settings(workflow, strategy="original"), *options.pop("settings", ())]
    return run_workflow(server, with_large_video(workflow), folder, prompt=example.caption, settings=every, **options)


def _keep(example: ToyExample, whole: Result, brought: Result, out: Path) -> None:
    anchor, background = whole.files["Save anchor"][0], brought.files["Save background"][0]
    videos = (result.files["Save video"][0] for result in (whole, brought))
    rows = [
        (f'"{example.caption}": Gemini Picture draws the first frame', [anchor]),
        ("Wan goes on from it, without FFGo", _some(whole)),
        ("The scene only: Gemini Picture draws a background", [background]),
        ("FFGo brings the user's own cut-outs into it", _some(brought)),
    ]
    out.mkdir(parents=True, exist_ok=True)
    for path, name in zip((anchor, background, *videos), NAMES, strict=True):
        shutil.copy(path, out / name)
    draw_rows([(words, [Image.open(path).convert("RGB") for path in paths]) for words, paths in rows]).save(
        out / "story.png"
    )


def _some(result: Result) -> list[Path]:
    """The first, the last, and frames between them."""
    frames = result.files["Demo: frames"]
    return [frames[round(number * (len(frames) - 1) / (SHOWN - 1))] for number in range(SHOWN)]


def _enlarged(pixels: np.ndarray, times: int = 1) -> Image.Image:
    """A picture of the toy world (H, W, 3 or 4), 0..1, with each pixel as a square."""
    small = Image.fromarray(to_uint8(torch.from_numpy(pixels)))
    return small.resize((small.width * times, small.height * times), Image.Resampling.NEAREST)


if __name__ == "__main__":
    try:
        factorized(Path(sys.argv[1]), Path(sys.argv[2]))
    except (FFGOError, SetupError) as error:
        sys.exit(f"[ffgo] The demo failed. {error}")
    print(f"[ffgo] {NOTICE}\n[ffgo] Look at story.png, {', '.join(NAMES)} in {sys.argv[2]}")
