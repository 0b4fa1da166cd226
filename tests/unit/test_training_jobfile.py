"""The job file of `python -m ffgo.training`."""

from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ffgo.bases.catalogue import HUNYUAN_15_I2V, WAN22_TI2V_5B
from ffgo.errors import FFGOError
from ffgo.training.jobfile import EXAMPLE, read_job
from ffgo.training.recipe import Recipe


def read(folder, text):
    path = folder / "job.toml"
    path.write_text(text)
    return read_job(path)


def test_the_example_is_a_job(tmp_path):
    job = read(tmp_path, EXAMPLE)
    assert job.name == "my_subjects"
    assert list(job.experts) == ["high", "low"]
    assert (job.sizing.width, job.sizing.height, job.sizing.frames) == (1344, 768, 81)
    assert job.recipe == Recipe()
    assert job.models["high"] == tmp_path / "models/wan2.2_i2v_high_noise_14B_fp16.safetensors"
    assert job.dataset == tmp_path / "dataset/train_data.json"
    assert job.encoded == tmp_path / "training/encoded"


def test_an_encoded_dataset_needs_no_vae(tmp_path):
    text = (
        'name = "a"\nexperts = ["low"]\n[models]\nlow = "l.safetensors"\n[dataset]\nencoded = "e"\n[recipe]\nrank = 8\n'
    )
    job = read(tmp_path, text)
    assert job.dataset is None
    assert (job.recipe.rank, job.recipe.alpha) == (8, 8.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[recipe]", "[recipe]\nranks = 3"), 'The recipe has an unknown key "ranks"; perhaps rank is meant'),
        (("[models]", "[model]"), 'unknown key "model"; perhaps models is meant'),
        (('["high", "low"]', '["hi"]'), r'experts\[0\] is "hi"; it must be one of high, low'),
        (("[recipe]", "[recipe"), r"job\.toml is not valid TOML: .*--example"),
        (('name = "my_subjects"', "name = 3"), "name is 3"),
        (('name = "my_subjects"', 'name = "../mine"'), r"job: name is '\.\./mine', which holds a slash"),
        (("vae =", "vea ="), 'job: models has an unknown key "vea"; perhaps vae is meant'),
        (("\nlow =", "\n# low ="), "job: models lacks low; .*--example"),
        (("frames = 81", "frames = 80"), "80"),
        (('preset = "141 GB"', 'preset = "1 TB"'), "no preset '1 TB'"),
        (('preset = "141 GB"', "preset = 141"), "job: recipe.preset is 141; it must be a string"),
        (('experts = ["high", "low"]', "experts = []"), "job: experts is empty"),
        (('experts = ["high", "low"]', 'experts = "low"'), "job: experts is a string; it must be a list of experts"),
        (("width = 1344", 'width = "wide"'), 'job: dataset.width is "wide"; it must be a whole number'),
        (("vae =", "# vae ="), "job: models lacks vae"),
        (("steps = 600", 'steps = "many"'), 'steps is "many"'),
    ],
)
def test_what_is_wrong_is_said(tmp_path, change, said):
    assert change[0] in EXAMPLE
    with pytest.raises(FFGOError, match=said):
        read(tmp_path, EXAMPLE.replace(*change))


def test_a_job_that_is_not_there(tmp_path):
    with pytest.raises(FFGOError, match="cannot be read"):
        read_job(tmp_path / "job.toml")


def test_a_job_without_a_dataset(tmp_path):
    with pytest.raises(FFGOError, match="job: dataset lacks path; or give encoded"):
        read(tmp_path, 'name = "a"\nmodels = {high = "h", low = "l"}\n[dataset]\nwidth = 832')


