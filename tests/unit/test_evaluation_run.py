"""Runs: what is made, kept, made again and refused, against a server that speaks as ComfyUI does."""

import errno
import shutil
from pathlib import Path

import pytest

from ffgo.clip.video_io import write_clip
from ffgo.evaluation.__main__ import main
from ffgo.evaluation.cases import content_hash, read_case_set
from ffgo.evaluation.check import check_set
from ffgo.evaluation.first_frame import compose_case, rgb
from ffgo.evaluation.runs import read_runs

from .evaluation_scene import clip_of, edited, make_case_set
from .remote_scene import ComfyUI, serving

WORKFLOW = """{
 "1": {"class_type": "LoadImage", "inputs": {"image": "b.png"}, "_meta": {"title": "Background"}},
 "2": {"class_type": "LoadImage", "inputs": {"image": "s.png"}, "_meta": {"title": "Subject 1"}},
 "3": {"class_type": "FFGOComposeCanvas", "_meta": {"title": "Canvas"},
       "inputs": {"background": ["1", 0], "subjects.subject0": ["2", 0], "width": 128, "height": 64,
                  "layout": "script"}},
 "4": {"class_type": "FFGOTransitionPrompt", "inputs": {"prompt": "-"}, "_meta": {"title": "Prompt"}},
 "5": {"class_type": "RandomNoise", "inputs": {"noise_seed": 1}, "_meta": {"title": "Noise"}},
 "6": {"class_type": "SaveVideo", "inputs": {"video": ["3", 0], "image": "a.png"}, "_meta": {"title": "Save video"}}
}"""


@pytest.fixture
def scene(tmp_path):
    """A set of two cases, methods "a" and "b", and what the server answers: one clip."""
    cases = make_case_set(tmp_path / "set")
    (tmp_path / "w.json").write_text(WORKFLOW)
    method = '[[method]]\nname = "{}"\nworkflow = "w.json"\nset = ["Save video.image={}"]\n'
    (tmp_path / "methods.toml").write_text(method.format("a", "a.png") + method.format("b", "bb.png"))
    write_clip(tmp_path / "clip.mp4", clip_of(cases.cases[0]), 16)
    return tmp_path


def run(scene: Path, server: str = "127.0.0.1:9", *more: str) -> int:
    out = ["--out", str(scene / "runs"), "--server", server]
    return main(["run", str(scene / "set"), str(scene / "methods.toml"), *out, *more])


def comfyui(scene: Path, when_queued=None) -> ComfyUI:
    async def finish(host, prompt_id):
        shown = {"images": [{"filename": "clip.mp4", "subfolder": "", "type": "output"}]}
        await host.finish(prompt_id, outputs={"6": shown})

    return ComfyUI(when_queued or finish, {"clip.mp4": (scene / "clip.mp4").read_bytes()})


def queued(host: ComfyUI) -> list[dict]:
    return [body["prompt"] for what, body in host.posts if what == "prompt"]


def test_every_method_case_and_seed_is_made_once_and_one_method_after_the_other(scene, capsys):
    host = comfyui(scene)
    with serving(host.app) as server:
        assert run(scene, server) == 0
        assert run(scene, server) == 0
    jobs = queued(host)
    assert [job["6"]["inputs"]["image"] for job in jobs] == ["a.png"] * 2 + ["bb.png"] * 2
    assert [job["4"]["inputs"]["prompt"] for job in jobs] == ["Disc 0 moves.", "Disc 1 moves."] * 2
    assert {job["5"]["inputs"]["noise_seed"] for job in jobs} == {42}
    runs = read_runs(scene / "runs")
    assert [str(result.place) for result in runs.results] == [f"{m} / case_{c} / 42" for m in "ab" for c in (0, 1)]
    assert {result.frames for result in runs.results} == {9}
    assert {result.versions["comfyui"] for result in runs.results} == {"0.30.0"}
    said = capsys.readouterr().err
    assert "[4/4] b / case_1 / 42, about" in said
    assert "4 clips are there, 0 are to be made" in said


def test_the_first_frame_is_what_the_canvas_of_the_workflow_composes_with_the_methods_settings(scene):
    text = '[[method]]\nname = "a"\nworkflow = "w.json"\nset = ["Canvas.layout=published", "Canvas.width=160"]\n'
    (scene / "methods.toml").write_text(text)
    host = comfyui(scene)
    with serving(host.app) as server:
        assert run(scene, server, "--only", "case_0") == 0
    case = read_case_set(scene / "set").cases[0]
    frame = rgb(read_runs(scene / "runs").results[0].frame)
    assert frame.equal(compose_case(case, 160, 64, "published"))
    assert not frame.equal(compose_case(case, 160, 64, "script"))


