"""A guess at what a file is that does not fit a Wan2.2 expert, from its key names and shapes. For messages only."""

import re
from collections import Counter
from collections.abc import Mapping

from ..bases.catalogue import DEFAULT, WAN_WIDTHS

UNKNOWN = "a file of an unknown kind"

# Tried in this order: the first pattern that is found in any key names the file.
SIGNS = (
    (r"vace_blocks|vace_patch", "a Wan VACE LoRA"),
    (r"face_adapter|motion_encoder|face_encoder", "a Wan2.2 Animate LoRA"),
    (r"audio_injector|casual_audio", "a Wan2.2 S2V (speech to video) LoRA"),
    (
        r"cross_attn[._][kv]_img|attn2[._]add_[kv]_proj|img_emb|image_embedder",
        "a Wan2.1 I2V LoRA (with image cross-attention, which Wan2.2 experts do not have)",
    ),
    (r"single_transformer_blocks|double_blocks|single_blocks", "a Flux or HunyuanVideo LoRA"),
    (r"joint_blocks", "a Stable Diffusion 3 LoRA"),
    (r"(?:input|output|down|up)_blocks|mid(?:dle)?_block", "a Stable Diffusion 1.5 or SDXL LoRA"),
    (r"img_mod|txt_mod|txt_mlp", "a Qwen-Image LoRA"),
    (r"transformer_blocks", "a LoRA of another diffusers transformer, such as LTX-Video"),
    (r"lora_te|text_model|text_encoder", "a LoRA of a text encoder"),
    (r"first_stage|decoder\.up|encoder\.down", "a VAE or a whole checkpoint"),
)
SCALE = "the scale of a quantised file. Take it in bf16"
# Tensors that belong to a patch and that the host does not apply: the first pattern found in the key names it.
LEFT_BY_THE_HOST = (
    (r"lora_magnitude_vector|magnitude", "the magnitude of a DoRA as PEFT writes it. Save it in ComfyUI's format"),
    (r"scale_weight|weight_scale|scale_input|input_scale|comfy_quant", SCALE),
    (r"oft_[rR]\b|oft_[rR][._]", "a rotation as PEFT's OFT writes it. Take a LoRA, or the file in LyCORIS' format"),
    (r"boft_[RrSs]\b", "a rotation as PEFT's BOFT writes it. Take a LoRA, or the file in LyCORIS' format"),
    (r"ia3_l|on_input", "a scale of an (IA)3 file. Take a LoRA"),
    (r"vera_lambda", "a scale of a VeRA file. Take a LoRA"),
    (r"\.scalar$", "a factor that LyCORIS trained. Save the file with that multiplied in (LyCORIS' merge or extract)"),
    (r"lora_B.*bias$|lora_up.*bias$", "a bias as PEFT trains it (lora_bias). Take a file without one"),
)
WAN_BLOCK = re.compile(r"blocks[._]\d+[._](?:self_attn|attn1)[._](?:to_)?q")
PATCH = re.compile(r"lora|lokr|hada|oft_|\.diff|\.alpha$|set_weight|_norm$|\.[ab][12]\.")


def likely_origin(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Name the likely origin of a file, with its article: "a Flux or HunyuanVideo LoRA".

    shapes: key -> shape of the tensor, as in the file.
    """
    if not any(PATCH.search(key) and not unapplied(key) for key in shapes):
        if what := next((what for what in map(unapplied, shapes) if what not in ("", SCALE)), ""):
            return f"a file of patches that ComfyUI does not know: it holds {what}"
        return "a whole model, not a LoRA (load it with Load Diffusion Model)"
    guess = next((name for pattern, name in SIGNS if any(re.search(pattern, key) for key in shapes)), None)
    return guess or _wan_of_width(shapes)


def unapplied(key: str) -> str:
    """What a tensor is that the host leaves out, and what to do, as the end of a sentence; "" where it is unknown."""
    return next((what for pattern, what in LEFT_BY_THE_HOST if re.search(pattern, key)), "")


def _wan_of_width(shapes: Mapping[str, tuple[int, ...]]) -> str:
    inputs = DEFAULT.latent.channels  # without a condition
    if any("patch_embedding" in key and shape[1:2] == (inputs,) for key, shape in shapes.items()):
        return f"a Wan T2V LoRA ({inputs} input channels; I2V experts have {DEFAULT.input_channels})"
    sizes = Counter(max(shape) for key, shape in shapes.items() if WAN_BLOCK.search(key) and len(shape) > 1)
    if not sizes:
        return UNKNOWN
    width = sizes.most_common(1)[0][0]
    known = WAN_WIDTHS.get(width)
    return f"{f'a {known} LoRA' if known else 'a LoRA of a Wan-like model'} ({width} wide)"
