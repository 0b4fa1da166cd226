"""Every trainer's key names, against a Wan expert of two small blocks."""

import json
import math

import pytest
import torch

from ffgo.bases.base import Expert
from ffgo.errors import FFGOError
from ffgo.lora.file import Evidence, LoRAFile
from ffgo.lora.keys import translate
from ffgo.lora.origin import likely_origin
from ffgo.lora.report import report_lines, report_row

DIM, FFN, RANK = 8, 16, 2
LAYERS = {
    **{f"{attention}.{p}": (DIM, DIM) for attention in ("self_attn", "cross_attn") for p in "qkvo"},
    "ffn.0": (FFN, DIM),
    "ffn.2": (DIM, FFN),
}
LINEARS = {
    **{f"blocks.{i}.{layer}": shape for i in range(2) for layer, shape in LAYERS.items()},
    "time_embedding.0": (DIM, 4),
    "time_embedding.2": (DIM, DIM),
    "text_embedding.0": (DIM, 12),
    "text_embedding.2": (DIM, DIM),
    "time_projection.1": (6 * DIM, DIM),
    "head.head": (64, DIM),
}
WEIGHTS = {
    **{f"{module}.weight": shape for module, shape in LINEARS.items()},
    **{f"{module}.bias": shape[:1] for module, shape in LINEARS.items()},
    **{f"blocks.{i}.{n}.weight": (DIM,) for i in range(2) for n in ("norm3", "self_attn.norm_q", "cross_attn.norm_k")},
    **{f"blocks.{i}.norm3.bias": (DIM,) for i in range(2)},
    **{f"blocks.{i}.modulation": (1, 6, DIM) for i in range(2)},
    "patch_embedding.weight": (DIM, 36, 1, 2, 2),
    "patch_embedding.bias": (DIM,),
    "head.modulation": (1, 2, DIM),
}  # fmt: skip
# What diffusers' WanTransformer3DModel calls some of them.
DIFFUSERS = {
    "blocks.0.attn1.to_q": "blocks.0.self_attn.q",
    "blocks.1.attn1.to_out.0": "blocks.1.self_attn.o",
    "blocks.0.attn2.to_k": "blocks.0.cross_attn.k",
    "blocks.1.attn2.to_v": "blocks.1.cross_attn.v",
    "blocks.0.attn2.to_out.0": "blocks.0.cross_attn.o",
    "blocks.0.ffn.net.0.proj": "blocks.0.ffn.0",
    "blocks.1.ffn.net.2": "blocks.1.ffn.2",
    "condition_embedder.time_embedder.linear_1": "time_embedding.0",
    "condition_embedder.time_embedder.linear_2": "time_embedding.2",
    "condition_embedder.text_embedder.linear_1": "text_embedding.0",
    "condition_embedder.text_embedder.linear_2": "text_embedding.2",
    "condition_embedder.time_proj": "time_projection.1",
    "proj_out": "head.head",
}
DOTTED = (
    "diffusion_model.", "", "base_model.model.", "base_model.model.diffusion_model.", "base_model.model.model.",
    "diffusion_model.base_model.model.", "transformer.", "pipe.dit.", "dit.", "unet.", "model.diffusion_model.",
)  # fmt: skip
FLAT = ("lora_unet_", "lora_unet__", "lycoris_", "lora_transformer_")
FACTORS = (
    ("lora_down.weight", "lora_up.weight"),
    ("lora_A.weight", "lora_B.weight"),
    ("lora_A.default.weight", "lora_B.default.weight"),
    ("lora_A.my-adapter.weight", "lora_B.my-adapter.weight"),
    ("lora_A", "lora_B"),
    ("lora.down.weight", "lora.up.weight"),
    ("lora_linear_layer.down.weight", "lora_linear_layer.up.weight"),
)


def lora_file(tensors, metadata=None) -> LoRAFile:
    return LoRAFile("my.safetensors", tensors, metadata or {}, Evidence(None, False, "no reason"))


def load(tensors, metadata=None, expert: Expert = "high", **options):
    return translate(lora_file(tensors, metadata), WEIGHTS, expert, **options)


