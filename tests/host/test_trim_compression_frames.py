"""Trim Compression Frames in the real host."""

import io
import wave

import av
import numpy as np
import pytest
from PIL import Image

RATE = 8000


def trim_graph(length: int, **inputs) -> dict:
    return {
        "clip": {
            "class_type": "EmptyImage",
            "inputs": {"width": 64, "height": 48, "batch_size": length, "color": 0x336699},
        },
        "trim": {"class_type": "FFGOTrimCompressionFrames", "inputs": {"images": ["clip", 0], **inputs}},
        "frames": {"class_type": "SaveImage", "inputs": {"images": ["trim", 0], "filename_prefix": "trimmed"}},
        "count": {"class_type": "PreviewAny", "inputs": {"source": ["trim", 2]}},
    }


def ramp(seconds: int) -> bytes:
    """A WAV file whose samples count up from -24000."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes((np.arange(seconds * RATE) - 24000).astype("<i2").tobytes())
    return file.getvalue()


def squares(seed: int, composed: bool) -> Image.Image:
    """A picture of squares, or two smaller ones of them on white, left and right."""
    pixels = np.random.default_rng(seed).integers(0, 200, (18, 32, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    if composed:
        small, pixels = pixels[:72, :128], np.full_like(pixels, 255)
        pixels[36:108, 24:104] = small[:, :80]
        pixels[36:108, 128:] = small
    return Image.fromarray(pixels)


def test_81_frames_in_77_out(host):
    outputs = host.run(trim_graph(81))
    assert len(outputs["frames"]["images"]) == 77
    assert outputs["count"]["text"] == ["4"]
    assert outputs["trim"]["text"] == ["Dropped the first 4 of 81 frames (0.25 s at 16 fps): fixed number."]


def test_the_sound_is_cut_in_step(host):
    graph = trim_graph(81, audio=["sound", 0], fps=16.0)
    graph["sound"] = {"class_type": "LoadAudio", "inputs": {"audio": host.input("ramp.wav", ramp(6))}}
    graph["kept"] = {"class_type": "SaveAudio", "inputs": {"audio": ["trim", 1], "filename_prefix": "sound"}}
    (saved,) = host.run(graph)["kept"]["audio"]
    with av.open(str(host.base / "output" / saved["subfolder"] / saved["filename"])) as file:
        resampler = av.AudioResampler("s16", "mono", RATE)
        samples = np.concatenate([r.to_ndarray()[0] for f in file.decode(audio=0) for r in resampler.resample(f)])
    assert len(samples) == 6 * RATE - RATE // 4
    assert abs(int(samples[0]) - (RATE // 4 - 24000)) <= 1


def test_auto_finds_a_late_cut(host):
    graph = trim_graph(81, mode="auto")
    for name, count in (("composed", 9), ("scene", 12)):
        picture = host.input(f"{name}.png", squares(count, composed=name == "composed"))
        graph[name] = {"class_type": "LoadImage", "inputs": {"image": picture}}
        graph[f"{name}s"] = {"class_type": "RepeatImageBatch", "inputs": {"image": [name, 0], "amount": count}}
    graph["clip"] = {"class_type": "ImageBatch", "inputs": {"image1": ["composeds", 0], "image2": ["scenes", 0]}}
    outputs = host.run(graph)
    assert outputs["count"]["text"] == ["9"]
    assert len(outputs["frames"]["images"]) == 12
    graph["clip"]["inputs"]["image2"] = ["composeds", 0]
    assert "LoRA" in host.run(graph)["trim"]["text"][1]


def test_auto_says_that_nothing_was_found(host):
    outputs = host.run(trim_graph(33, mode="auto"))
    assert outputs["count"]["text"] == ["4"]
    assert "no composed first frame was found" in outputs["trim"]["text"][0]


@pytest.mark.parametrize(
    ("length", "inputs", "says"),
    [
        (4, {}, "nothing would be left"),
        (81, {"mode": "auto", "frames": 30}, "Set max_frames to 30"),
        (81, {"fps": 0.0}, "0.01"),
        (81, {"mode": "clever"}, "mode"),
    ],
)
def test_bad_input_to_the_trim_node_is_named(host, length, inputs, says):
    with pytest.raises(Exception, match=says):
        host.run(trim_graph(length, **inputs))
