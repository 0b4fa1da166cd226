"""Loads a small umt5 encoder, whose sizes are in its file's metadata; ComfyUI knows those of umt5-xxl only."""

from types import SimpleNamespace

import comfy.clip_vision
import comfy.sd
import comfy.text_encoders.wan
import comfy.utils
from comfy import sd1_clip

SIZES = ("d_model", "num_layers", "num_heads", "d_kv", "d_ff", "vocab_size")
TOKENS = "tokens"
"""The metadata that says to how many tokens captions are filled up; the large encoder's 512 where it is missing."""


def load_small_encoder(path):
    weights, metadata = comfy.utils.load_torch_file(str(path), safe_load=True, return_metadata=True)
    target = SimpleNamespace(
        params={},
        clip=comfy.text_encoders.wan.te(dtype_t5=weights["shared.weight"].dtype),
        tokenizer=_tokenizer(int(metadata.get(TOKENS, 512))),
    )
    return comfy.sd.CLIP(
        target,
        parameters=comfy.utils.calculate_parameters(weights),
        tokenizer_data={"spiece_model": weights["spiece_model"]},
        state_dict=[weights],
        model_options={
            "model_name": "umt5xxl",
            "umt5xxl_model_config": {name: int(metadata[name]) for name in SIZES if name in metadata},
        },
    )


def load_small_vision(path):
    """A small CLIP vision model, whose sizes are in its file's metadata; ComfyUI knows those of the large ones only."""
    weights, metadata = comfy.utils.load_torch_file(str(path), safe_load=True, return_metadata=True)
    sizes = {name: int(value) if value.isdigit() else value for name, value in metadata.items()}
    model = comfy.clip_vision.ClipVisionModel(sizes)
    model.load_sd(weights)
    return model


def _tokenizer(tokens):
    class Tokenizer(comfy.text_encoders.wan.UMT5XXlTokenizer):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.min_length = tokens

    class SmallTokenizer(comfy.text_encoders.wan.WanT5Tokenizer):
        def __init__(self, embedding_directory=None, tokenizer_data=None):
            sd1_clip.SD1Tokenizer.__init__(
                self, embedding_directory=embedding_directory, tokenizer_data=tokenizer_data or {},
                clip_name="umt5xxl", tokenizer=Tokenizer,
            )  # fmt: skip

    return SmallTokenizer