def pair(name: str, shape, factors=FACTORS[0]) -> dict[str, torch.Tensor]:
    down, up = factors
    return {f"{name}.{down}": torch.full((RANK, shape[1]), 2.0), f"{name}.{up}": torch.full((shape[0], RANK), 3.0)}


def whole_lora(spell, factors=FACTORS[0]) -> dict[str, torch.Tensor]:
    return {
        key: tensor for module, shape in LINEARS.items() for key, tensor in pair(spell(module), shape, factors).items()
    }


def assert_complete(lora):
    tensors = lora.host_tensors()
    assert set(tensors) == {f"diffusion_model.{m}.lora_{p}.weight" for m in LINEARS for p in ("up", "down")}
    assert all(float(tensor.flatten()[0]) == (3.0 if "lora_up" in key else 2.0) for key, tensor in tensors.items())
    assert len(lora.patches) == lora.modules_in_file == len(LINEARS)
    assert all("does not say its alpha" in warning for warning in lora.warnings)


@pytest.mark.parametrize("factors", FACTORS, ids=lambda f: f[1])
@pytest.mark.parametrize("prefix", DOTTED, ids=lambda p: p or "bare")
def test_dotted_names(prefix, factors):
    assert_complete(load(whole_lora(lambda module: prefix + module, factors)))


@pytest.mark.parametrize("factors", FACTORS[:3], ids=lambda f: f[1])
@pytest.mark.parametrize("prefix", FLAT)
def test_flat_names(prefix, factors):
    assert_complete(load(whole_lora(lambda module: prefix + module.replace(".", "_"), factors)))


def test_the_old_underscore_spelling_of_the_factors():
    lora = load(
        {
            "unet.blocks.0.ffn.0_lora.down.weight": torch.ones(2, DIM),
            "unet.blocks.0.ffn.0_lora.up.weight": torch.ones(FFN, 2),
        }
    )
    assert [patch.module for patch in lora.patches] == ["blocks.0.ffn.0"]


@pytest.mark.parametrize(
    "prefix", ["transformer.", "base_model.model.", "diffusion_model.", "lora_unet_", "lycoris_", "lora_transformer_"]
)
@pytest.mark.parametrize(("theirs", "ours"), DIFFUSERS.items())
def test_diffusers_names(prefix, theirs, ours):
    name = prefix + (theirs if prefix.endswith(".") else theirs.replace(".", "_"))
    lora = load(pair(name, LINEARS[ours]))
    assert [patch.module for patch in lora.patches] == [ours]
    assert "diffusers names" in lora.dialect


def test_norms_and_modulations_by_both_names():
    lora = load({
        "blocks.0.norm2.diff": torch.ones(DIM),  # diffusers' norm2 is the native norm3
        "blocks.1.norm3.diff_b": torch.ones(DIM),
        "blocks.0.scale_shift_table.diff": torch.ones(1, 6, DIM),
        "scale_shift_table.diff": torch.ones(1, 2, DIM),
        "diffusion_model.blocks.1.diff_m": torch.ones(1, 6, DIM),
        "blocks.0.attn2.norm_k.diff": torch.ones(DIM),
    })  # fmt: skip
    assert [name for patch in lora.patches for name in patch.patched_names()] == [
        "blocks.0.norm3.weight", "blocks.1.norm3.bias", "blocks.0.modulation", "head.modulation", "blocks.1.modulation",
        "blocks.0.cross_attn.norm_k.weight",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "named"),
    [
        ("lora_unet__", "VideoX-Fun (lora_unet__)"),
        ("lora_unet_", "kohya (lora_unet_)"),
        ("base_model.model.", "PEFT (base_model.model.)"),
        ("base_model.model.diffusion_model.", "PEFT (base_model.model.diffusion_model.)"),
        ("", "DiffSynth (no prefix)"),
        ("pipe.dit.", "DiffSynth (pipe.dit.)"),
        ("diffusion_model.", "ComfyUI (diffusion_model.)"),
    ],
)
def test_the_dialect_is_named(prefix, named):
    name = "blocks.0.ffn.0" if prefix.endswith(".") or not prefix else "blocks_0_ffn_0"
    assert load(pair(prefix + name, (FFN, DIM))).dialect == named


