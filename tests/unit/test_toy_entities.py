"""The toy world's attention on entities: nothing at the start, and what its rows are compared by."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ffgo.bases.catalogue import WAN22_I2V_A14B
from ffgo.dataset.encoded import EncodedExample
from lab.toyworld.entity_attention import ENTITIES, TOKENS, EntityMemory
from lab.toyworld.entity_lesson import (
    GREY,
    WAYS,
    EntityDataset,
    Lesson,
    encode_entities,
    entity_pictures,
    examples_of,
    exchanged,
)
from lab.toyworld.entity_school import EntitySchool, fresh_memory
from lab.toyworld.entity_table import KINDS, MEASURES, PAIRS, ROW, Row, crossed_interval, line, summary
from lab.toyworld.examples import TRAINING, unseen_set
from lab.toyworld.kept import KeptRows
from lab.toyworld.models import EXPERT
from lab.toyworld.scene import RADIUS, SIZE

CHANNELS, SIDE = WAN22_I2V_A14B.latent.channels, 8
WIDTH, HEADS = EXPERT["dim"], EXPERT["num_heads"]


@pytest.fixture(scope="module")
def memory() -> EntityMemory:
    torch.manual_seed(1)
    return fresh_memory()


@pytest.fixture
def entities() -> torch.Tensor:
    return torch.randn(3, ENTITIES, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(2))


def in_block(index: int, dtype: torch.dtype = torch.bfloat16) -> dict:
    x = torch.randn(3, 80, WIDTH, generator=torch.Generator().manual_seed(3)).to(dtype)
    return {"x": x, "transformer_options": {"block_index": index}}


def of_open_output(memory: EntityMemory) -> EntityMemory:
    """One that has learned something."""
    learned = fresh_memory()
    learned.load_state_dict(memory.state_dict())
    for name, weight in learned.named_parameters():
        if name.endswith(".o.weight"):
            torch.nn.init.normal_(weight, std=WIDTH**-0.5)
    return learned


def test_a_fresh_memory_changes_no_bit(memory, entities):
    for index in range(EXPERT["num_layers"]):
        args = in_block(index)
        assert torch.equal(memory.patch(entities)(args), args["x"])


def test_a_learned_one_reads_the_entities_of_its_own_clip(memory, entities):
    learned, args = of_open_output(memory), in_block(2, torch.float32)
    seen = learned.patch(entities)(args)
    others = learned.patch(entities.roll(1, 0))(args)
    assert not torch.allclose(seen, args["x"])
    assert not torch.allclose(seen, others)
    one = entities.clone()
    one[1] += 1
    changed = (learned.patch(one)(args) - seen).abs().amax((1, 2)) > 1e-6
    assert changed.tolist() == [False, True, False]


def test_sixteen_tokens_of_each_entity(memory, entities):
    tokens = memory.tokens(entities)
    assert tokens.shape == (3, ENTITIES * TOKENS, WIDTH)
    one = entities.clone()
    one[0, 1, :, :2, :2] += 1  # the first patch of the second entity
    changed = (memory.tokens(one) - tokens).abs().amax(2) > 1e-6
    assert changed[0].nonzero().flatten().tolist() == [TOKENS]
    assert not changed[1:].any()


def test_a_token_is_what_a_given_frame_without_noise_is(memory, entities):
    """As the expert's own embedding makes it of latents, mask and latents, but for its place."""
    latents = entities[0, 1]
    given = torch.cat([latents, torch.ones(4, SIDE, SIDE), latents])[None, :, None]
    own = memory.embedding(given).flatten(2)[0].T
    torch.testing.assert_close(memory.tokens(entities)[0, TOKENS:] - memory.places[TOKENS:], own)


