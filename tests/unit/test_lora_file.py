"""Reading LoRA files, and which expert they are for."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from ffgo.errors import FFGOError
from ffgo.lora.file import (
    KNOWN_FILES,
    Evidence,
    KnownFile,
    LoRAFile,
    check_experts,
    check_slots,
    read_known_files,
    read_lora,
)
from ffgo.lora.hints import ffgo_file, hint_in_name
from ffgo.lora.noise import TrainedFor, pair_warnings, schedule_warnings, trained_for


@pytest.fixture
def lora(tmp_path):
    path = tmp_path / "plain.safetensors"
    save_file({"a.lora_A.weight": torch.arange(64.0).reshape(8, 8)}, path, {"note": "hello"})
    return path


def test_reads_tensors_and_metadata(lora):
    file = read_lora(lora, "sub/plain.safetensors")
    assert torch.equal(file.tensors["a.lora_A.weight"], torch.arange(64.0).reshape(8, 8))
    assert file.metadata["note"] == "hello"
    assert file.name == "sub/plain.safetensors"
    assert file.evidence.expert is None


@pytest.mark.parametrize("kept", [4, 40, 200], ids=["within the length", "within the header", "within the tensors"])
def test_a_truncated_file(lora, kept):
    lora.write_bytes(lora.read_bytes()[:kept])
    with pytest.raises(FFGOError, match=rf"'plain.safetensors'.*{kept}.*[Dd]ownload it again"):
        read_lora(lora, "plain.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><html>Access denied</html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
        b"",
        b"note\n",
    ],
    ids=["page", "pointer", "empty", "short"],
)
def test_a_file_that_only_has_the_name(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(FFGOError, match="is not a safetensors file although its name says so"):
        read_lora(path, "x.safetensors")


def test_a_text_of_safetensors_shape_is_no_safetensors_file(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes((2).to_bytes(8, "little") + b"{]")
    with pytest.raises(FFGOError, match="cut off or damaged"):
        read_lora(path, "x.safetensors")


@pytest.mark.parametrize("name", ["x.ckpt", "x.pt", "x.gguf", "x"])
def test_other_kinds_of_files_must_be_converted(tmp_path, name):
    with pytest.raises(FFGOError, match="Convert it"):
        read_lora(tmp_path / name, name)


@pytest.mark.parametrize(
    ("name", "expert"),
    [
        ("wan2.2_i2v_lightx2v_4steps_lora_v1_high_noise.safetensors", "high"),
        ("wan2.2_i2v_lightx2v_4steps_lora_v1_low_noise.safetensors", "low"),
        ("Wan2.2_FFGO-LoRA-HIGH_bf16.safetensors", "high"),
        ("Wan22_FFGO-LoRA-HIGH_bf16.safetensors", "high"),
        ("Wan22_FFGO-LoRA-LOW_bf16.safetensors", "low"),
        ("merged_lora/low_noise_model.safetensors", "low"),
        ("wan2.2_i2v_A14b_low_noise_lora_rank64_lightx2v_4step_1022.safetensors", "low"),
        ("10_LargeMixedDatset_wan_14bHigh_f81_run_r128/checkpoint-600.safetensors", "high"),
        ("10_LargeMixedDatset_wan_14bLow_f81_run_r128\\checkpoint-600.safetensors", "low"),
        ("Wan2.2-Lightning_I2V-A14B-4steps-lora_HIGH_fp16.safetensors", "high"),
        ("Wan2.2-I2V-A14B-HighNoise-Q8_0.gguf", "high"),
        ("low/high_noise_model.safetensors", "high"),
        ("styles_low_noise/mine.safetensors", "low"),
        ("mylora_lownoise.safetensors", "low"),
        ("checkpoint-600.safetensors", None),
        ("high_quality_style.safetensors", None),
        ("lowres_follow_highway.safetensors", None),
        ("low_light_high_noise.safetensors", "high"),
        ("high_and_low.safetensors", None),
        ("lightx2v_I2V_14B_480p_cfg_step_distill_rank64_bf16.safetensors", None),
        ("wan2.2_high/walk.safetensors", "high"),
        ("wan2.2_low\\walk.safetensors", "low"),
        ("wan2.2_high/low_light.safetensors", "high"),
        ("walk_HN.safetensors", "high"),
        ("walk_LN_v2.safetensors", "low"),
        ("高噪/走路.safetensors", "high"),
        ("走路_低噪声_v1.safetensors", "low"),
        ("WAN22-HIGH-NOISE-walk.safetensors", "high"),
        ("wan22.lo-noise.walk.safetensors", "low"),
        ("wan22_h_noise_walk.safetensors", "high"),
        ("高ノイズ_walk.safetensors", "high"),
        ("wan22_" + "".join(chr(ord(letter) + 0xFEE0) for letter in "high") + ".safetensors", "high"),
        ("wan22_high_walk.safetensors", "high"),
        ("Low/walk.safetensors", "low"),
        ("high heels.safetensors", None),
        ("high heels/walk_v1.safetensors", None),
        ("wan2.2_high_heels.safetensors", None),
        ("高跟鞋.safetensors", None),
        ("high_school_uniform_v2.safetensors", None),
        ("slow_high-fashion_walk.safetensors", None),
        ("wan_low_angle_shot.safetensors", None),
        ("thin_and_helpful.safetensors", None),
    ],
)
def test_hints_in_names(name, expert):
    assert hint_in_name(name) == expert


@pytest.mark.parametrize("expert", ["high", "low"])
def test_our_metadata_is_certain(tmp_path, expert):
    path = tmp_path / "high_low.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"ffgo.expert": expert})
    evidence = read_lora(path, "x_high_noise.safetensors").evidence
    assert (evidence.expert, evidence.certain) == (expert, True)


def test_unknown_metadata_says_nothing(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"ffgo.expert": "both"})
    assert read_lora(path, "a.safetensors").evidence.expert is None


def known(path, expert="low", **changes) -> dict:
    content = path.read_bytes()
    entry = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "expert": expert,
        "name": "N",
        "source": "S",
    }
    return {**entry, **changes}


def test_a_known_file_is_certain(lora):
    evidence = read_lora(lora, "x_high.safetensors", [KnownFile(**known(lora))]).evidence
    assert evidence == Evidence("low", True, "it is the known file N from S")
    upper = known(lora, sha256=known(lora)["sha256"].upper())
    assert read_lora(lora, "x.safetensors", [KnownFile(**upper)]).evidence.certain


@pytest.mark.parametrize("changes", [{"sha256": "0" * 64}, {"size": 1}])
def test_a_file_that_only_resembles_a_known_one(lora, changes):
    entry = KnownFile(**known(lora, **changes))
    assert not read_lora(lora, "x.safetensors", [entry]).evidence.certain


def test_the_users_list_extends_ours(lora, tmp_path):
    users = tmp_path / "known_loras.json"
    users.write_text(json.dumps([known(lora, "high")]))
    entries = read_known_files(KNOWN_FILES, users, tmp_path / "absent.json")
    assert entries[-1] == KnownFile(**known(lora, "high"))


def test_our_list_is_in_order():
    for entry in read_known_files(KNOWN_FILES):
        assert len(entry.sha256) == 64
        assert entry.size > 0


@pytest.mark.parametrize(
    "text",
    ["{", '{"a": 1}', "[1]", '[{"sha256": "0"}]', '[{"sha256":"0","size":1,"expert":"both","name":"","source":""}]'],
)
def test_a_list_that_cannot_be_used_is_named(tmp_path, text):
    path = tmp_path / "known_loras.json"
    path.write_text(text)
    with pytest.raises(FFGOError, match=r"known_loras\.json"):
        read_known_files(path)


def file(name, expert=None, *, certain=False) -> LoRAFile:
    return LoRAFile(name, {}, {}, Evidence(expert, certain, "some reason"))


def test_files_in_their_own_slots_pass():
    assert check_slots({"high": file("h", "high", certain=True), "low": file("l", "low", certain=True)}) == []
    assert check_slots({"high": file("x"), "low": file("x")}) == []


def test_swapped_files_for_certain():
    with pytest.raises(FFGOError) as error:
        check_slots(
            {"high": file("l.safetensors", "low", certain=True), "low": file("h.safetensors", "high", certain=True)}
        )
    for words in (
        "lora_high holds 'l.safetensors'",
        "lora_low holds 'h.safetensors'",
        "exchange lora_high and lora_low",
        "some reason",
    ):
        assert words in str(error.value)


def test_one_file_in_both_slots():
    both = file("l.safetensors", "low", certain=True)
    with pytest.raises(
        FFGOError, match=r"Choose the file for the high-noise expert in lora_high \(lora_low holds 'l.safetensors'\)"
    ):
        check_slots({"high": both, "low": both})


def test_one_wrong_file_alone():
    with pytest.raises(FFGOError, match=r"Choose the file for the low-noise expert in lora_low\."):
        check_slots({"low": file("h.safetensors", "high", certain=True)})


def test_a_name_alone_is_only_a_warning():
    (warning,) = check_slots({"high": file("x_low.safetensors", "low"), "low": file("y")})
    assert "lora_high holds 'x_low.safetensors'" in warning


def test_swapped_experts_are_warned_about():
    (warning,) = check_experts({"high": "wan2.2_low_noise.safetensors", "low": None}, one_model=False)
    assert "model_high comes from 'wan2.2_low_noise.safetensors'" in warning
    assert check_experts({"high": "a_high.safetensors", "low": "model.safetensors"}, one_model=False) == []
    assert "same model" in check_experts({"high": None, "low": None}, one_model=True)[0]


def test_diffusers_names_of_the_low_noise_expert_are_certain(tmp_path):
    path = tmp_path / "high.safetensors"
    save_file({"transformer_2.blocks.0.attn1.to_q.lora_A.weight": torch.zeros(1, 1)}, path)
    evidence = read_lora(path, "high_noise.safetensors").evidence
    assert (evidence.expert, evidence.certain) == ("low", True)


def test_a_file_of_very_many_tensors_is_refused_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "many.safetensors"
    save_file({f"a.{i}": torch.zeros(1) for i in range(11)}, path)
    monkeypatch.setattr("ffgo.lora.file.MOST_TENSORS", 10)
    with pytest.raises(FFGOError, match="holds 11 tensors; a LoRA has at most 10"):
        read_lora(path, "many.safetensors")


@pytest.mark.parametrize("name", ["folder.safetensors", "gone.safetensors"])
def test_what_is_no_file(tmp_path, name):
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(FFGOError, match=f"'{name}' cannot be read"):
        read_lora(tmp_path / name, name)


@pytest.mark.parametrize("content", ["[" * 5000, "{", "3", "[3]", '[{"sha256": 4}]', "[[]]", '"' + "x" * 1_000_001])
def test_a_list_of_known_files_that_is_none(tmp_path, content):
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(FFGOError, match="is not a list of known LoRA files"):
        read_known_files(tmp_path / "list.json")


def test_what_a_file_was_trained_for():
    assert trained_for("x", {"ffgo.boundary": "0.875", "ffgo.shift": "8"}) == TrainedFor("x", 0.875, 8.0)
    for text in ("", "abc", "nan", "inf", "-1", "0", "1e999", "2000"):
        assert trained_for("x", {"ffgo.boundary": text, "ffgo.shift": text}) == TrainedFor("x", None, None)


def test_a_schedule_that_a_lora_was_not_trained_for_is_warned_about():
    loras = [TrainedFor("old.safetensors", 0.875, 8.0), TrainedFor("unknown.safetensors", None, None)]
    boundary, shift = schedule_warnings(loras, 0.9, 5.0)
    assert boundary.startswith("'old.safetensors' was trained for a boundary of 0.875, and this schedule has 0.9:")
    assert "Set the shift of ModelSamplingSD3 to 8" in shift
    assert schedule_warnings(loras, 0.8751, None) == []


def test_a_pair_of_two_trainings_is_warned_about():
    high, low = TrainedFor("a", 0.9, 5.0), TrainedFor("b", 0.875, 5.0)
    (warning,) = pair_warnings([high, low])
    assert "'a' was trained for a boundary of 0.9, and 'b' for 0.875" in warning
    assert pair_warnings([high, TrainedFor("c", None, None)]) == pair_warnings([high]) == []


def test_a_lora_for_another_base_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    for base in ("wan2.2-ti2v-5b", "wan2.2-i2v-a14b"):
        save_file({"a": torch.zeros(1)}, path, {"ffgo.base": base, "ffgo.expert": "high"})
        file = read_lora(path, "other.safetensors")
        if base == "wan2.2-i2v-a14b":
            assert check_slots({"high": file}) == []
        else:
            with pytest.raises(FFGOError, match=r"lora_high holds 'other.safetensors', whose metadata says ffgo.base"):
                check_slots({"high": file})


def test_the_ffgo_lora_is_found_in_any_folder():
    high, low = (f"Wan22_FFGO-LoRA-{expert}_bf16.safetensors" for expert in ("HIGH", "LOW"))
    names = ["a.safetensors", f"wan/{high}", f"wan\\sub\\{low}", "ffgo_high.safetensors"]
    assert (ffgo_file(names, "high"), ffgo_file(names, "low")) == tuple(names[1:3])
    assert ffgo_file([names[0], names[3]], "high") is None
