"""Clips on disk."""

from pathlib import Path

import numpy as np
import pytest

from ffgo.clip.video_io import probe_clip, read_frames, write_clip
from ffgo.errors import FFGOError

av = pytest.importorskip("av")


def moving(count: int, width: int = 64, height: int = 48):
    """A colour ramp with a white bar that moves down, two rows a frame."""
    for i in range(count):
        picture = np.zeros((height, width, 3), np.uint8)
        picture[..., 0] = np.linspace(20, 220, width)[None]
        picture[..., 1], picture[..., 2] = 90, 200
        picture[2 * i % height : 2 * i % height + 4] = 250
        yield picture


def test_what_was_written_is_read_back(tmp_path):
    clip = tmp_path / "clip.mp4"
    assert write_clip(clip, moving(12), 29.97) == 12
    info = probe_clip(clip)
    assert (info.width, info.height, info.frames, info.promised, info.steady) == (64, 48, 12, 12, True)
    assert info.fps == pytest.approx(30000 / 1001, abs=1e-3)
    assert info.codec == "h264"
    back = np.stack(list(read_frames(clip)))
    assert back.shape == (12, 48, 64, 3)
    assert np.abs(back.astype(int) - np.stack(list(moving(12)))).mean() < 3
    assert list(tmp_path.iterdir()) == [clip]


def test_only_the_first_frames_are_read(tmp_path):
    write_clip(tmp_path / "clip.mp4", moving(12), 16)
    assert len(list(read_frames(tmp_path / "clip.mp4", 5))) == 5
    assert len(list(read_frames(tmp_path / "clip.mp4", 99))) == 12


def test_a_turned_clip_is_read_upright(tmp_path):
    """A phone stores a standing clip lying, with a note how to turn it."""
    with av.open(str(tmp_path / "phone.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        stream.set_display_rotation(90)
        lying = np.zeros((32, 64, 3), np.uint8)
        lying[:, :16] = 255  # bright on the left; turned a quarter counter-clockwise, the bright part is below
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(lying, format="rgb24")))
        container.mux(stream.encode(None))
    frame = next(read_frames(tmp_path / "phone.mp4"))
    assert frame.shape == (64, 32, 3)
    bright_below = frame[-8:].mean() > 200 and frame[:8].mean() < 50
    assert bright_below
    info = probe_clip(tmp_path / "phone.mp4")
    assert (info.width, info.height) == (32, 64)


def test_a_file_that_is_no_video_is_named(tmp_path):
    (tmp_path / "notes.mp4").write_text("not a clip")
    with pytest.raises(FFGOError, match=r"notes\.mp4 cannot be read as a video"):
        probe_clip(tmp_path / "notes.mp4")


def test_a_clip_cut_short_is_found_also_where_its_header_comes_first(tmp_path):
    whole = tmp_path / "whole.mp4"
    write_clip(whole, moving(40), 16)
    headless = tmp_path / "headless.mp4"
    headless.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(FFGOError, match=r"headless\.mp4 cannot be read"):
        list(read_frames(headless))
    header_first = tmp_path / "streamed.mp4"
    with av.open(str(header_first), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=16)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in moving(40):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    header_first.write_bytes(header_first.read_bytes()[: header_first.stat().st_size * 2 // 3])
    info = probe_clip(header_first)
    assert info.promised == 40
    assert info.frames < 40


def test_sound_alone_is_no_clip(tmp_path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(FFGOError, match=r"sound\.mp4 holds no video"):
        probe_clip(tmp_path / "sound.mp4")


def test_damage_inside_a_clip_is_nearly_always_seen(tmp_path, frames_of):
    """A dozen wrong bytes: the decoder patches most of them over without a word, but marks the frame."""
    clip, seen = tmp_path / "clip.mp4", 0
    write_clip(clip, frames_of(41, 160, 128), 16)
    whole = clip.read_bytes()
    places = range(1200, len(whole) - 1800, (len(whole) - 3000) // 20)
    for place in places:
        clip.write_bytes(whole[:place] + bytes(byte ^ 0x5A for byte in whole[place : place + 12]) + whole[place + 12 :])
        try:
            seen += len(list(read_frames(clip))) < 41
        except FFGOError as error:
            seen += "clip.mp4" in str(error)
    assert seen / len(places) > 0.7


def test_frames_of_uneven_length_are_seen(tmp_path):
    with av.open(str(tmp_path / "uneven.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i, picture in enumerate(moving(10)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = i if i < 5 else i * 4
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert not probe_clip(tmp_path / "uneven.mkv").steady


@pytest.mark.parametrize(("frames", "message"), [([], "no frame to write"), (list(moving(1, 63)), "must be even")])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, frames, message):
    with pytest.raises(FFGOError, match=message):
        write_clip(tmp_path / "clip.mp4", frames, 16)
    assert not list(tmp_path.iterdir())


def test_an_old_clip_survives_a_failed_write(tmp_path):
    clip = tmp_path / "clip.mp4"
    write_clip(clip, moving(4), 16)
    before = clip.read_bytes()

    def breaks():
        yield from moving(2)
        raise FFGOError("no more frames")

    with pytest.raises(FFGOError, match="no more frames"):
        write_clip(clip, breaks(), 16)
    assert clip.read_bytes() == before


def test_official_clips(official):
    info = probe_clip(official / "train/videos/11.mp4")
    assert (info.width, info.height, info.frames, info.fps, info.steady) == (1280, 720, 81, 24.0, True)
