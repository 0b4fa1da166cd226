"""The toy world's memories: who is in them and in which order, what is told of them, and how clips are scored."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.bases.memory import composed_frames
from ffgo.dataset.examples import open_dataset
from ffgo.pixels import to_uint8
from ffgo.words.phrase import TRANSITION_PHRASE
from lab.toyworld import memory_school
from lab.toyworld.kept import KeptRows
from lab.toyworld.memory import COUNTS, FIRST, TWO, WAYS, Way, memory_of, training_set, unseen_set
from lab.toyworld.memory_rows import MEASURES, Row, rows_of, score, shown, summary
from lab.toyworld.memory_school import MemorySchool, write_dataset
from lab.toyworld.memory_table import ROW, line
from lab.toyworld.models import tokenize
from lab.toyworld.render import render_shot
from lab.toyworld.scene import COLOURS, FRAMES, sprites

UNKNOWN = 2
"""The number of a word that the vocabulary lacks."""
GREY = 0.5


def example_of(subjects: int):
    return next(unseen_set(subjects, 1))


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(*torch.broadcast_tensors(one, other))


# ---------------------------------------------------------------- who is in a memory


@pytest.mark.parametrize("subjects", COUNTS)
def test_a_memory_holds_all_and_the_clip_shows_those_who_are_named(subjects):
    for example in unseen_set(subjects, 8):
        assert len(example.crowd) == len({sprite.colour for sprite in example.crowd}) == subjects
        assert set(example.crowd) <= set(sprites("test"))
        named = [actor.sprite for actor in example.shot.subjects]
        assert len(named) == min(subjects, 2)
        assert set(named) <= set(example.crowd)
        assert example.prompt.startswith(TRANSITION_PHRASE)
        assert UNKNOWN not in tokenize([example.prompt])
        for sprite in example.crowd:
            assert (sprite.words in example.prompt) == (sprite in named)


@pytest.mark.parametrize("subjects", COUNTS[1:])
def test_those_who_are_named_stand_at_both_ends(subjects):
    for example in unseen_set(subjects, 8):
        assert [example.crowd[0], example.crowd[-1]] == [actor.sprite for actor in example.shot.subjects]


@pytest.mark.parametrize("way", WAYS)
def test_their_places_in_the_memory_tell_nothing_but_how_many_there_are(way):
    """Up to the pixel that rounding takes from narrow sprites."""
    boxes = [
        [place.box for plan in example.memory(way).plans for place in plan.subjects] for example in unseen_set(6, 4)
    ]
    for same in zip(*boxes, strict=True):
        assert np.ptp([box.x + box.width / 2 for box in same]) <= 1
        assert np.ptp([box.y + box.height / 2 for box in same]) <= 1


def test_training_and_test_share_no_sprite_and_all_sizes_are_learned():
    examples = training_set()
    sizes = [len(example.crowd) for example in examples]
    assert len(examples) == 48
    assert {sizes.count(subjects) for subjects in COUNTS} == {9, 10}
    assert not {sprite for example in examples for sprite in example.crowd} & set(sprites("test"))
    assert training_set() == examples
    assert list(unseen_set(6, 2)) == list(unseen_set(6, 2))


# ---------------------------------------------------------------- what is told of it


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("subjects", COUNTS)
def test_every_subject_is_on_a_canvas_in_its_order(way, subjects):
    example = example_of(subjects)
    memory = example.memory(way)
    assert [number for page in memory.pages for number in page] == list(range(subjects))
    assert len(memory.masks) == subjects
    assert float(memory.masks.flatten(1).sum(1).min()) == pytest.approx(example.smallest(way), rel=0.01)
    for sprite, mask, plan in zip(example.crowd, memory.masks, _canvases(memory), strict=True):
        seen = plan[mask == 1]
        assert len(seen) > 10
        first = torch.tensor(COLOURS[sprite.colour]) / 255
        assert float((seen - first).abs().amax(1).min()) < 0.1


def _canvases(memory) -> list[torch.Tensor]:
    """The canvas of every subject."""
    return [canvas for canvas, page in zip(memory.canvases, memory.pages, strict=True) for _ in page]


def test_a_second_canvas_leaves_more_pixels_to_each():
    example = example_of(6)
    assert example.smallest("scene_cast") > 1.5 * example.smallest("one")
    assert example.smallest("shadow") == example.smallest("scene_cast")
    assert example_of(1).smallest("one") == example_of(1).smallest("scene_cast")


@pytest.mark.parametrize("subjects", [1, 6])
def test_what_the_expert_is_told(subjects):
    example = example_of(subjects)
    scene = torch.from_numpy(memory_scene(example))
    for way in WAYS:
        start, canvases = example.start(way), example.canvases(way)
        assert len(start) == FRAMES
        assert same(start[0], canvases[0])
        assert same(example.shown(way), canvases[1] if way in TWO else canvases[0])
        given = 1 if memory_of(way) == 1 else 5
        assert same(start[1:given], canvases[-1])
        assert same(start[given:], canvases[1] if way == "shadow" else torch.tensor(GREY))
        assert torch.allclose(canvases[0], scene, atol=1 / 255) == (way in ("scene_cast", "shadow"))


def memory_scene(example) -> np.ndarray:
    return render_shot(replace(example.shot, subjects=()), [0])[0]


@pytest.mark.parametrize("way", TWO)
def test_an_exchanged_order(way):
    example = example_of(6)
    start, other = example.start(way), example.start(way, exchanged=True)
    assert same(start[0], other[1])
    assert same(start[4], other[0])
    assert not same(start[0], other[0])
    assert same(example.shown(way, exchanged=True), start[0])


@pytest.mark.parametrize("way", WAYS)
def test_examples_are_written_as_users_have_them(way, tmp_path):
    examples = training_set()[2:4]
    write_dataset(tmp_path, examples, way)
    found = open_dataset(tmp_path).examples
    assert [one.caption for one in found] == [example.prompt for example in examples]
    for one, example in zip(found, examples, strict=True):
        assert one.memory == memory_of(way)
        for file, canvas in zip(one.composites, example.canvases(way), strict=False):
            assert np.array_equal(np.asarray(Image.open(file)), to_uint8(canvas))


# ---------------------------------------------------------------- rows


def perfect(example, way: Way) -> torch.Tensor:
    """The clip as it should be: the canvases, then the shot."""
    clip, kept = torch.from_numpy(render_shot(example.shot)), composed_frames(WAN22_I2V_A14B, memory_of(way))
    clip[1:kept] = example.shown(way)
    clip[0] = example.start(way)[0]
    return clip


@pytest.mark.parametrize("way", WAYS)
def test_truth_scores_one_and_is_cut_where_it_was_taught(way):
    example = example_of(6)
    found = score(perfect(example, way), example, Row(way, 6, 1))
    assert [found[name] for name in MEASURES[:4]] == pytest.approx([1, 1, 1, 1], abs=0.01)
    assert found["cut"] == 4 * memory_of(way)


@pytest.mark.parametrize("way", WAYS)
def test_a_clip_that_goes_on_showing_its_canvas_has_no_cut(way):
    example = example_of(6)
    clip = example.shown(way).expand(FRAMES, -1, -1, -1)
    found = score(clip, example, Row(way, 6, 1))
    assert found["object_identity"] < 0.1
    assert (found["cut_in_time"], found["cut"]) == (0, FRAMES)


def test_another_subject_of_the_memory_does_not_count():
    example = example_of(8)
    named = [actor.sprite for actor in example.shot.subjects]
    other = next(sprite for sprite in example.crowd if sprite not in named)
    wrong = replace(example.shot, subjects=(replace(example.shot.subjects[0], sprite=other), example.shot.subjects[1]))
    found = score(torch.from_numpy(render_shot(wrong)), example, Row("one", 8, 1))
    assert found["object_identity"] == pytest.approx(0.5, abs=0.05)


def test_all_ways_are_scored_from_the_same_frame():
    assert FIRST == 8
    assert [len(rows_of(way, 1)) for way in WAYS] == [5, 6, 6, 5]


def values_of(row: Row, scores: list[float]) -> dict:
    numbers = {name + end: float(np.mean(scores)) for name in MEASURES for end in ("", "_low", "_high")}
    return row.about | {"clips": 2, "pixels": 90.0} | numbers | {"scores": dict.fromkeys(MEASURES, scores)}


def test_ways_are_compared_clip_by_clip():
    measured = [values_of(Row("one", 6, seed), [0.1, 0.5]) for seed in (1, 2)]
    measured += [values_of(Row("scene_cast", 6, 1), [0.2, 0.6]), values_of(Row("scene_cast", 6, 2), [0.4, 0.8])]
    measured.append(values_of(Row("scene_cast", 6, 1, exchanged=True), [0.1, 0.5]))
    found = list(summary(measured))
    means = [row for row in found if "name" not in row]
    assert [(row["way"], row["trainings"]) for row in means] == [
        ("one", 2), ("scene_cast", 2), ("scene_cast exchanged", 1)
    ]  # fmt: skip
    assert means[1]["object_identity"] == 0.5
    told = {(row["a"], row["subjects"]): row for row in found if row.get("metric") == "object_identity"}
    assert told.keys() == {("scene_cast", 6), ("scene_cast", "6, 8"), ("scene_cast exchanged", 6)}
    for row in (told["scene_cast", 6], told["scene_cast", "6, 8"]):
        assert (row["value"], row["low"], row["high"]) == pytest.approx((0.2, 0.2, 0.2))
    assert told["scene_cast exchanged", 6]["value"] == pytest.approx(-0.1)
    assert [line(row) for row in found]


def test_rows_are_kept_with_their_scores_and_told_without(tmp_path):
    values = values_of(Row("one", 6, 1), [0.1, 0.5])
    KeptRows(tmp_path / "rows.jsonl", ROW).add(values)
    kept = KeptRows(tmp_path / "rows.jsonl", ROW).find(values)
    assert kept == values
    assert kept
    assert "scores" not in shown(kept)


def test_another_recipe_has_a_folder_of_its_own(tmp_path, monkeypatch):
    places = {MemorySchool.below(tmp_path, steps=steps).folder for steps in (2, 2, 3)}
    monkeypatch.setattr(memory_school, "RECIPE", replace(memory_school.RECIPE, rank=4))
    places.add(MemorySchool.below(tmp_path, steps=2).folder)
    assert len(places) == 3
