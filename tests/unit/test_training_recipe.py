import json
from dataclasses import fields
from pathlib import Path

import pytest

from ffgo.errors import FFGOError
from ffgo.training.recipe import Recipe, differences, with_values

BEFORE = json.loads((Path(__file__).parents[1] / "data" / "recipe_fingerprints.json").read_text())


def test_the_defaults_are_the_official_ones():
    recipe = Recipe()
    assert (recipe.rank, recipe.alpha, recipe.samples_per_step) == (128, 128.0, 4)
    assert (recipe.learning_rate, recipe.epsilon, recipe.weight_decay, recipe.clip_norm) == (1e-4, 1e-10, 3e-2, 0.05)
    assert (recipe.beta1, recipe.beta2, recipe.shift, recipe.boundary, recipe.outlier) == (0.9, 0.999, 5.0, 0.9, 50.0)
    assert recipe.schedule == "constant"
    assert recipe.warmup_steps == 0


def test_toml_there_and_back():
    recipe = Recipe(
        steps=7, targets=("q", "time_projection"), start_lora='a "b"\\c.safetensors', freeze="A", seed=2**40
    )
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    assert Recipe.from_toml("") == Recipe()
    assert Recipe.from_toml("rank = 16").alpha == 16
    assert Recipe.from_toml("learning_rate = 1").learning_rate == 1.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stepz = 3", 'The recipe has an unknown key "stepz"; perhaps steps is meant'),
        ("rank = 0", "rank is 0; it must be from 1"),
        ("rank = 1000000000", "rank is 1000000000; it must be from 1 to 4,096"),
        ("steps = 1000000000000", "steps is 1000000000000; it must be from 1"),
        ("learning_rate = nan", "learning_rate is NaN; it must be a number"),
        ("learning_rate = -1e-4", "learning_rate is -0.0001; it must be from 0"),
        (f"targets = {['q'] * 1001}", "targets has 1001 entries; 1000 are the most"),
        ("check_expert = 'no'", 'check_expert is "no"; it must be true or false'),
        ("rank = 1.5", "rank is 1.5; it must be a whole number"),
        ("rank = true", "rank is true; it must be a whole number"),
        ("b_dropout = 1.0", "b_dropout is 1.0; it must be from 0 to 0.99"),
        ('learning_rate = "fast"', 'learning_rate is "fast"; it must be a number'),
        ("offload_block_inputs = 1", "must be true or false"),
        ('schedule = "linear"', 'schedule is "linear"; it must be one of constant, cosine'),
        ("targets = []", "targets is empty"),
        ("targets = [1]", r"targets\[0\] is 1; it must be a string in quotes"),
        ("targets = 1", "targets is a number; it must be a list of strings"),
        ("steps = 600.0", "steps is 600.0; it must be a whole number from 1 to 10,000,000"),
        ("start_lora = 3", "must be a string in quotes"),
        (f"rank = 0x{'f' * 9999}", "rank is a number of more than 20 digits"),
        (f"alpha = 0x{'f' * 9999}", "alpha is a number of more than 20 digits"),
        ("second_b = true", "name that file in start_lora"),
        ('second_b = true\nstart_lora = "a"\nfreeze = "A"', "set freeze to none"),
        ("steps 3", "The recipe is not valid TOML: .*line 1"),
    ],
)
def test_what_cannot_be_is_refused(text, says):
    with pytest.raises(FFGOError, match=says):
        Recipe.from_toml(text)


@pytest.mark.parametrize(
    "field", [field for field in fields(Recipe) if field.type in (int, float)], ids=lambda f: f.name
)
def test_every_number_has_a_range_that_its_default_lies_in(field):
    least, most = field.metadata["least"], field.metadata["most"]
    assert least <= field.default <= most
    for bad in (least - max(1, abs(least)), most + max(1, abs(most))):
        with pytest.raises(FFGOError, match=f"recipe: {field.name} is .*; it must be from {least:,} to {most:,}"):
            Recipe(**{field.name: field.type(bad)})
    assert getattr(Recipe(**{field.name: field.type(most)}), field.name) == most


@pytest.mark.parametrize("case", BEFORE["recipes"], ids=lambda case: case["recipe"][:40] or "none")
def test_a_run_folder_made_by_commit_e515c26_is_still_of_the_same_run(case):
    recipe = Recipe.from_toml(case["recipe"])
    assert (recipe.fingerprint, recipe.run_fingerprint) == (case["fingerprint"], case["run_fingerprint"])


def test_what_shapes_the_result_is_what_did_at_commit_e515c26():
    assert json.loads(json.dumps(Recipe().shaping())) == BEFORE["shaping"]


def test_the_learning_rates_course():
    constant = Recipe(steps=10, warmup_steps=4, learning_rate=1.0)
    assert [constant.learning_rate_at(step) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    cosine = Recipe(steps=14, warmup_steps=4, learning_rate=2.0, schedule="cosine")
    assert [cosine.learning_rate_at(step) for step in (4, 9, 14, 20)] == pytest.approx([2, 1, 0, 0])


def test_fingerprint_and_differences():
    recipe = Recipe()
    assert with_values(recipe, {"batch_size": 4, "accumulation": 1, "keep": 1}).fingerprint == recipe.fingerprint
    assert with_values(recipe, {"steps": 700}).fingerprint != recipe.fingerprint
    assert with_values(recipe, {"steps": 700}).shaping() == recipe.shaping()
    assert with_values(recipe, {"steps": 700, "schedule": "cosine"}).shaping()["steps"] == 700
    changed = with_values(recipe, {"rank": 8, "alpha": 4.0}).shaping()
    assert differences(recipe.shaping(), changed) == ["rank: 128 before, 8 now", "alpha: 128.0 before, 4.0 now"]
