"""Base models as values: their arithmetic, how one is recognised, and what a new row is enough for."""

from dataclasses import replace

import pytest
import torch

from ffgo.bases import catalogue
from ffgo.bases.base import Condition, ExpertRole, Latent
from ffgo.bases.catalogue import (
    BASES,
    HUNYUAN_15_I2V,
    WAN21_I2V_14B,
    WAN22_I2V_A14B,
    WAN22_TI2V_5B,
    base_called,
    recognise,
)
from ffgo.bases.condition import condition, counted, shown, start_frames, told
from ffgo.clip.video_io import probe_clip
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encode import encode_examples
from ffgo.dataset.encoders import Encoders
from ffgo.dataset.examples import load_composite, load_frames, open_dataset
from ffgo.dataset.sizing import Sizing
from ffgo.errors import FFGOError
from ffgo.experts.schedule import training_window
from ffgo.host.loading import ExpertShape
from ffgo.training.memory import plan_memory
from ffgo.training.output import lora_metadata
from ffgo.training.recipe import Recipe

A14B = {
    "patch_embedding.weight": (5120, 36, 1, 2, 2),
    "blocks.0.self_attn.q.weight": (5120, 5120),
    "head.head.weight": (64, 5120),
}


@pytest.fixture
def made_up(monkeypatch):
    """A base that does not exist, as one more row of the catalogue."""
    base = replace(
        WAN22_I2V_A14B,
        id="made-up",
        title="Made-Up Video",
        experts=(ExpertRole("only", 0.0, 1.0),),
        fps=24.0,
        frames=25,
        size=(128, 64),
        latent=Latent(format="Wan22", channels=6, space=16, time=8, patch=1),
        vae="Made-Up VAE",
        text_width=10,
        condition=Condition(kind="concat", mask=2, fill=0.25),
        network="MadeUpModel",
        shapes={"patch.weight": (None, 14), "extra.weight": None},
    )
    monkeypatch.setattr(catalogue, "BASES", (*catalogue.BASES, base))
    return base


def test_the_official_numbers():
    base = WAN22_I2V_A14B
    assert (base.boundary, base.composed_frames, base.side_step) == (0.9, 4, 16)
    assert (base.input_channels, base.condition_channels) == (36, 20)
    assert base.latent_shape(81, 720, 1280) == (21, 90, 160)
    assert base.pixel_shape((21, 90, 160)) == (81, 720, 1280)
    assert base.tokens((21, 90, 160)) == 75_600  # docs/training.md
    assert base.tokens((1, 3, 3)) == 4  # a half patch is a token
    assert [base.whole_frames(n) for n in (1, 4, 5, 8, 84)] == [1, 1, 5, 5, 81]


@pytest.mark.parametrize("frames", [0, 1, 4, 6, 80])
def test_frames_that_do_not_fill_their_latents_are_refused(frames):
    with pytest.raises(FFGOError, match=rf"{frames} frames are not 4n \+ 1 .* Wan 2.1 VAE"):
        WAN22_I2V_A14B.check_frames(frames)


def test_the_experts_share_all_noise():
    high, low = WAN22_I2V_A14B.experts
    assert (low.least, low.most, high.least, high.most) == (0.0, high.least, low.most, 1.0)
    only = training_window("only")
    assert (only.start, only.end) == (0.0, 1.0)


FIVE_B = {"patch_embedding.weight": (3072, 48, 1, 2, 2), "head.head.weight": (192, 3072)}
HUNYUAN = {"img_in.proj.weight": (2048, 65, 1, 1, 1), "vision_in.proj.0.weight": (1152,)}


@pytest.mark.parametrize(
    ("network", "shapes", "base"),
    [
        ("WanModel", A14B, WAN22_I2V_A14B),
        ("WanModel", FIVE_B, WAN22_TI2V_5B),
        ("WanModel", A14B | {"img_emb.proj.0.weight": (1280,)}, WAN21_I2V_14B),
        ("HunyuanVideo", HUNYUAN, HUNYUAN_15_I2V),
    ],
)
def test_each_base_is_recognised(network, shapes, base):
    assert recognise(network, shapes) is base


