"""How clips are meant to be shown: turned, mirrored, with pixels that are no squares, in other colours, in fields."""

from fractions import Fraction
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from PIL import Image

from ffgo.clip.video_io import pace, probe_clip, read_frames
from ffgo.errors import FFGOError

av = pytest.importorskip("av")

UPRIGHT = np.full((32, 64, 3), 60, np.uint8)
UPRIGHT[:12, :16] = (220, 30, 30)  # red in the upper left
UPRIGHT[-12:, -16:] = (30, 30, 220)  # blue in the lower right


def written(path: Path, pictures, *, codec="libx264", pix_fmt="yuv420p", options=None, times=None, **context) -> Path:
    """A clip of (H, W, 3 or 4) uint8 pictures at 16 frames a second, or shown at these times (ms)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=16, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgba" if picture.shape[2] == 4 else "rgb24")
            if times:
                frame.pts, frame.time_base = times[i], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def first(path: Path) -> np.ndarray:
    return next(read_frames(path)).astype(int)


def refused(path: Path) -> str:
    """What is said of a clip, the same by whoever reads it; with a line that mends it."""
    with pytest.raises(FFGOError) as probed:
        probe_clip(path)
    with pytest.raises(FFGOError) as read:
        list(read_frames(path))
    assert str(read.value) == str(probed.value)
    assert str(probed.value).startswith(path.name)
    assert f'ffmpeg -i "{path.name}"' in str(probed.value).replace("-c:v libvpx-vp9 ", "").replace("-c:v libvpx ", "")
    return str(probed.value)


@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("flip_y", [False, True])
@pytest.mark.parametrize("swap", [False, True])
def test_all_ways_to_turn_and_mirror(tmp_path, flip_x, flip_y, swap):
    """A pixel at (p, q) is shown at (a p + c q, b p + d q); the outcome was compared with ffmpeg's own."""
    across, down = -1 if flip_x else 1, -1 if flip_y else 1
    a, b, c, d = (0, down, across, 0) if swap else (across, 0, 0, down)
    content = written(tmp_path / "plain.mp4", [UPRIGHT] * 3, options={"crf": "2"}).read_bytes()
    place = content.index(b"tkhd") + 44
    matrix = pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    clip = tmp_path / "turned.mp4"
    clip.write_bytes(content[:place] + matrix + content[place + 36 :])
    expected = UPRIGHT.swapaxes(0, 1) if swap else UPRIGHT
    expected = expected[::down, ::across].astype(int)
    assert first(clip).shape == expected.shape
    assert np.abs(first(clip) - expected).mean() < 6
    info = probe_clip(clip)
    assert (info.height, info.width) == expected.shape[:2]
    assert info.plain == (not (flip_x or flip_y or swap))


def test_a_clip_that_is_turned_a_little_is_refused(tmp_path):
    content = written(tmp_path / "plain.mp4", [UPRIGHT] * 3).read_bytes()
    place = content.index(b"tkhd") + 44
    matrix = pack(">9i", 56756, 32768, 0, -32768, 56756, 0, 0, 0, 1 << 30)
    clip = tmp_path / "turned.mp4"
    clip.write_bytes(content[:place] + matrix + content[place + 36 :])
    assert "is turned by 30 degrees" in refused(clip)


@pytest.mark.parametrize(("ratio", "width"), [("4/3", 85), ("10/11", 58), ("32/27", 75), ("1/1", 64), ("300/301", 64)])
def test_pixels_that_are_no_squares_are_made_squares(tmp_path, ratio, width):
    clip = written(tmp_path / "dv.mp4", [UPRIGHT] * 3, options={"crf": "2"}, sample_aspect_ratio=Fraction(ratio))
    meant = np.asarray(Image.fromarray(UPRIGHT).resize((width, 32), Image.Resampling.BICUBIC)).astype(int)
    assert first(clip).shape == (32, width, 3)
    assert np.abs(first(clip) - meant).mean() < 6
    assert (probe_clip(clip).width, probe_clip(clip).plain) == (width, width == 64)


def test_pixels_of_an_absurd_shape_are_refused(tmp_path):
    clip = written(tmp_path / "odd.mp4", [UPRIGHT] * 3, sample_aspect_ratio=Fraction(20))
    assert "20 times as wide as high" in refused(clip)


@pytest.mark.parametrize(
    ("colours", "said"),
    [
        ({"color_trc": 16, "color_primaries": 9, "colorspace": 9}, "is HDR (PQ)"),
        ({"color_trc": 18, "color_primaries": 9, "colorspace": 9}, "is HDR (HLG)"),
        ({"color_trc": 16}, "is HDR (PQ)"),
        ({"color_trc": 8}, "brightness of an uncommon kind (linear)"),
        ({"color_primaries": 9, "color_trc": 14, "colorspace": 9}, "colours beyond those of screens (bt2020)"),
        ({"color_primaries": 12, "color_trc": 1, "colorspace": 1}, "colours beyond those of screens (smpte432)"),
        ({"colorspace": 8}, "colours of an uncommon kind"),
    ],
)
def test_colours_that_no_screen_takes_as_they_are_are_refused(tmp_path, colours, said):
    assert said in refused(written(tmp_path / "clip.mp4", [UPRIGHT] * 3, **colours))


