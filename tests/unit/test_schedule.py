import pytest
import torch

from ffgo.errors import FFGOError
from ffgo.experts.schedule import high_noise_steps, split_at_boundary


def flow_sigmas(steps: int, shift: float) -> torch.Tensor:
    u = torch.linspace(1, 0, steps + 1)
    return shift * u / (1 + (shift - 1) * u)


@pytest.mark.parametrize(
    ("steps", "shift", "high"),
    [
        (50, 5, 18),
        (40, 5, 15),
        (25, 5, 9),
        (20, 5, 8),
        (15, 5, 6),
        (12, 5, 5),
        (10, 5, 4),
        (8, 5, 3),
        (4, 5, 2),
        (2, 5, 1),
        (20, 8, 10),
        (4, 8, 2),
    ],
)
def test_official_table(steps, shift, high):
    split = split_at_boundary(flow_sigmas(steps, shift), 0.900)
    assert split.switch_step == high
    assert (len(split.high_sigmas), len(split.low_sigmas)) == (high + 1, steps - high + 1)


def test_a_step_at_the_boundary_is_high_noise():
    assert high_noise_steps(torch.tensor([1.0, 0.9, 0.5, 0.0]), 0.9) == 2
    assert high_noise_steps(torch.tensor([1.0, 0.9, 0.5, 0.0]), 0.9001) == 1


def test_halves_meet_and_are_copies():
    sigmas = flow_sigmas(20, 5)
    split = split_at_boundary(sigmas, 0.9)
    assert torch.equal(torch.cat([split.high_sigmas, split.low_sigmas[1:]]), sigmas)
    split.low_sigmas[-1] = 0.001  # as uni_pc does
    assert sigmas[-1] == 0


@pytest.mark.parametrize(
    ("sigmas", "boundary", "says"),
    [
        (flow_sigmas(1, 5), 0.9, "at least 2 steps"),
        (flow_sigmas(8, 5), 0.1, "low-noise expert would get no step.*boundary above"),
        (flow_sigmas(8, 5)[4:], 0.9, "high-noise expert would get no step.*boundary of at most"),
        (torch.tensor([float("nan"), 0.0]), 0.9, "at least 2 steps"),
    ],
)
def test_an_expert_without_steps_is_an_error(sigmas, boundary, says):
    with pytest.raises(FFGOError, match=says):
        split_at_boundary(sigmas, boundary)
