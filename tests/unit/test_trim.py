import pytest
import torch

from ffgo.clip.trim import COMPOSED_FRAMES, find_transition, trim_clip
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


def clip_with(hold: int, dissolve: int, count: int = 49) -> torch.Tensor:
    """`hold` composed frames, `dissolve` mixed ones, then footage."""
    share = torch.zeros(count)
    share[:hold] = 1
    share[hold : hold + dissolve] = 1 - torch.arange(1, dissolve + 1) / (dissolve + 1)
    share = share[:, None, None, None]
    noise = torch.randn(count, HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(9)) * 2 / 255
    return (share * composed() + (1 - share) * footage(count) + noise).clamp(0, 1)


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


def test_auto_never_cuts_into_footage():
    assert find_transition(footage(49)).frames == COMPOSED_FRAMES
    assert find_transition(footage(49, speed=6)).frames == COMPOSED_FRAMES
    product = torch.ones(49, HEIGHT, WIDTH, 3)
    for i in range(49):
        product[i, 40:100, 40 + 3 * i : 100 + 3 * i] = texture(7, 60, 60)
    assert find_transition(product).frames == COMPOSED_FRAMES


def test_a_cut_of_the_footage_itself_is_no_transition():
    clip = clip_with(4, 0)
    clip[15:] = texture(11)
    assert find_transition(clip).frames == 4


def test_a_composed_frame_that_stays_is_warned_of():
    found = find_transition(composed().expand(49, -1, -1, -1))
    assert found.frames == COMPOSED_FRAMES
    assert "LoRA" in found.warnings[0]


def test_max_frames_is_the_limit():
    found = find_transition(clip_with(20, 0), most=10)
    assert found.frames == 10
    assert "max_frames to 20" in found.warnings[0]


def test_auto_never_drops_less_than_asked_for():
    assert trim_clip(clip_with(4, 0), frames=9, mode="auto").trimmed == 9
    assert trim_clip(clip_with(4, 0), frames=1, mode="auto").trimmed == COMPOSED_FRAMES


@pytest.mark.parametrize("number", [11, 12, 13, 16])
@pytest.mark.parametrize(("hold", "dissolve"), [(4, 0), (9, 0), (4, 4), (4, 16)])
def test_auto_on_official_clips(official, number, hold, dissolve):
    clip, first = official_clip(official, number, frames=40)
    share = torch.zeros(len(clip))
    share[:hold] = 1
    share[hold : hold + dissolve] = 1 - torch.arange(1, dissolve + 1) / (dissolve + 1)
    share = share[:, None, None, None]
    found = find_transition(share * first + (1 - share) * clip).frames
    assert abs(found - (hold + dissolve)) <= (1 if dissolve else 0)


@pytest.mark.parametrize("number", [11, 12, 13, 16])
def test_auto_leaves_official_footage_whole(official, number):
    clip, _ = official_clip(official, number, frames=40)
    assert find_transition(clip).frames == COMPOSED_FRAMES


def official_clip(official, number: int, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An official training clip and its composed frame, both at half size."""
    import av
    import numpy as np
    from PIL import Image

    with av.open(official / "train" / "videos" / f"{number}.mp4") as video:
        pictures = [f.to_image() for _, f in zip(range(frames), video.decode(video=0), strict=False)]
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
