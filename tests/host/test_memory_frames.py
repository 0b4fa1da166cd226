"""FFGo Compose Memory and FFGo Memory Frames in the real host, up to what an expert is told of the start frames."""

import ast
import json
import re

import numpy as np
import pytest

from .test_compose_canvas import background, cutout, saved

LENGTH, SIDE = 33, 32


def pictures(host, count: int) -> dict:
    """Nodes that load a background and cut-outs."""
    scene = host.input("memory_background.png", background((64, 48)))
    graph = {"background": {"class_type": "LoadImage", "inputs": {"image": scene}}}
    for i in range(count):
        name = host.input(f"memory_subject{i}.png", cutout(i))
        graph[f"subject{i}"] = {"class_type": "FFGOLoadSubject", "inputs": {"image": name}}
    return graph


def inputs_of(count: int, **more) -> dict:
    shown = {f"subjects.subject{i}": [f"subject{i}", 0] for i in range(count)}
    return {"background": ["background", 0], **shown, "width": SIDE, "height": SIDE, **more}


def told(name: str, start: list) -> dict:
    """What WanImageToVideo tells an expert of these start frames, as text."""
    frame = {
        "positive": ["text", 0], "negative": ["text", 0], "vae": ["vae", 0], "start_image": start,
        "width": SIDE, "height": SIDE, "length": LENGTH, "batch_size": 1,
    }  # fmt: skip
    return {
        f"{name}_frame": {"class_type": "WanImageToVideo", "inputs": frame},
        f"{name}_told": {"class_type": "PreviewAny", "inputs": {"source": [f"{name}_frame", 0]}},
    }


MODELS = {
    "encoder": {"class_type": "CLIPLoader", "inputs": {"clip_name": "standin_umt5.safetensors", "type": "wan"}},
    "vae": {"class_type": "VAELoader", "inputs": {"vae_name": "standin_vae.safetensors"}},
    "text": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["encoder", 0], "text": "words"}},
}


def test_the_mask_clears_exactly_the_memory(host):
    graph = {**pictures(host, 5), **MODELS}
    graph["clip"] = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 81, "color": 255}}
    for k in (1, 2, 3, 4):
        graph[f"canvas{k}"] = {"class_type": "FFGOComposeMemory", "inputs": inputs_of(5, memory=k)}
        graph[f"memory{k}"] = {"class_type": "FFGOMemoryFrames", "inputs": {"canvases.canvas0": [f"canvas{k}", 0]}}
        graph |= told(f"k{k}", [f"memory{k}", 0])
        trim = {"images": ["clip", 0], "memory": [f"memory{k}", 1]}
        graph[f"trim{k}"] = {"class_type": "FFGOTrimCompressionFrames", "inputs": trim}
        graph[f"dropped{k}"] = {"class_type": "PreviewAny", "inputs": {"source": [f"trim{k}", 2]}}
    # What is queued today: the canvas itself.
    graph["canvas"] = {"class_type": "FFGOComposeCanvas", "inputs": inputs_of(5, layout="packed")}
    graph |= told("today", ["canvas", 0])
    outputs = host.run(graph)
    for k in (1, 2, 3, 4):
        mask = mask_of(outputs[f"k{k}_told"]["text"][0])
        assert mask.shape == (1, 1, (LENGTH - 1) // 4 + 1, SIDE // 8, SIDE // 8)
        assert not mask[:, :, :k].any()
        assert (mask[:, :, k:] == 1).all()
        assert outputs[f"dropped{k}"]["text"] == [str(4 * k)]
        assert len(outputs[f"canvas{k}"]["images"]) == k
    assert outputs["k1_told"]["text"] == outputs["today_told"]["text"]
    assert outputs["k2_told"]["text"] != outputs["today_told"]["text"]


def mask_of(conditioning: str) -> np.ndarray:
    (text,) = re.findall(r"'concat_mask': tensor\((\[.*?\])\)", conditioning, re.DOTALL)
    return np.array(ast.literal_eval(text))


def test_one_canvas_to_the_pixel(host):
    graph = pictures(host, 3)
    graph["canvas"] = {"class_type": "FFGOComposeCanvas", "inputs": inputs_of(3)}
    graph["memory"] = {"class_type": "FFGOComposeMemory", "inputs": inputs_of(3, layout="published")}
    graph["frames"] = {"class_type": "FFGOMemoryFrames", "inputs": {"canvases.canvas0": ["memory", 0]}}
    for node in ("canvas", "frames"):
        save = {"images": [node, 0], "filename_prefix": "memory/frame"}
        graph[f"save_{node}"] = {"class_type": "SaveImage", "inputs": save}
    graph["layout"] = {"class_type": "PreviewAny", "inputs": {"source": ["memory", 2]}}
    outputs = host.run(graph)
    assert np.array_equal(saved(host, outputs, "save_canvas"), saved(host, outputs, "save_frames"))
    assert json.loads(outputs["layout"]["text"][0])["memory"] == 1


def test_canvases_of_several_nodes_in_their_order(host):
    graph = {}
    for i, colour in enumerate((0xFF0000, 0x00FF00, 0x0000FF)):
        size = {"width": 64, "height": 48, "batch_size": 1, "color": colour}
        graph[f"canvas{i}"] = {"class_type": "EmptyImage", "inputs": size}
    canvases = {f"canvases.canvas{i}": [f"canvas{i}", 0] for i in range(3)}
    graph["frames"] = {"class_type": "FFGOMemoryFrames", "inputs": canvases}
    save = {"images": ["frames", 0], "filename_prefix": "memory/start"}
    graph["save"] = {"class_type": "SaveImage", "inputs": save}
    frames = saved(host, host.run(graph), "save")
    assert ["RGB"[int(frame[0, 0].argmax())] for frame in frames] == list("RGGGGBBBB")


@pytest.mark.parametrize(
    ("node", "inputs", "says"),
    [
        ("FFGOMemoryFrames", {"canvases.canvas0": ["clip", 0]}, "5 canvases are connected"),
        ("FFGOMemoryFrames", {f"canvases.canvas{i}": ["clip", 0] for i in range(5)}, "takes up to 4 canvases"),
        ("FFGOComposeMemory", inputs_of(17), "takes up to 16 subjects"),
        ("FFGOComposeMemory", inputs_of(2, memory=4), "one would be empty"),
    ],
)
def test_what_is_no_memory_is_refused(host, node, inputs, says):
    size = {"width": 64, "height": 48, "batch_size": 5, "color": 0}
    graph = pictures(host, 2) | {"clip": {"class_type": "EmptyImage", "inputs": size}}
    for i in range(2, 17):
        graph[f"subject{i}"] = graph["subject1"]
    graph["asked"] = {"class_type": node, "inputs": inputs}
    graph["save"] = {"class_type": "PreviewImage", "inputs": {"images": ["asked", 0]}}
    with pytest.raises(Exception, match=says):
        host.run(graph)
