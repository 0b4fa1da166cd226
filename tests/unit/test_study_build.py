"""A study made of a run folder: clips that tell nothing, a key that is not served, and words for what cannot be."""

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from ffgo.clip.video_io import probe_clip, read_frames, write_clip
from ffgo.errors import FFGOError
from ffgo.evaluation.cases import read_case_set
from ffgo.study.__main__ import main
from ffgo.study.build import StudyPlan, build
from ffgo.study.key import read_key
from ffgo.study.study_file import KEY_FILE, MEDIA, SERVED, read_study

from .evaluation_scene import HEIGHT, WIDTH, clip_of, make_case_set, make_runs

REPO = Path(__file__).parents[2]
METHODS = ("alpha", "beta", "gamma")


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_runs(folder / "runs", make_case_set(folder / "set", 3), METHODS)
    return folder


@pytest.fixture
def cases(once):
    return read_case_set(once / "set")


@pytest.fixture
def runs(once, tmp_path):
    return shutil.copytree(once, tmp_path / "made") / "runs"


def clips_of(folder):
    """Path by method and case."""
    key = read_key(folder / KEY_FILE)
    return {place: folder / SERVED / MEDIA / f"{token}.mp4" for token, place in key.clips.items()}


def add_metadata(path, **words):
    """The clip with metadata, as ComfyUI writes its workflow into it."""
    copy = path.with_suffix(".copy.mp4")
    with av.open(str(path)) as source, av.open(str(copy), "w", options={"movflags": "use_metadata_tags"}) as target:
        target.metadata.update(words)
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    copy.replace(path)


def test_a_study_has_all_clips_alike_and_a_key(tmp_path, cases, runs):
    """Three methods whose clips differ in length, size and rate, and carry a workflow."""
    for case in cases.cases:
        add_metadata(runs / "alpha" / case.id / "42" / "video.mp4", prompt='{"SecretMethod": 1}', comment="alpha")
        larger = [np.kron(frame, np.ones((2, 2, 1), np.uint8)) for frame in clip_of(case, 1, 14)]
        write_clip(runs / "beta" / case.id / "42" / "video.mp4", larger, 24)
        info = PngImagePlugin.PngInfo()
        info.add_text("workflow", "SecretMethod")
        frame = runs / "alpha" / case.id / "42" / "frame.png"
        Image.open(frame).save(frame, pnginfo=info)
    built = build(runs, tmp_path / "study", StudyPlan(trims={"gamma": 2}))
    study = read_study(tmp_path / "study")
    assert study == built.study
    assert study.places == len(METHODS)
    assert study.seconds == pytest.approx(7 / 16)
    paths = clips_of(tmp_path / "study")
    assert len(paths) == 9
    infos = {(i.width, i.height, i.frames, i.fps, i.codec) for i in map(probe_clip, paths.values())}
    assert infos == {(WIDTH, HEIGHT, 7, 16.0, "h264")}
    for case in cases.cases:
        assert len({paths[method, case.id].stat().st_size for method in METHODS}) == 1
    assert len({path.stat().st_mtime for path in (tmp_path / "study/served/media").iterdir()}) == 1
    for path in (tmp_path / "study/served").rglob("*"):
        content = path.read_bytes().lower() if path.is_file() else b""
        assert not any(word.encode() in content for word in (*METHODS, "secretmethod", "case_")), path
    boxes = paths["alpha", "case_0"].read_bytes()
    assert boxes.index(b"moov") < boxes.index(b"mdat"), "browsers would have to fetch the end first"
    with av.open(str(paths["alpha", "case_0"])) as clip:
        assert set(clip.metadata) <= {"major_brand", "minor_version", "compatible_brands"}
    assert any("24" not in note and "frames a second" in note for note in built.notes)
    assert any("shrunk or cropped" in note for note in built.notes)


def test_the_clips_are_those_that_the_key_says_without_their_first_frames(tmp_path, cases, runs):
    build(runs, tmp_path / "study", StudyPlan(trims={"gamma": 2}))
    for (method, case), path in clips_of(tmp_path / "study").items():
        number, skipped = METHODS.index(method), 2 if method == "gamma" else 0
        made = np.array(clip_of(cases.case(case), number), int)
        nearest = [int(np.abs(made - shown).mean((1, 2, 3)).argmin()) for shown in read_frames(path)]
        assert nearest == list(range(skipped, skipped + 7))


def test_the_key_is_its_makers_alone_and_is_not_served(tmp_path, runs):
    build(runs, tmp_path / "study")
    assert stat.S_IMODE((tmp_path / "study" / KEY_FILE).stat().st_mode) == 0o600
    assert not list((tmp_path / "study" / SERVED).rglob(KEY_FILE))