def test_alpha_is_read_and_reported():
    lora = load({**pair("blocks.0.ffn.0", (FFN, DIM)), "blocks.0.ffn.0.alpha": torch.tensor(16.0)})
    assert (lora.patches[0].rank, lora.patches[0].alpha) == (RANK, 16.0)
    assert "rank 2, alpha 16; 1 of 1 modules" in "\n".join(report_lines(report_row("high", lora, 0.5, "merged")))


@pytest.mark.parametrize(
    ("config", "alpha"),
    [
        ({"transformer.lora_alpha": 32, "transformer.r": RANK}, 32.0),
        ({"lora_alpha": 32}, 32.0),
        ({"lora_alpha": 32, "use_rslora": True}, 32.0 * math.sqrt(RANK)),
        ({"lora_alpha": 32, "alpha_pattern": {"attn1.to_q": 4}}, 4.0),
        ({"lora_alpha": 32, "alpha_pattern": {"attn1.to_k": 4}}, 32.0),
        ({"r": RANK}, None),
        ({"text_encoder.lora_alpha": 64, "transformer_2.lora_alpha": 32}, 32.0),
        ({"text_encoder.lora_alpha": 64}, None),
        ({"dit.lora_alpha": 32}, 32.0),
    ],
)
def test_alpha_from_the_settings_that_diffusers_writes(config, alpha):
    lora = load(pair("transformer.blocks.0.attn1.to_q", (DIM, DIM)), {"lora_adapter_metadata": json.dumps(config)})
    assert lora.patches[0].alpha == pytest.approx(alpha)


@pytest.mark.parametrize(("expert", "alpha"), [("high", 8.0), ("low", 32.0)])
def test_each_expert_has_the_alpha_of_its_own_component(expert, alpha):
    tensors = pair("transformer.blocks.0.attn1.to_q", (DIM, DIM))
    config = {"transformer.lora_alpha": 8, "transformer_2.lora_alpha": 32, "lora_alpha": 1}
    for order in (config, dict(reversed(config.items()))):
        lora = load(tensors, {"lora_adapter_metadata": json.dumps(order)}, expert)
        assert lora.patches[0].alpha == alpha


def test_the_patterns_of_the_other_component_are_not_taken():
    config = {"transformer.lora_alpha": 8, "transformer_2.lora_alpha": 4, "transformer_2.alpha_pattern": {"to_q": 2}}
    tensors, metadata = (
        pair("transformer.blocks.0.attn1.to_q", (DIM, DIM)),
        {"lora_adapter_metadata": json.dumps(config)},
    )
    assert load(tensors, metadata).patches[0].alpha == 8
    assert load(tensors, metadata, "low").patches[0].alpha == 2


def test_a_file_with_both_experts_gives_each_its_own():
    shape, q = (DIM, DIM), "blocks.0.attn1.to_q"
    tensors = pair(f"transformer.{q}", shape) | {k: 2 * t for k, t in pair(f"transformer_2.{q}", shape).items()}
    for lora, times in ((load(tensors), 1), (load(tensors, expert="low"), 2)):
        assert lora.modules_in_file == 1
        assert float(lora.patches[0].parts["lora_up.weight"][0, 0]) == 3.0 * times


