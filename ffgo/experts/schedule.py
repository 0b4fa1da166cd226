"""When the high-noise expert hands over to the low-noise expert."""

from dataclasses import dataclass

from torch import Tensor

from ..errors import FFGOError

WAN22_I2V_BOUNDARY = 0.900


@dataclass(frozen=True)
class ExpertSplit:
    """A schedule cut in two: `high_sigmas` ends with the sigma that `low_sigmas` begins with."""

    switch_step: int
    high_sigmas: Tensor
    low_sigmas: Tensor


def high_noise_steps(sigmas: Tensor, boundary: float) -> int:
    """Count the steps of the high-noise expert.

    sigmas (steps + 1,) in descending order, 1 = pure noise; boundary: fraction of the 1000 training timesteps.
    Step i calls the model at timestep 1000 * sigmas[i]; the high-noise expert takes it when that is >= 1000 * boundary.

    Source: pipeline_wan2_2_fun_inpaint.py of the official code (`t >= boundary * num_train_timesteps`).
    """
    return int((sigmas[:-1] >= boundary).sum())


def split_at_boundary(sigmas: Tensor, boundary: float) -> ExpertSplit:
    """Cut a schedule where the experts change.

    sigmas (steps + 1,) in descending order; boundary in 0..1 (0.900 for Wan2.2 I2V).
    Returns new tensors: samplers are known to write into the sigmas they are given.

    Raises: FFGOError if one of the experts would get no step.
    """
    steps = len(sigmas) - 1
    switch_step = high_noise_steps(sigmas, boundary)
    if switch_step in (0, steps):
        raise FFGOError(_no_steps_message(sigmas, boundary, idle="high" if switch_step == 0 else "low"))
    return ExpertSplit(switch_step, sigmas[: switch_step + 1].clone(), sigmas[switch_step:].clone())


def _no_steps_message(sigmas: Tensor, boundary: float, idle: str) -> str:
    steps = len(sigmas) - 1
    first, last = float(sigmas[0]), float(sigmas[-2])
    if steps < 2:
        mend = "Use at least 2 steps, one for each expert (4 to 8 with a distillation LoRA, 20 to 50 without)."
    elif idle == "low":
        mend = f"Use more steps, or a boundary above {last:.3f} (0.900 is right for Wan2.2 I2V)."
    else:
        mend = f"Use a boundary of at most {first:.3f} (0.900 is right for Wan2.2 I2V), or denoise from the start."
    return (
        f"The {idle}-noise expert would get no step: with {steps} steps the model is called at sigmas from "
        f"{first:.3f} down to {last:.3f}, and the boundary is {boundary:.3f}. {mend}"
    )
