"""Base models as values: their arithmetic, how one is recognised, and what a new row is enough for."""

from dataclasses import replace

import pytest
import torch

from ffgo.bases import catalogue
from ffgo.bases.base import ExpertRole, Latent
from ffgo.bases.catalogue import WAN22_I2V_A14B, base_called, recognise
from ffgo.bases.condition import condition, start_frames
from ffgo.clip.video_io import probe_clip
from ffgo.dataset.cache import CachedDataset
from ffgo.dataset.encode import Encoders, encode_examples
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
        mask_channels=2,
        fill=0.25,
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


def test_a14b_is_recognised():
    assert recognise("WanModel", A14B) is WAN22_I2V_A14B


@pytest.mark.parametrize(
    ("network", "changes", "words"),
    [
        ("WanModel", {"patch_embedding.weight": (5120, 16, 1, 2, 2)}, "Wan text-to-video"),
        ("WanModel", {"patch_embedding.weight": (3072, 48, 1, 2, 2)}, "Wan2.2 5B"),
        ("WanModel", {"patch_embedding.weight": (5120, 33, 1, 2, 2)}, "a Wan model with 33 input channels"),
        ("WanModel", {"img_emb.proj.0.weight": (1280,)}, "Wan2.1 image-to-video"),
        ("Flux", {}, r"no Wan expert \(Flux\)"),
    ],
)
def test_another_model_is_named(network, changes, words):
    with pytest.raises(FFGOError, match=f"The model is {words}; FFGo trains Wan2.2 I2V-A14B. Choose"):
        recognise(network, A14B | changes)


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
    expert = ExpertShape(made_up, 8, 16, 2, 10, 1000, 4)
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
