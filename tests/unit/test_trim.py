from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.bases.catalogue import COMPOSED_FRAMES
from ffgo.clip.trim import find_transition, trim_clip
from ffgo.errors import FFGOError

HEIGHT, WIDTH = 144, 256


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> torch.Tensor:
    """A picture (h, w, 3) with edges at many scales."""
    draw = torch.Generator().manual_seed(seed)
    picture = torch.zeros(1, 3, height, width)
    for cells in (4, 9, 20, 45):
        coarse = torch.rand(1, 3, cells, cells * width // height, generator=draw)
        picture += torch.nn.functional.interpolate(coarse, (height, width), mode="nearest") / 4
    return picture[0].permute(1, 2, 0)


def composed() -> torch.Tensor:
    """A composed frame: two subjects on white on the left, a letterboxed background on the right."""
    frame = torch.ones(HEIGHT, WIDTH, 3)
    frame[10:62, 40:90] = texture(1, 52, 50)
    frame[80:134, 30:100] = texture(2, 54, 70)
    frame[36:108, 128:] = texture(3, 72, 128)
    return frame


def footage(count: int, speed: int = 2) -> torch.Tensor:
    """A panning scene (count, h, w, 3)."""
    wide = texture(5, HEIGHT, WIDTH + speed * count)
    return torch.stack([wide[:, i * speed : i * speed + WIDTH] for i in range(count)])


def footage_on_white(count: int) -> torch.Tensor:
    """A scene (count, h, w, 3) on white ground, in which one thing moves slowly."""
    scene = torch.ones(count, HEIGHT, WIDTH, 3)
    scene[:, 30:130, 90:150] = texture(7, 100, 60)
    for i in range(count):
        scene[i, 20:60, 170 + i // 4 : 200 + i // 4] = texture(8, 40, 30)
    return scene


def shares(hold: int, dissolve: int, count: int = 49) -> torch.Tensor:
    """How much of the composed frame each frame shows: `hold` frames all, `dissolve` frames less and less."""
    share = torch.zeros(count, 1, 1, 1)
    share[:hold] = 1
    share[hold : hold + dissolve, 0, 0, 0] = 1 - torch.arange(1, dissolve + 1) / (dissolve + 1)
    return share


def noisy(clip: torch.Tensor, levels: float = 2) -> torch.Tensor:
    noise = torch.randn(clip.shape, generator=torch.Generator().manual_seed(9))
    return (clip + noise * levels / 255).clamp(0, 1)


def clip_with(hold: int, dissolve: int, count: int = 49) -> torch.Tensor:
    """`hold` composed frames, `dissolve` mixed ones, then footage."""
    share = shares(hold, dissolve, count)
    return noisy(share * composed() + (1 - share) * footage(count))


def shifted(picture: torch.Tensor, pixels: float) -> torch.Tensor:
    """A picture (h, w, 3) moved down and to the right, white where it was."""
    whole, part = int(pixels), pixels % 1
    wide = torch.nn.functional.pad(picture, (0, 0, whole + 1, 0, whole + 1, 0), value=1)
    return (1 - part) * wide[1:, 1:][: len(picture), : picture.shape[1]] + part * wide[:-1, :-1][
        : len(picture), : picture.shape[1]
    ]


def audio_of(seconds: float, rate: int = 44100) -> dict:
    return {"waveform": torch.arange(int(seconds * rate)).float()[None, None], "sample_rate": rate}


def test_fixed_drops_four_as_a_view():
    clip = torch.rand(81, 8, 8, 3)
    trimmed = trim_clip(clip)
    assert (len(trimmed.images), trimmed.trimmed) == (77, COMPOSED_FRAMES)
    assert trimmed.images.untyped_storage().data_ptr() == clip.untyped_storage().data_ptr()
    assert torch.equal(trimmed.images, clip[4:])


def test_zero_frames_drops_nothing():
    assert len(trim_clip(torch.rand(5, 8, 8, 3), frames=0).images) == 5


@pytest.mark.parametrize("fps", [16.0, 24.0, 29.97])
def test_audio_is_cut_in_step(fps):
    audio = audio_of(5)
    trimmed = trim_clip(torch.rand(81, 8, 8, 3), audio=audio, fps=fps).audio
    assert trimmed is not None
    assert trimmed["waveform"][0, 0, 0] == round(4 / fps * 44100)
    assert trimmed["waveform"][0, 0, -1] == audio["waveform"][0, 0, -1]
    assert trimmed["sample_rate"] == 44100
    assert trim_clip(torch.rand(81, 8, 8, 3)).audio is None


@pytest.mark.parametrize("hold", [4, 5, 7, 12, 20])
def test_auto_is_exact_on_a_cut(hold):
    assert find_transition(clip_with(hold, 0)).frames == hold


@pytest.mark.parametrize("dissolve", [2, 5, 9, 16])
@pytest.mark.parametrize("hold", [1, 4, 6])
def test_auto_is_within_a_frame_on_a_dissolve(hold, dissolve):
    assert abs(find_transition(clip_with(hold, dissolve)).frames - max(4, hold + dissolve)) <= 1


@pytest.mark.parametrize(("hold", "dissolve"), [(4, 0), (6, 0), (11, 0), (4, 6), (5, 16)])
def test_auto_finds_footage_on_white(hold, dissolve):
    share = shares(hold, dissolve)
    clip = noisy(share * composed() + (1 - share) * footage_on_white(49), levels=1)
    assert abs(find_transition(clip).frames - hold - dissolve) <= (1 if dissolve else 0)


@pytest.mark.parametrize(("hold", "dissolve"), [(9, 0), (4, 16)])
@pytest.mark.parametrize("brightness", [1.0, 0.3])
def test_auto_sees_through_strong_noise_and_darkness(hold, dissolve, brightness):
    share = shares(hold, dissolve)
    clip = noisy(share * composed() + (1 - share) * footage(49) * brightness, levels=6)
    assert abs(find_transition(clip).frames - hold - dissolve) <= (1 if dissolve else 0)


def test_a_portrait_clip():
    upright = clip_with(9, 0)[:, :, 32:224].repeat_interleave(2, dim=1)  # 192 x 288, halves meet in the middle
    assert find_transition(upright).frames == 9


@pytest.mark.parametrize("dissolve", [0, 9])
def test_subjects_may_move_before_the_transition(dissolve):
    first = composed().repeat(49, 1, 1, 1)
    for i in range(49):
        first[i, :, : WIDTH // 2] = shifted(composed()[:, : WIDTH // 2], 0.5 * i)
    share = shares(8, dissolve)
    found = find_transition(noisy(share * first + (1 - share) * footage(49))).frames
    assert abs(found - 8 - dissolve) <= (1 if dissolve else 0)


def test_the_composed_frame_may_drift_before_the_cut():
    clip = clip_with(12, 0)
    for i in range(12):
        clip[i] = shifted(composed(), i * 0.04)
    assert find_transition(clip).frames == 12


def test_a_black_flash_does_not_end_the_composed_frame():
    clip = clip_with(12, 0)
    clip[7] = 0
    assert find_transition(clip).frames == 12


@pytest.mark.parametrize("speed", [1, 6])
def test_footage_alone_is_left_whole(speed):
    assert find_transition(footage(49, speed)).frames == COMPOSED_FRAMES


def test_footage_in_two_halves_is_left_whole():
    split = torch.cat((texture(12, HEIGHT, WIDTH // 2), 1 - texture(13, HEIGHT, WIDTH // 2)), dim=1)
    clip = torch.cat((split.expand(12, -1, -1, -1), footage(37)))
    assert find_transition(clip).frames == COMPOSED_FRAMES


def test_a_cut_is_one_although_some_edges_stay():
    """As when a watermark lies over the whole clip, or the scene resembles the background."""
    clip = clip_with(7, 0)
    clip[7:] = 0.85 * clip[7:] + 0.15 * composed()
    assert find_transition(clip).frames == 7


def test_a_cut_to_mere_noise_is_exact():
    noise = torch.rand(49, HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(4))
    assert [find_transition(torch.cat((composed().expand(k, -1, -1, -1), noise))).frames for k in (4, 9)] == [4, 9]


def test_a_product_on_white_is_no_composed_frame():
    product = torch.ones(HEIGHT, WIDTH, 3)
    product[30:130, 90:150] = texture(7, 100, 60)
    clip = torch.cat((product.expand(12, -1, -1, -1), footage(37)))
    assert find_transition(clip).frames == COMPOSED_FRAMES


@pytest.mark.parametrize("speed", [0.04, 0.08, 0.16])
def test_a_picture_that_moves_is_no_transition(speed):
    clip = torch.stack([shifted(composed(), i * speed) for i in range(49)])
    assert find_transition(clip).frames == COMPOSED_FRAMES


@pytest.mark.parametrize("speed", [3, 6])
def test_a_fast_movement_is_no_cut(speed):
    clip = torch.stack([shifted(composed(), max(0, i - 7) * speed) for i in range(28)])
    assert find_transition(clip).frames == COMPOSED_FRAMES


def light(change: str) -> torch.Tensor:
    """The brightness of 49 frames (49, 1, 1, 1)."""
    time = torch.arange(49.0)[:, None, None, None]
    match change:
        case "fade to black":
            return 1 - (time / 15 - 0.4).clamp(0, 1)
        case "jump":
            return torch.where(time < 9, 1.0, 0.6)
        case _:
            return 0.9 + 0.1 * (2.1 * time).cos()


@pytest.mark.parametrize("change", ["fade to black", "jump", "flicker"])
def test_a_change_of_light_is_no_transition(change):
    still = composed().expand(49, -1, -1, -1)
    moving = torch.stack([shifted(composed(), i * 0.08) for i in range(49)])
    for clip in (still, moving, clip_with(4, 0)):
        assert find_transition(noisy(clip * light(change), levels=1)).frames == COMPOSED_FRAMES


def test_a_cut_of_the_footage_itself_is_no_transition():
    clip = clip_with(4, 0)
    clip[15:] = texture(11)
    assert find_transition(clip).frames == 4


def test_a_composed_frame_that_stays_is_warned_of():
    found = find_transition(composed().expand(49, -1, -1, -1))
    assert found.frames == COMPOSED_FRAMES
    assert "LoRA" in found.warnings[0]


@pytest.mark.parametrize("hold", [11, 12, 20, 40])
def test_max_frames_is_the_limit(hold):
    found = find_transition(clip_with(hold, 0), most=10)
    assert found.frames == 10
    assert f"max_frames to {hold}" in found.warnings[0]


def test_a_cut_in_the_last_frame():
    assert find_transition(clip_with(8, 0, count=9)).frames == 8


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 3), (16, 16)])
def test_too_small_a_picture_to_see_anything(size):
    assert find_transition(torch.ones(9, *size, 3)).frames == COMPOSED_FRAMES
    assert find_transition(torch.rand(9, *size, 3)).frames == COMPOSED_FRAMES


def test_auto_never_drops_less_than_asked_for():
    assert trim_clip(clip_with(4, 0), frames=9, mode="auto").trimmed == 9
    assert trim_clip(footage(9), frames=1, mode="auto").trimmed == COMPOSED_FRAMES


@pytest.mark.parametrize(("hold", "dissolve"), [(4, 0), (9, 0), (1, 8), (4, 2), (4, 16), (8, 5)])
@pytest.mark.parametrize("number", [11, 12, 13, 16])  # the last one to change: each clip is decoded once
def test_auto_on_official_clips(official, number, hold, dissolve):
    clip, first = official_clip(official, number)
    share = shares(hold, dissolve, len(clip))
    found = find_transition(share * first + (1 - share) * clip).frames
    assert abs(found - hold - dissolve) <= (1 if dissolve else 0)


@pytest.mark.parametrize("number", [11, 12, 13, 16])
def test_auto_leaves_official_footage_whole(official, number):
    clip, _ = official_clip(official, number)
    assert find_transition(clip).frames == COMPOSED_FRAMES
    assert find_transition(torch.cat((clip[:12], 1 - clip[12:]))).frames == COMPOSED_FRAMES


@lru_cache(maxsize=1)
def official_clip(official: Path, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The start of an official training clip and its composed frame, both at half size."""
    with av.open(official / "train" / "videos" / f"{number}.mp4") as video:
        pictures = [f.to_image() for _, f in zip(range(40), video.decode(video=0), strict=False)]
    pictures.append(Image.open(official / "train" / "composites" / f"video_{number}" / "combined.png").convert("RGB"))
    small = torch.stack([torch.from_numpy(np.asarray(p.resize((640, 360)), np.float32) / 255) for p in pictures])
    return small[:-1], small[-1]


@pytest.mark.parametrize(
    ("clip", "options", "says"),
    [
        (torch.rand(4, 8, 8, 3), {}, "nothing would be left"),
        (torch.rand(0, 8, 8, 3), {}, "is empty"),
        (torch.rand(81, 8, 8), {}, "must be an IMAGE batch"),
        (torch.full((81, 8, 8, 3), float("nan")), {}, "NaN or infinite.*frame 0"),
        (torch.rand(81, 8, 8, 3), {"frames": -1}, "Set frames to 0 or more"),
        (torch.rand(81, 8, 8, 3), {"fps": 0.0}, "no frame rate"),
        (torch.rand(81, 8, 8, 3), {"mode": "auto", "frames": 30}, "Set max_frames to 30"),
        (torch.rand(81, 8, 8, 3), {"mode": "clever"}, "no trim mode"),
        (torch.rand(81, 8, 8, 3), {"audio": audio_of(0.1)}, "nothing of it would be left"),
    ],
)
def test_bad_input_is_named(clip, options, says):
    with pytest.raises(FFGOError, match=says):
        trim_clip(clip, **options)


def test_a_silent_clips_sound_of_length_zero_is_passed_on():
    silent = {"waveform": torch.zeros(1, 2, 0), "sample_rate": 44100}
    passed_on = trim_clip(torch.rand(9, 8, 8, 3), audio=silent).audio
    assert passed_on is not None
    assert passed_on["waveform"].shape == (1, 2, 0)


def test_fixed_warns_where_the_composed_frame_outlasts_it():
    """As in a clip that was interpolated to twice its rate before it was trimmed."""
    clip = torch.cat([composed().expand(8, -1, -1, -1), footage(20)])
    trimmed = trim_clip(clip, frames=4)
    assert trimmed.trimmed == 4
    (warning,) = trimmed.warnings
    assert "seen in the first 8 frames, and 4 were dropped. Set frames to 8" in warning
    assert not trim_clip(clip, frames=8).warnings
    assert not trim_clip(clip[4:], frames=4).warnings
    assert not trim_clip(clip, frames=0).warnings


@pytest.mark.parametrize("mode", ["fixed", "auto"])
@pytest.mark.parametrize("count", [2, 3])
def test_each_clip_of_a_batch_is_trimmed(mode, count):
    """WanImageToVideo with batch_size 2: VAE Decode gives both clips one after the other."""
    clips = [torch.cat([noisy(composed()[None].expand(4, -1, -1, -1), 3), footage(13, speed)]) for speed in (1, 2, 3)]
    trimmed = trim_clip(torch.cat(clips[:count]), mode=mode)
    assert torch.equal(trimmed.images, torch.cat([clip[4:] for clip in clips[:count]]))
    assert (trimmed.trimmed, trimmed.warnings) == (4, [])
    assert f"{count} clips of 17 frames in one batch" in trimmed.summary
    sound = {"waveform": torch.zeros(1, 1, 44100), "sample_rate": 44100}
    with pytest.raises(FFGOError, match=f"holds {count} clips"):
        trim_clip(torch.cat(clips[:count]), mode=mode, audio=sound)


def test_a_clip_that_never_leaves_its_composed_frame_is_one():
    assert len(trim_clip(composed().expand(20, -1, -1, -1)).images) == 16
