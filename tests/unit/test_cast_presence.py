"""Who stays in a clip: found where it is, missed where it is painted over, and said so."""

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.cast.best import best_of
from ffgo.cast.entity import Entity
from ffgo.cast.of_frame import entities_of
from ffgo.cast.persistence import persistence_of
from ffgo.cast.presence import Presence, describe, looked_at
from ffgo.cast.presence_graph import WIDTH, draw_presence
from ffgo.cast.search import by_picture, by_words
from ffgo.cast.shelf import About, Cast
from ffgo.cast.templates import errors_of, prepare, template_of
from ffgo.errors import FFGOError
from ffgo.evaluation.embedding import Embedder
from ffgo.frame.compose import compose

from .cast_scene import cutout

WIDE, HIGH, FRAMES = 128, 72, 40
LOST = 20


def scenery():
    coarse = np.random.default_rng(9).integers(40, 220, (6, 10, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((WIDE, HIGH), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def frame():
    cutouts = [cutout(seed, (40, 48), margin=3) for seed in (11, 12)]
    tensors = {f"subject{n}": torch.from_numpy(one)[None].float() / 255 for n, one in enumerate(cutouts)}
    made = compose(torch.from_numpy(scenery())[None].float() / 255, tensors, width=WIDE, height=HIGH)
    entities = entities_of(
        made.image[0], made.masks, made.plan.to_json(), dict(zip("ab", cutouts, strict=True)), ["Ann", "Bob"]
    )
    return made, entities.entities


def clip(frame, lost=None, frames=FRAMES):
    """Both subjects go through the scene; one of them is gone from a frame on."""
    made, entities = frame
    pictures = []
    for number in range(frames):
        picture = Image.fromarray(scenery())
        for index, (one, place) in enumerate(zip(entities, made.plan.subjects, strict=True)):
            if index != lost or number < LOST:
                size = [round(side * place.scale) for side in one.picture.shape[1::-1]]
                small = Image.fromarray(one.picture).resize(size)
                picture.paste(small, (10 + 60 * index + number // 2, 10 + 10 * index), small)
        pictures.append(np.asarray(picture))
    return torch.from_numpy(np.stack(pictures)).float() / 255


def test_those_who_stay_are_there(frame):
    found, _ = persistence_of(clip(frame), frame[1])
    assert found.names == ("Ann", "Bob")
    assert found.kept
    assert found.score == 1
    assert "rough" in found.way


@pytest.mark.parametrize("lost", [0, 1])
def test_who_is_lost_is_named_with_the_second(frame, lost):
    found, _ = persistence_of(clip(frame, lost), frame[1])
    assert found.lost_at(1 - lost) is None
    when = found.lost_at(lost)
    assert when is not None
    assert LOST <= when < LOST + 5
    assert found.score == found.shares[lost] < 0.7
    assert not found.kept
    assert f"lost at {when / 16:.1f} s" in describe(found)[lost]


def test_a_clip_that_begins_with_the_composed_frame_is_refused(frame):
    images = torch.cat([frame[0].image, clip(frame)])
    with pytest.raises(FFGOError, match="Put Trim Compression Frames before"):
        persistence_of(images, frame[1])


def test_nobody_to_look_for_is_said(frame):
    hidden = [Entity("a", picture=cutout(1), shown=False), Entity("b")]
    with pytest.raises(FFGOError, match="nobody who can be looked for"):
        persistence_of(clip(frame, frames=4), hidden)


def test_a_member_of_the_cast_needs_no_frame(frame):
    found, _ = persistence_of(clip(frame, 0), [Entity("Ann", picture=frame[1][0].picture)])
    assert found.values[0, : LOST // 4 - 1].min() > found.values[0, LOST // 4 + 1 :].max()


def test_the_error_is_that_of_a_plain_sum():
    rng = np.random.default_rng(0)
    frames, picture = torch.rand(2, 20, 30, 3), rng.integers(0, 256, (9, 7, 4), dtype=np.uint8)
    template = template_of(picture, 9)
    assert template
    found = errors_of(prepare(frames, 9), template)
    patch = frames[1, 5:14, 11:18].movedim(-1, 0)
    wanted = ((patch - template.colour).square() * template.weight).sum() / template.mass / 3
    assert float(found[1, 5 + 4, 11 + 3]) == pytest.approx(float(wanted), abs=1e-5)
    assert found[0, 0, 0] == 1 or found[0, 0, 0] >= 0


# ---------------------------------------------------------------- by others' evidence


def colours(pictures):
    """An embedder that sees mean colours in a few cells, less grey."""
    small = torch.nn.functional.interpolate(pictures.movedim(-1, 1), (3, 3), mode="area")
    return (small - 0.5).flatten(1)


def test_a_vision_model_finds_who_is_like_it(frame):
    found, _ = persistence_of(clip(frame), frame[1], embedder=Embedder("toy", colours))
    assert found.values.shape == (2, len(looked_at(FRAMES)))
    assert found.way == "by a vision model (toy)"
    assert ((found.values >= 0) & (found.values <= 1)).all()


def tracks(frame, lost, swapped=False):
    """What SAM3 Video Track would give for the clip, in its own packing."""
    whole, masks = clip(frame, lost), []
    ground = torch.from_numpy(scenery()).float() / 255
    for number in range(FRAMES):
        seen = ((whole[number] - ground).abs().amax(-1) > 0.02).numpy()
        left = np.zeros_like(seen)
        left[:, : 50 + number // 2] = True
        pair = [seen & left, seen & ~left]
        masks.append(pair[::-1] if swapped else pair)
    packed = np.packbits(np.array(masks), axis=-1, bitorder="little")
    return {
        "packed_masks": torch.from_numpy(packed),
        "n_frames": FRAMES,
        "scores": [1.0, 1.0],
        "orig_size": (HIGH, WIDE),
    }


@pytest.mark.parametrize("swapped", [False, True])
def test_tracks_are_given_to_whom_they_show(frame, swapped):
    found, _ = persistence_of(clip(frame, 1), frame[1], track_data=tracks(frame, 1, swapped))
    assert found.lost_at(0) is None
    when = found.lost_at(1)
    assert when is not None
    assert LOST <= when <= LOST + 6
    assert found.way == "by 2 tracks, told apart by colours"


def test_a_gap_of_two_frames_is_no_loss(frame):
    data = tracks(frame, None)
    data["packed_masks"][18:20] = 0
    assert persistence_of(clip(frame), frame[1], track_data=data)[0].kept


def test_tracks_of_another_clip_are_refused_and_none_means_nobody(frame):
    data = tracks(frame, None)
    with pytest.raises(FFGOError, match="track_data is of 39 frames"):
        persistence_of(clip(frame), frame[1], track_data=data | {"packed_masks": data["packed_masks"][:39]})
    found, _ = persistence_of(clip(frame), frame[1], track_data=data | {"packed_masks": None})
    assert found.score == 0


# ---------------------------------------------------------------- what is made of it


def presence(*rows):
    return Presence(
        tuple("abc"[: len(rows)]), tuple(range(2, 2 + 4 * len(rows[0]), 4)), np.array(rows, float), 0.5, "x"
    )


@pytest.mark.parametrize(
    ("row", "lost"),
    [
        ([1, 1, 1, 1], None),
        ([1, 0, 0, 1, 1], None),
        ([1, 0, 0, 0, 1], 6),
        ([1, 1, 0, 0], None),
        ([0, 0], 2),
        ([1, 0, 0, 0], 6),
    ],
)
def test_three_looks_in_a_row_make_a_loss(row, lost):
    assert presence(row).lost_at(0) == lost


def test_clips_are_compared_by_their_worst_subject():
    assert presence([1, 1, 1], [1, 0, 1]).rank < presence([1, 1, 1], [1, 1, 1]).rank
    assert presence([1, 0, 1], [1, 0, 1]).rank < presence([1, 1, 1], [1, 0, 1]).rank
    assert presence([0.6, 0.6]).rank < presence([0.9, 0.9]).rank


def test_the_graph_has_a_row_for_each():
    picture = draw_presence(presence([1, 1, 1, 1], [1, 0, 0, 0]), [cutout(1), None])
    assert picture.width == WIDTH
    assert picture.height > 128
    rows = np.asarray(picture).reshape(picture.height, -1, 3)
    red = (rows == (0xD9, 0x35, 0x2B)).all(-1)
    assert not red[:70].any()
    assert red[76:].any()


def test_the_best_of_several():
    assert best_of([0.5, 0.5, float("nan")], 3) == 0
    with pytest.raises(FFGOError, match="3 clips and 2 scores"):
        best_of([1, 2], 3)
    with pytest.raises(FFGOError, match="None of the clips"):
        best_of([float("nan")], 1)


# ---------------------------------------------------------------- looked up


@pytest.fixture
def cast(tmp_path):
    cast = Cast(tmp_path / "ffgo_cast")
    cast.save(cutout(1), About("Red robot", "the red robot", "a toy with a boat", ("machine",)))
    cast.save(cutout(2), About("Boat", "the yellow boat", "", ("ship",)))
    cast.save(cutout(3), About("红色机器人"))
    return cast


@pytest.mark.parametrize(
    ("text", "names"),
    [("boat", ["Boat", "Red robot"]), ("SHIP", ["Boat"]), ("red mach", ["Red robot"]), ("机器人", ["红色机器人"])],
)
def test_words_find_names_first(cast, text, names):
    assert [one.member.name for one in by_words(cast, text, 8)] == names


def test_words_that_find_nobody(cast):
    with pytest.raises(FFGOError, match=r"Nobody in .* is called 'castle'"):
        by_words(cast, "castle", 3)


def test_a_picture_finds_its_like_and_what_a_model_sees_is_kept(cast, monkeypatch):
    small = np.asarray(Image.fromarray(cutout(2)).resize((60, 80)))
    assert by_picture(cast, small, 1)[0].member.name == "Boat"
    calls = []
    embedder = Embedder("toy", lambda pictures: calls.append(len(pictures)) or colours(pictures))
    assert by_picture(cast, small, 1, embedder, "m")[0].member.name == "Boat"
    seen = sum(calls)
    assert by_picture(cast, small, 3, embedder, "m")[0].member.name == "Boat"
    assert sum(calls) == seen + 1  # the one that is looked for
    (cast.folder / "boat/embeddings.safetensors").write_bytes(b"broken")
    assert by_picture(cast, small, 1, embedder, "m")[0].score > 0.9
