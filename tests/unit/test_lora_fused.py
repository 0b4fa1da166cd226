"""LoRAs of Hunyuan Video 1.5 as other trainers name and divide its layers."""

import json
from pathlib import Path

import pytest
import torch

from ffgo.bases.catalogue import HUNYUAN_15_I2V
from ffgo.lora.file import Evidence, LoRAFile
from ffgo.lora.keys import translate

D = 6
WEIGHTS = {
    f"double_blocks.{block}.{stream}_{layer}.weight": shape
    for block in (0, 1)
    for stream in ("img", "txt")
    for layer, shape in {
        "attn.qkv": (3 * D, D), "attn.proj": (D, D), "mlp.0": (4 * D, D), "mlp.2": (D, 4 * D), "mod.lin": (6 * D, D),
    }.items()
}  # fmt: skip


def translated(tensors, metadata=None, *, strict=True):
    file = LoRAFile("one.safetensors", tensors, metadata or {}, Evidence(None, False, ""))
    return translate(file, WEIGHTS, "only", strict=strict, base=HUNYUAN_15_I2V)


def pair(name, rows, columns=D, rank=2, alpha=None):
    tensors = {
        f"{name}.lora_A.weight": torch.randn(rank, columns),
        f"{name}.lora_B.weight": torch.randn(rows, rank),
    }
    return tensors | ({} if alpha is None else {f"{name}.alpha": torch.tensor(float(alpha))})


def weight(patch):
    down, up = patch.parts["lora_down.weight"], patch.parts["lora_up.weight"]
    return up @ down * (patch.alpha or len(down)) / len(down)


@pytest.mark.parametrize("prefix", ["transformer.", "diffusion_model.", ""])
@pytest.mark.parametrize(("stream", "theirs"), [("img", "to_{}"), ("txt", "add_{}_proj")])
def test_query_key_and_value_become_the_one_layer_that_they_are(prefix, stream, theirs):
    names = [f"{prefix}transformer_blocks.1.attn.{theirs.format(letter)}" for letter in "qkv"]
    tensors = pair(names[0], D, rank=2, alpha=4) | pair(names[1], D, rank=3) | pair(names[2], D, rank=2)
    (patch,) = translated(tensors).patches
    assert patch.module == f"double_blocks.1.{stream}_attn.qkv"
    wanted = [
        tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"] * scale
        for name, scale in zip(names, (2, 1, 1), strict=True)
    ]
    torch.testing.assert_close(weight(patch), torch.cat(wanted))


def test_a_part_that_is_not_there_stays_as_it_is():
    name = "transformer.transformer_blocks.0.attn.to_v"
    tensors = pair(name, D)
    (patch,) = translated(tensors).patches
    change = weight(patch)
    assert not change[: 2 * D].any()
    torch.testing.assert_close(change[2 * D :], tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"])


def test_the_trainers_settings_say_the_alpha_of_each_part():
    name = "transformer.transformer_blocks.0.attn.to_q"
    tensors = pair(name, D, rank=4)
    settings = {"lora_adapter_metadata": json.dumps({"transformer.lora_alpha": 8})}
    (patch,) = translated(tensors, settings).patches
    torch.testing.assert_close(
        weight(patch)[:D], 2 * tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"]
    )


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("transformer.transformer_blocks.0.attn.to_out.0", "img_attn.proj"),
        ("transformer.transformer_blocks.0.attn.to_add_out", "txt_attn.proj"),
        ("transformer.double_blocks.0.img_attn_proj", "img_attn.proj"),
        ("diffusion_model.double_blocks.0.img_attn.proj", "img_attn.proj"),
        ("lora_unet_double_blocks_0_txt_attn_proj", "txt_attn.proj"),
    ],
)
def test_each_trainers_names(theirs, ours):
    (patch,) = translated(pair(theirs, D)).patches
    assert patch.module == f"double_blocks.0.{ours}"


@pytest.mark.parametrize("theirs", ["transformer.transformer_blocks.0.ff.net.0.proj", "x.double_blocks.0.img_mlp.fc1"])
def test_the_feed_forward_layers(theirs):
    (patch,) = translated(pair(theirs.replace("x.", "transformer."), 4 * D)).patches
    assert patch.module == "double_blocks.0.img_mlp.0"


def test_a_part_of_another_size_is_an_error_that_names_it():
    tensors = pair("transformer.transformer_blocks.0.attn.to_q", D + 1)
    with pytest.raises(ValueError, match=r"does not fit this expert: 0 of its 1 modules fit.*to_q"):
        translated(tensors)


def test_a_wan_lora_is_left_alone(tmp_path: Path):
    """The very tensors that came in: nothing of Wan's is divided so."""
    from ffgo.lora.fused import fused

    tensors = pair("transformer.blocks.0.attn1.to_q", D)
    result = fused(tensors, {"blocks.0.self_attn.q.weight": (D, D)}, lambda *_: None)
    assert {name: id(tensor) for name, tensor in result.items()} == {
        name: id(tensor) for name, tensor in tensors.items()
    }