def test_a_failure_is_recorded_and_the_rest_is_made(scene, capsys):
    async def fail_once(host, prompt_id):
        if len(queued(host)) == 2:
            message = {
                "node_id": "6",
                "node_type": "SaveVideo",
                "exception_type": "X",
                "exception_message": "no memory",
            }
            status = {"status_str": "error", "messages": [["execution_error", message]]}
            await host.finish(prompt_id, status=status, outputs={})
        else:
            shown = {"images": [{"filename": "clip.mp4", "subfolder": "", "type": "output"}]}
            await host.finish(prompt_id, outputs={"6": shown})

    host = comfyui(scene, fail_once)
    with serving(host.app) as server:
        assert run(scene, server) == 1
        runs = read_runs(scene / "runs")
        assert len(runs.results) == 3
        assert "no memory" in runs.failures[0].message
        assert run(scene, server) == 1
        assert len(queued(host)) == 4
        assert "1 failed before (--retry" in capsys.readouterr().err
        assert run(scene, server, "--retry") == 0
    assert len(queued(host)) == 5
    assert not read_runs(scene / "runs").failures


def test_a_server_that_goes_away_ends_the_run_and_nothing_counts_as_failed(scene, capsys):
    class Dying(ComfyUI):
        async def upload(self, request):
            self.dead = bool(queued(self))
            return await super().upload(request)

    host = Dying(comfyui(scene).when_queued, comfyui(scene).files)
    with serving(host.app) as server:
        assert run(scene, server, "--ahead", "0", "--patience", "0.1") == 1
    assert "run the same command again" in capsys.readouterr().err
    runs = read_runs(scene / "runs")
    assert (len(runs.results), len(runs.failures), len(queued(host))) == (1, 0, 1)
    host = comfyui(scene)
    with serving(host.app) as server:
        assert run(scene, server) == 0
    assert len(queued(host)) == 3


def test_what_was_made_from_other_settings_is_neither_taken_nor_overwritten(scene, capsys):
    host = comfyui(scene)
    with serving(host.app) as server:
        assert run(scene, server) == 0
        text = (scene / "methods.toml").read_text()
        (scene / "methods.toml").write_text(text.replace("bb.png", "a.png"))
        assert run(scene, server) == 1
        assert "2 clips" in (said := capsys.readouterr().err)
        assert "b / case_0 / 42; b / case_1 / 42" in said
        assert len(queued(host)) == 4
        assert run(scene, server, "--anew") == 0
    assert len(queued(host)) == 6


def test_another_picture_under_the_same_name_is_another_case(scene):
    host = comfyui(scene)
    with serving(host.app) as server:
        run(scene, server)
        shutil.copy(scene / "set/scene_0.png", scene / "set/scene_1.png")
        assert run(scene, server) == 1
        assert run(scene, server, "--anew") == 0
    assert len(queued(host)) == 6


def test_what_a_killed_run_left_is_no_result_and_is_swept_away(scene):
    host = comfyui(scene)
    with serving(host.app) as server:
        run(scene, server)
        (scene / "runs/a/case_0/42/result.json").unlink()  # written last: the kill came before it
        left = scene / "runs/.clip.ffgo-host-1-0123abcd"
        left.mkdir()
        assert run(scene, server) == 0
    assert len(queued(host)) == 5
    assert not left.exists()


def test_a_full_disk_stops_the_run_in_words(scene, capsys, monkeypatch):
    done = []

    def write(result):
        if done:
            raise OSError(errno.ENOSPC, "No space left on device")
        done.append(result)
        real(result)

    from ffgo.evaluation import run as module

    real = module.write_result
    monkeypatch.setattr(module, "write_result", write)
    host = comfyui(scene)
    with serving(host.app) as server:
        assert run(scene, server) == 1
    assert "No space left on device. What is done is there; make room" in capsys.readouterr().err
    assert len(read_runs(scene / "runs").results) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[method]]\nname = "a"\nworkflow = "no.json"\n', "method 'a': .*no.json cannot be read"),
        ('[[method]]\nname = "a"\nworkflow = "w.json"\nfirst_frame = "background"\n', "has an FFGo Compose Canvas"),
        ('[[method]]\nname = "a"\nvideos = "none"\n', "there is no folder"),
    ],
)
def test_methods_that_do_not_fit_are_refused_before_anything_is_made(scene, capsys, text, words):
    import re

    (scene / "methods.toml").write_text(text)
    assert run(scene) == 2
    assert re.search(words, capsys.readouterr().err)


