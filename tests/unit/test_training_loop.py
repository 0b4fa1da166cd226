"""The loop on a small expert: what a run gives does not depend on its batches, processes and interruptions."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import distributed

from ffgo.errors import FFGOError
from ffgo.experts.schedule import training_window
from ffgo.files import unfinished_name
from ffgo.training import draws, loop
from ffgo.training.loop import Trained
from ffgo.training.recipe import Recipe
from ffgo.training.step import draw_sample, velocity_loss

from ..warm import Command
from .training_scene import CPU, MIXED, Examples, Watch, adapted, run, small_expert

REPO = Path(__file__).parents[2]


def start(*args: object, log: Path) -> Command:
    return Command(REPO, "tests.unit.training_scene", *args, log=log)


def same(one: Trained, other: Trained) -> bool:
    return torch.equal(one.history, other.history) and all(torch.equal(one.lora[k], other.lora[k]) for k in other.lora)


def states(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.state.safetensors"))


def test_a_run_learns_and_says_what_it_did(tmp_path):
    watch = Watch()
    trained = run(tmp_path, watch, steps=40, learning_rate=3e-2, clip_norm=0)
    assert trained.finished
    assert trained.steps == 40
    assert sum(watch.losses[-5:]) < 0.9 * sum(watch.losses[:5])
    assert trained.history.shape == (40 * 4, 3)
    assert trained.history[:, 0].unique().tolist() == list(range(1, 41))
    report = watch.reports[0]
    assert report.loss == pytest.approx(trained.history[:4, 2].mean().item())
    assert [s[1] for s in report.samples] == pytest.approx(trained.history[:4, 1].tolist())
    assert (trained.history[:, 1] > 0.9).all()  # the high-noise expert's side
    with safe_open(tmp_path / "step_000040.safetensors", "pt") as file:
        assert file.metadata()["ffgo.expert"] == "high"
        assert file.metadata()["ffgo.steps"] == "40"
        assert set(file.keys()) == set(trained.lora)


@pytest.mark.parametrize("tokens", [(6,), (6, 9, 1)], ids=["captions of one length", "of several"])
@pytest.mark.parametrize("shapes", [((2, 3, 4),), MIXED], ids=["one shape", "mixed shapes"])
def test_four_at_once_equal_one_after_the_other(tmp_path, shapes, tokens):
    runs = {}
    for batch_size, accumulation in ((1, 4), (4, 1), (2, 2)):
        watch = Watch()
        folder = tmp_path / f"{batch_size}"
        run(folder, watch, Examples(shapes=shapes, tokens=tokens), batch_size=batch_size, accumulation=accumulation)
        runs[batch_size] = watch
    for batch_size in (2, 4):
        assert runs[batch_size].losses == pytest.approx(runs[1].losses, rel=1e-6)
        assert runs[batch_size].norms == pytest.approx(runs[1].norms, rel=1e-5)


def test_the_gradient_is_the_mean_over_the_samples(tmp_path):
    """Reckoned here from the definition, with autograd and nothing of the loop."""
    watch, dataset, network = Watch(), Examples(), small_expert()
    trained = run(tmp_path, watch, dataset, steps=1)
    adapters = adapted(network, key=Recipe().seed)
    losses = []
    for slot, (name, sigma, _) in enumerate(watch.reports[0].samples):
        sample = draw_sample(name, dataset[dataset.names.index(name)], sigma, 42, 0, slot, 0)
        losses.append(velocity_loss(network, [sample], CPU, 50.0))
    torch.cat(losses).mean().backward()
    squares = sum(float(p.grad.square().sum()) for p in adapters.parameters.values() if p.grad is not None)
    assert watch.norms[0] == pytest.approx(math.sqrt(squares), rel=1e-5)
    assert trained.history[:, 2].tolist() == pytest.approx(torch.cat(losses).tolist(), rel=1e-6)


PAIR = {
    "mixed shapes": {"accumulation": 3, "mixed": True},
    "one sample a step": {"accumulation": 1, "stop_after": 4},
}
REFUSED = "started otherwise"


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> dict[str, tuple[Watch, Trained, dict]]:
    """Runs of this process and a second one together: what each came to."""
    folder = tmp_path_factory.mktemp("pair")
    meeting = (folder / "meeting").as_uri()
    (folder / REFUSED).mkdir()
    (folder / REFUSED / "run.json").write_text('{"expert": "low"}')
    other = start(json.dumps(PAIR | {REFUSED: {}}), folder, 1, meeting, log=folder / "log.txt")
    try:
        distributed.init_process_group("gloo", init_method=meeting, rank=0, world_size=2)
        results = {}
        for name in PAIR:
            watch = Watch()
            dataset = Examples(shapes=MIXED) if name == "mixed shapes" else None
            results[name] = watch, run(folder / name, watch, dataset, accumulation=PAIR[name]["accumulation"])
        with pytest.raises(FFGOError, match=REFUSED):
            run(folder / REFUSED)
        results[REFUSED] = (None, None)
        status, output = other.finished(60)
        assert status == 0, output
    finally:
        other.kill()
        distributed.destroy_process_group()
    return {name: (*result, torch.load(folder / name / "result_1.pt")) for name, result in results.items()}


def test_two_processes_equal_one(pair, tmp_path):
    """And both keep the same weights: one that does not hear of the other's gradients goes astray in a step."""
    alone, (together, two, other) = Watch(), pair["mixed shapes"]
    one = run(tmp_path, alone, Examples(shapes=MIXED), accumulation=3)
    assert len(alone.losses) == 10
    assert together.losses == pytest.approx(alone.losses, abs=1e-6)
    assert max(float((one.lora[k] - two.lora[k]).abs().max()) for k in one.lora) < 1e-3
    assert all(torch.equal(other["lora"][k], two.lora[k]) for k in two.lora)
    assert torch.equal(other["history"], two.history)


