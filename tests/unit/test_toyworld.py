"""The toy world's renderer, its split, and its metrics: what is built on them means nothing if they are not exact."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from ffgo.dataset.examples import load_frames, open_dataset
from ffgo.dataset.sizing import Bucket
from lab.toyworld.evaluate import grounds_of
from lab.toyworld.examples import TEST_SETS, training_set, unseen_set, write_dataset
from lab.toyworld.family import BOUNDARY, SHIFT, VAE, WEIGHTS, Family
from lab.toyworld.make import changed, outcome, read_record, stages
from lab.toyworld.metrics import identity_on, interval, residue, score_clip
from lab.toyworld.render import render_clip, render_cutout, render_shot
from lab.toyworld.scene import (
    COLOURS,
    FRAMES,
    LAWS,
    MARKS,
    PATTERNS,
    SHAPES,
    SIZE,
    draw_bound,
    draw_cut,
    draw_framed,
    draw_ordinary,
    sprites,
)
from lab.toyworld.table import PAIRS, rows
from lab.toyworld.train_experts import draw_sigmas
from lab.toyworld.train_lora import RECIPE
from lab.workshop.demo import SETTINGS


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def two_subjects(rng):
    """A clip of two unseen sprites."""
    while True:
        clip = draw_ordinary(rng, "test")
        if len(clip.shot.subjects) == 2:
            return clip


def shown(clip):
    return torch.from_numpy(render_clip(clip))


def test_the_same_seed_gives_the_same_clips():
    first, second = ([draw_cut(np.random.default_rng(seed)) for seed in range(20)] for _ in range(2))
    assert first == second
    assert all(np.array_equal(render_clip(a), render_clip(b)) for a, b in zip(first, second, strict=True))


def test_no_sprite_is_in_both_halves_but_every_trait_is():
    train, unseen = sprites("train"), sprites("test")
    assert not set(train) & set(unseen)
    assert len(train) + len(unseen) == len(SHAPES) * len(PATTERNS) * len(COLOURS) * (len(COLOURS) - 1)
    for half in (train, unseen):
        assert {s.shape for s in half} == set(SHAPES)
        assert {s.pattern for s in half} == set(PATTERNS)
        assert {s.colour for s in half} == {s.second for s in half} == set(COLOURS)


def test_the_sets_are_of_their_own_halves():
    known, unseen = set(sprites("train")), set(sprites("test"))
    assert len(training_set()) == 48
    assert all(subject.sprite in known for example in training_set() for subject in example.clip.shot.subjects)
    for name in TEST_SETS:
        assert len(unseen_set(name)) == 64
        assert all(subject.sprite in unseen for example in unseen_set(name) for subject in example.clip.shot.subjects)


def test_each_set_has_a_seed_of_its_own():
    seeds = [seed for seed, _ in TEST_SETS.values()]
    assert len(set(seeds)) == len(seeds)
    drawn = [example.clip for name in TEST_SETS for example in unseen_set(name)]
    assert len(set(drawn)) == len(drawn)


def test_a_first_frame_tells_the_place_but_not_who_is_named_first(rng):
    """Else whose law is whose can be learned by the order alone, without a look."""
    pairs = [clip for clip in (draw_cut(rng) for _ in range(60)) if len(clip.shot.subjects) == 2]
    for clip in pairs:
        assert clip.before is not None
        columns = {subject.sprite: subject.y for subject in clip.before.subjects}
        left, right = sorted(clip.shot.subjects, key=lambda subject: subject.x)
        assert columns[left.sprite] < columns[right.sprite]
    assert {clip.shot.subjects[0].x for clip in pairs} == {16.0, 48.0}


def test_bound_subjects_can_take_each_others_law(rng):
    for _ in range(30):
        one, other = draw_bound(rng, "test").shot.subjects
        assert one.law != other.law


def test_base_models_never_see_a_composed_frame(rng):
    """A shot is one scene, all over; FFGo's frames hold a plain ground and a scene, side by side."""
    for _ in range(200):
        clip = draw_cut(rng)
        assert "ad23r2" not in clip.caption
        assert clip.before is not None
        assert clip.before.scene == clip.shot.scene is not None


def test_subjects_stay_in_the_frame_and_apart(rng):
    for _ in range(100):
        shot = (draw_ordinary if rng.random() < 0.5 else draw_framed)(rng, "train").shot
        alone = [render_shot(replace(shot, subjects=(subject,))) for subject in shot.subjects]
        empty = render_shot(replace(shot, subjects=()))
        covered = np.stack([np.abs(picture - empty).max(-1) > 0.02 for picture in alone])
        assert covered.any((1, 2, 3)).all()
        assert not (covered.sum(0) > 1).any(), "two subjects touch"


def test_after_a_cut_subjects_stand_on_their_marks_whoever_they_are(rng):
    for _ in range(50):
        subjects = draw_cut(rng).shot.subjects
        assert tuple(sorted((subject.x, subject.y) for subject in subjects)) == MARKS[len(subjects)]


