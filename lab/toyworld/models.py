"""The small experts and the small text encoder, in the host's own architectures, with fresh weights."""

import io
import struct
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ffgo.words.phrase import TRANSITION_PHRASE

from . import scene
from .wiring import wire

EXPERT: dict[str, Any] = {"dim": 192, "ffn_dim": 768, "num_heads": 4, "num_layers": 6, "in_dim": 36, "out_dim": 16}
TEXT_ENCODER = {"num_layers": 2, "num_heads": 3, "d_kv": 8, "d_ff": 24}
TEXT_WIDTH = 4096
"""Fixed in the host."""
TOKENS = 56
"""Captions are filled up with zeros to as many; 512 in the large encoder."""
SPARE_WORDS = (*(f"vok{number}" for number in range(1, 5)), *(f"umo{number}" for number in range(1, 5)))
"""No caption of the base models holds them: for those who teach new concepts. `ad23r2` is FFGo's."""
SPARE_SCORE = b"\x15" + struct.pack("<f", -20.0)
PAD, END = 0, 1
LOOKS = ([1, 2], [3, 4], [17, 18, 19, 20, 21])
"""Where each head of the text encoder looks at first: one or two words back, three or four back, or the next five. So
a law's words know from the start whose law it is."""


def build_expert() -> Any:
    """An expert of Wan image-to-video."""
    import comfy.ops
    from comfy.ldm.wan.model import WanModel

    model = WanModel(**EXPERT, operations=comfy.ops.disable_weight_init, dtype=torch.float32)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith("head.head") or name.endswith("bias"):
                weight.zero_()
            elif "norm" in name:
                weight.fill_(1.0)
            elif name.endswith("modulation"):
                weight.normal_(std=weight.shape[-1] ** -0.5)
            else:
                weight.normal_(std=weight[0].numel() ** -0.5)
    wire(model)
    return model


def build_text_encoder() -> Any:
    """A umt5 encoder. Words that no caption of the base models holds, as `ad23r2`, keep what they began with."""
    import comfy.ops
    from comfy.text_encoders.t5 import T5

    config = {
        "d_model": TEXT_WIDTH,
        "dense_act_fn": "gelu_pytorch_tanh",
        "is_gated_act": True,
        "model_type": "umt5",
        "vocab_size": vocabulary().vocab_size(),
        **TEXT_ENCODER,
    }
    encoder = T5(config, torch.float32, "cpu", comfy.ops.disable_weight_init)
    with torch.no_grad():
        for name, weight in encoder.named_parameters():
            if "norm" in name:
                weight.fill_(1.0)
            elif "relative_attention_bias" in name:
                weight.normal_(std=0.5)
                for head, places in enumerate(LOOKS):
                    weight[places, head] += 4.0
            elif name == "shared.weight":
                weight.normal_()
            else:
                weight.normal_(std=weight.shape[1] ** -0.5)
            if ".q." in name:
                weight.mul_(TEXT_ENCODER["d_kv"] ** -0.5)  # the host scales the keys up
    return encoder


@cache
def vocabulary() -> Any:
    """A sentencepiece model that knows each word of the world's captions."""
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_proto=vocabulary_file())


@cache
def vocabulary_file() -> bytes:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_sentences()), model_writer=model, model_type="word", vocab_size=256,
        hard_vocab_limit=False, use_all_vocab=True, minloglevel=2, pad_id=PAD, eos_id=END, unk_id=2, bos_id=-1,
    )  # fmt: skip
    return _with_spare_words(model.getvalue())


def _with_spare_words(model: bytes) -> bytes:
    """With more pieces at the end: the numbers of the other words stay as they are.

    Written by hand, as the message `ModelProto` of sentencepiece takes them: its first field is the list of pieces.
    """
    return model + b"".join(_field(1, _field(1, f"\u2581{word}".encode()) + SPARE_SCORE) for word in SPARE_WORDS)


def _field(number: int, content: bytes) -> bytes:
    """A short field of bytes of a protocol buffer."""
    return bytes((number << 3 | 2, len(content))) + content


def _sentences() -> list[str]:
    words = [*scene.COLOURS, *scene.SHAPES, *scene.PATTERNS, *scene.SCENE_COLOURS, *scene.SCENES, *scene.LAWS]
    return [*words, scene.CUT_WORDS, TRANSITION_PHRASE, "a an and over"]


def tokenize(captions: list[str]) -> Tensor:
    """Token numbers (B, TOKENS), filled up with PAD."""
    pieces = vocabulary()
    rows = torch.full((len(captions), TOKENS), PAD)
    for row, caption in zip(rows, captions, strict=True):
        numbers = [*pieces.encode(caption), END]
        row[: len(numbers)] = torch.tensor(numbers)
    return rows


def encode_text(encoder: Any, tokens: Tensor) -> Tensor:
    """The text (B, TOKENS, 4096), zero where it is filled up; as the host computes it, but with a way back."""
    from comfy.ldm.modules.attention import attention_pytorch

    present = tokens != PAD
    x = encoder.shared(tokens, out_dtype=torch.float32)
    mask = torch.zeros(present.shape).masked_fill(~present, -1e9)[:, None, None]
    mask = mask.expand(-1, -1, tokens.shape[1], -1)
    for attention, feed_forward in (block.layer for block in encoder.encoder.block):
        read = attention.SelfAttention(attention.layer_norm(x), mask=mask, optimized_attention=attention_pytorch)
        x = x + read[0]
        x = x + feed_forward.DenseReluDense(feed_forward.layer_norm(x))
    return encoder.encoder.final_layer_norm(x) * present[..., None]
