"""Test sets and methods: what is read, and what is refused in which words."""

import json
import os
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from ffgo.clip.video_io import probe_clip, write_clip
from ffgo.errors import FFGOError
from ffgo.evaluation.cases import content_hash, read_case_set, write_case_set
from ffgo.evaluation.check import check_set
from ffgo.evaluation.colour import turned_colours
from ffgo.evaluation.first_frame import as_image, opened
from ffgo.evaluation.identity import FEWEST_FOILS
from ffgo.evaluation.methods import EXAMPLE, read_methods, unpaired
from ffgo.remote import load_workflow
from ffgo.remote.fill import find_input
from ffgo.words.phrase import TRANSITION_PHRASE
from lab.toyworld import case_set
from lab.toyworld.examples import test_set as unseen_examples

from .evaluation_scene import clip_of, edited, make_case_set

REPO = Path(__file__).parents[2]


def test_a_set_comes_back_as_it_was_written(tmp_path):
    made = make_case_set(tmp_path, 2, 2, licence="ours")
    whole = replace(made.cases[0], layout="packed", tags=("a", "b"), note="n", frame=made.cases[0].background)
    made = replace(made, cases=(whole, made.cases[1]))
    write_case_set(made)
    assert read_case_set(tmp_path) == read_case_set(tmp_path / "testset.json") == made


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["cases"][0].pop("background"), r"case 'case_0' lacks background"),
        (lambda c: c["cases"][0].update(prompt=f"{TRANSITION_PHRASE} It moves."), "holds the transition phrase"),
        (
            lambda c: c["cases"][0].update(prompt="AD23R2: the camera view suddenly changes, so"),
            "the workflow adds it",
        ),
        (lambda c: c["cases"][0].update(prompt="  "), "say what happens"),
        (lambda c: c["cases"][1].update(id="case_0"), "2 cases are called 'case_0'"),
        (lambda c: c["cases"][0].update(id="Über"), "1 to 64 of a-z"),
        (lambda c: c["cases"][0].update(background="../secret.png"), "begins or ends with a dot"),
        (lambda c: c["cases"][0].update(subjects=[]), "has no cut-out"),
        (lambda c: c["cases"][0]["subjects"].append(c["cases"][0]["subjects"][0]), "two called 'disc 0'"),
        (lambda c: c["cases"][0]["subjects"][0].update(kind="ghost"), "one of object, person"),
        (lambda c: c["cases"][0].update(backgroud="x"), "perhaps background is meant"),
        (lambda c: c.update(format="other"), 'a test set has "ffgo-testset"'),
        (lambda c: c.update(version=2), "reads 1"),
        (lambda c: c.update(cases=[]), "has no cases"),
        (lambda c: c.update(width=3), "width is 3"),
        (lambda c: c.update(width=float("nan")), "width is NaN"),
        (lambda c: c.update(height=float("inf")), "height is Infinity"),
        (lambda c: c.update(frames=-81), "frames is -81"),
        (lambda c: c.update(fps=float("-inf")), "fps is -Infinity"),
        (lambda c: c.update(frames=[81]), "frames is a list"),
        (lambda c: c["cases"].append(None), r"cases\[2\] is null"),
        (lambda c: c["cases"][0].update(background="/etc/passwd"), "is '/etc/passwd', which is empty, or a part"),
        (lambda c: c["cases"][0]["subjects"][0].update(file="C:\\disc.png"), "holds :"),
        (lambda c: c["cases"][0].update(id="case_\u0661"), "1 to 64 of a-z"),
        (lambda c: c["cases"][0].update(tags="one"), "tags is a string"),
        (lambda c: c["cases"][0].update(tags=json.loads("[" * 200 + "]" * 200)), "nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_set_is_said(tmp_path, change, words):
    path = edited(make_case_set(tmp_path), change)
    with pytest.raises(FFGOError, match=words):
        read_case_set(path)


@pytest.mark.parametrize("name", ["scene_0.png", "disc_0_0.png", "case_0.mp4"])
def test_a_file_that_never_ends_is_refused(tmp_path, name):
    def with_reference(content):
        content["cases"][0]["reference"] = "case_0.mp4"

    cases = read_case_set(edited(make_case_set(tmp_path), with_reference))
    write_clip(tmp_path / "case_0.mp4", clip_of(cases.cases[0]), 16)
    assert not check_set(tmp_path).problems
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    assert "it is no file" in check_set(tmp_path).problems[0]
    with pytest.raises(FFGOError, match="it is no file"):
        content_hash(tmp_path / name)


def test_all_that_is_wrong_is_said_at_once_and_the_rest_can_be_read(tmp_path):
    def spoil(content):
        content["cases"][0].pop("prompt")
        content["cases"][2]["id"] = "?"

    path = edited(make_case_set(tmp_path, 3), spoil)
    with pytest.raises(FFGOError, match=r"(?s)lacks prompt.*1 to 64"):
        read_case_set(path)
    read = read_case_set(path, strict=False)
    assert [case.id for case in read.cases] == ["case_1"]
    assert len(read.problems) == 2


def test_there_is_no_such_case(tmp_path):
    with pytest.raises(FFGOError, match="has case_0, case_1"):
        make_case_set(tmp_path).case("other")


def methods(tmp_path, text):
    (tmp_path / "methods.toml").write_text(text)
    return read_methods(tmp_path / "methods.toml")


def test_the_example_of_methods_is_one(tmp_path):
    one, two = methods(tmp_path, EXAMPLE)
    assert (one.name, one.trim, one.seeds, one.first_frame) == ("ffgo", "auto", (42,), "composed")
    assert one.workflow == tmp_path / "workflows/api/FFGo image to video.json"
    assert two.settings[1:] == ("FFGo LoRA.strength_high=0.7", "FFGo LoRA.strength_low=0.7")


def test_the_methods_of_a_concept_set_what_its_workflow_has(tmp_path):
    """Those of docs/concepts.md."""
    page = (REPO / "docs/concepts.md").read_text()
    listed = page[page.index("    [[method]]") :].partition("For LoRA-1")[0]
    made = methods(tmp_path, dedent(listed))
    assert [one.name for one in made] == ["two-stages", "identity-alone", "no-concept"]
    for one in made:
        assert one.workflow is not None
        workflow = load_workflow(REPO / one.workflow.relative_to(tmp_path))
        places = [find_input(workflow, setting.partition("=")[0], {}) for setting in one.settings]
        assert [workflow[node]["class_type"] for node, _ in places][1:] == ["FFGOConceptLoader"] * (len(places) - 1)


WORKFLOW = 'workflow = "w.json"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'[[method]]\nname = "a"\n{WORKFLOW}[[method]]\nname = "A"\n{WORKFLOW}', "several methods called 'a'"),
        ('[[method]]\nname = "a"\n', "neither a workflow nor videos"),
        (f'[[method]]\nname = "a"\nvideos = "v"\n{WORKFLOW}', "both a workflow and videos"),
        ('[[method]]\nname = "a"\nvideos = "v"\nset = ["A.b=1"]\n', "finished videos have no settings"),
        (f'[[method]]\nname = "a"\nseeds = [1, 1]\n{WORKFLOW}', "names a seed twice"),
        (f'[[method]]\nname = "a"\nseeds = []\n{WORKFLOW}', "at least one seed"),
        (f'[[method]]\nname = "a"\nseeds = [-1]\n{WORKFLOW}', "seeds.0. is -1"),
        (f'[[method]]\nname = "a"\ntrim = "some"\n{WORKFLOW}', "trim is"),
        (f'[[method]]\nname = "../a"\n{WORKFLOW}', "holds a slash"),
        (f'[[method]]\nname = "strips"\n{WORKFLOW}', "choose another"),
        (f'[[method]]\nname = "Comparisons.csv"\n{WORKFLOW}', "choose another"),
        (f'[[method]]\nname = "a"\nsed = [1]\n{WORKFLOW}', "perhaps (seeds|set) is meant"),
        ("method = []\n", "has no method"),
        ("[[method\n", "not valid TOML"),
    ],
)
def test_what_is_wrong_with_methods_is_said(tmp_path, text, words):
    with pytest.raises(FFGOError, match=words):
        methods(tmp_path, text)


