"""The bases that this pack knows, a row each, and how one is recognised. Adding one takes a row (docs/adding.md)."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ..errors import FFGOError
from .base import Base, Condition, Expert, ExpertRole, Latent, Shape

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
    condition=Condition(kind="concat", mask=4, fill=0.5),
    network="WanModel",
    blocks="blocks",
    head="head",
    targets=("q", "k", "v", "o", "ffn.0", "ffn.2"),
    block_numbers=24,
    shapes=MappingProxyType({"patch_embedding.weight": (None, 36, None, None, None), "img_emb.proj.0.weight": None}),
)
"""Boundary, shift, size and targets: the official training script. Frames and fps: the paper, arXiv 2511.15700.
Fill: the host's WanImageToVideo. Numbers of a block: measured with saved-tensor hooks (docs/training.md)."""

_ONLY = (ExpertRole("only", 0.0, 1.0),)

WAN22_TI2V_5B = replace(
    WAN22_I2V_A14B,
    id="wan2.2-ti2v-5b",
    title="Wan2.2 TI2V-5B",
    experts=_ONLY,
    shift=8.0,
    fps=24.0,
    frames=121,
    size=(1280, 704),
    latent=Latent(format="Wan22", channels=48, space=16, time=4, patch=2),
    vae="Wan 2.2 VAE",
    condition=Condition(kind="clamp", mask=1),
    block_numbers=34,
    shapes=MappingProxyType(
        {
            "patch_embedding.weight": (None, 48, None, None, None),
            "head.head.weight": (192, None),  # Fun-Control has as many inputs, and fewer outputs
            "img_emb.proj.0.weight": None,
            "ref_conv.weight": None,
        }
    ),
)
"""Shift, frames, fps and size: ComfyUI's template video_wan2_2_5B_ti2v. Condition: the host's Wan22ImageToVideoLatent,
and WAN22 of its model_base, which gives each latent frame a time of its own. Numbers of a block: measured as above."""

WAN21_I2V_14B = replace(
    WAN22_I2V_A14B,
    id="wan2.1-i2v",
    title="Wan2.1 I2V 14B",
    experts=_ONLY,
    shift=8.0,
    size=(1280, 720),
    condition=Condition(
        kind="concat", mask=4, fill=0.5, vision="penultimate_hidden_states", vision_width=1280,
        vision_encoder="CLIP ViT-H",
    ),
    targets=(*WAN22_I2V_A14B.targets, "k_img", "v_img"),
    block_numbers=27,
    shapes=MappingProxyType(
        {
            "patch_embedding.weight": (None, 36, None, None, None),
            "img_emb.proj.0.weight": (1280,),
            "img_emb.emb_pos": None,  # of the first and last frame
            "ref_conv.weight": None,
        }
    ),
)  # fmt: skip
"""Shift: ComfyUI's templates. Condition: the host's WanImageToVideo, with the first frame as CLIP vision sees it."""

HUNYUAN_15_I2V = Base(
    id="hunyuan-1.5-i2v",
    title="Hunyuan Video 1.5 I2V",
    experts=_ONLY,
    shift=7.0,
    fps=24.0,
    frames=121,
    size=(1280, 720),
    latent=Latent(format="HunyuanVideo15", channels=32, space=16, time=4, patch=1),
    vae="Hunyuan Video 1.5 VAE",
    text_width=3584,
    text_encoder="Qwen2.5-VL 7B with byT5",
    clip_type="HUNYUAN_VIDEO_15",
    text_files=2,
    condition=Condition(
        kind="concat", mask=1, mask_first=False, vision="last_hidden_state", vision_width=1152,
        vision_encoder="SigLIP (sigclip_vision_patch14_384)",
    ),
    network="HunyuanVideo",
    blocks="double_blocks",
    head="final_layer",
    two_streams=True,
    targets=(
        "img_attn.qkv", "img_attn.proj", "img_mlp.0", "img_mlp.2",
        "txt_attn.qkv", "txt_attn.proj", "txt_mlp.0", "txt_mlp.2",
    ),
    block_numbers=24,
    shapes=MappingProxyType(
        {
            "img_in.proj.weight": (None, 65, None, None, None),
            "vision_in.proj.0.weight": (1152,),
            "time_r_in.in_layer.weight": None,  # of the step-distilled one
        }
    ),
)  # fmt: skip
"""Shift, frames, fps and size: ComfyUI's template video_hunyuan_video_1.5_720p_i2v. Condition: the host's
HunyuanVideo15ImageToVideo, and HunyuanVideo15 of its model_base: zeros where nothing is given, the mask behind."""

