"""Run is pressed in the page, and the real host answers; the models are the untrained stand-ins."""

import urllib.request
from pathlib import Path

import av
import pytest
from PIL import Image
from playwright.sync_api import expect

WORKFLOWS = Path(__file__).parents[2] / "workflows"
MAIN, FAST = WORKFLOWS / "FFGo image to video.json", WORKFLOWS / "FFGo image to video (8 steps).json"
STANDINS = {
    "high noise expert": "standin_high_noise.safetensors",
    "low noise expert": "standin_low_noise.safetensors",
    "text encoder": "standin_umt5.safetensors",
    "VAE": "standin_vae.safetensors",
    "FFGo LoRA, high noise": "standin_ffgo_high_noise.safetensors",
    "FFGo LoRA, low noise": "standin_ffgo_low_noise.safetensors",
}
DISTILLATION = {
    "distillation, high noise": "standin_distill_high_noise.safetensors",
    "distillation, low noise": "standin_distill_low_noise.safetensors",
}
SMALL = {"Canvas": {"width": 320, "height": 192}, "Wan 2.2 sampling": {"frames": 17, "steps": 4}}


def prepare(comfy, workflow):
    comfy.open_template(workflow.stem)
    models = {"Models": STANDINS | (DISTILLATION if workflow == FAST else {})}
    for title, widgets in (models | SMALL).items():
        comfy.set_widgets(title, **widgets)


def failure(entry):
    return [data["exception_message"] for name, data in entry["status"]["messages"] if name == "execution_error"]


@pytest.mark.parametrize(("comfy", "workflow"), [("canvas", MAIN), ("elements", FAST)], indirect=True)
def test_a_run_ends_with_a_video(comfy, server, workflow):
    prepare(comfy, workflow)
    entry = comfy.finished(comfy.run())
    assert failure(entry) == []
    comfy.enter("Models")
    comfy.select("FFGo LoRA")
    table = comfy.page.get_by_role("table", name="What was loaded")
    expect(table.filter(has_text="standin_ffgo_high_noise")).to_be_visible()
    (saved,) = [
        file for output in entry["outputs"].values() for file in output.get("images", []) if file["type"] == "output"
    ]
    with av.open(Path(server.base, "output", saved["subfolder"], saved["filename"])) as video:
        frames = list(video.decode(video=0))
        assert video.streams.video[0].average_rate == 16
    assert len(frames) == 17 - 4
    assert (frames[0].width, frames[0].height) == (320, 192)


def test_a_warning_stands_on_its_node(comfy, server, request):
    tiny = f"tiny_{request.node.callspec.id}.png"  # a name of its own: the host keeps silent about what it has cached
    Image.new("RGB", (40, 30), "teal").save(server.base / "input" / tiny)
    prepare(comfy, MAIN)
    comfy.set_widgets("Background", image=tiny)
    prompt_id = comfy.run()
    comfy.page.wait_for_function(
        "() => app.rootGraph.nodes.find(node => node.title === 'Canvas').widgets.some(w => `${w.value}`.includes('⚠'))"
    )
    comfy.select("Canvas")
    expect(comfy.page.get_by_text("is smaller than its half of the frame").first).to_be_visible()
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/interrupt", b"")).close()
    comfy.finished(prompt_id)
