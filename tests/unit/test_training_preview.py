"""The preview: Euler steps along the recipe's sigmas, and its rough colours."""

from itertools import pairwise

import pytest
import torch

from ffgo.dataset.encoded import EncodedExample
from ffgo.training import draws
from ffgo.training.preview import filmstrip, sample_example
from ffgo.training.recipe import Recipe

CPU = torch.device("cpu")
SHAPE = (16, 2, 3, 4)
EXAMPLE = EncodedExample(torch.full(SHAPE, 0.7), torch.full((20, 2, 3, 4), 5.0), torch.ones(6, 8))
RECIPE = Recipe(preview_steps=4, shift=5.0, seed=7)
NOISE = draws.noise(SHAPE, 7, "preview")


def test_a_perfect_expert_gives_the_clip_back():
    """Its velocity is noise - x0 everywhere, so any number of steps from 1 to 0 ends at x0."""
    for steps in (1, 4):
        recipe = Recipe(preview_steps=steps, seed=7)
        made = sample_example(lambda x, sigma, text: (NOISE - EXAMPLE.latents)[None], EXAMPLE, recipe, CPU)
        assert torch.allclose(made, EXAMPLE.latents, atol=1e-5)


def test_the_steps():
    """Shift 5 takes the times 1, 3/4, 1/2 and 1/4 to 1, 15/16, 5/6 and 5/8; the velocity at its start moves a step."""
    seen = []

    def predict(x, sigma, text):
        seen.append((x, float(sigma), text))
        return torch.full((1, *SHAPE), float(sigma))

    made = sample_example(predict, EXAMPLE, RECIPE, CPU)
    sigmas = [1, 15 / 16, 5 / 6, 5 / 8, 0]
    assert [sigma for _, sigma, _ in seen] == pytest.approx(sigmas[:-1])
    moved = sum(here * (after - here) for here, after in pairwise(sigmas))
    assert torch.allclose(made, NOISE + moved, atol=1e-6)
    for x, _, text in seen:
        assert torch.equal(x[0, 16:], EXAMPLE.condition)
        assert torch.equal(text[0], EXAMPLE.text)
    assert torch.equal(seen[0][0][0, :16], NOISE)


def test_the_filmstrip_shows_six_frames_side_by_side():
    """Red is the first channel, which goes from -1 to 1; green and blue are the bias alone."""
    latents = torch.zeros(16, 11, 2, 3)
    latents[0] = torch.linspace(-1, 1, 11)[:, None, None]
    factors = torch.zeros(16, 3)
    factors[0, 0] = 1
    strip = filmstrip(latents, factors, torch.tensor([0.0, 3.0, -1.0]))
    assert strip.size == (6 * 3, 2)
    assert [strip.getpixel((3 * i + 1, 1)) for i in range(6)] == [(51 * i, 255, 0) for i in range(6)]
    assert filmstrip(latents[:, :2], factors, torch.zeros(3)).size == (2 * 3, 2)
