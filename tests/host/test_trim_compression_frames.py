"""Trim Compression Frames in the real host."""

import pytest
from PIL import Image


def trim_graph(length: int, **inputs) -> dict:
    return {
        "clip": {
            "class_type": "EmptyImage",
            "inputs": {"width": 64, "height": 48, "batch_size": length, "color": 0x336699},
        },
        "sound": {
            "class_type": "EmptyAudio",
            "inputs": {"duration": 6.0, "sample_rate": 44100, "channels": 2},
        },
        "trim": {"class_type": "FFGOTrimCompressionFrames", "inputs": {"images": ["clip", 0], **inputs}},
        "frames": {"class_type": "SaveImage", "inputs": {"images": ["trim", 0], "filename_prefix": "trimmed"}},
        "count": {"class_type": "PreviewAny", "inputs": {"source": ["trim", 2]}},
    }


def test_81_frames_in_77_out(host):
    outputs = host.run(trim_graph(81))
    assert len(outputs["frames"]["images"]) == 77
    assert outputs["count"]["text"] == ["4"]
    (strip,) = outputs["trim"]["images"]
    with Image.open(host.base / "temp" / strip["subfolder"] / strip["filename"]) as picture:
        assert picture.size == (4 * 136 + 6, 2 * (48 + 22 + 6) + 6)
        assert picture.getpixel((6 + 33 + 32, 82 + 24)) == (0x33, 0x66, 0x99)
    assert outputs["trim"]["text"] == ["Dropped the first 4 of 81 frames (0.25 s at 16 fps): fixed number."]


def test_video_keeps_sound_and_frames_together(host):
    graph = trim_graph(81, audio=["sound", 0], fps=16.0)
    graph["video"] = {"class_type": "CreateVideo", "inputs": {"images": ["trim", 0], "audio": ["trim", 1], "fps": 16.0}}
    graph["parts"] = {"class_type": "GetVideoComponents", "inputs": {"video": ["video", 0]}}
    graph["seen"] = {"class_type": "SaveAudio", "inputs": {"audio": ["trim", 1], "filename_prefix": "sound"}}
    graph["fps"] = {"class_type": "PreviewAny", "inputs": {"source": ["parts", 2]}}
    outputs = host.run(graph)
    assert outputs["seen"]["audio"]
    assert outputs["fps"]["text"] == ["16.0"]


def test_auto_says_that_nothing_was_found(host):
    outputs = host.run(trim_graph(33, mode="auto"))
    assert outputs["count"]["text"] == ["4"]
    (strip,) = outputs["trim"]["images"]
    with Image.open(host.base / "temp" / strip["subfolder"] / strip["filename"]) as picture:
        assert picture.size == (4 * 136 + 6, 2 * (48 + 22 + 6) + 6)
        assert picture.getpixel((6 + 33 + 32, 82 + 24)) == (0x33, 0x66, 0x99)
    assert "no composed first frame was found" in outputs["trim"]["text"][0]


def test_too_short_a_clip_is_an_error(host):
    with pytest.raises(Exception, match="nothing would be left"):
        host.run(trim_graph(4))
