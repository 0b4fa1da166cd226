"""The toy world's concepts: what no base model knows of them, and rows that are scored by the renderer's truth."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ffgo.bases.catalogue import COMPOSED_FRAMES
from ffgo.concept.examples import concept_examples
from ffgo.concept.material import read_material
from ffgo.dataset.sizing import Sizing
from lab.toyworld import concept
from lab.toyworld.concept import METHODS, PLATES, STEPS, Training, concepts, plates, unseen_scenes
from lab.toyworld.concept_rows import FRAMES_OF, Row, base_rows, rows_of, score, tasks
from lab.toyworld.concept_table import ROW, line, means
from lab.toyworld.export import save_expert
from lab.toyworld.kept import KeptRows
from lab.toyworld.models import tokenize
from lab.toyworld.render import render_shot
from lab.toyworld.scene import FRAMES, LAWS, SIZE, Shot, sprites
from lab.toyworld.school import School, write_clips
from lab.toyworld.sixteen_bits import in_sixteen_bits

DISC, *OTHERS = concepts().values()
UNKNOWN = 2
"""The number of a word that the vocabulary lacks."""


def test_two_sprites_by_two_laws_that_no_base_model_knows():
    known = [concept.sprite for concept in concepts().values()]
    assert len({(concept.sprite, concept.law) for concept in concepts().values()}) == 4
    assert set(known) <= set(sprites("test"))
    assert not {concept.law for concept in concepts().values()} & set(LAWS)


def test_words_are_in_the_vocabulary_and_tell_no_colour():
    for row in base_rows(DISC):
        _, prompt, _ = next(tasks(row, 1))
        assert UNKNOWN not in tokenize([prompt])
        if row.frame != "other_sprite":
            assert DISC.who in prompt
            assert DISC.sprite.colour not in prompt.split(" over ")[0].split()
    assert len({concept.who for concept in concepts().values()} | {concept.how for concept in concepts().values()}) == 4


def test_scenes_of_the_test_are_seen_by_no_run():
    seen = {concept.scene for concept in concepts().values()} | set(plates())
    assert not seen & set(unseen_scenes())
    assert len(set(unseen_scenes())) == 32


def test_the_rows_of_a_method():
    two, plain = (rows_of(Training((DISC,), method, 1)) for method in ("two_stage", "plain"))
    strengths = {(row.identity, row.motion) for row in two if row.frame == "plate"}
    assert strengths == {(1, 0), (0.5, 1), (0, 1), (1, 0.5), (1, 1)}
    assert {row.frame for row in two} == {row.frame for row in plain} == set(FRAMES_OF)
    assert all(row.identity == row.motion for row in plain)


def test_concepts_that_were_learned_together_are_told_apart():
    rows = rows_of(Training((DISC, OTHERS[-1]), "two_stage", 1))
    assert [(row.concept, row.others) for row in rows] == [(DISC, [OTHERS[-1]]), (OTHERS[-1], [DISC])]


@pytest.mark.parametrize("frame", FRAMES_OF)
def test_truth_scores_one(frame):
    (row,) = [row for row in base_rows(OTHERS[-1]) if row.frame == frame]
    _, _, shot = next(tasks(row, 1))
    truth = torch.from_numpy(render_shot(shot))
    if frame in ("plate", "ffgo"):  # which the concept comes after, and then begins
        truth = torch.cat([truth[:1].expand(COMPOSED_FRAMES, -1, -1, -1), truth])[:FRAMES]
    found = score(truth, shot, frame)
    assert found["object_identity"] == 1
    assert found["law"] == 1
    assert found["amplitude"] == pytest.approx(1, abs=0.1)


def moved(law: str) -> Shot:
    shot = DISC.shot()
    return replace(shot, subjects=(replace(shot.subjects[0], law=law),))


def test_what_stands_still_has_no_amplitude_and_what_moves_otherwise_another_law():
    for law in ("stays", "bobs", "circles"):
        found = score(torch.from_numpy(render_shot(moved(law))), DISC.shot(), "own")
        assert found["law"] == 0, law
        assert found["object_identity"] == 1
        if law == "stays":
            assert found["amplitude"] == 0


def test_a_lesson_is_material_as_users_have_it(tmp_path):
    write_clips(tmp_path, (DISC,))
    material = read_material(tmp_path)
    made = concept_examples(material, Sizing(SIZE, SIZE, FRAMES))
    assert material.words == f"{DISC.who} {DISC.how}"
    assert (len(made.identity), len(made.motion)) == (FRAMES, 3 + PLATES)
    assert {one.caption for one in made.identity} == {f"a {DISC.who} disc"}
    assert made.motion[0].caption == DISC.prompt(DISC.scene)
    still = made.identity[0].frames()
    assert still.shape == (FRAMES, SIZE, SIZE, 3)
    truth = torch.from_numpy(render_shot(DISC.shot()))
    own = next(one for one in made.motion if one.name.endswith("own")).frames()
    assert float((own - truth).abs().mean()) < 0.02


def test_the_recipes_differ_in_what_the_methods_say():
    recipes = {method: Training((DISC,), method, 3) for method in METHODS}
    plain, reg = recipes["two_stage"].recipes("low", STEPS), recipes["two_stage_reg"].recipes("low", STEPS)
    assert {(one.prior_weight, one.b_dropout, one.token_drop) for one in plain.values()} == {(0, 0, 0)}
    assert {(one.prior_weight, one.b_dropout, one.token_drop) for one in reg.values()} == {(1, 0.3, 0.1)}
    beside = recipes["plain"].plain_recipe(STEPS)
    assert beside.steps == sum(one.steps for one in plain.values())
    assert beside.learning_rate == plain["identity"].learning_rate < plain["motion"].learning_rate
    same = ("rank", "beta2", "weight_decay", "batch_size", "seed", "schedule")
    assert all(getattr(beside, name) == getattr(one, name) for one in plain.values() for name in same)


def test_another_recipe_has_a_folder_of_its_own(tmp_path, monkeypatch):
    places = {School.below(tmp_path, identity=steps, motion=3).folder for steps in (2, 2, 4)}
    monkeypatch.setattr(concept, "DROPOUT", 0.5)
    places.add(School.below(tmp_path, identity=2, motion=3).folder)
    assert len(places) == 3
    assert {place.parent for place in places} == {tmp_path}


def test_scaled_eight_bits_become_what_they_stand_for(tmp_path):
    weights = {
        "blocks.0.q.weight": torch.randn(6, 8),
        "blocks.0.q.bias": torch.randn(6),
        "head.modulation": torch.ones(2),
    }
    save_expert(weights, tmp_path / "expert.safetensors")
    again = in_sixteen_bits(load_file(tmp_path / "expert.safetensors"))
    assert again.keys() == weights.keys()
    assert {weight.dtype for weight in again.values()} == {torch.bfloat16}
    assert torch.equal(again["blocks.0.q.bias"], weights["blocks.0.q.bias"].bfloat16())
    torch.testing.assert_close(again["blocks.0.q.weight"].float(), weights["blocks.0.q.weight"], rtol=0.07, atol=0.01)


def values_of(row: Row, value: float) -> dict:
    scores = {
        name + end: value for name in ("object_identity", "amplitude", "law") for end in ("", "_low", "_high")
    }  # fmt: skip
    return row.about | {"clips": 32} | scores


def test_rows_are_kept(tmp_path):
    one, two = rows_of(Training((DISC,), "two_stage", 1))[:2]
    KeptRows(tmp_path / "x" / "rows.jsonl", ROW).add(values_of(one, 0.5))
    kept = KeptRows(tmp_path / "x" / "rows.jsonl", ROW)
    assert kept.find(one.about | {"clips": 32}) == values_of(one, 0.5)
    assert kept.find(one.about | {"clips": 16}) is None
    assert kept.find(two.about | {"clips": 32}) is None


def test_the_mean_over_trainings_has_their_spread_as_its_interval():
    row = rows_of(Training((DISC,), "plain", 1))[0]
    found = [values_of(replace(row, training=Training((DISC,), "plain", seed)), seed / 4) for seed in (1, 2, 3)]
    (mean,) = means(json.loads(json.dumps(found)))
    assert (mean["concept"], mean["trainings"], mean["law"]) == ("all", 3, 0.5)
    assert mean["law_low"] < 0.3
    assert mean["law_high"] > 0.7
    assert "identity 0.5" in line(mean)
    assert not list(means(found[:1]))