@pytest.mark.parametrize(
    "text",
    [
        '{"lora_alpha": 8, "alpha_pattern": {"(a+)+b": 8}}',
        '{"lora_alpha": 8, "alpha_pattern": {".*.*.*.*x": 8}}',
        '{"lora_alpha": 8, "alpha_pattern": {"' + "a?" * 30 + "a" * 30 + '": 8}}',
        json.dumps({"lora_alpha": 8, "alpha_pattern": {f".*{i}.*": 8 for i in range(101)}}),
        json.dumps({"lora_alpha": 8, "alpha_pattern": dict.fromkeys(map(str, range(5001)), 8)}),
        '{"use_rslora": "false"}',
        '{"use_rslora": 1}',
        '{"lora_alpha": 8, "x": "' + "y" * 1_000_000 + '"}',
        '{"lora_alpha": 9' + "9" * 5000 + "}",
        "{",
        "not JSON",
        "[]",
        "null",
        "[" * 100_000,
        '{"lora_alpha": "32"}',
        '{"lora_alpha": [1]}',
        '{"lora_alpha": NaN}',
        '{"lora_alpha": 1' + "0" * 400 + "}",
        '{"alpha_pattern": 4}',
        '{"alpha_pattern": {"attn1": null, "attn2": "4"}}',
        '{"alpha_pattern": {"attn1(": 4}}',
    ],
)
def test_settings_that_cannot_be_read_are_an_error_that_names_the_file(text):
    tensors = pair("transformer.blocks.0.attn1.to_q", (DIM, DIM))
    with pytest.raises(FFGOError, match=r"'my.safetensors' holds settings .* cannot be read"):
        load(tensors, {"lora_adapter_metadata": text})


def test_an_alpha_in_the_file_wins_over_its_metadata():
    tensors = {
        **pair("transformer.blocks.0.attn1.to_q", (DIM, DIM)),
        "transformer.blocks.0.attn1.to_q.alpha": torch.tensor(1.0),
    }
    assert load(tensors, {"lora_adapter_metadata": '{"lora_alpha": 32}'}).patches[0].alpha == 1.0


def test_a_peft_file_without_alpha_is_warned_about():
    (warning,) = load(pair("base_model.model.blocks.0.ffn.0", (FFN, DIM))).warnings
    assert "adapter_config.json" in warning


def test_names_that_come_with_an_alpha_are_warned_about_where_it_is_missing():
    name, shape = "blocks.0.ffn.0", (FFN, DIM)
    (warning,) = load(pair(name, shape, FACTORS[0])).warnings
    assert "Wan2.2-Lightning" in warning
    assert load(pair(name, shape, FACTORS[1])).warnings == []
    assert load({**pair(name, shape, FACTORS[0]), f"{name}.alpha": torch.tensor(1.0)}).warnings == []


def test_unmatched_keys_are_named():
    tensors = {
        **whole_lora(str),
        **{f"blocks.{i}.cross_attn.k_img.lora_A.weight": torch.ones(2, DIM) for i in range(2)},
    }
    with pytest.raises(FFGOError) as error:
        load(tensors)
    for words in (
        "lora_high 'my.safetensors'",
        "'blocks.0.cross_attn.k_img.lora_A.weight' names nothing",
        "Wan2.1 I2V",
        "26 of its 28",
    ):
        assert words in str(error.value)
    assert "'strict' off" in str(error.value)
    loose = load(tensors, strict=False)
    assert len(loose.patches) == len(LINEARS)
    assert "k_img" in loose.warnings[0]


@pytest.mark.parametrize("strict", [True, False])
def test_a_file_in_which_nothing_fits_is_always_an_error(strict):
    flux = pair("lora_unet_double_blocks_0_img_attn_proj", (3072, 3072))
    with pytest.raises(FFGOError, match=r"(?s)0 of its 1 modules.*Flux") as error:
        load(flux, strict=strict)
    assert "'strict'" not in str(error.value)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("lora_magnitude_vector.weight", "DoRA"),
        ("lora_magnitude_vector.default.weight", "DoRA"),
        ("lora_B.bias", "lora_bias"),
        ("scale_weight", "quantised"),
        ("lora_A.weight_scale", "quantised"),
        ("scalar", "LyCORIS"),
        ("oft_R.weight", "OFT"),
        ("weight", "unknown kind"),
        ("lora_A.my.style.weight", "unknown kind"),
    ],
)
def test_parts_that_the_host_cannot_apply(part, said, strict):
    """Beside another module that is as it should be: without the part the patch would be another one."""
    tensors = pair("blocks.0.ffn.0", (FFN, DIM)) | pair("blocks.1.ffn.0", (FFN, DIM))
    with pytest.raises(FFGOError, match=rf"'blocks.0.ffn.0.{part}' is nothing that ComfyUI can apply.*{said}") as error:
        load({**tensors, f"blocks.0.ffn.0.{part}": torch.ones(FFN)}, strict=strict)
    assert "'strict'" not in str(error.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            ["base_model.model.blocks.0.ffn.0.oft_R.weight", "base_model.model.blocks.0.ffn.2.oft_R.weight"],
            "PEFT's OFT",
        ),
        (["lycoris_blocks_0_ffn_0.weight", "lycoris_blocks_0_ffn_0.on_input"], r"\(IA\)3"),
        (["base_model.model.blocks.0.ffn.0.ia3_l"], r"\(IA\)3"),
        (["blocks.0.ffn.0.weight", "blocks.0.ffn.0.scale_weight"], "a whole model, not a LoRA"),
    ],
)
def test_files_of_patches_that_the_host_does_not_know(keys, said):
    with pytest.raises(FFGOError, match=said):
        load({key: torch.ones(FFN, 1) for key in keys})