def test_what_the_first_process_refuses_ends_the_other_one_in_words(pair):
    *_, other = pair[REFUSED]
    assert other == {"refused": "The first process of this run could not go on; its own error says why."}


def test_a_process_without_samples_goes_along(pair, tmp_path):
    """One sample a step, two processes; and one that wants to stop stops both."""
    alone, (together, two, _) = Watch(), pair["one sample a step"]
    run(tmp_path, alone, accumulation=1)
    assert not two.finished
    assert together.losses == pytest.approx(alone.losses[:4], abs=1e-6)


def test_a_killed_run_goes_on_to_the_last_bit(tmp_path):
    """Killed in step 8, it goes on from step 5; what a kill leaves half-written is no hindrance."""
    changes = {"b_dropout": 0.3, "token_drop": 0.3, "warmup_steps": 7}
    whole = run(tmp_path / "whole", **changes)
    folder = tmp_path / "killed"
    runs = json.dumps({"killed": {**changes, "kill_after": 8}})
    status, output = start(runs, tmp_path, log=tmp_path / "log.txt").finished()
    assert status == -9, output
    assert states(folder) == ["step_000005.state.safetensors"]
    (folder / "step_000007.safetensors").write_bytes(b"half")
    (folder / ".step_000007.state.safetensors.partial").write_bytes(b"half")
    unfinished_name(folder / "step_000007.state.safetensors").write_bytes(b"half")
    watch = Watch()
    resumed = run(folder, watch, **changes)
    assert [report.step for report in watch.reports] == [6, 7, 8, 9, 10]
    assert same(resumed, whole)
    ours, killed = ({path.name for path in place.iterdir()} for place in (tmp_path / "whole", folder))
    assert killed == ours
    ends = [load_file(path / "step_000010.state.safetensors") for path in (tmp_path / "whole", folder)]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert any("exp_avg_sq" in name for name in ends[0])


def test_a_finished_run_is_not_run_again_and_more_steps_go_on(tmp_path):
    first, watch = run(tmp_path / "a"), Watch()
    assert same(run(tmp_path / "a", watch), first)
    assert watch.reports == []
    assert same(run(tmp_path / "a", steps=12), run(tmp_path / "b", steps=12))


