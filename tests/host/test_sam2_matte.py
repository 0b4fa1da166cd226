"""SAM2 Loader and SAM2 Matte in the real host, with an untrained checkpoint."""

import json
import urllib.request

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

from ffgo.cutout import sam2 as core
from lab.workshop.patience import wait_for

CHECKPOINT = "untrained_tiny.safetensors"


@pytest.fixture(scope="module")
def white(host) -> str:
    picture = Image.new("RGB", (200, 160), "white")
    ImageDraw.Draw(picture).ellipse((60, 40, 140, 120), fill=(180, 40, 30))
    return host.input("white.png", picture)


@pytest.fixture(scope="module")
def photo(host) -> str:
    pixels = np.random.default_rng(1).integers(40, 120, (160, 200, 3), dtype=np.uint8)
    return host.input("photo.png", Image.fromarray(pixels))


@pytest.fixture(scope="module")
def checkpoint(host) -> str:
    pytest.importorskip("sam2", reason="the optional package sam2 is not installed")
    folder = host.base / "models" / "sam2"
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)  # some untrained models mark nothing but specks
    state = core.build(core.Variant("2.1", "t")).state_dict()
    save_file({key: tensor.half().contiguous() for key, tensor in state.items()}, folder / CHECKPOINT)
    return CHECKPOINT


def graph(picture: str, model: str = "", **inputs) -> dict:
    nodes = {
        "load": {"class_type": "LoadImage", "inputs": {"image": picture}},
        "matte": {"class_type": "FFGOSAM2Matte", "inputs": {"image": ["load", 0], **inputs}},
        "save": {"class_type": "SaveImage", "inputs": {"images": ["matte", 0], "filename_prefix": "cutout"}},
    }
    if model:
        nodes["model"] = {"class_type": "FFGOSAM2Loader", "inputs": {"checkpoint": model}}
        nodes["matte"]["inputs"]["sam2"] = ["model", 0]
    return nodes


def cutout(host, outputs: dict) -> np.ndarray:
    return np.asarray(Image.open(host.base / "output" / outputs["save"]["images"][0]["filename"]))


def test_on_white_without_a_model(host, white):
    outputs = host.run(graph(white, trim=True))
    assert "by its white background" in outputs["matte"]["text"][0]
    picture = cutout(host, outputs)
    assert picture.shape[2] == 4
    assert abs(picture.shape[0] - 81) <= 3
    assert picture[40, 40].tolist() == [180, 40, 30, 255]
    assert picture[0, 0, 3] == 0


def test_a_photo_needs_more(host, photo):
    with pytest.raises(Exception, match="border is white or light"):
        host.run(graph(photo))
    with pytest.raises(Exception, match="points and boxes need SAM2"):
        host.run(graph(photo, points="[[100, 80]]"))


def test_a_missing_file_is_named_with_its_folder_and_link(host, photo):
    with pytest.raises(Exception, match=r"is not in .*sam2\. Put it there: https://dl.fbaipublicfiles.com/.*092824"):
        host.run(graph(photo, "sam2.1_hiera_tiny.pt"))


def test_the_model_is_the_hosts_to_load_and_to_free(host, photo, checkpoint):
    """The untrained model's mask is arbitrary, but it is the same after the host has thrown the model out."""
    prompt = graph(photo, checkpoint, boxes="[[40, 30, 160, 130]]")
    first = cutout(host, host.run(prompt))
    assert "Requested to load Held" in host.log()
    loads = host.log().count("Requested to load Held")
    boxes = (f"[[40, 30, 160, 130.{number}]]" for number in range(9))  # none is in the host's cache
    prompt["save"]["inputs"]["filename_prefix"] = "again"

    def is_loaded_again() -> bool:
        """The host throws models out between two prompts, before or after one that comes at the same time."""
        free = json.dumps({"unload_models": True}).encode()
        urllib.request.urlopen(host.url + "/free", free).close()
        prompt["matte"]["inputs"]["boxes"] = next(boxes)
        assert np.array_equal(first, cutout(host, host.run(prompt)))
        return host.log().count("Requested to load Held") > loads

    wait_for(is_loaded_again)
