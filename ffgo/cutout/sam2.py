"""SAM2: which model a checkpoint holds, building it, and asking it for masks.

The sam2 package is optional. Its own builder goes through Hydra's global state, which other packs clear or occupy;
the config file is therefore read and instantiated directly, which gives the same parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FFGOError
from .grid import Array
from .hints import Prompts

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

INSTALL = "pip install sam2==1.1.0"
SUFFIXES = (".pt", ".pth", ".safetensors")
MODEL_FILES = {
    f"sam2{dot}_hiera_{size}.pt": f"https://dl.fbaipublicfiles.com/segment_anything_2/{date}/sam2{dot}_hiera_{size}.pt"
    for dot, date in ((".1", "092824"), ("", "072824"))
    for size in ("tiny", "small", "base_plus", "large")
}
"""The published checkpoints and where they are."""
FP16_FILES = "https://huggingface.co/Kijai/sam2-safetensors"
STABILITY = {
    "dynamic_multimask_via_stability": True,
    "dynamic_multimask_stability_delta": 0.05,
    "dynamic_multimask_stability_thresh": 0.98,
}
"""What the package's own builder sets for its predictor."""
_SIZES = {(96, 12): "t", (96, 16): "s", (112, 24): "b+", (144, 48): "l"}
_PATCH, _BLOCK = "image_encoder.trunk.patch_embed.proj.weight", "image_encoder.trunk.blocks."


@dataclass(frozen=True, slots=True)
class Variant:
    """One of SAM2's eight models."""

    version: str
    """2.0 or 2.1"""
    size: str
    """t, s, b+ or l"""

    @property
    def config(self) -> str:
        folder = "sam2.1" if self.version == "2.1" else "sam2"
        return f"configs/{folder}/{folder}_hiera_{self.size}.yaml"


def state_of(content: object, name: str) -> dict[str, "Tensor"]:
    """The weights of a checkpoint as it was read: `{"model": ...}` of the .pt files, or flat as in .safetensors.

    Raises: FFGOError where these are no weights of SAM2 in its own layout; `name` is the file, for the message.
    """
    inner = content.get("model") if isinstance(content, Mapping) else None
    state = inner if isinstance(inner, Mapping) else content
    if not isinstance(state, Mapping):
        raise FFGOError(f"'{name}' is no SAM2 checkpoint: it holds no weights by name. Published ones: {_links()}.")
    if _PATCH in state and all(hasattr(weight, "shape") for weight in state.values()):
        return dict(state)
    if any(str(key).startswith("vision_encoder.") for key in state):
        raise FFGOError(f"'{name}' is a SAM2 model in the layout of transformers. Take the original file: {_links()}.")
    raise FFGOError(f"'{name}' is no SAM2 checkpoint: it has no '{_PATCH}'. Published ones: {_links()}.")


def kind_of(state: Mapping[str, "Tensor"], name: str) -> Variant:
    """Which model the weights are, read off their shapes. Raises: FFGOError for sizes that were never published."""
    width = state[_PATCH].shape[:1].numel()
    blocks = len({key[len(_BLOCK) :].split(".")[0] for key in state if key.startswith(_BLOCK)})
    if (width, blocks) not in _SIZES:
        raise FFGOError(f"'{name}' is a SAM2 of unknown size: width {width}, {blocks} blocks. Published: {_links()}.")
    return Variant("2.1" if "no_obj_embed_spatial" in state else "2.0", _SIZES[width, blocks])


def build(kind: Variant) -> "Module":
    """The model in fp32 on the CPU, in evaluation mode, with random weights. Raises: FFGOError without the package."""
    spec = find_spec("sam2")
    if spec is None or not spec.submodule_search_locations:
        raise FFGOError(
            f"SAM2 needs the Python package sam2. Install it into ComfyUI's Python: {INSTALL}. "
            "Pictures on a white background are cut out without it."
        )
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    config = OmegaConf.load(Path(spec.submodule_search_locations[0]) / kind.config)
    OmegaConf.update(config, "model.sam_mask_decoder_extra_args", STABILITY, force_add=True)
    OmegaConf.resolve(config)
    return instantiate(config.model, _recursive_=True).eval().requires_grad_(False)


def load(content: object, name: str) -> tuple["Module", Variant]:
    """Build the model of a checkpoint and give it its weights. Raises: FFGOError where they do not fit."""
    state = state_of(content, name)
    kind = kind_of(state, name)
    model = build(kind)
    try:
        model.load_state_dict({key: tensor.float() for key, tensor in state.items()})
    except RuntimeError as error:
        raise FFGOError(f"'{name}' looks like SAM{kind.version} {kind.size}, but is incomplete: {error}") from None
    return model, kind


def masks(model: "Module", picture: Array, prompts: Sequence[Prompts]) -> Array:
    """One mask (H, W), 0 or 1, of everything that the prompts name in an 8-bit RGB picture (H, W, 3).

    The model must lie on the device that it shall run on.
    """
    predictor = _predictor(model)
    predictor.set_image(np.array(picture))
    return np.max([_mask(predictor, prompt) for prompt in prompts], axis=0).astype(np.float32)


def _predictor(model: "Module") -> Any:
    import warnings

    from sam2.sam2_image_predictor import SAM2ImagePredictor

    with warnings.catch_warnings():  # its transforms use torch.jit.script, which newer torch calls outdated
        warnings.simplefilter("ignore", DeprecationWarning)
        return SAM2ImagePredictor(model)  # pyright: ignore[reportArgumentType]


def _mask(predictor: Any, prompts: Prompts) -> Array:
    found, scores, _ = predictor.predict(
        prompts.points, prompts.labels, prompts.box, prompts.logits, multimask_output=prompts.ambiguous
    )
    return found[scores.argmax()]


def _links() -> str:
    return f"{next(iter(MODEL_FILES.values()))} (and its sisters) or {FP16_FILES}"