def test_colours_that_only_the_container_names_count(tmp_path):
    content = bytearray(
        written(tmp_path / "sdr.mp4", [UPRIGHT] * 3, color_trc=1, color_primaries=1, colorspace=1).read_bytes()
    )
    place = content.index(b"colrnclx") + 8
    clip = tmp_path / "hdr.mp4"
    clip.write_bytes(content[:place] + pack(">HHH", 9, 18, 9) + content[place + 6 :])
    assert "is HDR (HLG)" in refused(clip)


def test_a_title_in_another_encoding_does_not_matter(tmp_path):
    content = written(tmp_path / "clip.mkv", [UPRIGHT] * 3).read_bytes()
    (tmp_path / "latin.mkv").write_bytes(content.replace(b"ENCODER", b"ENC\xd6DER"))
    assert probe_clip(tmp_path / "latin.mkv").frames == 3


def test_a_codec_that_nobody_knows_is_refused(tmp_path):
    content = written(tmp_path / "clip.mp4", [UPRIGHT] * 3).read_bytes()
    (tmp_path / "other.mp4").write_bytes(content.replace(b"avc1", b"xyz1"))
    with pytest.raises(FFGOError, match=r"other\.mp4 has video of a kind that cannot be decoded here"):
        probe_clip(tmp_path / "other.mp4")


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_transparency_that_decoders_leave_out_counts(tmp_path, codec):
    """A WebM keeps it beside the pictures."""
    faint = np.dstack([UPRIGHT, np.full((32, 64), 90, np.uint8)])
    written(tmp_path / "clip.webm", [faint] * 5, codec=codec, pix_fmt="yuva420p", options={"auto-alt-ref": "0"})
    assert "transparent" in refused(tmp_path / "clip.webm")


@pytest.mark.parametrize(("matrix", "code"), [("ITU601", 6), ("ITU709", 1), ("BT2020", 9), ("SMPTE240M", 7)])
@pytest.mark.parametrize("full", [False, True])
def test_the_matrix_and_the_range_of_the_colours_are_used(tmp_path, matrix, code, full):
    path, flat = tmp_path / "clip.mkv", np.full((32, 64, 3), (200, 40, 90), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=16)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv444p"
        stream.codec_context.colorspace, stream.codec_context.color_range = code, 2 if full else 1
        frame = av.VideoFrame.from_ndarray(flat, format="rgb24")
        frame = frame.reformat(format="yuv444p", dst_colorspace=matrix, dst_color_range="JPEG" if full else "MPEG")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert np.abs(first(path) - flat).max() <= 3


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "suffix"),
    [
        ("libx264", "yuv420p10le", "mp4"), ("libx264", "yuv444p", "mp4"),
        ("mpeg4", "yuv420p", "avi"), ("mjpeg", "yuvj420p", "avi"), ("qtrle", "rgb24", "mov"),
        ("ffv1", "gbrp10le", "mkv"),
        ("libvpx-vp9", "yuv420p", "webm"), ("prores_ks", "yuv422p10le", "mov"), ("ffv1", "gray16le", "mkv"),
    ],
)  # fmt: skip
def test_codecs_and_depths(tmp_path, codec, pix_fmt, suffix):
    clip = written(tmp_path / f"clip.{suffix}", [UPRIGHT] * 5, codec=codec, pix_fmt=pix_fmt)
    meant = UPRIGHT.astype(int)
    if "gray" in pix_fmt:
        meant = np.asarray(Image.fromarray(UPRIGHT).convert("L").convert("RGB")).astype(int)
    assert np.abs(first(clip) - meant).mean() < 8
    assert probe_clip(clip).frames == 5


def test_transparent_clips_are_refused_and_opaque_ones_of_their_kind_are_not(tmp_path):
    opaque = np.dstack([UPRIGHT, np.full((32, 64), 255, np.uint8)])
    faint = opaque.copy()
    faint[5, 5, 3] = 128
    clip = written(tmp_path / "opaque.mov", [opaque] * 3, codec="png", pix_fmt="rgba")
    assert np.abs(first(clip) - UPRIGHT).max() == 0
    assert "transparent" in refused(written(tmp_path / "late.mov", [opaque, faint], codec="png", pix_fmt="rgba"))
    assert "transparent" in refused(written(tmp_path / "yuv.mkv", [faint], codec="ffv1", pix_fmt="yuva420p"))


def test_interlaced_clips_are_refused(tmp_path):
    clip = written(tmp_path / "fields.mp4", [UPRIGHT] * 3, options={"x264-params": "tff=1", "flags": "+ildct"})
    assert "is interlaced" in refused(clip)


def test_a_size_that_changes_is_refused(tmp_path):
    one = written(tmp_path / "one.ts", [UPRIGHT] * 5).read_bytes()
    two = written(tmp_path / "two.ts", [UPRIGHT[:, :48]] * 5).read_bytes()
    clip = tmp_path / "both.mp4"
    clip.write_bytes(one + two)
    assert "changes its size at frame 5, from 64x32 to 48x32" in refused(clip)