@pytest.mark.parametrize(
    ("network", "shapes", "words"),
    [
        ("WanModel", A14B | {"patch_embedding.weight": (5120, 16, 1, 2, 2)}, "Wan text-to-video"),
        ("WanModel", FIVE_B | {"head.head.weight": (64, 3072)}, "a Wan Fun-Control model"),
        ("WanModel", A14B | {"patch_embedding.weight": (5120, 33, 1, 2, 2)}, "a Wan model with 33 input channels"),
        (
            "WanModel",
            A14B | {"img_emb.proj.0.weight": (1280,), "img_emb.emb_pos": (1, 514, 1280)},
            "a Wan2.1 image-to-video model of another kind",
        ),
        ("HunyuanVideo", HUNYUAN | {"img_in.proj.weight": (3072, 16, 1, 2, 2)}, "Hunyuan Video 1"),
        (
            "HunyuanVideo",
            HUNYUAN | {"img_in.proj.weight": (2048, 98, 1, 1, 1)},
            "the super-resolution stage of Hunyuan",
        ),
        ("HunyuanVideo", HUNYUAN | {"time_r_in.in_layer.weight": (1, 1)}, "a step-distilled Hunyuan Video"),
        ("HunyuanVideo", {}, "a Hunyuan Video with 0 input channels"),
        ("Flux", {}, r"none of them \(Flux\)"),
    ],
)
def test_another_model_is_named(network, shapes, words):
    with pytest.raises(FFGOError, match=f"The model is {words}.*; FFGo knows Wan2.2 I2V-A14B, Wan2.2 TI2V-5B, Hun"):
        recognise(network, shapes)


def test_an_unknown_id_is_refused():
    with pytest.raises(FFGOError, match=r"no base model 'none'. Known: wan2.2-i2v-a14b"):
        base_called("none")


def test_the_condition_marks_what_is_given_and_keeps_the_rest():
    first, rest = torch.rand(2, 16, 3, 4), torch.rand(2, 16, 3, 3, 4)
    told = condition(WAN22_I2V_A14B, {0: first}, 9, rest)
    assert told.shape == (2, 20, 3, 3, 4)
    assert (told[:, :4, 0] == 1).all()
    assert not told[:, :4, 1:].any()
    assert torch.equal(told[:, 4:, 0], first)
    assert torch.equal(told[:, 4:, 1:], rest[:, :, 1:])


def test_several_start_frames_are_several_keys():
    one, two = torch.rand(16, 3, 4), torch.rand(16, 3, 4)
    told = condition(WAN22_I2V_A14B, {0: one, 1: two}, 9)
    assert told[0, :, 0, 0].tolist() == [1, 1, 0]
    assert torch.equal(told[4:, 1], two)
    assert not told[4:, 2].any()


def test_frames_that_are_not_given_are_the_bases_grey():
    picture = torch.rand(2, 3, 3)
    clip = start_frames(WAN22_I2V_A14B, {0: picture}, 5)
    assert clip.shape == (5, 2, 3, 3)
    assert torch.equal(clip[0], picture)
    assert (clip[1:] == 0.5).all()


def test_the_bases_numbers():
    """What the host's own nodes make for each: channels that its networks take, sizes, frames."""
    assert [base.input_channels for base in BASES] == [36, 48, 65, 36]
    assert [base.condition_channels for base in BASES] == [20, 1, 33, 20]
    assert [base.side_step for base in BASES] == [16, 32, 16, 16]
    assert {base.composed_frames for base in BASES} == {4}  # one trim for all
    for base in BASES:
        base.check_size(*base.size)
        base.check_frames(base.frames)


@pytest.mark.parametrize(("size", "near"), [((1280, 720), "1280x704"), ((1300, 705), "1312x704"), ((10, 64), "32x64")])
def test_a_size_that_cannot_be_is_refused_with_the_nearest(size, near):
    with pytest.raises(FFGOError, match=rf"in steps of 32, as Wan2.2 TI2V-5B needs it. The nearest is {near}."):
        WAN22_TI2V_5B.check_size(*size)


@pytest.mark.parametrize(("frames", "near"), [(120, 121), (118, 117), (4, 5), (1, 5)])
def test_frames_that_cannot_be_are_refused_with_the_nearest(frames, near):
    with pytest.raises(FFGOError, match=rf"{frames} frames are not 4n \+ 1 .* The nearest is {near}."):
        HUNYUAN_15_I2V.check_frames(frames)


