"""Models, loaded as the host loads them, and what an expert is found to be."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..errors import FFGOError

if TYPE_CHECKING:
    from comfy.model_patcher import ModelPatcher as Model
else:
    Model = Any  # the host may not be importable yet

I2V_CHANNELS = 36
"""16 of the noised clip, 4 of the mask, 16 of the first frame."""


@dataclass(frozen=True, slots=True)
class ExpertShape:
    """The sizes of an expert, as its checkpoint has them."""

    dim: int
    ffn_dim: int
    blocks: int
    text_dim: int
    base_bytes: int
    """Bytes of all its weights."""
    activation_bytes: int
    """Bytes of one activation."""

    @property
    def words(self) -> str:
        return f"{self.blocks} blocks of {self.dim}"


def check_expert(model: Model) -> ExpertShape:
    """The sizes of a model. Raises: FFGOError where it is no expert of Wan2.2 image-to-video."""
    network = model.model.diffusion_model
    if type(network).__name__ != "WanModel":
        raise FFGOError(
            f"The model is no Wan expert ({type(model.model).__name__}). Connect the Load Diffusion Model of a Wan2.2 "
            "image-to-video expert."
        )
    channels = network.patch_embedding.weight.shape[1]
    if channels != I2V_CHANNELS or network.img_emb is not None:
        kind = {16: "Wan text-to-video", 48: "Wan2.2 5B"}.get(channels, f"a Wan model with {channels} input channels")
        kind = "Wan2.1 image-to-video" if network.img_emb is not None else kind
        raise FFGOError(
            f"The model is {kind}; FFGo trains the two experts of Wan2.2 image-to-video 14B, which take "
            f"{I2V_CHANNELS} channels. Choose wan2.2_i2v_high_noise or wan2.2_i2v_low_noise in Load Diffusion Model."
        )
    size = torch.tensor([], dtype=model.model.get_dtype_inference()).element_size()
    return ExpertShape(network.dim, network.ffn_dim, network.num_layers, network.text_dim, model.model_size(), size)


def load_expert(path: Path) -> Model:
    """Load a diffusion model. Raises: FFGOError where the file is none."""
    import comfy.sd

    try:
        return comfy.sd.load_diffusion_model(str(_existing(path)))
    except RuntimeError as error:
        raise FFGOError(f"{path} cannot be loaded as a diffusion model: {error}") from error


def load_vae(path: Path) -> Any:
    """Load a VAE."""
    import comfy.sd
    import comfy.utils

    vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(_existing(path))))
    vae.throw_exception_if_invalid()
    return vae


def load_text_encoder(path: Path) -> Any:
    """Load Wan's text encoder."""
    import comfy.sd

    return comfy.sd.load_clip([str(_existing(path))], clip_type=comfy.sd.CLIPType.WAN)


def latent_format() -> Any:
    """How the expert sees the VAE's latents."""
    import comfy.latent_formats

    return comfy.latent_formats.Wan21()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FFGOError(f"{path} is no file. Mend the path in the job's [models].")
    return path