def test_what_lies_beside_a_lora_that_fits_is_named_by_itself():
    text = pair("lora_te_text_model_encoder_layers_0_mlp_fc1", (8, 8))
    with pytest.raises(FFGOError, match=r"26 of its 27 modules fit.*The rest looks like a LoRA of a text encoder"):
        load(whole_lora(str) | text)


@pytest.mark.parametrize(
    "spell",
    [
        lambda m: f"_orig_mod.{m}",
        lambda m: f"module.{m}",
        lambda m: f"module._orig_mod.{m}",
        lambda m: f"_orig_mod.module.base_model.model.{m}",
        lambda m: f"diffusion_model.{m}".replace("blocks.0.", "blocks.0._orig_mod."),
        lambda m: f"transformer.{m}".replace("blocks.1.", "_fsdp_wrapped_module.blocks.1._checkpoint_wrapped_module."),
        lambda m: "lora_unet__orig_mod_" + m.replace(".", "_"),
        lambda m: "lora_unet_module_" + m.replace(".", "_"),
    ],
)
def test_what_is_wrapped_around_a_model_in_training_is_no_part_of_the_names(spell):
    assert_complete(load(whole_lora(spell)))


@pytest.mark.parametrize("prefix", ["my_net.", "wan.model_14b.", "lora_mine_"])
def test_an_unknown_prefix_is_named(prefix):
    name = "blocks.0.ffn.0" if prefix.endswith(".") else "blocks_0_ffn_0"
    with pytest.raises(FFGOError, match=rf"begins with '{prefix}', which no known trainer.*names without '{prefix}'"):
        load(pair(prefix + name, (FFN, DIM)))


def test_very_long_keys_are_shortened():
    with pytest.raises(FFGOError) as error:
        load({"x" * 100_000: torch.ones(1)})
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("part", "tensor"),
    [
        ("lora_up.weight", torch.full((FFN, RANK), math.nan)),
        ("lora_up.weight", torch.full((FFN, RANK), math.inf).half()),
        ("lora_down.weight", torch.full((RANK, DIM), -math.inf).bfloat16()),
        ("lora_down.weight", torch.full((RANK, DIM), math.nan).to(torch.float8_e4m3fn)),
        ("lora_up.weight", torch.full((FFN, RANK), 1e300, dtype=torch.float64)),
        ("alpha", torch.tensor(math.nan)),
        ("dora_scale", torch.full((FFN, 1), math.inf)),
        ("diff_b", torch.full((FFN,), math.nan)),
    ],
)
def test_numbers_that_are_not_finite_are_refused_by_key(part, tensor, strict):
    tensors = whole_lora(str) | {f"blocks.0.ffn.0.{part}": tensor}
    with pytest.raises(FFGOError, match=rf"NaN or infinite numbers in 'blocks.0.ffn.0.{part}'"):
        load(tensors, strict=strict)


@pytest.mark.parametrize("kind", [torch.int8, torch.uint8, torch.bool, torch.complex64, torch.int64])
def test_numbers_of_a_wrong_type_are_refused_by_key(kind):
    tensors = {**pair("blocks.0.ffn.0", (FFN, DIM)), "blocks.0.ffn.0.lora_up.weight": torch.ones(FFN, RANK).to(kind)}
    with pytest.raises(FFGOError, match=rf"'blocks.0.ffn.0.lora_up.weight' as {str(kind)[6:]}, which is no number"):
        load(tensors)


