"""The judge, over google-genai, at a server on this machine: asked once a clip, paid once, and never guessed at."""

import json

import pytest

from ffgo.errors import FFGOError
from ffgo.evaluation.__main__ import main
from ffgo.evaluation.judge import QUESTIONS, read_rating
from lab.workshop.fake_gemini import fake_gemini, text

from .evaluation_scene import make_case_set, make_runs
from .test_evaluation_measuring import rows_of

pytest.importorskip("google.genai")
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # google-genai's own doing

RATING = json.dumps(dict.fromkeys(QUESTIONS, 3) | {"object_identity": 5})


@pytest.fixture
def server(monkeypatch, tmp_path):
    with fake_gemini() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        monkeypatch.setenv("GEMINI_API_KEY", "AIza-planted-key-0123456789")
        monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))  # none: what is paid is kept beside the clips
        server.default = lambda asked: text(RATING)
        yield server


@pytest.fixture
def runs(tmp_path):
    return make_runs(tmp_path / "runs", make_case_set(tmp_path / "set", 2), ("one",))


def judged(runs):
    return {
        (row["case"], row["metric"]): row for row in rows_of(runs / "metrics.csv") if row["metric"].startswith("judge_")
    }


def test_each_clip_is_asked_about_once_with_its_pictures(server, runs, capsys):
    assert main(["measure", str(runs), "--judge", "gemini-3.8-flash"]) == 0
    asked = server.asked[0]
    assert asked.path == "/v1beta/models/gemini-3.8-flash:generateContent"
    assert [mime for mime, _ in asked.files] == ["image/png", "image/png", "video/mp4"]
    assert "Disc 0 moves." in asked.prompt
    assert all(name in asked.prompt for name in QUESTIONS)
    found = judged(runs)
    assert {found[case, "judge_object_identity"]["value"] for case in ("case_0", "case_1")} == {"5"}
    assert len(found) == 2 * len(QUESTIONS)
    said = capsys.readouterr().out
    assert "Judge: object identity" in said
    assert "Gemini, all in all: 2 calls" in said
    (runs / "one/case_0/42/scores.json").unlink()
    assert main(["measure", str(runs), "--judge", "gemini-3.8-flash"]) == 0
    assert len(server.asked) == 2


def test_nobody_is_asked_who_was_not_named(server, runs):
    assert main(["measure", str(runs)]) == 0
    assert not server.asked
    assert {row["state"] for row in judged(runs).values()} == {"undefined"}


def test_an_answer_that_is_none_fails_in_its_own_words_and_is_asked_for_again(server, runs):
    server.script = [text("I cannot rate this."), text(RATING)]
    assert main(["measure", str(runs), "--judge", "gemini-3.8-flash"]) == 1
    states = {case: row["state"] for (case, metric), row in judged(runs).items() if metric == "judge_video_quality"}
    assert states == {"case_0": "failed", "case_1": "value"}
    assert "I cannot rate this." in judged(runs)["case_0", "judge_scene_identity"]["note"]
    assert {row["state"] for row in rows_of(runs / "metrics.csv") if row["metric"] == "motion"} == {"value"}


def test_without_a_key_nothing_is_measured_in_vain(server, runs, monkeypatch, capsys):
    monkeypatch.delenv("GEMINI_API_KEY")
    assert main(["measure", str(runs), "--judge", "gemini-3.8-flash"]) == 1
    assert "no key to Gemini" in capsys.readouterr().err
    assert not server.asked


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Good.", "no JSON object"),
        ('{"object_identity": 4}', "lacks scene_identity, video_quality"),
        (RATING.replace("5", "6"), "whole number from 1 to 5 as object_identity"),
        (RATING.replace("5", "4.5"), "whole number"),
        (RATING.replace("5", '"5"'), "whole number"),
        (RATING.replace("5", "true"), "whole number"),
        ("{'object_identity': 5}", "is not JSON"),
    ],
)
def test_what_is_no_rating_is_refused(said, why):
    with pytest.raises(FFGOError, match=why):
        read_rating(said)


def test_the_last_rating_counts_whatever_stands_around_it():
    thought = RATING.replace("5", "1")
    assert read_rating(f"First {thought}, but then:\n```json\n{RATING}\n```\nSo.")["object_identity"] == 5