def test_methods_of_different_seeds_are_told(tmp_path):
    text = '[[method]]\nname = "{}"\nvideos = "v"\nseeds = {}\n'
    assert not unpaired(methods(tmp_path, text.format("a", "[1]") + text.format("b", "[1]")))
    assert unpaired(methods(tmp_path, text.format("a", "[1]") + text.format("b", "[2]")))


def test_the_shipped_set_is_sound():
    checked = check_set(REPO / "lab/materials")
    assert len(checked.cases.cases) == 4
    assert checked.problems == []
    # There are three subjects only, too few to tell one from the others: each can be told from itself in other hues.
    subjects = {one.file: one for case in checked.cases.cases for one in case.subjects}
    assert len(subjects) == 3
    for file in subjects:
        assert len(turned_colours(as_image(opened(file)))) >= FEWEST_FOILS


def test_six_toy_cases_are_made_on_the_spot(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["case_set", str(tmp_path / "toys")])
    case_set.main()
    checked = check_set(tmp_path / "toys")
    assert (len(checked.cases.cases), checked.problems) == (6, [])
    height, width = unseen_examples()[0].scene.shape[:2]
    for case in checked.cases.cases:
        assert case.prompt[0].isupper()
        assert case.reference
        info = probe_clip(case.reference)
        assert (info.width, info.height, info.frames) == (4 * width, 4 * height, checked.cases.frames)