def test_a_cutout_is_the_sprite_on_nothing():
    cutout = render_cutout(sprites("train")[0])
    assert cutout.shape[-1] == 4
    assert cutout[..., 3].max() == 1
    assert not cutout[0, :, 3].any()
    assert not cutout[:, 0, 3].any()


def test_the_dataset_reads_back_as_it_was_drawn(tmp_path):
    """Through the pack's own format: an mp4, its composite and its caption."""
    example = training_set()[0]
    write_dataset(tmp_path, [example])
    (read,) = open_dataset(tmp_path).examples
    assert read.caption == example.prompt
    frames = load_frames(read, Bucket(SIZE, SIZE, FRAMES))
    assert float((frames[4:] - shown(example.clip)[4:]).square().mean()) < 1e-3
    assert torch.equal(frames[:4], example.composed().expand(4, -1, -1, -1))


def test_the_truth_scores_one(rng):
    for _ in range(8):
        clip = draw_ordinary(rng, "test")
        frames = shown(clip) + 0.04 * torch.randn(FRAMES, SIZE, SIZE, 3, generator=torch.Generator().manual_seed(1))
        scores = score_clip(frames.clamp(0, 1)[4:], clip.shot, 4)
        assert (scores.object_identity, scores.motion, scores.place) == (1, 1, 1)
        assert np.isnan(scores.binding) or scores.binding == 1
        assert np.isnan(scores.amplitude) or scores.amplitude == pytest.approx(1, abs=0.1)
        assert scores.scene_identity > 0.98


@pytest.mark.parametrize("trait", ["shape", "colour", "second", "pattern"])
def test_each_wrong_trait_is_noticed(two_subjects, trait):
    values = {"shape": SHAPES, "colour": COLOURS, "second": COLOURS, "pattern": PATTERNS}[trait]
    first, other = two_subjects.shot.subjects
    taken = (first.sprite.colour, first.sprite.second, getattr(first.sprite, trait))
    for value in values:
        if value in taken:
            continue
        wrong = replace(first, sprite=replace(first.sprite, **{trait: value}))
        scores = score_clip(shown(replace(two_subjects, shot=replace(two_subjects.shot, subjects=(wrong, other)))),
                            two_subjects.shot, 0)  # fmt: skip
        assert scores.object_identity <= 0.875, f"{value} passed for {first.sprite}"


def test_a_missing_subject_counts_for_nothing(two_subjects):
    shot = two_subjects.shot
    frames = torch.from_numpy(render_shot(replace(shot, subjects=shot.subjects[:1])))
    scores = score_clip(frames, shot, 0)
    assert scores.object_identity == 0.5
    assert scores.motion == 0.5
    assert scores.scene_identity > 0.99


def test_a_subject_on_a_ground_that_was_made_up_is_found_there_and_not_in_the_scene(two_subjects):
    made_up = shown(replace(two_subjects, shot=replace(two_subjects.shot, scene=None))) * 0.8
    truth = replace(two_subjects.shot, scene=None)
    assert score_clip(made_up, two_subjects.shot, 0).object_identity < 0.2
    assert identity_on(made_up / 0.8, grounds_of(made_up / 0.8), truth) > 0.95
    assert identity_on(grounds_of(made_up), grounds_of(made_up), truth) == 0


def test_a_composed_frame_that_stays_scores_nothing():
    """The subjects are all there, on white: that is no scene."""
    for example in unseen_set("easy")[:6]:
        stays = example.composed().expand(FRAMES, -1, -1, -1)
        scores = score_clip(stays, example.clip.shot, 0)
        assert scores.object_identity < 0.1
        assert scores.motion < 0.1


def test_motion_tells_the_laws_apart(two_subjects):
    first = two_subjects.shot.subjects[0]
    shot = replace(two_subjects.shot, subjects=(replace(first, x=32.0, y=32.0),))
    for law in LAWS:
        told = replace(shot, subjects=(replace(shot.subjects[0], law=law),))
        found = [
            other
            for other in LAWS
            if score_clip(
                torch.from_numpy(render_shot(replace(shot, subjects=(replace(shot.subjects[0], law=other),))))[4:],
                told, 4,
            ).motion
        ]  # fmt: skip
        assert found == [law]


def of_laws(clip, *laws):
    """The shot with its subjects' laws exchanged for these."""
    subjects = zip(clip.shot.subjects, laws, strict=True)
    return replace(clip.shot, subjects=tuple(replace(subject, law=law) for subject, law in subjects))


@pytest.fixture
def bound(rng):
    clip = draw_bound(rng, "test")
    return replace(clip, shot=of_laws(clip, "rises", "sinks"))


def score_shown(shot, told):
    return score_clip(torch.from_numpy(render_shot(shot))[4:], told, 4)


