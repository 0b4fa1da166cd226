"""From one clip to what an expert learns from: stills in many scenes, and parts of the clip in three forms."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.concept.encode import encode_concept
from ffgo.concept.examples import concept_examples
from ffgo.concept.material import ConceptMaterial, check_words_of, read_material
from ffgo.concept.pixels import seen_scene
from ffgo.concept.words import check_text, check_word
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encode import digest_of
from ffgo.dataset.encoders import Encoders
from ffgo.dataset.sizing import Sizing
from ffgo.errors import FFGOError
from ffgo.words.phrase import TRANSITION_PHRASE

from .concept_scene import HEIGHT, SCENE, WIDTH, mask, picture, write_concept

SIZING = Sizing(WIDTH, HEIGHT, 13)
CLOSE = 2 / 255
AS_STORED = 3 / 255
"""Of whole frames of the clip, whose colours the codec rounds."""


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> ConceptMaterial:
    return write_concept(tmp_path_factory.mktemp("concept"))


def bytes_of(frame: torch.Tensor) -> np.ndarray:
    return (frame.numpy() * 255).round().astype(int)


def off(frame: torch.Tensor, wanted: np.ndarray) -> float:
    return float(np.abs(bytes_of(frame) - wanted).mean() / 255)


def test_a_still_shows_the_scene_alone_and_then_the_concept_in_it(material):
    """As it really is, but for what the clip's compression took: in every scene, its own and others."""
    made = concept_examples(material, SIZING)
    assert len(made.identity) == 13
    for one in made.identity:
        frames, index = one.frames(), int(one.name.split("frame ")[1].split(",")[0])
        assert frames.shape == (13, HEIGHT, WIDTH, 3)
        assert all(torch.equal(frames[i], frames[0]) for i in range(4))
        assert all(torch.equal(frames[i], frames[4]) for i in range(4, 13))
        scene = bytes_of(frames[0]).astype(np.uint8)
        assert off(frames[4], picture(index, scene)) <= (AS_STORED if "its own" in one.name else CLOSE), one.name


def test_every_plate_and_every_frame_is_used_in_a_seeded_order(material):
    made, again, other = (concept_examples(material, SIZING, seed=seed).identity for seed in (42, 42, 43))
    keys = [one.key for one in made]
    assert keys == [one.key for one in again] != [one.key for one in other]
    assert sorted(key[2] for key in keys) == list(range(13))
    scenes = [key[3] for key in keys]
    assert len(set(scenes)) == 9
    assert scenes.count("own") == 5
    assert {one.caption for one in made if one.key[3] == "own"} == {"a sks1 cat of stripes over a green field"}
    assert {one.caption for one in made if one.key[3] != "own"} == {"a sks1 cat of stripes"}, "it is not there"


def test_plates_that_are_missing_are_of_two_colours(tmp_path):
    made = concept_examples(write_concept(tmp_path, plates=2), SIZING)
    assert len({one.key[3] for one in made.identity}) == 9
    assert "6 of the 8 other scenes are two colours only" in made.notes[0]


