"""Run the workflow of a base that has one model on a running ComfyUI, with its untrained stand-ins.

Run by dev.py in the host's Python: `python -m lab.workshop.base_demo SERVER_URL FOLDER BASE`.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from ffgo.bases.catalogue import HUNYUAN_15_I2V, WAN21_I2V_14B, WAN22_TI2V_5B
from ffgo.errors import FFGOError
from ffgo.remote import Workflow, load_workflow, run_workflow

from .comfyui import REPO
from .demo import titled, watcher
from .server import MATERIALS

NOTICE = "Made by untrained stand-ins: the pictures are noise, and show that the workflow runs."
FRAMES, STEPS, WIDTH, HEIGHT = 13, 2, 128, 64
SMALL = [
    "Canvas.preset=custom", f"Canvas.width={WIDTH}", f"Canvas.height={HEIGHT}", f"First frame.length={FRAMES}",
    f"Steps.steps={STEPS}", "Sampler.sampler_name=euler",
]  # fmt: skip
WORKFLOWS = {
    WAN22_TI2V_5B.id: "FFGo image to video (5B)",
    HUNYUAN_15_I2V.id: "FFGo image to video (Hunyuan 1.5)",
    WAN21_I2V_14B.id: "FFGo image to video (Hunyuan 1.5)",  # with two nodes exchanged: docs/bases.md
}
SETTINGS = {
    WAN22_TI2V_5B.id: [
        "Model.unet_name=standin_5b.safetensors", "Text encoder.clip_name=standin_umt5.safetensors",
        "VAE.vae_name=standin_5b_vae.safetensors", "FFGo LoRA.lora=standin_ffgo_5b.safetensors",
    ],
    HUNYUAN_15_I2V.id: [
        "Model.unet_name=standin_hunyuan15.safetensors", "Text encoder.clip_name1=standin_qwen25.safetensors",
        "Text encoder.clip_name2=standin_byt5.safetensors", "VAE.vae_name=standin_hunyuan15_vae.safetensors",
        "CLIP vision.clip_name=standin_hunyuan15_vision.safetensors",
        "FFGo LoRA.lora=standin_ffgo_hunyuan15.safetensors",
    ],
    WAN21_I2V_14B.id: [
        "Model.unet_name=standin_wan21.safetensors", "Text encoder.clip_name=standin_umt5.safetensors",
        "VAE.vae_name=standin_vae.safetensors", "CLIP vision.clip_name=standin_wan21_vision.safetensors",
        "FFGo LoRA.lora=standin_ffgo_wan21.safetensors", f"Shift.shift={WAN21_I2V_14B.shift}", "Create video.fps=16",
    ],
}  # fmt: skip
"""What of a workflow is set otherwise, by base; the rest runs as it ships."""


def workflow_of(base: str) -> Workflow:
    """The base's shipped workflow in API format; of Wan2.1 that of Hunyuan Video with Wan's two nodes in it."""
    workflow = load_workflow(REPO / "workflows" / "api" / f"{WORKFLOWS[base]}.json")
    if base != WAN21_I2V_14B.id:
        return workflow
    text, first = (titled(workflow, title) for title in ("Text encoder", "First frame"))
    loader = {"class_type": "CLIPLoader", "inputs": {"clip_name": "", "type": "wan"}}
    return {
        **workflow,
        text: {**workflow[text], **loader},
        first: {**workflow[first], "class_type": "WanImageToVideo"},  # its inputs have the same names
    }


def run_base_demo(server: str, out: Path, base: str) -> None:
    """Leave video.mp4 and first_frame.png in `out`. Raises: FFGOError if any node fails."""
    workflow = workflow_of(base)
    canvas = titled(workflow, "Canvas")
    workflow |= {"demo": watcher("Demo: first frame", "SaveImage", images=[canvas, 0], filename_prefix="ffgo/first")}
    with tempfile.TemporaryDirectory(prefix="ffgo-demo-") as folder:
        result = run_workflow(
            server,
            workflow,
            Path(folder),
            background=MATERIALS / "background_lake.png",
            subjects=[MATERIALS / f"subject_{name}.png" for name in ("robot", "boat")],
            prompt="The robot waves at the boat.",
            settings=[*SMALL, *SETTINGS[base]],
        )
        out.mkdir(parents=True, exist_ok=True)
        shutil.copy(result.files["Demo: first frame"][0], out / "first_frame.png")
        shutil.copy(result.files["Save video"][0], out / "video.mp4")


if __name__ == "__main__":
    try:
        run_base_demo(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
    except FFGOError as error:
        sys.exit(f"[ffgo] The demo failed. {error}")
    print(f"[ffgo] {NOTICE}\n[ffgo] Look at first_frame.png and video.mp4 in {sys.argv[2]}")
