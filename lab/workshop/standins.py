"""Untrained stand-in weights in the host's own architectures, small enough for two CPU cores.

Run by dev.py as `python -m lab.workshop.standins FOLDER` with COMFYUI_PATH set.
"""

import io
import os
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ffgo.bases.base import BASE_KEY, EXPERT_KEY, Base
from ffgo.bases.catalogue import HUNYUAN_15_I2V, WAN21_I2V_14B, WAN22_TI2V_5B
from ffgo.demo.clips import draw_clips
from ffgo.demo.photos import draw_photos

SEED = 20251121
EXPERT: dict[str, Any] = {"dim": 256, "ffn_dim": 512, "num_heads": 2, "num_layers": 2, "in_dim": 36, "out_dim": 16}
TEXT_ENCODER = {"num_layers": 1, "num_heads": 2, "d_kv": 8, "d_ff": 32, "vocab_size": 96}
SHORT_NAMES = {WAN22_TI2V_5B.id: "5b", HUNYUAN_15_I2V.id: "hunyuan15", WAN21_I2V_14B.id: "wan21"}
"""Of the other bases, in the names of their files."""
HUNYUAN: dict[str, Any] = {
    "image_model": "hunyuan_video", "patch_size": [1, 1, 1], "vec_in_dim": None, "hidden_size": 256, "mlp_ratio": 4.0,
    "num_heads": 2, "depth": 2, "depth_single_blocks": 0, "axes_dim": [16, 56, 56], "theta": 256, "qkv_bias": True,
    "guidance_embed": False, "byt5": True, "meanflow": False, "use_cond_type_embedding": True, "meanflow_sum": True,
}  # fmt: skip
HUNYUAN_TOKENS = 16
VISION: dict[str, dict[str, Any]] = {
    "wan21": {"model_type": "clip_vision_model", "hidden_act": "gelu", "image_size": 28, "projection_dim": 8},
    "hunyuan15": {"model_type": "siglip_vision_model", "hidden_act": "gelu_pytorch_tanh", "image_size": 28},
}
"""CLIP vision models of two layers: what differs from each other."""
LORA_RANK = 8
NOTE = {"note": "untrained stand-in of ComfyUI-FFGo: its pictures are noise"}
SENTENCES = [
    "ad23r2 the camera view suddenly changes.",
    "a red robot and a blue bird meet by the lake while the camera stays still.",
    "the small boat glides from left to right, bright colours, sharp details, quick motion.",
    "low quality, blurred, deformed, static, jpeg artefacts, extra fingers, walking backwards.",
]


def make_standins(folder: Path) -> None:
    """Write two experts, a LoRA for each, a VAE and a text encoder below `folder`, in the host's model folders.

    Beside them, in `input`, the demo's clips and photos.
    """
    draw_clips(folder / "input")
    draw_photos(folder / "input")
    torch.manual_seed(SEED)
    for expert in ("high", "low"):
        weights = random_expert()
        _save(weights, folder / "diffusion_models" / f"standin_{expert}_noise.safetensors", {"format": "pt"})
        lora = _random_lora(weights)
        _save(lora, folder / "loras" / f"standin_ffgo_{expert}_noise.safetensors", {"ffgo.expert": expert})
        _save(lora, folder / "loras" / f"standin_distill_{expert}_noise.safetensors", {"ffgo.expert": expert})
    _save(_random_vae(), folder / "vae" / "standin_vae.safetensors", {"format": "pt"})
    sizes = {name: str(size) for name, size in TEXT_ENCODER.items()}
    _save(_random_text_encoder(), folder / "text_encoders" / "standin_umt5.safetensors", sizes)
    for base in (WAN22_TI2V_5B, HUNYUAN_15_I2V, WAN21_I2V_14B):
        _make_other(base, folder)


def _make_other(base: Base, folder: Path) -> None:
    """The model of another base and a LoRA for it, and the VAE, text encoder and CLIP vision that it has of its own."""
    short = SHORT_NAMES[base.id]
    weights = random_weights_of(base)
    _save(weights, folder / "diffusion_models" / f"standin_{short}.safetensors", {"format": "pt"})
    says = {EXPERT_KEY: "only", BASE_KEY: base.id}
    _save(_random_lora(weights), folder / "loras" / f"standin_ffgo_{short}.safetensors", says)
    if base is not WAN21_I2V_14B:
        _save(_random_small_vae(base), folder / "vae" / f"standin_{short}_vae.safetensors", {"format": "pt"})
    if short in VISION:
        config = vision_config(base)
        shown = {name: str(value) for name, value in config.items()}
        _save(_random_vision(config), folder / "clip_vision" / f"standin_{short}_vision.safetensors", shown)
    if base is HUNYUAN_15_I2V:
        sizes = {name: str(size) for name, size in TEXT_ENCODER.items()}
        sizes |= {"d_model": str(base.text_width), "tokens": str(HUNYUAN_TOKENS)}
        text_encoder = _random_text_encoder(base.text_width)
        _save(text_encoder, folder / "text_encoders" / "standin_qwen25.safetensors", sizes)
        _save({"none": torch.zeros(1)}, folder / "text_encoders" / "standin_byt5.safetensors", {})


