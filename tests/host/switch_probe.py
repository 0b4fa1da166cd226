"""Runs inside the host's Python, started by probe.py: the official rule, word for word, against our split."""

import comfy.model_sampling
import comfy.samplers
import numpy as np

from ffgo.experts.schedule import high_noise_steps


class Sampling(comfy.model_sampling.ModelSamplingDiscreteFlow, comfy.model_sampling.CONST):
    pass


def find(cases: list[list]) -> list[list]:
    """The cases (steps, shift, scheduler, boundary) in which they differ, with both numbers of steps."""
    wrong = []
    for steps, shift, scheduler, boundary in cases:
        sampling = Sampling()
        sampling.set_parameters(shift=shift, multiplier=1000)
        sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, steps)
        timesteps = [float(sampling.timestep(sigma)) for sigma in sigmas[:-1]]
        expected = sum(np.float32(t) >= np.float32(boundary * 1000) for t in timesteps)
        if high_noise_steps(sigmas, boundary) != expected:
            wrong.append([steps, shift, scheduler, boundary, high_noise_steps(sigmas, boundary), int(expected)])
    return wrong