def test_a_seed_draws_the_same_again_and_beside_others(memory):
    network = _Network(memory.embedding)
    before = torch.get_rng_state()
    one, two, three = (EntityMemory.beside(network, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    queries = [drawn.state_dict()["blocks.0.q.weight"] for drawn in (one, two, three)]
    assert torch.equal(queries[0], queries[1])
    assert not torch.equal(queries[0], queries[2])
    assert torch.equal(one.embedding.weight, memory.embedding.weight)
    assert one.embedding.weight is not memory.embedding.weight


class _Network:
    """What is read of an expert."""

    in_dim, dim, num_heads, num_layers = (EXPERT[name] for name in ("in_dim", "dim", "num_heads", "num_layers"))

    def __init__(self, embedding: torch.nn.Module):
        self.patch_embedding = embedding


def test_an_entity_is_its_sprite_on_grey_and_nobody_is_grey_alone():
    single = next(one for one in unseen_set("easy") if len(one.clip.shot.subjects) == 1)
    there, nobody = entity_pictures(single)
    grey = torch.tensor(GREY) / 255
    assert torch.allclose(nobody, grey.expand(SIZE, SIZE, 3))
    rows, columns = ((there - grey).abs().amax(2) > 1e-3).nonzero().T
    for places in (rows, columns):
        assert SIZE / 2 - RADIUS - 1 <= places.min() <= places.max() <= SIZE / 2 + RADIUS


def test_entities_are_exchanged_between_examples_with_as_many_subjects():
    examples = unseen_set("easy")
    for example, other in zip(examples, exchanged(examples), strict=True):
        one, two = example.clip.shot.subjects, other.clip.shot.subjects
        assert len(one) == len(two)
        assert example is not other
    latents = [encode_entities(some, lambda frames: frames.permute(3, 0, 1, 2)) for some in (examples[:4], examples)]
    assert torch.equal(latents[0], latents[1][:4])
    shuffled = encode_entities(exchanged(examples), lambda frames: frames.permute(3, 0, 1, 2))
    assert (latents[1] != shuffled).flatten(1).any(1).all()


def test_on_the_plate_no_frame_before_the_cut_shows_a_subject():
    plate, usual = examples_of("plate"), examples_of("ffgo")
    assert [one.clip for one in plate] == [one.clip for one in usual]
    frames, own = plate[0].frames(), usual[0].frames()
    assert torch.equal(frames[0], plate[0].scene)
    assert torch.equal(plate[0].composed(), plate[0].scene)
    assert not torch.equal(own[0], plate[0].scene)
    assert torch.equal(frames[4:], own[4:])
    assert plate[0].prompt == usual[0].prompt


class _Encoded:
    """Encoded examples, of which only some is asked."""

    fingerprint = "abc"

    def __len__(self) -> int:
        return TRAINING

    def __getitem__(self, index: int) -> EncodedExample:
        return EncodedExample(*(torch.full((1,), float(index)) for _ in range(3)))


def test_examples_bring_their_own_entities_along():
    entities = torch.arange(TRAINING).view(-1, 1, 1, 1, 1).expand(-1, ENTITIES, CHANNELS, SIDE, SIDE)
    data = EntityDataset(_Encoded(), entities)  # pyright: ignore[reportArgumentType]
    fifth = data[5]
    assert fifth.vision is not None
    assert (float(fifth.latents), int(fifth.vision.max())) == (5.0, 5)
    assert data.fingerprint != _Encoded.fingerprint


def test_all_ways_have_the_same_recipe_but_for_the_rank():
    recipes = [Lesson(way, 2).recipe() for way in WAYS]
    assert all(recipe == recipes[0] for recipe in recipes)
    large = Lesson("large_lora", 2).recipe(39)
    assert replace(large, rank=recipes[0].rank, alpha=recipes[0].alpha) == recipes[0]
    assert large.alpha / large.rank == recipes[0].alpha / recipes[0].rank
    assert Lesson("lora", 3).recipe().seed == 3


def test_another_number_of_steps_has_a_folder_of_its_own(tmp_path):
    assert len({EntitySchool.below(tmp_path, steps).folder for steps in (2, 2, 4)}) == 2


def values_of(row: Row, value: float) -> dict:
    return row.about | {name: [value, value / 2] for name in MEASURES}


def test_rows_are_told_apart(tmp_path):
    rows = [Row(kind, Lesson(kind.way, seed), clips) for kind in KINDS for seed in (1, 2) for clips in (2, 4)]
    kept = KeptRows(tmp_path / "rows.jsonl", ROW)
    for number, row in enumerate(rows):
        kept.add(values_of(row, number))
    again = KeptRows(tmp_path / "rows.jsonl", ROW)
    assert [again.find(row.about) for row in rows] == [values_of(row, number) for number, row in enumerate(rows)]


def test_differences_are_of_the_same_clips_of_the_same_seed():
    one, two = PAIRS[0]
    found = [values_of(Row(one, Lesson(one.way, seed), 2), 0.5 + seed / 10) for seed in (1, 2, 3)]
    found += [values_of(Row(two, Lesson(two.way, seed), 2), seed / 10) for seed in (1, 2, 3)]
    *means, difference = summary(json.loads(json.dumps(found)))
    assert [mean["name"] for mean in means] == ["mean", "mean"]
    assert difference["object_identity_each"] == pytest.approx([0.375] * 3)
    assert difference["object_identity"] == pytest.approx(0.375)
    assert "+0.38" in line(difference) or "+0.37" in line(difference)
    assert "seed any" in line(means[0])


def test_the_interval_is_over_trainings_too():
    clips = np.tile([0.0, 1.0], 16)
    alike, apart = np.stack([clips] * 3), np.stack([clips, clips + 1, clips + 2])
    mean, low, high = crossed_interval(alike)
    assert (mean, low < 0.4, high > 0.6) == (0.5, True, True)
    assert high - low < 0.5
    mean, low, high = crossed_interval(apart)
    assert mean == pytest.approx(1.5)
    assert high - low > 1.5
    assert crossed_interval(np.full((3, 4), 0.5)) == (0.5, 0.5, 0.5)
