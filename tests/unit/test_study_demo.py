"""The study of `python dev.py study`: toy clips that differ in what their method does, and in nothing else."""

from ffgo.clip.video_io import probe_clip, read_frames
from ffgo.evaluation.cases import read_case_set
from ffgo.study.build import build
from ffgo.study.key import read_key
from ffgo.study.study_file import KEY_FILE, MEDIA, SERVED
from lab.workshop.study import WAYS, write_toy_runs


def test_the_toy_study_shows_each_method_without_the_composed_frame(tmp_path):
    runs = write_toy_runs(tmp_path, 1)
    assert len(read_case_set(tmp_path / "set").cases) == 1
    study = build(runs, tmp_path / "study").study
    assert (len(study.items), study.places) == (1, len(WAYS))
    key = read_key(tmp_path / "study" / KEY_FILE)
    for token, (method, _) in key.clips.items():
        clip = tmp_path / "study" / SERVED / MEDIA / f"{token}.mp4"
        assert probe_clip(clip).frames > 30
        frames = [frame.astype(int) for frame in read_frames(clip)]
        assert (frames[0][:8, :8] < 240).any(), "the white of the composed frame"
        moves = max(abs(frame - frames[0]).mean() for frame in frames)
        assert (moves < 2) == (method == "frozen") or method in ("as_asked", "other_colours")
