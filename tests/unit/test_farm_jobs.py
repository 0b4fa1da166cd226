"""The list of jobs: what a file of cases, seeds and products becomes, and what is said of one that does not fit."""

import json

import pytest
from PIL import Image

from ffgo.evaluation.cases import read_case_set
from ffgo.remote.jobs import EXAMPLE, read_jobs
from ffgo.remote.workflow import UsageError
from lab.workshop.comfyui import REPO

from .farm_scene import WORKFLOW

TOP = '[defaults]\nworkflow = "w.json"\n'
CASE = '[[case]]\nname = "a"\nprompt = "x"\n'


@pytest.fixture
def read(tmp_path):
    """Reads jobs of this text, in a folder with a workflow and a picture."""
    (tmp_path / "w.json").write_text(json.dumps(WORKFLOW))
    Image.new("RGB", (4, 4)).save(tmp_path / "b.png")

    def reading(text: str):
        (tmp_path / "jobs.toml").write_text(text)
        return read_jobs(tmp_path / "jobs.toml", 60)

    return reading


def test_every_case_comes_once_for_each_seed_and_each_combination(read):
    jobs = read(
        '[defaults]\nworkflow = "w.json"\nseeds = [1, 2]\nset = ["Noise.noise_seed=9"]\n'
        '[[case]]\nname = "a"\nprompt = "x"\n[[case]]\nname = "b"\nseeds = [7]\nbackground = "b.png"\n'
        '[product]\n"Prompt.text" = ["hi there", "ho/../"]\n"Background.image" = ["c.png"]\n'
    )
    assert [job.name for job in jobs] == [
        "a_hi-there_c.png_1", "a_ho_c.png_1", "a_hi-there_c.png_2", "a_ho_c.png_2",
        "b_hi-there_c.png_7", "b_ho_c.png_7",
    ]  # fmt: skip
    assert jobs[0].request.settings == ("Noise.noise_seed=9", "Prompt.text=hi there", "Background.image=c.png")
    assert (jobs[0].request.prompt, jobs[4].request.prompt, jobs[0].request.timeout_s) == ("x", None, 60)
    assert len({job.key for job in jobs}) == len({job.folder for job in jobs}) == 6


def test_a_case_without_seeds_is_one_job_with_the_workflows_own(read):
    (job,) = read(TOP + CASE)
    assert (job.name, job.request.seed) == ("a", None)


def test_the_key_is_of_what_goes_in_and_of_nothing_else(read, tmp_path):
    text = TOP + CASE + 'background = "b.png"\n'
    (before,) = read(text)
    (renamed,) = read(text.replace('"a"', '"other"'))
    assert renamed.key == before.key
    (other,) = read(text.replace('"x"', '"y"'))
    assert other.key != before.key
    Image.new("RGB", (4, 4), "red").save(tmp_path / "b.png")
    (painted,) = read(text)
    assert painted.key != before.key


def test_two_jobs_that_make_the_same_are_one(read):
    assert len(read(TOP + CASE + CASE.replace('"a"', '"b"'))) == 1


def test_a_test_set_is_a_list_of_cases(read):
    cases = read_case_set(REPO / "lab/materials").cases
    workflow = (REPO / "workflows/api/FFGo image to video.json").as_posix()
    jobs = read(f'testset = "{REPO.as_posix()}/lab/materials"\n[defaults]\nworkflow = "{workflow}"\nseeds = [5]\n')
    assert [job.case for job in jobs] == [case.id for case in cases]
    for job, case in zip(jobs, cases, strict=True):
        assert (job.request.prompt, job.request.background) == (case.prompt, case.background)
        assert list(job.request.subjects) == [subject.file for subject in case.subjects]


def test_all_that_is_wrong_with_a_test_set_is_said_at_once_and_its_files_lie_below_it(read, tmp_path):
    cases = [
        {"id": "a", "prompt": "It waves.", "background": "/etc/passwd", "subjects": []},
        {"id": "b", "background": "lake.png", "subjects": []},
        {"id": "c", "prompt": "It waves.", "background": "lake.png", "subjects": [{"file": "../robot.png"}]},
    ]
    (tmp_path / "testset.json").write_text(json.dumps({"format": "ffgo-testset", "cases": cases}))
    with pytest.raises(UsageError) as told:
        read('testset = "testset.json"\n' + TOP)
    for words in ("cases[0].background is '/etc", "cases[1] lacks prompt", "cases[2].subjects[0].file is '../"):
        assert words in str(told.value)


def test_the_example_is_whole_but_for_its_pictures(read, tmp_path):
    workflow = (REPO / "workflows/api/FFGo image to video.json").as_posix()
    for name in ("lake", "robot", "boat"):
        Image.new("RGBA", (4, 4)).save(tmp_path / f"{name}.png")
    assert len(read(EXAMPLE.replace("workflows/api/FFGo image to video.json", workflow))) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TOP, "add a .*case"),
        (TOP + CASE + "x = 1\n", "unknown key"),
        (TOP + CASE + CASE, "give each case its own"),
        (TOP + CASE.replace('"a"', '"a/b"'), "holds a slash"),
        (TOP + CASE.replace('"a"', '"../a"'), "holds a slash"),
        (TOP + CASE.replace('"a"', '"nul"'), "device of Windows"),
        (CASE, "workflow is empty"),
        (TOP + CASE + 'workflow = "no.json"\n', "no.json cannot be read"),
        (TOP + CASE + 'background = "no.png"\n', "case 'a': The image .*no.png cannot be read"),
        (TOP + CASE + 'background = "w.json"\n', "case 'a': .* is not an image"),
        (TOP + CASE + 'subjects = ["b.png"]\n', "case 'a': --subject needs a FFGOComposeCanvas"),
        (TOP + CASE + 'seeds = [1.5]\n', "whole number"),
        (TOP + CASE + 'seeds = [-1]\n', "must be from 0"),
        (TOP + CASE + '[product]\n"Prompt.text" = []\n', "give each setting a list"),
        ('testset = "w.json"\n' + TOP, "lacks format"),
        ("[defaults\n", "not valid TOML"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_before_the_first_job(read, text, words):
    with pytest.raises(UsageError, match=words):
        read(text)
