"""What the trainer reckons on the host's own model, judged by diffusers, by peft and by the host's loaders."""

import pytest

BASES = ("fp32", "bf16", "fp16", "fp8", "scaled fp8")


@pytest.fixture(scope="module")
def probe(probes) -> dict:
    """What training_probe.py found out: scenario -> result."""
    found = probes.ask("training_probe")
    assert "not loaded" not in probes.said()
    return found


def test_timesteps_are_those_of_diffusers(probe):
    scheduler = probe["scheduler"]
    assert scheduler.pop("timesteps") is True
    assert scheduler.pop("sigmas") is True
    assert len(scheduler) == 4
    assert max(scheduler.values()) < 0.005, scheduler  # Kolmogorov and Smirnov's distance


@pytest.mark.parametrize("expert", ["high", "low"])
def test_a_step_is_that_of_diffusers_and_peft(probe, expert):
    """Here with checkpointed blocks and in two batches; gradients relative to each one's norm."""
    assert probe["oracle"]["angles"] < 1e-4
    result = probe["oracle"][expert]
    assert result["layers"] == 20
    assert result["loss"] < 1e-6
    assert result["gradients"] < 1e-5


def test_checkpointing_and_offloading_change_nothing(probe):
    for way in ("checkpointed", "offloaded"):
        assert probe["ways"][way] == {"loss": 0, "gradients": 0, "difference": 0}, way


def test_accumulation_adds_up_to_the_batch(probe):
    for way in ("accumulated", "accumulated, checkpointed"):
        assert probe["ways"][way]["loss"] < 1e-6
        assert probe["ways"][way]["gradients"] < 1e-5


def test_same_as_pefts_own_layers(probe):
    result = probe["ways"]["peft"]
    assert result["layers"] == 20
    assert result["loss"] < 1e-6
    assert result["gradients"] < 2e-6


@pytest.mark.parametrize("base", BASES)
def test_every_base_trains_and_stays_as_it_was(probe, base):
    result = probe["bases"][base]
    assert result["adapters"] == ["torch.float32"]
    assert result["last"] < 0.9 * result["first"]
    assert result["base kept"]
    assert result["layers kept"]
    assert not result["training mode"]
    assert result["recognised"] == ["high", True]


@pytest.mark.parametrize("base", BASES)
def test_the_finished_file_in_the_loaders(probe, base):
    """Our own bypass gives what was trained, to float32's rounding: some processors add up a file's numbers in another
    order than those in memory. The host's bypass rounds the LoRA to the base's 16 bits."""
    result = probe["bases"][base]
    assert result["without"] > 0.5
    assert result["own bypass"] < 1e-6
    assert result["bypass"] < (1e-6 if base in {"fp32", "fp8", "scaled fp8"} else 1e-3)
    assert result["merged"] < {"fp32": 1e-6, "bf16": 5e-3, "fp16": 1e-3}.get(base, 0.1)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("text to video", "The model is Wan text-to-video"),
        ("Fun-Control", "The model is a Wan Fun-Control model"),
        ("load_expert", "list.pt cannot be loaded as a diffusion model"),
        ("load_vae", "list.pt cannot be loaded as a VAE"),
        ("load_text_encoder", "list.pt cannot be loaded as a text encoder"),
        ("low for high", "mine_low.safetensors is for the low-noise expert (its metadata says ffgo.expert = low)"),
        ("low's folder for high", "expert: low before, high now"),
        ("another size", "model: 2 blocks of 256 before, 3 blocks of 256 now"),
    ],
)
def test_what_is_refused(probe, what, says):
    assert says in probe["refusals"][what]


def test_what_is_not_refused(probe):
    assert probe["refusals"]["file"] == ["mine_low.safetensors", True, "low"]
    assert probe["refusals"]["low for low"] == "nothing"


IS = {"high": "the model is the high-noise expert", "low": "the model is the low-noise expert"}


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("low, called low, for high", [IS["low"], "its file is", "Connect the other model", "check_expert = false"]),
        ("low in a folder of high ones, for high", ["trained, checked by name"]),
        ("low, called nothing, for high", [IS["low"], "times that of a guess"]),
        ("high, called high, for low", [IS["high"], "its file is"]),
        ("high, called nothing, for low", [IS["high"], "times that of a guess"]),
        ("high, called low, for low", [IS["high"], "times that of a guess"]),
        ("high, called nothing, for high", ["trained, checked by loss"]),
        ("low, called low, for low", ["trained, checked by name and loss"]),
        ("insisting", ["trained, checked by nothing"]),
        ("prior_weight without prior", ["prior_weight is 0.5", "there are no prior examples", "[prior] in a job file"]),
        ("0: mixed6_high", ["trained, checked by name and loss"]),
        ("1: insisting_high", ["content of start_lora", "Choose another name"]),
        ("2: mixed6_high", ["trained, checked by name and loss"]),
        ("goes on with the other model", [IS["low"], "its file is"]),
        ("another model in the file's place", ["another one than the run was begun with", "off by 1"]),
        ("begun before", ["trained, checked by None"]),
    ],
)
def test_mix_ups(probe, what, says):
    assert not [words for words in says if words not in probe["mix_ups"][what]], probe["mix_ups"][what]


def test_what_cannot_be_told_is_said_and_not_claimed(probe):
    came, said = probe["mix_ups"]["in bfloat16"]
    assert came == "trained, checked by name and loss"
    assert "⚠" not in said
    came, said = probe["mix_ups"]["untrained"]
    assert came == "trained, checked by nothing"
    assert said.startswith("⚠ Nothing tells which expert the model is")
    came, said = probe["mix_ups"]["begun before, on the other model"]
    assert came == "trained, checked by None"
    assert "may be the other expert" in said


def test_a_concept_whose_second_run_cannot_fit_is_refused_before_its_first(probe):
    plans = probe["plans"]
    for what in ("both fit", "a large prior without weight"):
        said, files = plans[what]
        assert said == "identity and motion"
        assert len([name for name in files if name.endswith(".safetensors")]) == 2
    for what in ("a large motion", "a large prior"):
        said, files = plans[what]
        assert said.startswith("This cannot fit: Memory for 16000x16000, 8001 frames")
        assert files == []
