"""The random numbers of a run: keyed, and distributed as they should be."""

import pytest
import torch

from ffgo.dataset.encoded import EncodedExample
from ffgo.experts.schedule import shifted_sigma, training_window, unshifted_time
from ffgo.training import draws
from ffgo.training.step import draw_sample, velocity_loss

EXAMPLE = EncodedExample(torch.zeros(16, 2, 3, 4), torch.zeros(20, 2, 3, 4), torch.ones(400, 8))
CPU = torch.device("cpu")


def test_every_number_depends_on_its_key_alone():
    first = draws.noise((3, 4), 1, 2, 3)
    torch.randn(7)
    assert torch.equal(draws.noise((3, 4), 1, 2, 3), first)
    assert not torch.equal(draws.noise((3, 4), 1, 2, 4), first)
    assert draws.fraction("sigma", 1, 23) != draws.fraction("sigma", 12, 3)


def test_fractions_are_uniform():
    fractions = torch.tensor([draws.fraction(i) for i in range(20_000)], dtype=torch.float64).sort().values
    assert (fractions - torch.linspace(0, 1, 20_000, dtype=torch.float64)).abs().max() < 0.012
    assert 0 < fractions[0] < fractions[-1] < 1


def test_every_epoch_goes_through_all_examples_in_an_order_of_its_own():
    epochs = [[draws.example_index(42, 7 * epoch + place, 7) for place in range(7)] for epoch in range(20)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 15
    assert epochs[0] != [draws.example_index(43, place, 7) for place in range(7)]


def test_blanked_tokens_are_rows_of_zeros():
    sample = draw_sample("a", EXAMPLE, 0.5, 1, 2, token_drop=0.25)
    kept = sample.text.all(1)
    assert torch.equal(kept, sample.text.any(1))
    assert 0.15 < 1 - kept.float().mean() < 0.35
    assert torch.equal(draw_sample("b", EXAMPLE, 0.9, 1, 2, token_drop=0.25).text, sample.text)
    assert not torch.equal(draw_sample("a", EXAMPLE, 0.5, 1, 3, token_drop=0.25).text, sample.text)
    assert draw_sample("a", EXAMPLE, 0.5, 1, 2).text is EXAMPLE.text


def test_windows_meet_at_the_boundary():
    """Shift 5, boundary 0.9: u_b = 0.642857 (docs of the official code: 357 of 1000 timesteps are high)."""
    high, low = training_window("high"), training_window("low")
    assert high.start == low.end == pytest.approx(0.642857, abs=1e-6)
    assert high.sigma(0) == pytest.approx(0.9)
    assert high.sigma(1) == 1
    assert (low.sigma(0), low.sigma(1)) == (0, pytest.approx(0.9))
    assert unshifted_time(shifted_sigma(0.3, 5), 5) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("expert", "shift", "boundary", "count", "mean"),
    [
        ("high", 5, 0.9, 357, 0.9557), ("low", 5, 0.9, 643, 0.6320), ("high", 8, 0.9, 471, 0.9588),
        ("low", 8, 0.9, 529, 0.6659), ("high", 12, 0.875, 632, 0.9551), ("low", 12, 0.875, 368, 0.6558),
    ],
)  # fmt: skip
def test_official_sigmas(expert, shift, boundary, count, mean):
    window = training_window(expert, boundary, shift)
    sigmas = {window.official_sigma((i + 0.5) / 20_000) for i in range(20_000)}
    assert len(sigmas) == count
    assert sum(sigmas) / count == pytest.approx(mean, abs=1e-4)
    continuous = sum(window.sigma((i + 0.5) / 5000) for i in range(5000)) / 5000
    assert continuous == pytest.approx(mean, abs=2e-3)


def test_the_loss_of_a_step():
    """x = (1 - sigma) x0 + sigma noise, the velocity is noise - x0; errors beyond the limit count as none."""
    x0, noise = torch.full((16, 2, 3, 4), 2.0), torch.full((16, 2, 3, 4), -1.0)
    example = EncodedExample(x0, torch.full((20, 2, 3, 4), 5.0), EXAMPLE.text)
    sample = draw_sample("a", example, 0.25)
    object.__setattr__(sample, "noise_CThw", noise)
    seen = {}

    def predict(x, sigma, text):
        seen.update(x=x, sigma=sigma, text=text)
        velocity = (noise - x0)[None] + 3.0
        velocity[0, 0] += 48  # a sixteenth of all is off by 51
        velocity[0, 1] -= 54  # and another by -51
        return velocity

    assert velocity_loss(predict, [sample], CPU, 50.0).tolist() == pytest.approx([9.0 * 14 / 16])
    assert velocity_loss(predict, [sample], CPU, 51.0).tolist() == pytest.approx([9.0 * 14 / 16 + 2 * 51**2 / 16])
    assert torch.allclose(seen["x"][0, :16], 0.75 * x0 + 0.25 * noise)
    assert (seen["x"][0, 16:] == 5).all()
    assert seen["sigma"].tolist() == [0.25]


def test_the_loss_of_a_batch():
    """Of each sample by itself: none where the expert is right, and NaN or infinity stay visible."""
    samples = [draw_sample(name, EXAMPLE, 0.25, name) for name in "abcd"]
    velocity = torch.stack([sample.noise_CThw for sample in samples])  # x0 is zero
    velocity[1] += 2
    velocity[2, 3, 0, 1, 1] = float("nan")
    velocity[3, 3, 0, 1, 1] = float("inf")
    right, off, *bad = velocity_loss(lambda x, sigma, text: velocity, samples, CPU, 50.0)
    assert right == 0
    assert float(off) == pytest.approx(4)
    assert not any(loss.isfinite() for loss in bad)