BASES: tuple[Base, ...] = (WAN22_I2V_A14B, WAN22_TI2V_5B, HUNYUAN_15_I2V, WAN21_I2V_14B)

DEFAULT = WAN22_I2V_A14B
"""Where nothing says which base is meant: workflows, datasets and LoRAs from before bases had names."""

EXPERTS: tuple[Expert, ...] = DEFAULT.names()
COMPOSED_FRAMES = DEFAULT.composed_frames

WAN_WIDTHS = {1536: "Wan2.1 1.3B", 3072: "Wan2.2 5B (TI2V)", 5120: "Wan 14B"}
WAN_INPUTS = {16: "Wan text-to-video", 48: "a Wan Fun-Control model", 52: "a Wan Fun-Control model"}
HUNYUAN_INPUTS = {
    16: "Hunyuan Video 1",
    33: "Hunyuan Video 1 I2V",
    98: "the super-resolution stage of Hunyuan Video 1.5",
}
"""Models by the width of their layers, and by their input channels; for messages."""


def expert_names() -> tuple[Expert, ...]:
    """The names of the experts of all bases."""
    return tuple(dict.fromkeys(name for base in BASES for name in base.names()))


def base_called(id: str) -> Base:
    """The base of this id. Raises: FFGOError where there is none."""
    found = next((base for base in BASES if base.id == id), None)
    if found is None:
        raise FFGOError(f"There is no base model {id!r}. Known: {', '.join(base.id for base in BASES)}.")
    return found


def title_of(id: str) -> str:
    """The title of a base by what metadata say of it, which may be anything."""
    return next((base.title for base in BASES if base.id == id), f"a base that is not known here ({id[:60]!r})")


def known(network: str, shapes: Mapping[str, Shape]) -> Base | None:
    """The base that a network is, as `recognise`; None where it is none of the catalogue's."""
    fit = (
        base
        for base in BASES
        if base.network == network and all(_fits(shapes.get(name), wanted) for name, wanted in base.shapes.items())
    )
    return next(fit, None)


def recognise(network: str, shapes: Mapping[str, Shape]) -> Base:
    """The base that a network is, by the name of its class and the shapes of its weights.

    Raises: FFGOError that says what the network looks like, where it is none of the catalogue's.
    """
    if base := known(network, shapes):
        return base
    titles = [base.title for base in BASES]
    raise FFGOError(
        f"The model is {_looks_like(network, shapes)}; FFGo knows {', '.join(titles[:-1])} and {titles[-1]}. Choose "
        "one of them in Load Diffusion Model."
    )


def base_with_vae(channels: int, wanted: Base) -> Base | None:
    """A base whose VAE makes so many channels, other than that of the wanted one."""
    return next((b for b in BASES if b.latent.channels == channels and b.vae != wanted.vae), None)


def base_with_text(width: int, wanted: Base) -> Base | None:
    """A base whose text encoder makes so many numbers a token, other than that of the wanted one."""
    return next((b for b in BASES if b.text_width == width and b.text_width != wanted.text_width), None)


def _fits(shape: Shape | None, wanted: tuple[int | None, ...] | None) -> bool:
    if shape is None or wanted is None:
        return shape is wanted
    return len(shape) == len(wanted) and all(want in (None, size) for size, want in zip(shape, wanted, strict=True))


def _looks_like(network: str, shapes: Mapping[str, Shape]) -> str:
    """A guess at an unknown network, in words."""
    if network == HUNYUAN_15_I2V.network:
        channels = (shapes.get("img_in.proj.weight") or (0, 0))[1]
        if "time_r_in.in_layer.weight" in shapes:
            return "a step-distilled Hunyuan Video"
        return HUNYUAN_INPUTS.get(channels, f"a Hunyuan Video with {channels} input channels")
    if network != WAN22_I2V_A14B.network:
        return f"none of them ({network})"
    if any(name.startswith("img_emb.") for name in shapes):
        return "a Wan2.1 image-to-video model of another kind"
    channels = shapes["patch_embedding.weight"][1]
    return WAN_INPUTS.get(channels, f"a Wan model with {channels} input channels")