def test_no_server_is_told_before_the_run(scene, capsys):
    assert run(scene) == 1
    assert "Is ComfyUI running there?" in capsys.readouterr().err


# ---------------------------------------------------------------- several servers


def test_several_servers_share_the_clips_and_one_that_dies_gives_its_job_back(scene, capsys):
    class Dying(ComfyUI):
        async def upload(self, request):
            self.dead = bool(queued(self))  # after its first clip
            return await super().upload(request)

    healthy, dying = comfyui(scene), Dying(comfyui(scene).when_queued, comfyui(scene).files)
    with serving(healthy.app) as a, serving(dying.app) as b:
        assert run(scene, a, "--server", b, "--ahead", "0") == 0
    runs = read_runs(scene / "runs")
    assert [str(result.place) for result in runs.results] == [f"{m} / case_{c} / 42" for m in "ab" for c in (0, 1)]
    assert not runs.failures
    assert queued(healthy)
    assert queued(dying)
    assert "is given to a server once more" in capsys.readouterr().err


def test_two_methods_that_make_the_same_have_a_clip_each(scene):
    (scene / "methods.toml").write_text((scene / "methods.toml").read_text().replace("bb.png", "a.png"))
    host = comfyui(scene)
    with serving(host.app) as server:
        assert run(scene, server) == 0
    assert len(read_runs(scene / "runs").results) == len(queued(host)) == 4


# ---------------------------------------------------------------- clips from elsewhere


def test_finished_videos_are_taken_and_cut_ones_are_told(scene, capsys):
    videos = scene / "videos"
    (videos / "case_0").mkdir(parents=True)
    shutil.copy(scene / "clip.mp4", videos / "case_0/42.mp4")
    (videos / "case_1.mp4").write_bytes((scene / "clip.mp4").read_bytes()[:-400])
    (scene / "methods.toml").write_text('[[method]]\nname = "else"\nvideos = "videos"\n')
    assert run(scene) == 1
    runs = read_runs(scene / "runs")
    assert [str(result.place) for result in runs.results] == ["else / case_0 / 42"]
    assert content_hash(runs.results[0].video) == content_hash(scene / "clip.mp4")
    assert "case_1.mp4" in runs.failures[0].message
    shutil.copy(scene / "clip.mp4", videos / "case_1.mp4")
    assert run(scene) == 0  # another file, another try


def test_a_clip_that_is_missing_is_told_with_the_names_that_would_do(scene):
    (scene / "videos").mkdir()
    (scene / "methods.toml").write_text('[[method]]\nname = "else"\nvideos = "videos"\n')
    assert run(scene) == 1
    assert "case_0/42.mp4 or case_0_42.mp4" in read_runs(scene / "runs").failures[0].message


# ---------------------------------------------------------------- check


def test_a_sound_set_is_sound(scene, capsys):
    assert main(["check", str(scene / "set")]) == 0
    assert "2 cases, 2 subjects (cases by subjects: 2 with 1)" in capsys.readouterr().out


def test_check_opens_every_file_and_names_all_that_is_wrong(scene, capsys):
    (scene / "set/scene_0.png").write_bytes(b"no picture")
    (scene / "set/disc_1_0.png").unlink()
    assert main(["check", str(scene / "set")]) == 1
    said = capsys.readouterr().out
    assert "wrong: case 'case_0': background:" in said
    assert "wrong: case 'case_1': subject disc 0:" in said


def test_check_notes_rectangles_empty_cutouts_and_twins(scene):
    from PIL import Image

    Image.new("RGBA", (9, 9)).save(scene / "set/disc_0_0.png")
    Image.new("RGBA", (9, 9), "red").save(scene / "set/disc_1_0.png")
    checked = check_set(scene / "set")
    assert "fully transparent" in checked.problems[0]
    assert "opaque nearly everywhere" in checked.notes[0]
    shutil.copy(scene / "set/disc_1_0.png", scene / "set/disc_0_0.png")
    assert any("case_0/disc 0, case_1/disc 0 are one file" in note for note in check_set(scene / "set").notes)


def test_check_says_that_a_reference_is_cut_short(scene):
    cases = make_case_set(scene / "other")
    (scene / "other/r.mp4").write_bytes((scene / "clip.mp4").read_bytes()[:-400])
    edited(cases, lambda content: content["cases"][0].update(reference="r.mp4"))
    assert "r.mp4" in check_set(cases.path).problems[0]