class Cancelled(BaseException):
    """As the host's: no Exception."""


def raising(error: BaseException, call: int):
    """An expert that raises at its n-th call."""

    def spoil(predict):
        calls = iter(range(1, 10**6))

        def spoilt(x, sigma, text):
            if next(calls) == call:
                raise error
            return predict(x, sigma, text)

        return spoilt

    return spoil


def test_cancel_in_the_middle_of_a_step_saves_what_was_done(tmp_path):
    whole = run(tmp_path / "whole")
    with pytest.raises(Cancelled):
        run(tmp_path / "cancelled", spoil=raising(Cancelled(), 4 * 3 + 2))
    assert states(tmp_path / "cancelled") == ["step_000003.state.safetensors"]
    assert same(run(tmp_path / "cancelled"), whole)


def test_cancel_in_the_first_step(tmp_path):
    with pytest.raises(Cancelled):
        run(tmp_path / "run", spoil=raising(Cancelled(), 1))
    assert same(run(tmp_path / "run"), run(tmp_path / "whole"))


def test_stopping_after_a_step_is_no_error(tmp_path):
    stopped = run(tmp_path / "run", Watch(stop_after=3))
    assert (stopped.finished, stopped.steps) == (False, 3)
    assert same(run(tmp_path / "run"), run(tmp_path / "whole"))


class Broken(Examples):
    """The third example holds no numbers."""

    def __getitem__(self, index):
        example = super().__getitem__(index)
        if index == 2:
            example.latents[0, 0, 0, 0] = math.nan
        return example


def test_a_loss_that_is_no_number_stops_and_names_the_example(tmp_path):
    good = Watch()
    run(tmp_path / "good", good, accumulation=1)
    bad_step = next(report.step for report in good.reports if report.samples[0][0] == "example 2")
    with pytest.raises(FFGOError, match=rf"Step {bad_step}: .*\(example 2 at sigma 0\.9") as error:
        run(tmp_path / "bad", dataset=Broken(), accumulation=1)
    assert "Lower learning_rate" in str(error.value)
    assert states(tmp_path / "bad") == [f"step_{bad_step - 1:06d}.state.safetensors"]
    state = load_file(tmp_path / "bad" / states(tmp_path / "bad")[0])
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_gradients_that_are_no_numbers_stop_the_run(tmp_path):
    def spoil(predict):
        def infinite_backward(x, sigma, text):
            velocity = predict(x, sigma, text)
            velocity.register_hook(lambda grad: grad * math.inf)
            return velocity

        return infinite_backward

    with pytest.raises(FFGOError, match=r"Step 1: the loss is NaN or infinite \(the gradients\)"):
        run(tmp_path, spoil=spoil)
    assert states(tmp_path) == ["step_000000.state.safetensors"]


def test_the_last_checkpoints_and_the_best_stay(tmp_path):
    """The expert gets worse from step 5 on, so the best is an early one."""

    def spoil(predict):
        calls = iter(range(10**6))
        return lambda x, sigma, text: predict(x, sigma, text) + 10 * (next(calls) >= 5 * 4)

    run(tmp_path, spoil=spoil, save_every=1, keep=2, learning_rate=1e-6)
    kept = states(tmp_path)
    best = kept[0]
    assert kept[1:] == [f"step_{step:06d}.state.safetensors" for step in (9, 10)]
    assert best <= "step_000005.state.safetensors"
    assert {path.name for path in tmp_path.glob("step_*")} == {
        name for state in kept for name in (state, state.replace(".state", ""))
    }


def test_the_best_is_measured_over_the_last_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "MEAN_OF_STEPS", 2)
    trained = run(tmp_path, steps=3, save_every=3)
    with safe_open(tmp_path / states(tmp_path)[0], "pt") as file:
        best = json.loads(file.metadata()["ffgo.state"])["best"]
    assert best == [3, pytest.approx(trained.history[-2 * 4 :, 2].mean().item())]


