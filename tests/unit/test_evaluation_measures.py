"""Metrics of a clip: what each falls for, what it does not, and what is undefined."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.clip.video_io import write_clip
from ffgo.errors import FFGOError
from ffgo.evaluation.colour import likeness, subject_colours, turn_hue, turned_colours, window_colours
from ffgo.evaluation.embedding import Embedder, cutout_picture, window_pictures
from ffgo.evaluation.first_frame import as_image, compose_case, opened, rgb
from ffgo.evaluation.identity import best_windows, calibrate
from ffgo.evaluation.measures import Tools, Wanted, features, measure_clip
from ffgo.evaluation.scene import scene_identity
from ffgo.evaluation.text import TextEmbedder, sentences_of, text_alignment
from ffgo.evaluation.view import view_clip, view_frames, windows

from .evaluation_scene import HEIGHT, WIDTH, clip_of, disc, make_case_set

PURPLE, GREEN = (150, 30, 160), (35, 150, 60)
FOILS = [(220, 40, 45), (40, 70, 215), (250, 220, 40), (30, 30, 30)]


def palette(pictures):
    """A stand-in for a network: the mean colour of the middle of each picture."""
    middle = pictures[:, 120:260, 120:260].mean((1, 2)) - 0.5
    return torch.cat([middle, torch.full((len(pictures), 1), 0.1)], 1)


EMBEDDER = Embedder("palette", palette)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return make_case_set(tmp_path_factory.mktemp("set"), 1).cases[0]


def frames_of(case, colour=PURPLE, frames=13, background=None, still=False):
    made = []
    for step in range(frames):
        picture = Image.open(background or case.background).convert("RGB").resize((WIDTH, HEIGHT))
        if colour:
            cutout = disc(colour, 42)
            picture.paste(cutout, (20 + (0 if still else 2 * step), 12), cutout)
        made.append(np.asarray(picture))
    return torch.from_numpy(np.stack(made)).float() / 255


def wanted(case, colour=PURPLE, foils=FOILS, **more):
    def look(name, one):
        return features(name, name, as_image(disc(one)), EMBEDDER)

    others = [look(str(one), one) for one in foils]
    return Wanted(case.prompt, None, None, [look("own", colour)], others, **more)


def scores_of(frames, what, tools=None, trim: Any = 0) -> dict[str, Any]:
    view = view_frames(frames, 16.0, what.composed, trim)
    return {score.metric: score for score in measure_clip(view, what, tools or Tools())}


def test_colour_falls_where_the_subject_is_gone_or_of_another_colour(case):
    what = wanted(case)
    right, gone, turned = (scores_of(frames_of(case, colour), what)["colour"] for colour in (PURPLE, None, GREEN))
    assert right.value > max(gone.value, turned.value) + 0.3
    assert right.note == "compared with 4 other subjects only, and with itself in 5 other hues; 20 say more"


def test_the_own_subject_is_told_from_others_by_an_embedder(case):
    right = scores_of(frames_of(case, PURPLE), wanted(case), Tools(EMBEDDER))
    wrong = scores_of(frames_of(case, FOILS[0]), wanted(case), Tools(EMBEDDER))
    assert right["object_similarity"].value > wrong["object_similarity"].value + 0.05
    assert right["presence"].value == 1
    assert wrong["presence"].value == 0
    assert right["object_similarity_raw"].value <= 1
    trusted = scores_of(frames_of(case), wanted(case), Tools(EMBEDDER, trusted=True))
    assert trusted["object_identity"].value == right["object_similarity"].value


def test_equal_files_are_no_foils(case):
    what = wanted(case, foils=[PURPLE, PURPLE, PURPLE])
    same = Wanted(what.prompt, None, what.background, what.subjects, [what.subjects[0]] * 5)
    found = scores_of(frames_of(case), same, Tools(EMBEDDER))
    assert (found["object_similarity"].state, found["object_similarity"].value) == ("undefined", None)
    assert "0 subjects of other cases" in found["object_similarity"].note


def test_without_other_subjects_a_subject_is_told_from_itself_in_other_hues(case):
    what = wanted(case, foils=[])
    right, gone, turned = (scores_of(frames_of(case, colour), what)["colour"] for colour in (PURPLE, None, GREEN))
    assert right.value > max(gone.value, turned.value) + 0.3
    assert "with 0 other subjects only, and with itself in 5 other hues" in right.note


def test_what_has_no_colour_looks_the_same_in_every_hue(case):
    grey = (128, 128, 128)
    assert not len(turned_colours(as_image(disc(grey))))
    found = scores_of(frames_of(case, grey), wanted(case, grey, foils=[]))["colour"]
    assert found.state == "undefined"
    assert found.note == "0 subjects of other cases to compare with; at least 3 are needed"
    assert scores_of(frames_of(case, grey), wanted(case, grey))["colour"].value > 0.3


def test_a_hue_turned_by_a_third_exchanges_the_channels():
    picture = as_image(disc(PURPLE))
    once = turn_hue(picture, 120)
    assert torch.allclose(once[..., :3], picture[..., [2, 0, 1]], atol=1e-5)
    assert torch.equal(once[..., 3], picture[..., 3])


def test_scene_identity_falls_for_another_background_and_follows_the_camera(case, tmp_path):
    large = Image.open(case.background).resize((640, 320), Image.Resampling.BICUBIC)
    rng = np.random.default_rng(3)
    detail = Image.fromarray(rng.integers(0, 255, (40, 80, 3), dtype=np.uint8)).resize(
        (640, 320), Image.Resampling.BICUBIC
    )
    plate = as_image(Image.blend(large, detail, 0.5))
    other = as_image(Image.blend(large, detail.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 0.5))
    closer = as_image(Image.blend(large, detail, 0.5).crop((60, 30, 540, 270)).resize((640, 320)))
    assert scene_identity(plate, plate).value == 1
    assert scene_identity(plate, closer).value > 0.8
    assert scene_identity(plate, other).value < 0.6


def test_a_frozen_clip_moves_only_motion_and_coherence(case):
    moving, still = (scores_of(frames_of(case, still=one), wanted(case)) for one in (False, True))
    assert still["motion"].value < 0.02 * moving["motion"].value
    assert still["coherence"].value > moving["coherence"].value
    assert still["colour"].value == pytest.approx(moving["colour"].value, abs=0.15)


def test_what_the_user_has_not_is_undefined_and_says_what_is_missing(case):
    found = scores_of(frames_of(case), wanted(case))
    for metric, words in (
        ("object_similarity", "--embedder"),
        ("scene_identity", "no background"),
        ("text", "--text-model"),
        ("mse", "no reference clip"),
        ("transition", "trimmed when it was saved"),
    ):
        assert (found[metric].state, found[metric].value) == ("undefined", None), metric
        assert words in found[metric].note


def test_one_metric_that_fails_takes_no_other_with_it(case):
    broken = Embedder("broken", lambda pictures: torch.full((len(pictures), 4), float("nan")))
    found = scores_of(frames_of(case), wanted(case), Tools(broken))
    assert found["object_similarity"].state == "failed"
    assert "no number" in found["object_similarity"].note
    assert found["colour"].state == "value"


# ---------------------------------------------------------------- first frames


def with_composed(case, kept, back_at=()):
    """A clip of 24 frames that shows the composed frame for so many, and again at some."""
    composed = compose_case(case, WIDTH, HEIGHT)
    frames = frames_of(case, frames=24)
    frames[:kept] = composed
    for number in back_at:
        frames[number] = composed
    return frames, Wanted(case.prompt, composed)


@pytest.mark.parametrize("kept", [1, 4, 7])
def test_the_transition_is_where_it_is(case, kept):
    frames, what = with_composed(case, kept)
    found = scores_of(frames, what, trim="auto")
    assert found["transition"].value == kept
    assert found["transition_exact"].value == (kept == 4)
    assert found["composed_returns"].value == 0
    assert view_frames(frames, 16.0, what.composed, "auto").dropped == max(4, kept)


def test_a_composed_frame_that_comes_back_is_seen(case):
    found = scores_of(*with_composed(case, 4, back_at=(18, 19)))
    assert (found["composed_returns"].value, found["composed_returns"].note) == (1, "in 2 frames")


def test_a_composed_frame_that_never_leaves_is_as_long_as_the_clip(case):
    found = scores_of(*with_composed(case, 24))
    assert (found["transition"].value, found["transition"].note) == (24, "the composed frame never leaves")
    assert found["transition_exact"].value == 0
    assert found["composed_returns"].state == "undefined"


def test_a_trim_that_leaves_nothing_is_told(case):
    with pytest.raises(FFGOError, match="first 13 are not to be measured"):
        view_frames(frames_of(case), 16.0, None, 13)


# ---------------------------------------------------------------- clips on the disk


def test_a_clip_on_the_disk_is_looked_at_as_one_in_memory(case, tmp_path):
    write_clip(tmp_path / "clip.mp4", clip_of(case, frames=20), 16)
    view = view_clip(tmp_path / "clip.mp4", None, 4)
    assert (view.numbers, view.dropped, view.fps) == ((8, 16), 4, 16)
    assert view.full.shape == (2, HEIGHT, WIDTH, 3)
    assert (
        float(
            (view.full - torch.from_numpy(np.stack([clip_of(case, frames=20)[n] for n in (8, 16)])) / 255).abs().mean()
        )
        < 0.02
    )


def test_a_truncated_clip_is_refused_in_words(case, tmp_path):
    write_clip(tmp_path / "whole.mp4", clip_of(case, frames=20), 16)
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "whole.mp4").read_bytes()[:-300])
    with pytest.raises(FFGOError, match=r"cut\.mp4"):
        view_clip(tmp_path / "cut.mp4", None, 0)


def test_the_error_of_a_reconstruction_is_the_squared_difference(case, tmp_path):
    clip = clip_of(case, frames=12)
    write_clip(tmp_path / "reference.mp4", clip, 16)
    frames = torch.from_numpy(np.stack(clip)).float() / 255
    what = Wanted(reference=tmp_path / "reference.mp4")
    assert scores_of(frames, what)["mse"].value < 1e-3
    assert scores_of((frames + 0.1).clamp(max=1), what)["mse"].value == pytest.approx(0.01, rel=0.2)
    assert "12 frames, and the clip 11" in scores_of(frames[1:], what)["mse"].note
    assert scores_of(frames, what, trim=2)["mse"].state == "value"


# ---------------------------------------------------------------- parts


def test_windows_cover_the_frame_in_both_shapes():
    for width, height in ((1280, 720), (720, 1280), (64, 64)):
        seen = np.zeros((height, width), bool)
        for left, top, w, h in windows(height, width):
            assert 0 <= left <= left + w <= width
            assert 0 <= top <= top + h <= height
            seen[top : top + h, left : left + w] = True
        assert seen.all()
    assert len(windows(720, 1280)) == 12


def test_calibration_by_hand():
    own, foils = np.array([0.9, 0.5]), np.array([[0.5, 0.5], [0.3, 0.5], [0.4, 0.5], [0.8, 0.9]])
    found: Any = calibrate(own, foils)
    assert found.identity == pytest.approx((0.4 + -0.1) / 2)
    assert found.presence == 0.5
    assert calibrate(own, foils[:2]) is None


def test_the_best_window_counts():
    subject, windows_of_frame = np.array([[1.0, 0]]), np.array([[0.0, 1], [0.6, 0.8]])
    assert best_windows(subject, [windows_of_frame, windows_of_frame[:1]]).tolist() == [[0.6, 0.0]]


def test_colours_of_a_cutout_are_those_of_what_is_seen_of_it():
    colours = subject_colours(as_image(disc(PURPLE, 60)))
    assert colours.sum() == pytest.approx(1)
    assert colours.max() > 0.9
    plain = window_colours(torch.full((1, 20, 20, 3), 0.2), [(0, 0, 20, 20)])
    assert likeness(colours[None], plain) == pytest.approx(0, abs=1e-6)


def test_a_coloured_pixel_counts_more_than_a_grey_one():
    half = torch.full((1, 20, 20, 3), 0.5)
    half[:, :10] = torch.tensor(PURPLE) / 255
    shares = np.sort(window_colours(half, [(0, 0, 20, 20)])[0])[-2:]
    assert shares.sum() == pytest.approx(1)
    assert shares[1] / shares[0] == pytest.approx((0.2 + 1) / 0.2, rel=0.01)


def test_pictures_for_the_network_are_squares_on_grey(case):
    picture = cutout_picture(as_image(disc(PURPLE)))
    assert picture.shape == (384, 384, 3)
    assert picture[2, 2].tolist() == pytest.approx([0.5] * 3, abs=0.01)
    assert picture[192, 192].tolist() == pytest.approx([c / 255 for c in PURPLE], abs=0.01)
    assert len(window_pictures(rgb(case.background)[0])) == len(windows(HEIGHT, WIDTH))


def test_text_is_read_by_sentences_and_what_was_not_read_is_counted():
    prompt = 'A man says, "it is very good." Then he laughs. Loudly. The 2.5 m tall robot waves! 机器人挥手。它笑了。'
    assert sentences_of(prompt) == [
        'A man says, "it is very good."',
        "Then he laughs. Loudly.",
        "The 2.5 m tall robot waves!",
        "机器人挥手。",
        "它笑了。",
    ]
    model = TextEmbedder(
        Embedder("e", lambda pictures: torch.tensor([[1.0, 0]]).expand(len(pictures), 2)),
        lambda sentences: torch.tensor([[1.0, 0], [0, 1]])[: len(sentences)],
        lambda sentence: 3,
    )
    found = text_alignment(model, "The robot waves at us. The boat glides away.", [torch.zeros(8, 8, 3)] * 2)
    assert (found.value, found.sentences, found.frames, found.cut_off) == (0.5, 2, 2, 6)


def test_the_picture_of_a_case_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert opened(tmp_path / "turned.jpg").size == (20, 40)