def test_hunyuan_is_told_zeros_and_the_mask_last():
    first = torch.rand(32, 3, 4)
    made = condition(HUNYUAN_15_I2V, {0: first}, 9)
    assert made.shape == (33, 3, 3, 4)
    assert torch.equal(made[:32, 0], first)
    assert not made[:32, 1:].any()
    assert made[32, :, 0, 0].tolist() == [1, 0, 0]
    assert len(start_frames(HUNYUAN_15_I2V, {0: torch.rand(8, 8, 3)}, 9)) == 1  # alone, no grey behind it


def clamped():
    generator = torch.Generator().manual_seed(1)
    noised, clean = (torch.randn(2, 48, 3, 2, 2, generator=generator) for _ in range(2))
    return noised, clean, condition(WAN22_TI2V_5B, {0: clean[:, :, 0]}, 9)


def test_a_clamp_puts_the_given_latent_in_clean_at_time_0():
    noised, clean, mask = clamped()
    inputs, time = told(WAN22_TI2V_5B, noised, clean, mask, torch.tensor([0.5, 0.8]))
    assert torch.equal(inputs[:, :, 0], clean[:, :, 0])
    assert torch.equal(inputs[:, :, 1:], noised[:, :, 1:])
    assert torch.equal(time, torch.tensor([[0, 0.5, 0.5], [0, 0.8, 0.8]]))
    assert torch.equal(shown(WAN22_TI2V_5B, noised, clean, mask), inputs)


def test_of_a_clamp_the_given_latent_counts_not():
    noised, _, mask = clamped()
    error = noised.requires_grad_()
    loss = counted(WAN22_TI2V_5B, error, mask)
    assert torch.allclose(loss, error[:, :, 1:].square().flatten(1).mean(1))
    loss.sum().backward()
    assert error.grad is not None
    assert not error.grad[:, :, 0].any()
    assert error.grad[:, :, 1:].all()


def test_a_concat_is_told_and_counted_as_ever():
    noised, clean = torch.rand(2, 16, 3, 2, 2), torch.rand(2, 16, 3, 2, 2)
    made, sigma = condition(WAN22_I2V_A14B, {0: clean[:, :, 0]}, 9), torch.rand(2)
    inputs, time = told(WAN22_I2V_A14B, noised, clean, made, sigma)
    assert torch.equal(inputs, torch.cat([noised, made], 1))
    assert time is sigma
    assert torch.equal(counted(WAN22_I2V_A14B, noised, made), noised.square().flatten(1).mean(1))
    assert shown(WAN22_I2V_A14B, noised, clean, made) is noised


@pytest.mark.parametrize("base", [WAN22_TI2V_5B, HUNYUAN_15_I2V, WAN21_I2V_14B], ids=lambda base: base.id)
def test_each_base_encodes_reads_and_is_told(base, make_dataset, tmp_path):
    examples = open_dataset(make_dataset(1, frames=17)).examples
    encoders = encoders_of(base)
    encoded = encode_examples(examples, encoders, tmp_path, Sizing(64, 64, 17, base=base))
    example = CachedDataset.open(tmp_path)[0]
    assert example.latents.shape == (base.latent.channels, *encoded.shapes[0])
    assert example.condition.shape == (base.condition_channels, *encoded.shapes[0])
    if base.condition.vision:
        assert example.vision is not None
        assert example.vision.shape == (5, base.condition.vision_width)
    else:
        assert example.vision is None
    assert encode_examples(examples, encoders, tmp_path, Sizing(64, 64, 17, base=base)).encoded == 0