def test_prior_examples_count_as_much_as_the_recipe_says(tmp_path):
    prior = Examples(count=3, first=50)
    plain, half, ignored = Watch(), Watch(), Watch()
    run(tmp_path / "plain", plain, steps=1)
    run(tmp_path / "half", half, prior=prior, prior_weight=0.5, steps=1)
    run(tmp_path / "ignored", ignored, prior=prior, prior_weight=0, steps=1)
    assert half.losses == plain.losses  # what is shown is the loss on the user's examples
    assert ignored.norms == plain.norms
    gradients = [_gradient(weight, prior) for weight in (0.0, 1.0, 0.5)]
    assert torch.allclose(gradients[2], (gradients[0] + gradients[1]) / 2, rtol=1e-4, atol=1e-8)
    assert half.norms[0] == pytest.approx(float(gradients[2].norm()), rel=1e-5)
    assert not torch.allclose(gradients[0], gradients[1], rtol=1e-2)


def _gradient(weight: float, prior: Examples) -> torch.Tensor:
    """Of a first step: the mean over four examples plus `weight` times the mean over four prior ones."""
    network, dataset, recipe = small_expert(), Examples(), Recipe()
    adapters = adapted(network, key=recipe.seed)
    window = training_window("high")
    for row, (examples, share) in enumerate(((dataset, 1.0), (prior, weight))):
        for slot in range(4):
            index, key = draws.example_index(42, slot, len(examples)), (42, 0, slot, row)
            sigma = window.sigma(draws.fraction("sigma", *key))
            sample = draw_sample("", examples[index], sigma, *key)
            (velocity_loss(network, [sample], CPU, 50.0).sum() * share / 4).backward()
    return torch.cat([p.grad.flatten() for p in adapters.parameters.values() if p.grad is not None])


def test_the_learning_rate_follows_the_recipe(tmp_path):
    watch = Watch()
    run(tmp_path, watch, schedule="cosine", warmup_steps=2)
    rates = [report.learning_rate for report in watch.reports]
    assert rates[:3] == pytest.approx([0.005, 0.01, 0.01])
    assert rates[6] == pytest.approx(0.005)
    assert rates == sorted(rates[:2]) + sorted(rates[2:], reverse=True)
    assert 0 < rates[-1] < 0.0005


def test_clipping_cuts_the_whole_gradient(tmp_path):
    """With plain AdamW of a huge epsilon a step is as long as the gradient."""
    options = {"steps": 1, "epsilon": 1.0, "learning_rate": 1.0, "weight_decay": 0.0}
    moves = {}
    for clip in (0.0, 1e-3):
        watch = Watch()
        trained = run(tmp_path / f"{clip}", watch, clip_norm=clip, **options)
        moves[clip] = torch.cat([t.flatten() for n, t in trained.lora.items() if "lora_B" in n]).norm(), watch.norms[0]
    assert float(moves[1e-3][0]) == pytest.approx(1e-3, rel=0.02)
    assert moves[0.0][1] == moves[1e-3][1] > 1e-2  # reported as it was before


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"learning_rate": 5e-2}, "learning_rate: 0.01 before, 0.05 now"),
        ({"accumulation": 2}, "samples_per_step: 4 before, 2 now"),
        ({"rank": 2}, "rank: 4 before, 2 now"),
        ({"dataset": Examples(count=4)}, "dataset: 5 examples from 0 before, 4 examples from 0 now"),
    ],
)
def test_a_changed_run_is_refused_with_the_difference(tmp_path, changes, says):
    run(tmp_path, steps=1)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(FFGOError, match=says):
        run(tmp_path, steps=2, **changes)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_does_not_shape_the_result_may_change(tmp_path):
    run(tmp_path / "a", steps=5)
    resumed = run(tmp_path / "a", batch_size=2, accumulation=2, keep=1, save_every=3)
    assert resumed.history[:, 2].tolist() == pytest.approx(run(tmp_path / "b").history[:, 2].tolist(), rel=1e-5)


def test_an_empty_dataset_is_refused(tmp_path):
    with pytest.raises(FFGOError, match="nothing to train on"):
        run(tmp_path, dataset=Examples(count=0))
