"""The job file of `python -m ffgo.training`."""

import pytest

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
        (("[recipe]", "[recipe]\nranks = 3"), r"unknown key\(s\) 'ranks'"),
        (("[models]", "[model]"), r"unknown key\(s\) model"),
        (('["high", "low"]', '["hi"]'), r"experts is \['hi'\]"),
        (("[recipe]", "[recipe"), "no TOML"),
        (('name = "my_subjects"', "name = 3"), "name is 3"),
        (("vae =", "vea ="), r"\[models\] has unknown key\(s\) vea"),
        (("\nlow =", "\n# low ="), r"\[models\] lacks low"),
        (("frames = 81", "frames = 80"), "80"),
        (('preset = "141 GB"', 'preset = "1 TB"'), "no preset '1 TB'"),
        (("steps = 600", 'steps = "many"'), "steps is 'many'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, change, said):
    assert change[0] in EXAMPLE
    with pytest.raises(FFGOError, match=said):
        read(tmp_path, EXAMPLE.replace(*change))


def test_a_job_that_is_not_there(tmp_path):
    with pytest.raises(FFGOError, match="cannot be read"):
        read_job(tmp_path / "job.toml")