def test_binding_sees_exchanged_laws(bound):
    scores = score_shown(of_laws(bound, "sinks", "rises"), bound.shot)
    assert (scores.binding, scores.motion, scores.place) == (0, 0, 1)
    assert scores.amplitude < -0.8, "each goes the other's way"
    assert score_shown(of_laws(bound, "rises", "rises"), bound.shot).binding == 0.5


def test_binding_is_asked_only_where_it_can_fail(bound):
    shot = of_laws(bound, "rises", "rises")
    assert np.isnan(score_shown(shot, shot).binding)


def test_place_sees_exchanged_subjects(bound):
    """Each on the other's place, by its own law: only the place is wrong."""
    one, other = bound.shot.subjects
    moved = replace(bound.shot, subjects=(replace(one, x=other.x, y=other.y), replace(other, x=one.x, y=one.y)))
    scores = score_shown(moved, bound.shot)
    assert (scores.place, scores.binding, scores.object_identity) == (0, 1, 1)


def test_amplitude_is_the_share_of_the_way(bound):
    """Half as far, at the same places on average."""
    frames = torch.from_numpy(render_shot(bound.shot))[4:]
    middle = len(frames) // 2
    slow = torch.stack([frames[middle + (number - middle) // 2] for number in range(len(frames))])
    assert score_clip(slow, bound.shot, 4).amplitude == pytest.approx(0.5, abs=0.1)


def test_residue_counts_frames_that_still_hold_the_composed_one():
    for example in unseen_set("easy")[:4]:
        frames, composed = shown(example.clip)[4:], example.composed()
        assert residue(frames, example.clip.shot, composed, 4) == 0
        mixed = frames.clone()
        mixed[:3] = torch.lerp(mixed[:3], composed, 0.1)
        assert residue(mixed, example.clip.shot, composed, 4) == pytest.approx(3 / 13)


def test_intervals_are_the_same_in_every_run_and_hold_the_mean():
    values = np.linspace(0, 1, 64)
    assert interval(values) == interval(values)
    mean, low, high = interval(values)
    assert low < mean < high
    assert high - low < 0.2
    assert interval([1.0] * 8 + [np.nan]) == (1, 1, 1)
    assert np.isnan(interval([np.nan])).all()


def test_an_interval_of_differences_is_sharper_than_those_of_the_rows():
    clips = np.random.default_rng(3).random(64)
    _, low, high = interval((clips + 0.1) - clips)
    assert high - low < 1e-9


def test_boundary_and_shift_are_told_in_one_place():
    """What is trained, sampled and written into the files is for the same schedule."""
    family = Family(None, None, None, None)
    settings = dict(setting.rsplit("=", 1) for setting in SETTINGS)
    assert (RECIPE.boundary, RECIPE.shift) == (family.boundary, family.shift) == (BOUNDARY, SHIFT)
    assert float(settings["Expert switch.boundary"]) == BOUNDARY
    assert float(settings["Shift (high noise).shift"]) == float(settings["Shift (low noise).shift"]) == SHIFT
    for name in read_record()["made"].keys() - {VAE}:  # the VAE is older
        with safe_open(WEIGHTS / name, framework="pt") as file:
            told = file.metadata()
        assert (float(told["ffgo.boundary"]), float(told["ffgo.shift"])) == (BOUNDARY, SHIFT), name


@pytest.mark.parametrize("expert", ["high", "low"])
def test_an_expert_is_trained_on_its_window(rng, expert):
    sigmas = draw_sigmas(rng, expert, 64)
    assert ((sigmas > BOUNDARY) == (expert == "high")).all()
    assert float(sigmas.max()) == pytest.approx(1 if expert == "high" else BOUNDARY, abs=0.03)


def test_the_shipped_weights_are_those_that_were_made():
    assert not changed()
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 24e6, "each clone carries them"


def test_dissolving_examples_go_over_into_the_shot():
    """The same clips as the others, but for the frames in between."""
    for example, hard in zip(training_set(dissolving=True)[:6], training_set(), strict=False):
        frames, whole = example.frames(), shown(example.clip)
        last = 4 + example.dissolve
        assert example.clip == hard.clip
        assert torch.equal(frames[:4], example.composed().expand(4, -1, -1, -1))
        assert torch.equal(frames[last:], whole[last:])
        found = residue(frames[4:], example.clip.shot, example.composed(), 4)
        assert found == pytest.approx(example.dissolve / (FRAMES - 4))


def test_each_stage_of_making_can_be_done_anew(tmp_path):
    left = [path for stage in stages(tmp_path) for path in outcome(tmp_path, stage)]
    assert len(left) == len(set(left))
    assert all(outcome(tmp_path, stage) for stage in stages(tmp_path))


def test_what_is_compared_is_measured():
    measured = [(name, row.way) for row in rows() for name in row.sets]
    assert len(set(measured)) == len(measured)
    assert {(pair.set, way) for pair in PAIRS for way in (pair.a, pair.b)} <= set(measured)
