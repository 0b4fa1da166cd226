"""The bases that this pack knows, a row each, and how one is recognised. Adding one takes a row (docs/adding.md)."""

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import FFGOError
from .base import Base, Expert, ExpertRole, Latent, Shape

WAN22_I2V_A14B = Base(
    id="wan2.2-i2v-a14b",
    title="Wan2.2 I2V-A14B",
    experts=(ExpertRole("high", 0.900, 1.0), ExpertRole("low", 0.0, 0.900)),
    shift=5.0,
    fps=16.0,
    frames=81,
    size=(1344, 768),
    latent=Latent(format="Wan21", channels=16, space=8, time=4, patch=2),
    vae="Wan 2.1 VAE",
    text_width=4096,
    text_encoder="umT5-XXL",
    clip_type="WAN",
    mask_channels=4,
    fill=0.5,
    network="WanModel",
    blocks="blocks",
    targets=("q", "k", "v", "o", "ffn.0", "ffn.2"),
    block_numbers=24,
    shapes=MappingProxyType({"patch_embedding.weight": (None, 36, None, None, None), "img_emb.proj.0.weight": None}),
)
"""Boundary, shift, size and targets: the official training script. Frames and fps: the paper, arXiv 2511.15700.
Fill: the host's WanImageToVideo. Numbers of a block: measured with saved-tensor hooks (docs/training.md)."""

BASES: tuple[Base, ...] = (WAN22_I2V_A14B,)

DEFAULT = WAN22_I2V_A14B
"""Where nothing says which base is meant: workflows, datasets and LoRAs from before bases had names."""

EXPERTS: tuple[Expert, ...] = DEFAULT.names()
COMPOSED_FRAMES = DEFAULT.composed_frames

WAN_WIDTHS = {1536: "Wan2.1 1.3B", 3072: "Wan2.2 5B (TI2V)", 5120: "Wan 14B"}
WAN_INPUTS = {16: "Wan text-to-video", 48: "Wan2.2 5B"}
"""Wan models by the width of their layers, and by their input channels; for messages."""


def expert_names() -> tuple[Expert, ...]:
    """The names of the experts of all bases."""
    return tuple(dict.fromkeys(name for base in BASES for name in base.names()))


def base_called(id: str) -> Base:
    """The base of this id. Raises: FFGOError where there is none."""
    found = next((base for base in BASES if base.id == id), None)
    if found is None:
        raise FFGOError(f"There is no base model {id!r}. Known: {', '.join(base.id for base in BASES)}.")
    return found


def recognise(network: str, shapes: Mapping[str, Shape]) -> Base:
    """The base that a network is, by the name of its class and the shapes of its weights.

    Raises: FFGOError that says what the network looks like, where it is none of the catalogue's.
    """
    for base in BASES:
        if base.network == network and all(_fits(shapes.get(name), wanted) for name, wanted in base.shapes.items()):
            return base
    known = " or ".join(base.title for base in BASES)
    raise FFGOError(
        f"The model is {_looks_like(network, shapes)}; FFGo trains {known}. Choose wan2.2_i2v_high_noise or "
        "wan2.2_i2v_low_noise in Load Diffusion Model."
    )


def _fits(shape: Shape | None, wanted: tuple[int | None, ...] | None) -> bool:
    if shape is None or wanted is None:
        return shape is wanted
    return len(shape) == len(wanted) and all(want in (None, size) for size, want in zip(shape, wanted, strict=True))


def _looks_like(network: str, shapes: Mapping[str, Shape]) -> str:
    """A guess at an unknown network, in words."""
    if network != WAN22_I2V_A14B.network:
        return f"no Wan expert ({network})"
    if any(name.startswith("img_emb.") for name in shapes):
        return "Wan2.1 image-to-video"
    channels = shapes["patch_embedding.weight"][1]
    return WAN_INPUTS.get(channels, f"a Wan model with {channels} input channels")
