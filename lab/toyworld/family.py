"""The small Wan family, loaded by the host and sampled as the workflows sample the large one, many clips at once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.bases.condition import condition, start_frames
from ffgo.experts.schedule import split_at_boundary
from ffgo.host.loading import load_expert, load_vae

from .precision import mixed_precision
from .scene import FRAMES, SIZE
from .vae import as_input, channels_last, encode_whole

WEIGHTS = Path(__file__).parent / "weights"
HIGH, LOW = "toy_high_noise.safetensors", "toy_low_noise.safetensors"
VAE, TEXT_ENCODER = "toy_vae.safetensors", "toy_umt5.safetensors"
LORA_HIGH, LORA_LOW = "toy_ffgo_high_noise.safetensors", "toy_ffgo_low_noise.safetensors"
MIDWAY_HIGH, MIDWAY_LOW = "toy_midway_high_noise.safetensors", "toy_midway_low_noise.safetensors"
"""LoRAs that are not done, for the test that goes on from them."""
DISSOLVE_HIGH, DISSOLVE_LOW = "toy_dissolve_high_noise.safetensors", "toy_dissolve_low_noise.safetensors"
"""LoRAs of examples whose composed frame dissolves."""
BOUNDARY, SHIFT = 0.60, 2.0
"""Where the high-noise expert hands over, and how the schedule is shifted: for training, sampling and metadata alike.