def test_prior_examples_have_a_table_of_their_own(tmp_path):
    job = read(tmp_path, EXAMPLE + 'prior_weight = 0.5\n[prior]\npath = "everyday"\nframes = 21\n')
    assert job.prior is not None
    assert (job.prior.clips, job.prior.encoded) == (tmp_path / "everyday", tmp_path / "training/encoded_prior")
    assert (job.prior.sizing.width, job.prior.sizing.frames, job.sizing.frames) == (1344, 21, 81)
    encoded = read(tmp_path, EXAMPLE.replace("[recipe]", '[prior]\nencoded = "there"\n[recipe]'))
    assert encoded.prior is not None
    assert (encoded.prior.clips, encoded.prior.encoded) == (None, tmp_path / "there")


NO_PRIORS = ("prior = 3", "[prior]\nwidth = 832", '[prior]\npaths = "x"', "[prior]\npath = 3")


@pytest.mark.parametrize("table", [*NO_PRIORS, '[prior]\nencoded = "training/encoded"'])
def test_a_prior_that_is_none_is_said(tmp_path, table):
    head, tail = EXAMPLE.split("[models]")
    with pytest.raises(FFGOError, match="job: prior"):
        read(tmp_path, f"{head}{table}\n[models]{tail}")


def test_one_expert_can_be_trained_alone(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(EXAMPLE)
    assert list(read_job(path, "low").experts) == ["low"]
    path.write_text(EXAMPLE.replace('["high", "low"]', '["high"]'))
    with pytest.raises(FFGOError, match="lacks low, which --expert asks for"):
        read_job(path, "low")


HUNYUAN_JOB = """\
name = "a"
base = "hunyuan-1.5-i2v"
[models]
only = "m.safetensors"
vae = "v.safetensors"
text_encoder = "t.safetensors"
text_encoder_2 = "b.safetensors"
clip_vision = "c.safetensors"
[dataset]
path = "d"
"""


def test_a_base_brings_its_experts_sizes_shift_and_layers(tmp_path):
    job = read(tmp_path, HUNYUAN_JOB)
    assert job.base is HUNYUAN_15_I2V
    assert list(job.experts) == ["only"]
    assert (job.sizing.width, job.sizing.height, job.sizing.frames) == (1280, 720, 121)
    assert (job.recipe.shift, job.recipe.targets) == (7.0, HUNYUAN_15_I2V.targets)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("hunyuan-1.5-i2v", "hunyuan"), 'base is "hunyuan"'),
        (("clip_vision", "clip"), 'unknown key "clip"'),
        (('clip_vision = "c.safetensors"\n', ""), "lacks clip_vision"),
        (('text_encoder_2 = "b.safetensors"\n', ""), "lacks text_encoder_2"),
        (("only =", "high ="), "lacks only"),
        (('base = "hunyuan-1.5-i2v"', 'base = "hunyuan-1.5-i2v"\nexperts = ["high"]'), 'experts.* is "high"'),
        (("[dataset]", "[dataset]\nheight = 730"), "in steps of 16, as Hunyuan Video 1.5 I2V needs it. The nearest is"),
    ],
)
def test_what_a_base_cannot_have_is_refused(tmp_path, change, said):
    with pytest.raises(FFGOError, match=said):
        read(tmp_path, HUNYUAN_JOB.replace(*change))


def test_a_start_of_another_base_is_refused_and_both_are_named(tmp_path):
    from ffgo.training.run import TrainingRun, refuse_start_of_other_base

    save_file({"a": torch.zeros(1)}, tmp_path / "start.safetensors", {"ffgo.base": WAN22_TI2V_5B.id})
    recipe = Recipe(start_lora="start.safetensors")
    dataset: Any = None
    job = TrainingRun("a", "only", recipe, dataset, runs=tmp_path, loras=tmp_path)
    refuse_start_of_other_base(job, WAN22_TI2V_5B)
    with pytest.raises(FFGOError, match=r"is for Wan2.2 TI2V-5B, and the model is Hunyuan Video 1.5 I2V"):
        refuse_start_of_other_base(job, HUNYUAN_15_I2V)