def test_pairs_are_all_or_those_against_one(tmp_path, runs):
    for plan, pairs in ((StudyPlan("pairwise"), 3), (StudyPlan("pairwise", against="beta"), 2)):
        study = build(runs, tmp_path / f"study {pairs}", plan).study
        assert len(study.items) == 3 * pairs
        key = read_key(tmp_path / f"study {pairs}" / KEY_FILE)
        shown = {frozenset(key.clips[clip][0] for clip in item.clips) for item in study.items}
        assert len(shown) == pairs
        assert all("beta" in pair for pair in shown) or not plan.against


def test_cases_without_a_clip_of_all_methods_are_left_out_and_seeds_are_the_same(tmp_path, cases):
    runs = make_runs(tmp_path / "runs", cases, METHODS, seeds=(1, 2))
    (runs / "alpha/case_0/1/result.json").unlink()
    (runs / "beta/case_1/1/result.json").unlink()
    (runs / "beta/case_1/2/result.json").unlink()
    built = build(runs, tmp_path / "study")
    assert built.notes == ("case_1 is left out: not all methods have a clip of it with one seed.",)
    assert {case for _, case in read_key(tmp_path / "study" / KEY_FILE).clips.values()} == {"case_0", "case_2"}
    assert build(runs, tmp_path / "other", StudyPlan(seed=1)).notes[0].startswith("case_0 is left out")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (StudyPlan(methods=("alpha", "delta")), "has no method 'delta'. It has alpha, beta, gamma"),
        (StudyPlan(methods=("alpha",)), "compares 2 to 8 different methods"),
        (StudyPlan(methods=("alpha", "alpha")), "different methods; these are alpha, alpha"),
        (StudyPlan(against="alpha"), "add --kind pairwise"),
        (StudyPlan(per_participant=4), "nobody sees an item twice"),
        (StudyPlan(trims={"beta": 8}), "the first 8 are left out: nothing is left"),
        (StudyPlan(per_participant=0), "per_participant is 0; 1 is the least"),
        (StudyPlan(gold=-1), "gold is -1; 0 is the least"),
        (StudyPlan(most_seconds=float("nan")), "cannot be cut to nan seconds"),
        (StudyPlan(seed=7), "no case that all of alpha, beta, gamma have"),
        (StudyPlan(completion_url="http://x"), "begins with https"),
    ],
)
def test_what_cannot_be_compared_is_said_and_nothing_is_left(tmp_path, runs, plan, words):
    with pytest.raises(FFGOError, match=words):
        build(runs, tmp_path / "study", plan)
    assert {path.name for path in tmp_path.iterdir()} == {"made"}


def test_a_truncated_clip_is_named(tmp_path, runs):
    clip = runs / "beta/case_1/42/video.mp4"
    clip.write_bytes(clip.read_bytes()[:-200])
    with pytest.raises(FFGOError, match=r"video\.mp4"):
        build(runs, tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_a_study_under_way_is_not_built_over(tmp_path, runs):
    build(runs, tmp_path / "study")
    with pytest.raises(FFGOError, match="is there already"):
        build(runs, tmp_path / "study")


def test_the_command_says_how_many_people_are_needed(tmp_path, runs, capsys):
    consent = tmp_path / "consent.txt"
    consent.write_text("One\nline.\n\n\nTwo.\n")
    options = ["--trim", "alpha=auto", "--per-participant", "1", "--consent", str(consent), "--title", "Toys"]
    assert main(["build", str(runs), str(tmp_path / "study"), *options]) == 0
    assert "12 people with 1 sets each" in capsys.readouterr().out
    study = read_study(tmp_path / "study")
    assert (study.consent, study.title) == (("One line.", "Two."), "Toys")
    for option in ("alpha", "alpha=x", "=3"):
        assert main(["build", str(runs), str(tmp_path / "s"), "--trim", option]) == 1
    assert main(["build", str(tmp_path), str(tmp_path / "s")]) == 1
    assert "is no run folder" in capsys.readouterr().err


def test_the_study_starts_fast_and_without_torch():
    """All that serving needs; numpy is for statistics and clips alone."""
    heavy = {"torch", "numpy", "PIL", "av", "scipy"}
    code = (
        f"import sys, ffgo.study.serve, ffgo.study.__main__; print(sorted({heavy!r} & set(sys.modules)))\n"
        "import ffgo.study.simulate, ffgo.study.analyse; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "False"]


def test_study_json_says_what_the_server_needs_and_no_more(tmp_path, runs):
    build(runs, tmp_path / "study", StudyPlan(title="Toys"))
    text = (tmp_path / "study/served/study.json").read_text()
    assert not any(method in text for method in METHODS)
    assert json.loads(text)["title"] == "Toys"