@pytest.mark.parametrize(
    "parts",
    [
        {"alpha": torch.tensor(1e9)},
        {"lora_up.weight": torch.full((FFN, RANK), 1e30), "lora_down.weight": torch.full((RANK, DIM), 1e30)},
        {"diff_b": torch.full((FFN,), 1e5)},
    ],
)
def test_absurd_changes_are_refused(parts):
    tensors = pair("blocks.0.ffn.0", (FFN, DIM)) | {f"blocks.0.ffn.0.{part}": t for part, t in parts.items()}
    with pytest.raises(FFGOError, match=r"would change weights of blocks.0.ffn.0 by up to \d"):
        load(tensors)


def test_a_single_number_that_is_not_zero_has_an_effect():
    one = {
        "blocks.0.ffn.0.lora_up.weight": torch.zeros(FFN, RANK),
        "blocks.0.ffn.0.lora_down.weight": torch.ones(RANK, DIM),
    }
    one["blocks.0.ffn.0.lora_up.weight"][3, 1] = 1e-4
    assert load(one).idle == []


HALVES = (torch.tensor([[1.0, 0.0]]).repeat(FFN, 1), torch.tensor([[0.0], [1.0]]).repeat(1, DIM))


@pytest.mark.parametrize(
    "parts",
    [
        {"lora_up.weight": torch.zeros(FFN, RANK)},
        {"lora_down.weight": torch.zeros(RANK, DIM)},
        {"alpha": torch.tensor(0.0)},
        {"lora_up.weight": torch.full((FFN, RANK), 1e-30)},
        {"lora_up.weight": HALVES[0], "lora_down.weight": HALVES[1]},
        {"lora_up.weight": torch.ones(FFN, RANK), "lora_down.weight": torch.tensor([[0.3], [-0.3]]).repeat(1, DIM)},
        {"lora_up.weight": torch.zeros(FFN, RANK), "diff_b": torch.zeros(FFN)},
    ],
)
def test_patches_without_effect_are_counted_apart(parts):
    tensors = whole_lora(str) | {f"blocks.0.ffn.0.{part}": tensor for part, tensor in parts.items()}
    lora = load(tensors)
    assert lora.idle == ["blocks.0.ffn.0"]
    assert len(lora.patches) == len(LINEARS) - 1
    assert "A module of lora_high 'my.safetensors' is without effect" in lora.warnings[0]
    row = report_row("high", lora, 1.0, "merged")
    assert "25 of 26 modules, 1 module without effect" in "\n".join(report_lines(row))


def test_a_file_without_effect_is_said_to_be_one():
    lora = load({key: 0 * tensor for key, tensor in whole_lora(str).items()})
    assert lora.patches == []
    assert lora.warnings[0].startswith("All of lora_high 'my.safetensors' is without effect")


def test_a_bias_alone_has_an_effect():
    ffn = {"blocks.0.ffn.0.lora_up.weight": torch.zeros(FFN, RANK), "blocks.0.ffn.0.diff_b": torch.ones(FFN)}
    assert load(pair("blocks.0.ffn.0", (FFN, DIM)) | ffn).idle == []


def test_a_negative_alpha_is_warned_about():
    lora = load({**pair("blocks.0.ffn.0", (FFN, DIM)), "blocks.0.ffn.0.alpha": torch.tensor(-2.0)})
    assert lora.patches[0].alpha == -2.0
    assert "negative alpha, as for blocks.0.ffn.0" in lora.warnings[0]


def test_an_empty_file():
    with pytest.raises(FFGOError, match="holds no tensors"):
        load({})


def test_many_problems_are_counted_not_listed():
    with pytest.raises(FFGOError, match=r"and 7 more") as error:
        load({f"mystery.{i}.lora_A.weight": torch.ones(1) for i in range(10)})
    assert str(error.value).count("mystery") == 3


