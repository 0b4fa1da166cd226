"""When the high-noise expert hands over to the low-noise expert, and which sigmas each of them is trained on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..bases.base import Expert
from ..bases.catalogue import DEFAULT
from ..errors import FFGOError

TRAINING_TIMESTEPS = 1000


@dataclass(frozen=True, slots=True)
class ExpertSplit:
    """A schedule cut in two: `high_sigmas` ends with the sigma that `low_sigmas` begins with."""

    switch_step: int
    high_sigmas: Tensor
    low_sigmas: Tensor


def high_noise_steps(sigmas: Tensor, boundary: float) -> int:
    """Count the steps of the high-noise expert.

    sigmas (steps + 1,) in descending order, 1 = pure noise; boundary: fraction of the 1000 training timesteps.
    Step i calls the model at timestep 1000 * sigmas[i]; the high-noise expert takes it when that is >= 1000 * boundary.

    >>> high_noise_steps(torch.tensor([1.0, 0.9375, 0.8333, 0.625, 0.0]), 0.9)
    2

    Source: pipeline_wan2_2_fun_inpaint.py of the official code (`t >= boundary * num_train_timesteps`).
    """
    return int((sigmas[:-1] >= boundary).sum())


def split_at_boundary(sigmas: Tensor, boundary: float) -> ExpertSplit:
    """Cut a schedule where the experts change.

    sigmas (steps + 1,) in descending order; boundary in 0..1 (0.900 for Wan2.2 I2V).
    Returns new tensors: samplers are known to write into the sigmas they are given.

    >>> split_at_boundary(torch.tensor([1.0, 0.75, 0.5, 0.0]), 0.6)
    ExpertSplit(switch_step=2, high_sigmas=tensor([1.0000, 0.7500, 0.5000]), low_sigmas=tensor([0.5000, 0.0000]))

    Raises: FFGOError if one of the experts would get no step, or the schedule is none.
    """
    steps = len(sigmas) - 1
    if steps < 1 or not sigmas.isfinite().all():
        raise FFGOError(
            f"The scheduler makes no schedule of {max(steps, 0)} step{'s' * (steps != 1)}: its sigmas are "
            f"{', '.join(f'{sigma:g}' for sigma in sigmas.tolist()[:4]) or 'none'}. "
            "Use at least 2 steps, or another scheduler."
        )
    switch_step = high_noise_steps(sigmas, boundary)
    if switch_step in (0, steps):
        raise FFGOError(_no_steps_message(sigmas, boundary, idle="high" if switch_step == 0 else "low"))
    return ExpertSplit(switch_step, sigmas[: switch_step + 1].clone(), sigmas[switch_step:].clone())


def shifted_sigma(u: float, shift: float) -> float:
    """The sigma of a uniform time u in 0..1 (1 = pure noise). Source: FlowMatchEulerDiscreteScheduler of diffusers.

    >>> [shifted_sigma(u, shift=5) for u in (0, 0.25, 0.5, 0.75, 1)]
    [0.0, 0.625, 0.8333333333333334, 0.9375, 1.0]
    """
    return shift * u / (1 + (shift - 1) * u)


def unshifted_time(sigma: float, shift: float) -> float:
    """The uniform time of a sigma: the inverse of `shifted_sigma`.

    >>> unshifted_time(0.625, shift=5)
    0.25
    """
    return sigma / (shift - (shift - 1) * sigma)


@dataclass(frozen=True, slots=True)
class SigmaWindow:
    """The noise that one expert is trained on: uniform times between two bounds, shifted."""

    start: float
    end: float
    shift: float

    def sigma(self, fraction: float) -> float:
        """The sigma at a fraction of the window; a uniform fraction in (0, 1) gives the training distribution.

        >>> SigmaWindow(0.5, 1.0, shift=5).sigma(0.5)
        0.9375
        """
        return shifted_sigma(self.start + (self.end - self.start) * fraction, self.shift)

    def official_sigma(self, fraction: float) -> float:
        """As `sigma`, but one of the thousand that the official code trains on.

        Its timestep nearest the boundary, 900.056, belongs to the low-noise expert. In float32, as the scheduler of
        diffusers has them, to the last bit.
        Source: scripts/wan2.2/train_lora_transition_14b.py.
        """
        first, last = (round(TRAINING_TIMESTEPS * (1 - u)) for u in (self.end, self.start))
        index = first + int((last - first) * fraction)
        u = torch.tensor(TRAINING_TIMESTEPS - index, dtype=torch.float32) / TRAINING_TIMESTEPS
        return float(self.shift * u / (1 + (self.shift - 1) * u))


def training_window(expert: Expert, boundary: float = DEFAULT.boundary, shift: float = DEFAULT.shift) -> SigmaWindow:
    """The window of an expert: high-noise (u_b, 1], low-noise (0, u_b), where u_b is the time of the boundary.

    An expert that is the only one of its base has all of it.

    boundary: sigma in 0..1; shift: at least 1. Source: the official code trains each expert on its side only.

    >>> training_window("high", boundary=0.625), training_window("low", boundary=0.625)
    (SigmaWindow(start=0.25, end=1.0, shift=5.0), SigmaWindow(start=0.0, end=0.25, shift=5.0))
    """
    middle = unshifted_time(boundary, shift)
    return SigmaWindow(middle if expert == "high" else 0.0, middle if expert == "low" else 1.0, shift)


def _no_steps_message(sigmas: Tensor, boundary: float, idle: str) -> str:
    steps = len(sigmas) - 1
    first, last = float(sigmas[0]), float(sigmas[-2])
    right = f"{DEFAULT.boundary:.3f} is right for Wan2.2 I2V"
    if steps < 2:
        mend = "Use at least 2 steps, one for each expert (4 to 8 with a distillation LoRA, 20 to 50 without)."
    elif idle == "low":
        mend = f"Use more steps, or a boundary above {last:.3f} ({right})."
    else:
        mend = f"Use a boundary of at most {first:.3f} ({right}), or denoise from the start."
    return (
        f"The {idle}-noise expert would get no step: with {steps} steps the model is called at sigmas from "
        f"{first:.3f} down to {last:.3f}, and the boundary is {boundary:.3f}. {mend}"
    )