def test_a_playlist_is_no_clip(tmp_path):
    """It would open other files, and addresses."""
    written(tmp_path / "real.ts", [UPRIGHT] * 3)
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nreal.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(FFGOError, match=r"list\.mp4 cannot be read as a video"):
        probe_clip(tmp_path / "list.mp4")


def test_a_clip_cut_without_encoding_has_the_frames_that_are_shown(tmp_path):
    """Its container holds what comes before the cut, too, and an edit list that hides it."""
    long, cut = written(tmp_path / "long.mp4", [UPRIGHT] * 40, options={"g": "20", "bf": "0"}), tmp_path / "cut.mp4"
    with av.open(str(long)) as source, av.open(str(cut), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream, packet.pts, packet.dts = (
                    stream,
                    packet.pts - 9 * packet.duration,
                    packet.dts - 9 * packet.duration,
                )
                target.mux(packet)
    info = probe_clip(cut)
    assert info.promised == 40
    assert info.frames == len(list(read_frames(cut))) == 31
    assert not info.missing


def test_only_a_part_of_a_long_clip_is_decoded(tmp_path):
    """The container's number is shown for it, which nothing relies on."""
    clip = written(tmp_path / "long.mp4", [UPRIGHT] * 40)
    assert probe_clip(clip, most=10).frames == 40


def seconds(*steps: float) -> list[float]:
    return [0.0, *np.cumsum(steps)]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (seconds(*[1 / 30] * 32), (30, True, 0)),
        (seconds(*[1 / 30] * 15, 2 / 30, *[1 / 30] * 16), (30, True, 1)),
        (seconds(*[0.033, 0.034, 0.033] * 10), (30, True, 0)),
        (seconds(*[1 / 30] * 30, *[1 / 15] * 15), (22.5, False, 0)),
        (seconds(*[1 / 30] * 70, *[1 / 15] * 10), (26.67, False, 0)),
        (seconds(*[1 / 30] * 30, *[1 / 24] * 30), (26.67, False, 0)),
        (seconds(*[1 / 30, 1 / 20] * 20), (24, False, 0)),
        (seconds(*[1 / 30, 1 / 30, 2 / 30] * 10), (22.5, False, 0)),
        (seconds(*[1 / 30] * 15, 9 / 30, *[1 / 30] * 16), (24, False, 0)),
        (seconds(*np.linspace(1 / 30, 1 / 20, 60)), (24, False, 0)),
        (seconds(*[1 / 30] * 10, 0, *[1 / 30] * 21), (30, True, 1)),
        ([0.0], (25, True, 0)),
        ([None] * 5, (25, True, 0)),
        ([0.0] * 5, (25, True, 0)),
    ],
)  # fmt: skip
def test_rates(times, expected):
    fps, steady, lost = pace(times, 25)
    assert (fps, steady, lost) == (pytest.approx(expected[0], rel=0.01), *expected[1:])


def test_a_rate_that_changes_in_the_clip_is_seen(tmp_path):
    times = [*range(0, 30 * 33, 33), *range(30 * 33, 30 * 33 + 15 * 66, 66)]
    info = probe_clip(written(tmp_path / "slower.mkv", [UPRIGHT] * 45, times=times))
    assert (info.frames, info.steady) == (45, False)


def test_one_lost_frame_is_no_other_rate(tmp_path):
    times = [33 * i for i in range(34) if i != 12]
    info = probe_clip(written(tmp_path / "lost.mkv", [UPRIGHT] * 33, times=times))
    assert (info.steady, info.lost, round(info.fps)) == (True, 1, 30)


def test_a_cover_is_no_video(tmp_path):
    for name, moving in (("song.mp4", False), ("clip.mp4", True)):
        with av.open(str(tmp_path / name), "w") as container:
            cover = container.add_stream("mjpeg", rate=1)
            cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
            cover.disposition = av.stream.Disposition.attached_pic
            sound = container.add_stream("aac", rate=44100, layout="mono")
            video = container.add_stream("libx264", rate=16) if moving else None
            if video is not None:
                video.width, video.height, video.pix_fmt = 64, 32, "yuv420p"
            container.mux(cover.encode(av.VideoFrame.from_ndarray(UPRIGHT[:, :32], format="rgb24")))
            container.mux(cover.encode(None))
            if video is not None:
                for _ in range(6):
                    container.mux(video.encode(av.VideoFrame.from_ndarray(UPRIGHT, format="rgb24")))
                container.mux(video.encode(None))
            quiet = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
            quiet.sample_rate = 44100
            container.mux(sound.encode(quiet))
            container.mux(sound.encode(None))
    with pytest.raises(FFGOError, match=r"song\.mp4 has no video, only a cover picture"):
        probe_clip(tmp_path / "song.mp4")
    info = probe_clip(tmp_path / "clip.mp4")
    assert (info.frames, info.width) == (6, 64)