def random_weights_of(base: Base) -> dict[str, torch.Tensor]:
    """Of the small network of a base with one model, in the host's architecture."""
    import comfy.ops
    from comfy.ldm.hunyuan_video.model import HunyuanVideo
    from comfy.ldm.wan.model import WanModel

    shared = {"operations": comfy.ops.disable_weight_init, "dtype": torch.float32}
    if base is HUNYUAN_15_I2V:
        sizes = {"in_channels": base.input_channels, "out_channels": base.latent.channels}
        widths = {"context_in_dim": base.text_width, "vision_in_dim": base.condition.vision_width}
        return _random_like(HunyuanVideo(**HUNYUAN, **sizes, **widths, **shared).state_dict())
    sizes = {"in_dim": base.input_channels, "out_dim": base.latent.channels}
    kind = "i2v" if base.condition.vision else "t2v"
    return _random_like(WanModel(kind, **(EXPERT | sizes), **shared).state_dict())


def vision_config(base: Base) -> dict[str, Any]:
    return {
        "num_channels": 3, "hidden_size": base.condition.vision_width, "intermediate_size": 32, "patch_size": 14,
        "num_attention_heads": 16, "num_hidden_layers": 2, **VISION[SHORT_NAMES[base.id]],
    }  # fmt: skip


def _random_vision(config: dict[str, Any]) -> dict[str, torch.Tensor]:
    import comfy.clip_vision

    return _random_like(comfy.clip_vision.ClipVisionModel(config).model.state_dict())


def _random_small_vae(base: Base) -> dict[str, torch.Tensor]:
    """A TAEHV: ComfyUI loads one with so many channels in place of the VAE, whose sizes are fixed in it."""
    from comfy.taesd.taehv import TAEHV

    weights = _random_like(TAEHV(latent_channels=base.latent.channels).state_dict())
    return {name: weight.half() for name, weight in weights.items()}


def random_expert() -> dict[str, torch.Tensor]:
    import comfy.ops
    from comfy.ldm.wan.model import WanModel

    model = WanModel(**EXPERT, operations=comfy.ops.disable_weight_init, dtype=torch.float32)
    return _random_like(model.state_dict())


def _random_lora(expert: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    lora = {}
    for name, weight in expert.items():
        if (
            name.startswith(("blocks.", "double_blocks."))
            and "_mod." not in name
            and name.endswith(".weight")
            and weight.ndim == 2
        ):
            module = f"diffusion_model.{name.removesuffix('.weight')}"
            lora[f"{module}.lora_A.weight"] = torch.randn(LORA_RANK, weight.shape[1]) / weight.shape[1] ** 0.5
            lora[f"{module}.lora_B.weight"] = torch.randn(weight.shape[0], LORA_RANK) * 0.01
            lora[f"{module}.alpha"] = torch.tensor(float(LORA_RANK))
    return lora


def _random_vae() -> dict[str, torch.Tensor]:
    from comfy.ldm.wan.vae import WanVAE

    return _random_like(WanVAE(dim=4, z_dim=16, temperal_downsample=[False, True, True]).state_dict())


def _random_text_encoder(width: int = 4096) -> dict[str, torch.Tensor]:
    import comfy.ops
    import sentencepiece
    from comfy.text_encoders.t5 import T5

    config = {
        "d_model": width,
        "dense_act_fn": "gelu_pytorch_tanh",
        "is_gated_act": True,
        "model_type": "umt5",
        **TEXT_ENCODER,
    }
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=model, vocab_size=TEXT_ENCODER["vocab_size"], minloglevel=2,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False,
    )  # fmt: skip
    weights = _random_like(T5(config, torch.float32, "cpu", comfy.ops.disable_weight_init).state_dict())
    return {**weights, "spiece_model": torch.frombuffer(bytearray(model.getvalue()), dtype=torch.uint8)}


def _random_like(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights that keep activations near one: norms at 1, biases at 0, matrices scaled by their fan-in."""
    return {name: _random_weight(name, weight) for name, weight in state.items()}


def _random_weight(name: str, weight: torch.Tensor) -> torch.Tensor:
    if weight.ndim < 2 or name.endswith("gamma"):
        return torch.zeros_like(weight) if name.endswith("bias") else torch.ones_like(weight)
    return torch.randn(weight.shape) / weight[0].numel() ** 0.5


def _save(weights: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file({name: weight.contiguous() for name, weight in weights.items()}, partial, {**NOTE, **metadata})
    partial.replace(path)


if __name__ == "__main__":
    destination = Path(sys.argv[1])
    # The host reads its arguments when it is imported, and only when it was told to.
    sys.argv = [sys.argv[0], "--cpu"]
    sys.path.insert(0, os.environ["COMFYUI_PATH"])
    import comfy.options

    comfy.options.enable_args_parsing()
    make_standins(destination)