def test_a_lora_of_a_wider_model():
    wide = pair("blocks.0.self_attn.q", (3072, 3072))
    with pytest.raises(FFGOError, match=r"(?s)makes 3072x3072 where the expert has 8x8.*Wan2.2 5B"):
        load(wide)
    loose = load({**wide, **pair("blocks.0.ffn.0", (FFN, DIM))}, strict=False)
    assert [patch.module for patch in loose.patches] == ["blocks.0.ffn.0"]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"blocks.0.ffn.0.lora_up.weight": (FFN, RANK)}, "has lora_up.weight but no lora_down.weight"),
        ({"blocks.0.ffn.0.lora_A.weight": (RANK, DIM)}, "has lora_down.weight but no lora_up.weight"),
        ({"blocks.0.ffn.0.alpha": ()}, "has alpha but no patch"),
        ({"blocks.0.ffn.0.hada_w1_a": (FFN, RANK), "blocks.0.ffn.0.hada_w1_b": (RANK, DIM)}, "no hada_w2_a, hada_w2_b"),
        ({"blocks.0.ffn.0.lokr_w1": (2, 2)}, "has lokr_w1 but no lokr_w2"),
        ({"blocks.0.ffn.0.diff": (FFN, DIM), "blocks.0.ffn.0.set_weight": (FFN, DIM)}, "two patches for one weight"),
    ],
)
def test_incomplete_patches(tensors, said, strict):
    others = pair("blocks.1.ffn.0", (FFN, DIM))
    with pytest.raises(FFGOError, match=rf"(?s)lora_high 'my.safetensors'.*blocks.0.ffn.0 .*{said}"):
        load({**others, **{key: torch.ones(shape) for key, shape in tensors.items()}}, strict=strict)


UP, DOWN = "ffn.0.lora_up.weight", "ffn.0.lora_down.weight"
FITTING = {UP: (FFN, 2), DOWN: (2, DIM)}
HADAMARD = ("ffn.0.hada_w1_a", "ffn.0.hada_w1_b", "ffn.0.hada_w2_a", "ffn.0.hada_w2_b")


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({UP: (FFN, 3), DOWN: (2, DIM)}, "different rank: 16x3 and 2x8"),
        ({UP: (DIM, 2), DOWN: (2, FFN)}, "makes 8x16 where the expert has 16x8"),
        ({"ffn.0.diff": (FFN, DIM, 1)}, "makes 16x8x1 where the expert has 16x8"),
        ({"ffn.0.diff_b": (DIM,)}, "makes 8 where the expert has 16"),
        ({"modulation.diff": (1, 6, 9)}, "makes 1x6x9"),
        ({"self_attn.norm_q.diff_b": (DIM,)}, "a bias where the expert has none"),
        ({"ffn.0.oft_blocks": (3, 4, 4)}, "makes 12 where the expert has 16"),
        ({"ffn.0.lokr_w1": (2, 2), "ffn.0.lokr_w2": (8, 8)}, "makes 16x16"),
        (dict(zip(HADAMARD, [(FFN, 2), (2, DIM), (DIM, 2), (2, DIM)], strict=True)), "multiplies 16x8 with 8x8"),
        (
            {**FITTING, "ffn.0.dora_scale": (FFN,)},
            "dora_scale of shape 16 where the weight of 16x8 needs 16x1 or 1x8 .save it anew with the numbers as 16x1",
        ),
        ({**FITTING, "ffn.0.lora_mid.weight": (2, 2, 1, 2, 2)}, "core"),
        ({**FITTING, "ffn.0.lora_mid.weight": (3, 2, 1, 1)}, "core of shape 3x2x1x1 between factors of rank 2 and 2"),
        ({**FITTING, "ffn.0.alpha": (4,)}, "an alpha of 4 numbers"),
        ({**FITTING, UP: ()}, "lora_up.weight of a single number"),
        ({**FITTING, UP: (FFN,)}, "lora_up.weight of shape 16"),
        ({UP: (FFN, 0), DOWN: (0, DIM)}, "of shape"),
        ({**FITTING, "ffn.0.dora_scale": (7, 1)}, "dora_scale of shape 7x1"),
        ({"ffn.0.oft_blocks": (4, 4, 4), "ffn.0.rescale": (FFN, 1)}, "rescale, which ComfyUI does not apply"),
        ({"ffn.0.oft_blocks": (4, 4, 2)}, "oft_blocks of shape 4x4x2"),
        ({"ffn.0.oft_blocks": (4, 4, 4), "ffn.0.dora_scale": (FFN, 1)}, "dora_scale, which ComfyUI does not apply"),
    ],
)
def test_patches_of_the_wrong_shape(tensors, said):
    with pytest.raises(FFGOError, match=said):
        load({f"blocks.0.{key}": torch.ones(shape) for key, shape in tensors.items()})


