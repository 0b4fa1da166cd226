"""Several start frames as one larger memory: composed, put into frames, trimmed, and what LoRAs say of it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.bases.memory import MOST_MEMORY, composed_frames, start_clip
from ffgo.clip.trim import trim_clip
from ffgo.errors import FFGOError
from ffgo.frame.compose import compose
from ffgo.frame.memory import MOST_SUBJECTS, Look, share, spread_subjects
from ffgo.frame.start import start_of
from ffgo.lora.memory import memory_of

from .test_trim import HEIGHT, WIDTH, composed, footage, noisy, texture

BASE = WAN22_I2V_A14B
SMALL = Look(width=320, height=192)


def cutout(seed: int, size: tuple[int, int] = (64, 48)) -> torch.Tensor:
    """A block (1, h, w, 4) of one colour of its own with a transparent edge of 8 px."""
    width, height = size
    picture = torch.zeros(1, height, width, 4)
    picture[:, 8:-8, 8:-8, :3] = torch.rand(3, generator=torch.Generator().manual_seed(seed)) * 0.8
    picture[:, 8:-8, 8:-8, 3] = 1
    return picture


def scene() -> torch.Tensor:
    return texture(3, 96, 160)[None]


def subjects(count: int) -> dict[str, torch.Tensor]:
    return {f"subject{i}": cutout(i) for i in range(count)}


# ---------------------------------------------------------------- spread


@pytest.mark.parametrize(
    ("count", "canvases"), [(1, 1), (4, 1), (5, 2), (6, 2), (7, 3), (8, 3), (12, 3), (13, 4), (16, 4)]
)
def test_as_many_canvases_as_the_subjects_need(count, canvases):
    pages = share(count)
    assert len(pages) == canvases
    assert [i for page in pages for i in page] == list(range(count))
    assert canvases == 1 or not pages[0]


def test_a_page_for_every_four_in_halves():
    assert [len(share(count, spread="halves")) for count in (4, 5, 8, 9, 16)] == [1, 2, 2, 3, 4]


@pytest.mark.parametrize("spread", ["scene_first", "halves"])
def test_every_subject_is_shown_once(spread):
    made = spread_subjects(scene(), subjects(MOST_SUBJECTS), SMALL, spread=spread)
    assert made.canvases.shape == (MOST_MEMORY, 192, 320, 3)
    assert len(made.masks) == MOST_SUBJECTS
    for subject, canvas in ((i, canvas) for canvas, page in enumerate(made.pages) for i in page):
        colour = torch.round(cutout(subject)[0, 20, 30, :3] * 255) / 255
        same = ((made.canvases - colour).abs().amax(-1) < 1e-6).flatten(1).sum(1).tolist()
        assert [n > 0 for n in same] == [page == canvas for page in range(MOST_MEMORY)]
        assert made.masks[subject].sum() == pytest.approx(32 * 48, rel=0.3)
    told = json.loads(made.to_json())
    assert told["memory"] == MOST_MEMORY
    assert sum(len(frame["subjects"]) for frame in told["frames"]) == MOST_SUBJECTS


@pytest.mark.parametrize("layout", ["published", "script", "packed"])
def test_one_canvas_is_the_frame_of_today(layout):
    batch = {**subjects(2), "subject2": torch.cat([cutout(2), cutout(3)])}
    look = Look(width=320, height=192, layout=layout)
    made = spread_subjects(scene(), batch, look)
    frame = compose(scene(), batch, width=320, height=192, layout=layout)
    assert torch.equal(made.canvases, frame.image)
    assert torch.equal(made.masks, frame.masks)
    assert made.warnings == frame.warnings
    assert made.gains == [None] * 4


def test_the_scene_has_its_canvas_and_subjects_gain():
    made = spread_subjects(scene(), {f"s{i}": cutout(i, (900, 700)) for i in range(8)}, SMALL)
    assert made.plans[0].background.size == (160, 96)
    assert torch.equal((made.canvases[0, 48:144, 80:240] * 255).round(), (scene()[0] * 255).round())
    assert all(gain and gain > 1.9 for gain in made.gains)


@pytest.mark.parametrize(
    ("count", "memory", "spread", "says"),
    [
        (17, 0, "scene_first", "17 subjects"),
        (16, 2, "scene_first", "at most 8"),
        (9, 1, "halves", "9 subjects"),
        (2, 4, "scene_first", "would be empty"),
        (2, 5, "scene_first", "memory is 5"),
        (2, -1, "scene_first", "memory is -1"),
        (2, 0, "everywhere", "'everywhere'"),
        (0, 0, "scene_first", "No subject"),
    ],
)
def test_what_does_not_fit_is_refused(count, memory, spread, says):
    with pytest.raises(FFGOError, match=says):
        spread_subjects(scene(), subjects(count), SMALL, frames=memory, spread=spread)


def test_official_cut_outs_keep_their_pixels(official):
    """The acceptance of eight subjects: two canvases give the smallest one 1.9 times its pixels and more."""
    cases = ("am_car_2obj", "fds_ambulence", "tank_intersection_2")
    files = [path for case in cases for path in sorted((official / "compose" / case).glob("*.png"))]
    files = [path for path in files if path.name != "main_entity.png"]
    files += sorted((official / "train/materials").glob("*/object.png"))
    cutouts = {path.as_posix(): opened(path) for path in files}
    assert len(cutouts) == 8
    look = Look(max_upscale=4)  # else the smallest is as large as its own picture, on one canvas already
    one, two = (spread_subjects(scene(), cutouts, look, frames=frames) for frames in (1, 2))
    smallest = [min(area for plan in made.plans for area in plan.pixels) for made in (one, two)]
    assert smallest[1] >= 1.9 * smallest[0]


def opened(path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGBA"))).float().div_(255)[None]


# ---------------------------------------------------------------- start frames


def canvases(count: int) -> torch.Tensor:
    return torch.stack([texture(seed, 32, 48) for seed in range(count)])


@pytest.mark.parametrize("memory", [1, 2, 3, 4])
def test_canvases_fill_whole_latent_frames(memory):
    given = canvases(memory)
    start, count = start_of({f"canvas{i}": given[i : i + 1] for i in range(memory)})
    assert count == memory
    assert len(start) == 4 * (memory - 1) + 1
    assert BASE.latent_frames(len(start)) == memory
    assert [int((given - frame).abs().sum((1, 2, 3)).argmin()) for frame in start] == [
        i for i in range(memory) for _ in range(4 if i else 1)
    ]
    assert all(bool((given == frame).all((1, 2, 3)).any()) for frame in start)
    assert composed_frames(BASE, memory) == 4 * memory


def test_one_canvas_goes_through_as_it_is():
    given = canvases(1)
    assert start_of({"canvas0": given})[0] is given


def test_a_batch_is_several_canvases():
    given = canvases(3)
    start, memory = start_of({"canvas0": given[:2], "canvas1": given[2:]})
    assert memory == 3
    assert torch.equal(start, start_clip(BASE, given))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "No canvas"),
        ({"canvas0": canvases(5)}, "5 canvases"),
        ({"canvas0": canvases(1), "canvas1": torch.zeros(1, 32, 64, 3)}, "canvas0 48x32, canvas1 64x32"),
        ({"canvas0": torch.zeros(1, 32, 64, 4)}, "canvas0 is a cut-out"),
        ({"canvas0": torch.full((1, 32, 64, 3), torch.nan)}, "not numbers"),
    ],
)
def test_no_start_frames_of_anything_else(given, says):
    with pytest.raises(FFGOError, match=says):
        start_of(given)


# ---------------------------------------------------------------- trim


def crowded() -> torch.Tensor:
    """Subjects all over a white canvas, one of them across its middle."""
    frame = torch.ones(HEIGHT, WIDTH, 3)
    for i, left in enumerate((10, 95, 180)):
        frame[8:136, left : left + 66] = texture(20 + i, 128, 66)
    return frame


def memory_clip(memory: int, dissolve: int, last: torch.Tensor) -> torch.Tensor:
    """A clip that begins with a scene, then canvases of subjects, and goes over to other footage of that scene."""
    scene_frame = texture(5, HEIGHT, WIDTH)
    start = start_clip(BASE, [scene_frame] + [last.roll(i, 0) for i in range(memory - 2)] + [last])
    held = 4 * memory - len(start)
    rest = footage(40)
    share = torch.linspace(1, 0, dissolve + 2)[1:-1].view(-1, 1, 1, 1)
    mixed = share * last + (1 - share) * rest[:dissolve]
    return noisy(torch.cat([start, last.expand(held, -1, -1, -1), mixed, rest[dissolve:]]))


@pytest.mark.parametrize("memory", [2, 3, 4])
@pytest.mark.parametrize("last", [crowded, composed])
def test_four_frames_are_dropped_for_each_canvas(memory, last):
    clip = memory_clip(memory, 0, last())
    fixed = trim_clip(clip, memory=memory)
    assert fixed.trimmed == 4 * memory
    assert not fixed.warnings
    assert torch.equal(fixed.images, clip[4 * memory :])
    assert trim_clip(clip, memory=memory, mode="auto").trimmed == 4 * memory


@pytest.mark.parametrize("dissolve", [4, 8])
def test_auto_follows_the_last_canvas_of_several(dissolve):
    clip = memory_clip(2, dissolve, crowded())
    auto = trim_clip(clip, memory=2, mode="auto")
    assert abs(auto.trimmed - (8 + dissolve)) <= 1
    fixed = trim_clip(clip, memory=2)
    assert fixed.trimmed == 8
    assert "last canvas" in fixed.warnings[0]


def test_a_batch_of_clips_of_a_memory():
    clip = memory_clip(2, 0, crowded())
    assert trim_clip(torch.cat([clip, clip]), memory=2).images.shape[0] == 2 * (len(clip) - 8)


@pytest.mark.parametrize("memory", [0, 5])
def test_no_trim_of_a_memory_that_is_none(memory):
    with pytest.raises(FFGOError, match="1 to 4 composed canvases"):
        trim_clip(memory_clip(2, 0, crowded()), memory=memory)


def test_a_clip_of_nothing_but_its_memory():
    with pytest.raises(FFGOError, match="16 are to be dropped"):
        trim_clip(memory_clip(4, 0, crowded())[:16], memory=4)


# ---------------------------------------------------------------- LoRAs


@pytest.mark.parametrize(
    ("name", "metadata", "memory"),
    [
        ("a.safetensors", {"ffgo.memory": "2"}, 2),
        ("a.safetensors", {"ffgo.memory": "1"}, 1),
        ("a.safetensors", {"ffgo.memory": "1e9", "ffgo.base": "wan2.2-i2v-a14b"}, 1),
        ("a.safetensors", {"ffgo.recipe": "abc"}, 1),
        ("x/Wan22_FFGO-LoRA-HIGH_bf16.safetensors", {}, 1),
        ("wan2.2_i2v_lightx2v_4steps_lora_v1_high_noise.safetensors", {"ffgo.memory": "9"}, None),
    ],
)
def test_what_a_lora_says_of_its_memory(name, metadata, memory):
    assert memory_of(name, metadata) == memory
