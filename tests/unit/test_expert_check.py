"""What tells which expert a model is; on trained ones of the toy world: tests/host/test_training_numerics.py."""

import pytest
import torch
from safetensors.torch import save_file

from ffgo.errors import FFGOError
from ffgo.lora.file import read_lora
from ffgo.training.expert_check import Told, check_expert_by, other_weights, told_by_file, told_by_loss

from .training_scene import CPU, MIXED, Examples

NO = Told(None, "it does not say")
HIGH, LOW = Told("high", "it says high"), Told("low", "it says low")


@pytest.mark.parametrize(
    ("said", "file", "loss", "by"),
    [
        ("high", HIGH, HIGH, "name and loss"),
        ("high", NO, HIGH, "loss"),
        ("high", HIGH, NO, "name"),
        ("high", HIGH, LOW, "name"),  # the name has the last word: at 14B nobody has measured it
        ("low", LOW, LOW, "name and loss"),
        ("low", NO, NO, "nothing"),
        ("high", LOW, NO, None),
        ("high", LOW, HIGH, None),
        ("high", NO, LOW, None),
        ("low", LOW, HIGH, None),
        ("low", NO, HIGH, None),
    ],
)
def test_what_both_together_say(said, file, loss, by):
    if by is None:
        with pytest.raises(FFGOError, match=r"it says .* set expert to .*check_expert = false"):
            check_expert_by(said, file, loss)
    else:
        assert check_expert_by(said, file, loss).by == by


@pytest.mark.parametrize(
    ("name", "metadata", "expert"),
    [
        ("wan2.2_i2v_high_noise_14B_fp16.safetensors", {}, "high"),
        ("wan22_low_noise/model.safetensors", {}, "low"),
        ("low_noise/far/model.safetensors", {}, None),
        ("model.safetensors", {}, None),
        ("model.safetensors", {"ffgo.expert": "low"}, "low"),
        ("model.safetensors", {"modelspec.title": "Wan2.2 I2V high noise"}, "high"),
        ("model.safetensors", {"note": "trained on high noise"}, None),
    ],
)
def test_what_a_file_says(tmp_path, name, metadata, expert):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"a": torch.zeros(1)}, path, metadata or None)
    assert told_by_file(path).expert == expert


def test_a_file_that_is_gone_or_unknown_says_nothing(tmp_path):
    assert told_by_file(None).expert is None
    assert told_by_file(tmp_path / "model.safetensors").expert is None
    (tmp_path / "broken.safetensors").write_bytes(b"no header")
    assert told_by_file(tmp_path / "broken.safetensors").expert is None


def guess(x, sigma, text):
    """The best straight line for latents of power one: what the check measures against."""
    s = sigma.view(-1, 1, 1, 1, 1)
    return x[:, :16] * (s - (1 - s)) / ((1 - s) ** 2 + s**2)


def lost_at(seen):
    return lambda x, sigma, text: (
        guess(x, sigma, text) + 2 * torch.ones_like(x[:, :16]) * seen(sigma).view(-1, 1, 1, 1, 1)
    )


@pytest.mark.parametrize(
    ("predict", "expert", "words"),
    [
        (guess, "low", "1.0"),
        (lost_at(lambda sigma: sigma < 0.5), "high", "guess at little noise (sigma 0.05 and 0.1)"),
        (lost_at(lambda sigma: sigma > 0.5), None, ""),
        (lost_at(lambda sigma: sigma > -1), None, ""),
        (lambda x, sigma, text: x[:, :16] * float("nan"), None, "nan"),
    ],
)
def test_what_the_loss_says(predict, expert, words):
    told = told_by_loss(predict, Examples(shapes=MIXED), 0.9, CPU)
    assert told.expert == expert, told.words
    assert words in told.words
    assert "on example 1" in told.words  # the smallest


def test_one_example_that_it_is_lost_on_does_not_make_it_the_other_expert():
    def predict(x, sigma, text):
        return lost_at(lambda s: s < 0.5)(x, sigma, text) if next(asked) in (4, 5) else guess(x, sigma, text)

    asked = iter(range(12))  # four of each example
    assert told_by_loss(predict, Examples(shapes=[MIXED[0]] * 4), 0.9, CPU).expert == "low"
    assert not list(asked)


def test_a_model_is_known_again_by_some_of_its_weights():
    torch.manual_seed(0)
    layers = [torch.nn.Linear(64, 64) for _ in range(20)]
    then = [float(number) for layer in layers[:8] for number in layer.weight.detach().flatten()[:8]]
    for coarser, words in ((torch.float16, ""), (torch.bfloat16, ""), (torch.float8_e4m3fn, "off by")):
        now = torch.tensor(then).to(coarser).float().tolist()
        assert words in other_weights(then, now)
        assert bool(words) == bool(other_weights(then, now))
    with pytest.raises(FFGOError, match="another one than the run was begun with"):
        other_weights(then, torch.randn(64).mul(0.07).tolist())
    for odd in (None, "no", then[:3], [None] * 64, {"a": 1}):
        assert not other_weights(odd, then)


@pytest.mark.parametrize(("check", "certain"), [(None, True), ("name", True), ("loss", True), ("nothing", False)])
def test_a_file_claims_only_what_was_checked(tmp_path, check, certain):
    metadata = {"ffgo.expert": "high"} | ({"ffgo.expert_check": check} if check else {})
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors", metadata)
    evidence = read_lora(tmp_path / "a.safetensors", "a.safetensors").evidence
    assert (evidence.expert, evidence.certain) == ("high", certain)