def encoders_of(base, vision_identity="vision") -> Encoders:
    def encode_frames(frames):
        shape = base.latent_shape(*frames.shape[:3])
        small = torch.nn.functional.adaptive_avg_pool3d(frames.movedim(-1, 0)[None], shape)
        return small[0].repeat(-(-base.latent.channels // 3), 1, 1, 1)[: base.latent.channels]

    def see(frame):
        return torch.ones(5, base.condition.vision_width)

    return Encoders(
        encode_frames, lambda _: torch.ones(3, base.text_width), "vae", "text", base,
        see if base.condition.vision else None, vision_identity,
    )  # fmt: skip


def test_a_clamped_clip_begins_with_what_sampling_puts_there(make_dataset, tmp_path):
    """The latent of the composite alone, however the VAE sees it in the clip."""
    base = WAN22_TI2V_5B
    encoders = encoders_of(base)
    plain = encoders.encode_frames
    encoders = replace(encoders, encode_frames=lambda frames: plain(frames) + len(frames))
    examples = open_dataset(make_dataset(1, frames=17)).examples
    example = encode_examples(examples, encoders, tmp_path, Sizing(64, 64, 17, base=base))[0]
    assert example.latents[:, 0].max() <= 2  # one frame was encoded
    assert example.latents[:, 1:].min() >= 17


def test_another_clip_vision_encodes_anew(make_dataset, tmp_path):
    examples, sizing = open_dataset(make_dataset(1, frames=17)).examples, Sizing(64, 64, 17, base=WAN21_I2V_14B)
    assert encode_examples(examples, encoders_of(WAN21_I2V_14B), tmp_path, sizing).encoded == 2
    assert encode_examples(examples, encoders_of(WAN21_I2V_14B, "another"), tmp_path, sizing).encoded == 1


@pytest.mark.parametrize("base", [HUNYUAN_15_I2V, WAN21_I2V_14B], ids=lambda base: base.id)
def test_a_base_that_sees_needs_clip_vision(base):
    with pytest.raises(FFGOError, match=f"{base.title} sees the first frame through .* clip_vision"):
        Encoders(lambda _: torch.ones(1), lambda _: torch.ones(1), "vae", "text", base)


def made_up_encoders(base) -> Encoders:
    def encode_frames(frames):
        shape = base.latent_shape(*frames.shape[:3])
        small = torch.nn.functional.adaptive_avg_pool3d(frames.movedim(-1, 0)[None], shape)
        return small[0].repeat(2, 1, 1, 1)

    return Encoders(encode_frames, lambda _: torch.ones(3, base.text_width), "vae", "text", base)


def test_a_row_is_enough(made_up, make_dataset, tmp_path):
    """Up to the point where its weights would be needed: recognised, sized, encoded, told, counted and written down."""
    assert recognise("MadeUpModel", {"patch.weight": (8, 14)}) is made_up
    examples = open_dataset(make_dataset(2, frames=17)).examples
    sizing = Sizing(64, 48, 17, base=made_up)
    encoded = encode_examples(examples, made_up_encoders(made_up), tmp_path / "encoded", sizing)
    again = CachedDataset.open(tmp_path / "encoded")
    assert (encoded.base, again.base) == (made_up, made_up)
    assert again.shapes == [(3, 3, 4)] * 2
    example = again[0]
    assert (example.latents.shape, example.condition.shape) == ((6, 3, 3, 4), (8, 3, 3, 4))
    assert example.condition[:2, 0].all()
    assert not example.condition[:2, 1:].any()
    assert example.condition[2:, 2].max() == 0.25  # grey that the composite does not reach
    bucket = sizing.bucket(probe_clip(examples[0].clip))
    frames = load_frames(examples[0], bucket)
    assert (frames[:8] == load_composite(examples[0], bucket)).all()  # a latent holds eight frames
    assert not (frames[8] == frames[0]).all()
    expert = ExpertShape(made_up, 8, 2, 1000, 4)
    plan = plan_memory(expert, again.shapes, Recipe(), parameters=10)
    assert plan.clip == (17, 48, 64)
    assert "64x48, 17 frames" in plan.lines[0]
    metadata = lora_metadata("only", Recipe(), again, 3, {})
    assert (metadata["ffgo.base"], metadata["ffgo.expert"]) == ("made-up", "only")


def test_sizes_follow_the_base(made_up):
    with pytest.raises(FFGOError, match="steps of 16, as Made-Up Video"):
        Sizing(72, 48, 17, base=made_up)
    with pytest.raises(FFGOError, match=r"13 frames are not 8n \+ 1 \(9, 17 ... 25\), as the Made-Up VAE"):
        Sizing(64, 48, 13, base=made_up)


def test_two_bases_share_no_encoded_file(made_up, make_dataset, tmp_path):
    """Equal encoders under another base's name encode anew: their condition differs."""
    examples = open_dataset(make_dataset(1, frames=17)).examples
    first, second = (
        encode_examples(examples, made_up_encoders(base), tmp_path / base.id, Sizing(64, 48, 17, base=base))
        for base in (made_up, replace(made_up, id="its twin"))
    )
    assert first.entries[0].example != second.entries[0].example