def test_parts_show_all_of_a_clip_in_three_forms(tmp_path):
    made = concept_examples(write_concept(tmp_path, frames=30), SIZING)
    assert sorted({one.key[3] for one in made.motion}) == [0, 8, 17]
    at_home = [one for one in made.motion if len(one.key) == 4]
    assert {one.key[1]: one.weight for one in at_home} == {"plate": 1, "own": 1, "ffgo": 2}
    parts = {one.key[1]: one for one in at_home if one.key[3] == 8}
    frames = {form: one.frames() for form, one in parts.items()}
    assert all(len(one) == 13 for one in frames.values())
    for i in range(13):
        assert off(frames["own"][i], picture(8 + i)) <= AS_STORED
    for form in ("plate", "ffgo"):
        assert all(torch.equal(frames[form][i], frames[form][0]) for i in range(4))
        assert all(off(frames[form][4 + i], picture(8 + i)) <= AS_STORED for i in range(9))
    assert off(frames["plate"][0], SCENE) == 0
    half = bytes_of(frames["ffgo"][0])[:, : WIDTH // 2]
    red = (half[..., 0] > 180) & (half[..., 1] < 90)
    assert red.sum() > 100, "the cut-out stands in the left half"
    assert (half == 255).all(-1).mean() > 0.3, "on white"
    told = "a sks1 cat of stripes over a green field mvt1 It swings."
    assert {form: one.caption for form, one in parts.items()} == {
        "plate": told, "own": told, "ffgo": f"{TRANSITION_PHRASE} {told}"
    }  # fmt: skip


def test_parts_move_in_other_scenes_as_often_as_in_their_own(material):
    at_home, away = [], []
    for one in concept_examples(material, SIZING).motion:
        (away if "another scene" in one.name else at_home).append(one)
    assert sum(one.weight for one in away) == pytest.approx(sum(one.weight for one in at_home))
    assert len({one.key[4] for one in away}) == len(away) == 8
    assert {one.key[1] for one in away} == {"plate", "own", "ffgo"}
    assert not any("green field" in one.caption for one in away)
    scenes = {digest_of(path): np.asarray(Image.open(path)) for path in material.plates}
    for one in away:
        frames, first = one.frames(), 0 if one.key[1] == "own" else 4
        assert all(off(frames[i], picture(i - first, scenes[one.key[4]])) <= CLOSE for i in range(first, 13))


def test_a_scene_that_is_not_given_is_what_can_be_seen_of_it(tmp_path):
    material = write_concept(tmp_path, two=True)
    (pixels,) = [one for one in concept_examples(material, SIZING).opened if one.clip.word_v == "sks2"]
    assert np.abs(pixels.plate.astype(int) - SCENE).mean() <= 3


def test_where_the_concept_always_stands_the_scene_is_a_smooth_fill():
    frames, masks = np.stack([picture(0)] * 3), np.stack([mask(0)] * 3)
    found, hole = seen_scene(frames, masks).astype(int), mask(0) > 0
    assert (found == SCENE)[~hole].all()
    assert np.abs(found - SCENE)[hole].mean() < 30 < np.abs(picture(0).astype(int) - SCENE)[hole].mean()
    with pytest.raises(FFGOError, match="nothing of the scene is seen"):
        seen_scene(frames, np.full_like(masks, 255))


def test_two_concepts_stand_side_by_side_as_often_as_is_asked(tmp_path):
    made = concept_examples(write_concept(tmp_path, two=True), SIZING, stitch=0.25)
    stitched = [one for one in [*made.identity, *made.motion] if one.key[0] == "stitched"]
    assert [one.weight for one in stitched] == [0.25] * 4
    frames = bytes_of(next(one for one in made.motion if one.key[0] == "stitched").frames()[6])
    red = (frames[..., 0] > 180) & (frames[..., 1] < 90)
    blue = (frames[..., 2] > 180) & (frames[..., 0] < 90)
    assert red[:, : WIDTH // 2].sum() > 30
    assert blue[:, WIDTH // 2 :].sum() > 30
    assert red[:, WIDTH // 2 :].sum() + blue[:, : WIDTH // 2].sum() == 0
    caption = next(one for one in made.motion if one.key[0] == "stitched").caption
    assert "green field" not in caption
    assert caption.index("sks1") < caption.index("mvt1") < caption.index("sks2") < caption.index("mvt2")


def test_one_concept_has_nobody_to_stand_beside(material):
    made = concept_examples(material, SIZING, stitch=0.25)
    assert not [one for one in [*made.identity, *made.motion] if one.key[0] == "stitched"]
    assert any("stitch does nothing" in note for note in made.notes)


def encoders(calls: list) -> Encoders:
    def frames(pixels: torch.Tensor) -> torch.Tensor:
        calls.append("clip")
        kept = pixels[::4, ::8, ::8].movedim(-1, 0)
        return torch.cat([kept] * 6)[:16]

    return Encoders(frames, lambda text: torch.full((3, 4096), float(len(text))), "vae", "text")


def test_a_concept_is_encoded_once(tmp_path):
    calls: list[str] = []
    material = read_material(write_concept(tmp_path / "concept", two=True).folder)
    sets = [encode_concept(material, encoders(calls), tmp_path / "encoded", SIZING, stitch=0.5) for _ in range(2)]
    assert len(calls) == 2 * (len(sets[0][0]) + len(sets[0][1]))
    for one, other, name in zip(*sets, ("set", "sequence"), strict=True):
        assert one.fingerprint == other.fingerprint == CachedDataset.open(tmp_path / "encoded" / name).fingerprint
        assert one.words == "sks1 mvt1; sks2 mvt2" == CachedDataset.open(one.folder).words
        assert other.encoded == 0
    assert set(sets[0][0].weights) == {1.0, 0.5}
    assert set(sets[0][1].weights) > {1.0, 2.0, 0.5}
    assert sets[0][0][0].condition.shape == (20, 4, HEIGHT // 8, WIDTH // 8)


def test_other_pixels_are_encoded_again(tmp_path):
    calls: list[str] = []
    material = write_concept(tmp_path / "concept")
    first = encode_concept(material, encoders(calls), tmp_path / "encoded", SIZING)
    (tmp_path / "concept/plates/0.png").write_bytes((tmp_path / "concept/plates/1.png").read_bytes())
    second = encode_concept(material, encoders(calls), tmp_path / "encoded", SIZING)
    assert second[0].fingerprint != first[0].fingerprint
    assert second[1].fingerprint != first[1].fingerprint
    assert 1 <= second[0].encoded <= 3
    assert second[1].encoded == 1


CLIP = {
    "clip": "cat/clip.mp4", "mask": "cat/mask", "plate": None, "appearance": "a [v] cat", "motion": "It runs.",
    "word_v": "sks1", "word_u": "mvt1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"clip": "../secret.mp4"}, r"clips\[0\]\.clip is '\.\./secret\.mp4'"),
        ({"clip": "/etc/passwd"}, r"clips\[0\]\.clip is '/etc/passwd'"),
        ({"mask": "cat/none"}, "which is not there"),
        ({"word_v": "ad23r2"}, "a word of FFGo's own phrase"),
        ({"word_v": "two words"}, "must be one word"),
        ({"word_u": 3}, r"clips\[0\]\.word_u is"),
        ({"motion": "  "}, "is empty"),
        ({"colour": "red"}, 'unknown key "colour"'),
    ],
)
def test_lists_that_cannot_be(material, tmp_path, changes, says):
    file = material.folder / "other.json"
    file.write_text(json.dumps({"version": 1, "clips": [CLIP | changes]}))
    try:
        with pytest.raises(FFGOError, match=says):
            read_material(file)
    finally:
        file.unlink()


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ({"version": 2, "clips": [CLIP]}, "version is 2"),
        ({"version": 1, "clips": []}, "there is nothing to learn"),
        ({"version": 1}, "lacks clips"),
        ([], "it must be an object"),
    ],
)
def test_lists_of_another_kind(tmp_path, listed, says):
    (tmp_path / "concept.json").write_text(json.dumps(listed))
    with pytest.raises(FFGOError, match=says):
        read_material(tmp_path)


def test_masks_must_be_as_many_as_frames(tmp_path):
    material = write_concept(tmp_path)
    (tmp_path / "cat/mask/00012.png").unlink()
    with pytest.raises(FFGOError, match=r"holds 12 masks, and clip\.mp4 has 13 frames"):
        concept_examples(material, SIZING)


def test_a_clip_that_is_too_short_is_named(material):
    with pytest.raises(FFGOError, match="cat: the clip is too short: it has 13 frames, and 17"):
        concept_examples(material, Sizing(WIDTH, HEIGHT, 17))


def test_a_word_calls_one_thing(tmp_path):
    material = write_concept(tmp_path, two=True)
    cat, dog = material.clips

    def with_words(who: str, how: str) -> ConceptMaterial:
        changed = type(dog)(dog.clip, dog.mask, dog.plate, dog.appearance, dog.motion, who, how)
        return ConceptMaterial(tmp_path, (cat, changed))

    with pytest.raises(FFGOError, match="two words for its motion"):
        check_words_of(with_words("sks1", "mvt2"))
    with pytest.raises(FFGOError, match="calls both who"):
        check_words_of(with_words("mvt1", "mvt2"))
    assert len(check_words_of(with_words("sks1", "mvt1")).concepts) == 1


def test_words_and_texts_as_they_may_be():
    assert check_word("  vok-1 ", "word_v") == "vok-1"
    assert check_text(" a cat ", "appearance") == "a cat"
