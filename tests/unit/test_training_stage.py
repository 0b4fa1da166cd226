"""Stages: what a run starts from, what it keeps as it is, and what a step leaves out."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ffgo.errors import FFGOError
from ffgo.lora.saving import lora_tensors, save_tensors
from ffgo.training.adapters import Adapters, count_numbers
from ffgo.training.checkpoint import RunFolder
from ffgo.training.loop import Task, train
from ffgo.training.recipe import Recipe
from ffgo.training.stage import (
    Continue,
    DropFromB,
    Freeze,
    Official,
    SecondB,
    Stage,
    Together,
    stage_of,
    trained_matrices,
)

from .training_scene import CPU, RECIPE, Examples, Watch, adapted, run, small_expert

FILE = "first_high.safetensors"
RECIPES = {
    "official": {},
    "continue": {"start_lora": FILE},
    "second b": {"start_lora": FILE, "second_b": True, "b_dropout": 0.5},
    "frozen a": {"freeze": "A", "b_dropout": 0.8},
    "frozen b": {"freeze": "B"},
    "continue, frozen b": {"start_lora": FILE, "freeze": "B"},
}


def trained_lora() -> Adapters:
    """As after some training."""
    adapters, generator = adapted(small_expert(), key=9), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for layer in adapters.layers.values():
            layer.b.copy_(torch.randn(layer.b.shape, generator=generator))
    return adapters


@pytest.fixture
def loras(tmp_path) -> Path:
    """A folder with a LoRA of the high-noise expert."""
    save_tensors(tmp_path / FILE, lora_tensors(trained_lora().factors()), {"format": "pt", "ffgo.expert": "high"})
    return tmp_path


@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES)
def test_what_is_trained_is_what_the_memory_plan_counts(changes, loras):
    stage, adapters = stage_of(Recipe(**changes), "high", loras), adapted(small_expert())
    names = list(adapters.layers)
    stage.prepare(adapters)
    numbers = sum(parameter.numel() for parameter in adapters.parameters.values())
    assert count_numbers(small_expert(), names, 4, trained_matrices(Recipe(**changes))) == numbers > 0


@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES)
def test_the_identity_is_what_the_recipe_says_of_it(changes, loras):
    """So run.json is the same as before there were stages."""
    recipe = Recipe(**changes)
    identity = stage_of(recipe, "high", loras).identity()
    assert identity == changes
    assert recipe.shaping() | identity == recipe.shaping()


def test_the_official_way_leaves_a_new_lora_as_it_is():
    for stage in (Official(), Together([]), stage_of(Recipe(), "high", Path("nowhere"))):
        adapters, new = adapted(small_expert()), adapted(small_expert()).factors()
        stage.prepare(adapters)
        stage.before_step(adapters, 0)
        assert all(torch.equal(found.a, new[name].a) for name, found in adapters.factors().items())
        assert all(layer.b_mask is None and layer.frozen_b is None for layer in adapters.layers.values())
        assert len(adapters.parameters) == 2 * len(adapters.layers)
        assert stage.identity() == {}


def test_continue_starts_from_the_other_lora(loras):
    first, adapters = trained_lora().factors(), adapted(small_expert())
    stage_of(Recipe(start_lora=FILE), "high", loras).prepare(adapters)
    for name, found in adapters.factors().items():
        assert torch.equal(found.a, first[name].a)
        assert torch.equal(found.b, first[name].b)
    assert len(adapters.parameters) == 2 * len(adapters.layers)


def test_a_second_b_stands_on_the_frozen_first_lora(loras):
    first, adapters = trained_lora().factors(), adapted(small_expert())
    stage_of(Recipe(start_lora=FILE, second_b=True), "high", loras).prepare(adapters)
    assert all(name.endswith(".B") for name in adapters.parameters)
    for name, layer in adapters.layers.items():
        assert not layer.b.any()
        assert torch.equal(layer.a, first[name].a)
        assert torch.equal(layer.whole_b, first[name].b)


def test_dropout_depends_on_seed_and_step_alone():
    stage, adapters, other = DropFromB(0.5, seed=7), adapted(small_expert()), adapted(small_expert())

    def masks_of(these: Adapters) -> list[Tensor]:
        return [layer.b_mask for layer in these.layers.values() if layer.b_mask is not None]

    masks = []
    for step in (3, 3, 4):
        stage.before_step(adapters, step)
        masks.append(masks_of(adapters))
    assert len(masks[0]) == len(adapters.layers)
    assert all(map(torch.equal, masks[0], masks[1]))
    assert not any(map(torch.equal, masks[0], masks[2]))
    other.drop_from_b(0.5, 7, 4)  # as runs from before there were stages are keyed
    assert all(map(torch.equal, masks[2], masks_of(other)))


def test_a_recipe_chooses_its_stages(loras):
    def kinds(**changes) -> list[type]:
        stage = stage_of(Recipe(**changes), "high", loras)
        assert isinstance(stage, Together)
        return [type(one) for one in stage.stages]

    assert kinds() == []
    assert kinds(start_lora=FILE, freeze="A", b_dropout=0.1) == [Continue, Freeze, DropFromB]
    assert kinds(start_lora=str(loras / FILE), second_b=True, b_dropout=0.1) == [SecondB, DropFromB]


@pytest.mark.parametrize(
    ("file", "expert", "says"),
    [
        ("none.safetensors", "high", r"start_lora is none\.safetensors, and .* is no file"),
        (FILE, "low", "is for the high-noise expert .* Name the other file of the pair"),
        ("empty.safetensors", "high", "holds no LoRA as this trainer writes them"),
    ],
)
def test_what_cannot_be_started_from(file, expert, says, loras):
    save_file({"a": torch.zeros(1)}, loras / "empty.safetensors")
    with pytest.raises(FFGOError, match=says):
        stage_of(Recipe(start_lora=file), expert, loras)


class Counted(Official):
    """Notes its steps."""

    def __init__(self):
        self.steps: list[int] = []

    def before_step(self, adapters: Adapters, step: int) -> None:
        self.steps.append(step)


def test_the_loop_calls_a_stage_before_every_step_and_goes_on_counting(tmp_path):
    def steps(until: int) -> list[int]:
        recipe, network, stage = Recipe.from_dict(RECIPE), small_expert(), Counted()
        adapters = adapted(network, recipe.rank, recipe.alpha)
        task = Task("high", network, adapters, Examples(), recipe, CPU, stage=stage)
        train(task, RunFolder(tmp_path, {}), Watch(stop_after=until))
        return stage.steps

    assert steps(until=4) == [0, 1, 2, 3]
    assert steps(until=-1) == [4, 5, 6, 7, 8, 9]


def test_a_run_of_two_stages_trains_the_second_b_only(loras):
    """From the file to the finished LoRA: its A is the first one's, its B is new."""
    first = trained_lora().factors()
    trained = run(loras, Watch(), start_lora=FILE, second_b=True, b_dropout=0.5, steps=3)
    for name, factors in first.items():
        a, b = (trained.lora[f"diffusion_model.{name}.lora_{part}.weight"] for part in "AB")
        assert torch.equal(a, factors.a)
        assert b.any()
        assert not torch.equal(b, factors.b)


def test_stages_are_stages():
    stages: list[Stage] = [Official(), Continue("a", {}), SecondB("b", {}), Freeze("A"), DropFromB(0.1, 0)]
    together: Stage = Together(stages)
    assert together.identity() == {"start_lora": "b", "second_b": True, "freeze": "A", "b_dropout": 0.1}