def reshaped(module: str, *size: int) -> dict[str, torch.Tensor]:
    patch = {"lora_up.weight": torch.ones(size[0], 2), "lora_down.weight": torch.ones(2, math.prod(size[1:]))}
    return {f"{module}.{part}": t for part, t in {**patch, "reshape_weight": torch.tensor(size)}.items()}


def test_only_the_inputs_of_a_convolution_can_be_enlarged():
    assert load(reshaped("patch_embedding", DIM, 52, 1, 2, 2)).patches
    assert load(reshaped("blocks.0.ffn.0", FFN, DIM)).patches
    for size in ((FFN, 2 * DIM), (2 * FFN, DIM), (4, DIM)):
        with pytest.raises(FFGOError, match=f"enlarged to {size[0]}x{size[1]}"):
            load(reshaped("blocks.0.ffn.0", *size))


@pytest.mark.parametrize(
    "second",
    [pair("diffusion_model.blocks.0.ffn.0", (FFN, DIM)), pair("blocks.0.ffn.0", (FFN, DIM), FACTORS[3])],
    ids=["prefix", "adapter"],
)
def test_a_module_that_is_patched_twice(second):
    with pytest.raises(FFGOError, match=r"holds lora_\w+.weight of blocks.0.ffn.0 twice, as '.*' and as '.*'"):
        load({**pair("blocks.0.ffn.0", (FFN, DIM)), **second})


def test_patches_for_a_video_convolution():
    lora = load(
        {
            "patch_embedding.lora_down.weight": torch.ones(2, 36, 1, 2, 2),
            "patch_embedding.lora_up.weight": torch.ones(DIM, 2, 1, 1, 1),
        }
    )
    assert lora.patches[0].weight_name == "patch_embedding.weight"


@pytest.mark.parametrize(
    ("key", "shape", "origin"),
    [
        ("lora_unet_double_blocks_0_img_attn_proj.lora_up.weight", (3072, 8), "Flux"),
        ("transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight", (8, 3072), "Flux"),
        ("lora_unet_input_blocks_4_1_proj_in.lora_down.weight", (8, 320), "SDXL"),
        ("lora_unet_down_blocks_1_attentions_0_proj_in.lora_down.weight", (8, 320), "SDXL"),
        ("transformer_blocks.0.img_mod.1.lora_A.weight", (8, 3072), "Qwen-Image"),
        ("transformer_blocks.0.attn1.to_q.lora_A.weight", (8, 2048), "LTX"),
        ("blocks.0.cross_attn.k_img.lora_A.weight", (8, 5120), "Wan2.1 I2V"),
        ("transformer.blocks.0.attn2.add_k_proj.lora_A.weight", (8, 5120), "Wan2.1 I2V"),
        ("vace_blocks.0.self_attn.q.lora_A.weight", (8, 5120), "VACE"),
        ("blocks.0.self_attn.q.lora_A.weight", (8, 3072), "5B"),
        ("blocks.0.self_attn.q.lora_A.weight", (8, 1536), "1.3B"),
        ("blocks.0.self_attn.q.lora_A.weight", (8, 1024), "Wan-like model (1024 wide)"),
        ("patch_embedding.diff", (5120, 16, 1, 2, 2), "T2V"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", (8, 8), "text encoder"),
        ("blocks.0.self_attn.q.weight", (5120, 5120), "whole model"),
        ("something.lora_A.weight", (8, 8), "unknown"),
    ],
)
def test_what_a_file_looks_like(key, shape, origin):
    assert origin in likely_origin({key: shape})
