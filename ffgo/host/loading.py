"""Models, loaded as the host loads them, and what an expert is found to be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..bases.base import Base
from ..bases.catalogue import DEFAULT, recognise
from ..errors import FFGOError

if TYPE_CHECKING:
    from comfy.model_patcher import ModelPatcher as Model
else:
    Model = Any  # the host may not be importable yet


WIDTHS = ("dim", "hidden_size")
"""What the host's networks call their number of dimensions."""


@dataclass(frozen=True, slots=True)
class ExpertShape:
    """The sizes of an expert, as its checkpoint has them."""

    base: Base
    dim: int
    blocks: int
    base_bytes: int
    """Bytes of all its weights."""
    activation_bytes: int
    """Bytes of one activation."""

    @property
    def words(self) -> str:
        return f"{self.blocks} blocks of {self.dim}"


def check_expert(model: Model) -> ExpertShape:
    """The base and the sizes of a model. Raises: FFGOError where it is no expert of a base that is known here."""
    network = model.model.diffusion_model
    shapes = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
    base = recognise(type(network).__name__, shapes)
    size = torch.tensor([], dtype=model.model.get_dtype_inference()).element_size()
    dim = next(getattr(network, name) for name in WIDTHS if hasattr(network, name))
    return ExpertShape(base, dim, len(network.get_submodule(base.blocks)), model.model_size(), size)


def file_of(model: Model) -> Path | None:
    """The file that a model was loaded from, where the host knows it: what it would load it from again."""
    _, arguments, *_ = getattr(model, "cached_patcher_init", None) or (None, ())
    return next((Path(argument) for argument in arguments if isinstance(argument, str)), None)


def load_expert(path: Path) -> Model:
    """Load a diffusion model. Raises: FFGOError where the file is none."""
    import comfy.sd

    with _loading(path, "a diffusion model"):
        return comfy.sd.load_diffusion_model(str(path))


def load_vae(path: Path) -> Any:
    """Load a VAE. Raises: FFGOError where the file is none."""
    import comfy.sd
    import comfy.utils

    with _loading(path, "a VAE"):
        vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(path)))
        vae.throw_exception_if_invalid()
        return vae


def load_text_encoder(path: Path, base: Base = DEFAULT, second: Path | None = None) -> Any:
    """Load the base's text encoder. second: where it has two files. Raises: FFGOError where the file is none."""
    import comfy.sd

    files = [str(file) for file in (path, second) if file is not None]
    with _loading(path, "a text encoder"):
        return comfy.sd.load_clip(files, clip_type=comfy.sd.CLIPType[base.clip_type])


def load_clip_vision(path: Path) -> Any:
    """Load a CLIP_VISION model. Raises: FFGOError where the file is none."""
    import comfy.clip_vision

    with _loading(path, "a CLIP vision model"):
        model = comfy.clip_vision.load(str(path))
        if model is None:
            raise ValueError("it has no weights of a vision model that ComfyUI knows")
        return model


def latent_format(base: Base = DEFAULT) -> Any:
    """How the base's experts see the VAE's latents."""
    import comfy.latent_formats

    return getattr(comfy.latent_formats, base.latent.format)()


@contextmanager
def _loading(path: Path, what: str) -> Iterator[None]:
    if not path.is_file():
        raise FFGOError(f"{path} is no file. Mend the path in the job's [models].")
    try:
        yield
    except Exception as error:  # the host raises what its readers raise: of a list in a .pt, of a file cut off
        raise FFGOError(
            f"{path} cannot be loaded as {what} ({type(error).__name__}: {error}). Take the file anew from where it "
            "was published, or name another one in the job's [models]."
        ) from error
