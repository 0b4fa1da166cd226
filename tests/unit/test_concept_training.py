"""A concept in two runs: who it is, then how it moves; and the two halves that come of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ffgo.dataset.cache import CachedDataset, Entry
from ffgo.errors import FFGOError
from ffgo.lora.file import LoRAFile, read_lora
from ffgo.lora.halves import (
    BASIS_KEY,
    ConceptPart,
    Part,
    basis_of,
    check_pair,
    concept_files,
    files_of,
    half_of,
    motion_warnings,
)
from ffgo.lora.saving import save_lora, save_tensors
from ffgo.training import draws
from ffgo.training.concept import OF_PARTS, ConceptRun, concept_recipes, words_of
from ffgo.training.loop import Trained
from ffgo.training.presets import preset
from ffgo.training.recipe import Recipe
from ffgo.training.stage import IdentityBasis, MotionResidual, Together, stage_of

from ..warm import Command
from .training_scene import WORDS, Examples, Watch, run

REPO = Path(__file__).parents[2]
IDENTITY_FILE, MOTION_FILE = "cat_identity_high.safetensors", "cat_motion_high.safetensors"
IDENTITY: dict[str, Any] = {"b_dropout": 0.3, "token_drop": 0.1}
MOTION: dict[str, Any] = {"start_lora": IDENTITY_FILE, "second_b": True, "b_dropout": 0.5}
CHANGES: dict[Part, dict[str, Any]] = {"identity": IDENTITY, "motion": MOTION}


def save(trained: Trained, path: Path) -> LoRAFile:
    save_tensors(path, trained.lora, trained.metadata)
    return read_lora(path, path.name)


def halves(folder: Path, **changes: Any) -> tuple[LoRAFile, LoRAFile]:
    """Both halves of a concept, learned and written."""
    identity = save(run(folder / "identity", concept="identity", **{**IDENTITY, **changes}), folder / IDENTITY_FILE)
    return identity, save(run(folder / "motion", concept="motion", **(MOTION | changes)), folder / MOTION_FILE)


@pytest.fixture(scope="module")
def learned(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("learned")
    halves(folder)
    return folder


def read(folder: Path, name: str) -> LoRAFile:
    return read_lora(folder / name, name)


def test_the_halves_share_their_a_and_say_so(learned):
    one, two = (half_of(read(learned, name)) for name in (IDENTITY_FILE, MOTION_FILE))
    assert one is not None
    assert two is not None
    assert [(half.part, half.words, half.exact) for half in (one, two)] == [
        ("identity", WORDS, True), ("motion", WORDS, True)
    ]  # fmt: skip
    assert one.basis == two.basis
    assert two.start == one.content != two.content
    check_pair(one, two)
    tensors = [load_file(learned / name) for name in (IDENTITY_FILE, MOTION_FILE)]
    for name, tensor in tensors[0].items():
        assert torch.equal(tensor, tensors[1][name]) == (not name.endswith("lora_B.weight"))


def test_an_ordinary_lora_is_no_half(tmp_path):
    assert half_of(save(run(tmp_path / "run", steps=1), tmp_path / "a_high.safetensors")) is None


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_halves_in_fewer_bits_are_known_again(learned, tmp_path, dtype):
    for name in (IDENTITY_FILE, MOTION_FILE):
        file = read(learned, name)
        lora = dict(file.tensors)
        path = save_lora(type("Kept", (dict,), {"metadata": file.metadata})(lora), tmp_path, name[:-5], "high", dtype)
        half, before = half_of(read_lora(path, path.name)), half_of(file)
        assert half is not None
        assert before is not None
        assert (half.basis, half.exact) == (before.basis, False)


def changed(file: LoRAFile, matrix: str) -> LoRAFile:
    name = next(name for name in file.tensors if name.endswith(f"lora_{matrix}.weight"))
    return replace(file, tensors={**file.tensors, name: file.tensors[name] + 0.01})


def test_a_changed_half_is_an_error_that_names_both_hashes(learned):
    for name in (IDENTITY_FILE, MOTION_FILE):
        other = changed(read(learned, name), "A")
        with pytest.raises(FFGOError, match=f"{basis_of(other.tensors)}.*{other.metadata[BASIS_KEY]}"):
            half_of(other)
    identity, motion = half_of(changed(read(learned, IDENTITY_FILE), "B")), half_of(read(learned, MOTION_FILE))
    assert identity is not None
    assert motion is not None
    with pytest.raises(FFGOError, match=f"was changed.*{identity.content}.*{motion.start}"):
        check_pair(identity, motion)


def test_a_foreign_half_is_an_error_that_names_both_hashes(learned, tmp_path):
    identity, _ = halves(tmp_path, seed=43, steps=1)
    foreign, motion = half_of(identity), half_of(read(learned, MOTION_FILE))
    assert foreign is not None
    assert motion is not None
    with pytest.raises(FFGOError, match=f"another identity half.*{motion.basis}.*{foreign.basis}"):
        check_pair(foreign, motion)
    with pytest.raises(FFGOError, match=f"{motion.basis}.*{foreign.basis}"):
        motion_warnings(motion, [foreign.basis])
    assert motion_warnings(motion, [foreign.basis, motion.basis]) == []
    assert "Load its identity half" in motion_warnings(motion, [])[0]


def test_a_file_has_always_the_same_bytes(learned, tmp_path):
    """safetensors writes metadata in any order: the same halves would have other hashes in each process."""
    file = read(learned, IDENTITY_FILE)
    save_tensors(tmp_path / "again.safetensors", file.tensors, dict(list(file.metadata.items())[::-1]))
    written = (tmp_path / "again.safetensors").read_bytes()
    assert written == (learned / IDENTITY_FILE).read_bytes()
    header = json.loads(written[8 : 8 + int.from_bytes(written[:8], "little")])
    assert list(header["__metadata__"]) == sorted(file.metadata)


@pytest.mark.parametrize("part", ["identity", "motion"])
def test_a_half_that_is_killed_goes_on_to_the_last_bit(learned, tmp_path, part):
    changes = CHANGES[part]
    if part == "motion":
        (tmp_path / IDENTITY_FILE).write_bytes((learned / IDENTITY_FILE).read_bytes())
    runs = json.dumps({part: {**changes, "concept": part, "kill_after": 8}})
    command = Command(REPO, "tests.unit.training_scene", runs, tmp_path, log=tmp_path / "log.txt")
    status, output = command.finished()
    assert status == -9, output
    watch = Watch()
    trained = run(tmp_path / part, watch, concept=part, **changes)
    assert [report.step for report in watch.reports] == [6, 7, 8, 9, 10]
    save(trained, tmp_path / "half.safetensors")
    name = IDENTITY_FILE if part == "identity" else MOTION_FILE
    assert (tmp_path / "half.safetensors").read_bytes() == (learned / name).read_bytes()


def test_another_identity_between_two_resumes_is_refused_by_both_hashes(learned, tmp_path):
    (tmp_path / IDENTITY_FILE).write_bytes((learned / IDENTITY_FILE).read_bytes())
    run(tmp_path / "motion", Watch(stop_after=3), concept="motion", **MOTION)
    before = half_of(read(learned, IDENTITY_FILE))
    after = half_of(save(run(tmp_path / "other", concept="identity", seed=5), tmp_path / IDENTITY_FILE))
    assert before is not None
    assert after is not None
    with pytest.raises(FFGOError, match=f"basis: {before.basis} before, {after.basis} now"):
        run(tmp_path / "motion", concept="motion", **MOTION)


@pytest.mark.parametrize(
    ("part", "changes", "says"),
    [
        ("identity", {"start_lora": IDENTITY_FILE}, "the identity of a concept is a new LoRA"),
        ("identity", {"freeze": "A"}, "the identity of a concept is a new LoRA"),
        ("motion", {}, "a second B"),
        ("motion", {"start_lora": MOTION_FILE, "second_b": True}, "is no identity half"),
    ],
)
def test_what_is_no_recipe_of_a_half(learned, part, changes, says):
    with pytest.raises(FFGOError, match=says):
        stage_of(Recipe(**changes), "high", learned, ConceptPart(part, WORDS))


def test_the_stages_of_a_concept(learned):
    kinds = []
    for part, changes in CHANGES.items():
        stage = stage_of(Recipe(**changes), "high", learned, ConceptPart(part, WORDS))
        assert isinstance(stage, Together)
        kinds.append(type(stage.stages[0]))
    assert kinds == [IdentityBasis, MotionResidual]


def test_the_papers_recipes_and_what_the_user_changes():
    made = concept_recipes(preset("141 GB"), "cat", "low", {}, has_prior=True)
    assert {part: (r.steps, r.b_dropout, r.second_b) for part, r in made.items()} == {
        "identity": (600, 0.8, False), "motion": (900, 0.5, True)
    }  # fmt: skip
    for recipe in made.values():
        assert (recipe.beta2, recipe.weight_decay, recipe.token_drop, recipe.prior_weight) == (0.99, 0.01, 0.1, 1)
        assert (recipe.rank, recipe.alpha) == (32, 32)
    assert made["motion"].start_lora == "cat_identity_low.safetensors"
    values = {"rank": 8, "identity": {"steps": 3, "b_dropout": 0.1}, "motion": {"learning_rate": 1e-3}}
    made = concept_recipes(preset("141 GB"), "cat", "low", values, has_prior=False)
    assert [(r.rank, r.steps, r.b_dropout, r.learning_rate, r.prior_weight) for r in made.values()] == [
        (8, 3, 0.1, 1e-4, 0), (8, OF_PARTS["motion"]["steps"], 0.5, 1e-3, 0)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"second_b": True}, "second_b is set by the two runs"),
        ({"motion": {"start_lora": "x"}}, "start_lora is set by the two runs"),
        ({"motion": {"rank": 4}}, "share one A"),
        ({"motion": 3}, "motion is"),
        ({"identity": {"ranks": 3}}, 'unknown key "ranks"'),
    ],
)
def test_recipes_that_cannot_be(values, says):
    with pytest.raises(FFGOError, match=says):
        concept_recipes(Recipe(), "cat", "high", values, has_prior=False)


def test_a_prior_weight_without_a_prior_is_refused_before_the_first_run(tmp_path):
    recipes = concept_recipes(Recipe(), "cat", "high", {"motion": {"prior_weight": 1}}, has_prior=False)
    data = Examples()
    with pytest.raises(FFGOError, match="prior_weight is set and does nothing"):
        ConceptRun("cat", "high", recipes, {"identity": data, "motion": data}, WORDS, tmp_path, tmp_path)


def test_both_datasets_are_of_one_concept(tmp_path):
    def data(words: str) -> CachedDataset:
        return CachedDataset(tmp_path, [], words=words)

    assert words_of({"identity": data(WORDS), "motion": data(WORDS)}) == WORDS
    for other in ("", "sks2 mvt2"):
        with pytest.raises(FFGOError, match="must be of one concept"):
            words_of({"identity": data(WORDS), "motion": data(other)})


def test_the_four_files_of_a_concept():
    names = [*files_of("cat", ("high", "low")).values(), *files_of("pets/dog", ("high", "low")).values()][:-1]
    assert concept_files([*names, "x.safetensors"], ("high", "low")) == ["cat"]


def test_weighted_examples_are_drawn_as_often_as_they_weigh():
    weights = [1.0, 0.25, 2.0]
    drawn = [draws.weighted_index(7, position, weights) for position in range(20_000)]
    assert [drawn.count(i) / len(drawn) for i in range(3)] == pytest.approx([w / 3.25 for w in weights], abs=0.01)
    alike = [draws.weighted_index(7, position, [0.5] * 5) for position in range(40)]
    assert alike == [draws.example_index(7, position, 5) for position in range(40)]


def test_the_index_keeps_weights_and_words(tmp_path):
    entries = [Entry("a", "k1", "t1", (1, 2, 3)), Entry("b", "k2", "t2", (1, 2, 3), 0.25)]
    plain, weighted = CachedDataset(tmp_path, [entries[0]]), CachedDataset(tmp_path, entries, words=WORDS)
    weighted.save_index()
    opened = CachedDataset.open(tmp_path)
    assert (opened.weights, opened.words, opened.fingerprint) == ([1.0, 0.25], WORDS, weighted.fingerprint)
    even = CachedDataset(tmp_path, [entries[0], replace(entries[1], weight=1.0)])
    assert even.fingerprint != weighted.fingerprint
    plain.save_index()
    assert "weight" not in (tmp_path / "dataset.json").read_text()