Those of the large models, 0.9 and 5, are made for large pictures; here they would leave nothing to the high-noise
expert: what a clip shows is decided between sigma .71 and .31 (row `decide` of `dev.py toy`)."""
STEPS = 12
BATCH = 16


@dataclass(frozen=True, slots=True)
class Family:
    """The two experts (host models), which may be patched, with the VAE and the text encoder."""

    high: Any
    low: Any
    vae: Any
    text_encoder: Any
    boundary: float = BOUNDARY
    shift: float = SHIFT
    steps: int = STEPS
    encoded: dict[str, Tensor] = field(default_factory=dict)
    """What was encoded before: most rows of a table share their first frames."""

    @classmethod
    @torch.inference_mode()  # the host could not move weights of eight bits that were loaded outside
    def load(cls, folder: Path = WEIGHTS) -> "Family":
        from .custom_nodes.ffgo_standins.small_encoder import load_small_encoder

        vae, text_encoder = load_vae(folder / VAE), load_small_encoder(folder / TEXT_ENCODER)
        channels_last(vae.first_stage_model)
        return cls(load_expert(folder / HIGH), load_expert(folder / LOW), vae, text_encoder)

    def with_loras(self, high: Path | None, low: Path | None) -> "Family":
        """With a LoRA on one expert, or on both."""
        return replace(self, high=_patched(self.high, high), low=_patched(self.low, low))

    def swapped(self) -> "Family":
        """With each expert in the other's place."""
        return replace(self, high=self.low, low=self.high)

    def generate(self, first_frames: Tensor, prompts: Sequence[str], seed: int = 0) -> Tensor:
        """Clips (N, F, H, W, 3), 0..1, from first frames (N, H, W, 3) and prompts. The same seed, the same clips."""
        parts = [slice(start, start + BATCH) for start in range(0, len(prompts), BATCH)]
        return torch.cat([self._generate(first_frames[part], prompts[part], seed + part.start) for part in parts])

    @torch.inference_mode()
    @mixed_precision()  # as they were trained, and half of the time
    def _generate(self, first_frames: Tensor, prompts: Sequence[str], seed: int) -> Tensor:
        return self.sample(self.conditioning(first_frames, prompts), seed)

    def sample(self, told: list[Any], seed: int) -> Tensor:
        """Clips (N, F, H, W, 3), 0..1, of a batch's conditioning."""
        begun = noise(len(told[0][0]), seed)
        return self.vae.decode(self.denoise(begun, told, range(self.steps))).float().clamp(0, 1)

    def conditioning(self, first_frames: Tensor, prompts: Sequence[str]) -> list[Any]:
        """As CLIPTextEncode and WanImageToVideo make it, for a whole batch."""
        return self.conditioning_of(
            [start_frames(WAN22_I2V_A14B, {0: frame}, FRAMES) for frame in first_frames], prompts
        )

    def conditioning_of(self, starts: Sequence[Tensor], prompts: Sequence[str], given: int = 1) -> list[Any]:
        """The same of whole clips (F, H, W, 3), 0..1, that are encoded for it.

        given: latent frames that the expert is to take as they are.
        """
        text = torch.cat(
            [self.text_encoder.encode_from_tokens_scheduled(self.text_encoder.tokenize(p))[0][0] for p in prompts]
        )
        pictures = self.encode(starts)
        told = condition(WAN22_I2V_A14B, {frame: pictures[:1, :, frame] for frame in range(given)}, FRAMES)
        mask = 1 - told[:, :1]  # the host's is 1 where nothing is given
        return [[text, {"concat_latent_image": pictures, "concat_mask": mask}]]

    def encode(self, clips: Sequence[Tensor]) -> Tensor:
        """Latents (N, 16, T, h, w) of clips (F, H, W, 3), 0..1: together, in 0.4 of the time that the host takes."""
        keys = [hashlib.sha256(clip.numpy().tobytes()).hexdigest() for clip in clips]
        new = {key: clip.numpy() for key, clip in zip(keys, clips, strict=True) if key not in self.encoded}
        if new:
            latents = encode_whole(self.vae.first_stage_model, as_input(list(new.values())))[0].float()
            self.encoded.update(zip(new, latents, strict=True))
        return torch.stack([self.encoded[key] for key in keys])

    def denoise(self, latents: Tensor, told: list[Any], steps: range) -> Tensor:
        """Latents (N, 16, T, h, w) after these of all steps, each by its own expert; before step 0: noise."""
        sigmas = self.sigmas()
        switch = split_at_boundary(sigmas, self.boundary).switch_step
        for expert, first, last in ((self.high, 0, switch), (self.low, switch, self.steps)):
            start, stop = max(first, steps.start), min(last, steps.stop)
            if start < stop:
                latents = self._sample(expert, latents, sigmas[start : stop + 1], told, fresh=start == 0)
        return latents

    def _sample(self, expert: Any, latents: Tensor, sigmas: Tensor, told: list[Any], *, fresh: bool) -> Tensor:
        from comfy.sample import sample_custom
        from comfy.samplers import sampler_object

        nothing = torch.zeros_like(latents)
        noise, latents = (latents, nothing) if fresh else (nothing, latents)
        model, sampler = self._shifted(expert), sampler_object("euler")
        return sample_custom(model, noise, 1.0, sampler, sigmas, told, told, latents, disable_pbar=True)

    def sigmas(self) -> Tensor:
        """The schedule (steps + 1,)."""
        from comfy.samplers import calculate_sigmas

        return calculate_sigmas(self._shifted(self.high).get_model_object("model_sampling"), "simple", self.steps)

    def _shifted(self, expert: Any) -> Any:
        """As ModelSamplingSD3 does."""
        import comfy.model_sampling

        class Sampling(comfy.model_sampling.ModelSamplingDiscreteFlow, comfy.model_sampling.CONST):
            pass

        sampling = Sampling(expert.model.model_config)
        sampling.set_parameters(shift=self.shift)
        model = expert.clone()
        model.add_object_patch("model_sampling", sampling)
        return model


def noise(count: int, seed: int) -> Tensor:
    """What a batch of clips begins with, as latents."""
    base = WAN22_I2V_A14B
    shape = (count, base.latent.channels, *base.latent_shape(FRAMES, SIZE, SIZE))
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _patched(expert: Any, lora: Path | None) -> Any:
    from comfy.sd import load_lora_for_models
    from comfy.utils import load_torch_file

    return expert if lora is None else load_lora_for_models(expert, None, load_torch_file(str(lora)), 1.0, 0.0)[0]
