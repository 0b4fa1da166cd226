"""Scores of single clips in words, and two of them side by side."""

from ffgo.evaluation.compared import ClipScores, compare_scores, describe_scores
from ffgo.evaluation.scores import failed, undefined, value

ONE = ClipScores(
    (
        value("colour", 0.5, 9, subject="robot"),
        value("colour_raw", 0.9, 9, subject="robot"),
        value("motion", 12.34, 9),
        value("mse", 0.02, 9),
        undefined("text", "no CLIP model was given"),
        failed("scene_identity", "no memory"),
    )
)
OTHER = ClipScores(
    (
        value("mse", 0.01, 9),
        value("colour", 0.25, 9, subject="robot"),
        value("motion", 10.0, 9),
        undefined("text", "none"),
        value("scene_identity", 0.7, 4),
    )
)


def test_every_score_is_a_line_and_what_is_missing_comes_last():
    assert describe_scores(ONE) == [
        "Colour of robot: 0.500",
        "Colour (raw) of robot: 0.900",
        "Motion: 12.3 %/s",
        "Reconstruction error: 0.0200",
        "Text: undefined (no CLIP model was given)",
        "Scene identity: failed (no memory)",
    ]


def test_two_clips_are_matched_by_metric_and_subject():
    lines, picture = compare_scores(ONE, OTHER)
    assert lines == [
        "Colour of robot: 0.500 and 0.250, difference -0.250",
        "Motion: 12.3 %/s and 10.0 %/s, difference -2.3",
        "Reconstruction error: 0.0200 and 0.0100, difference -0.0100",
        "Scene identity: failed and 0.700",
    ]
    assert picture.width == 720
    assert (picture.height - 24) % 26 == 0


def test_clips_that_share_nothing_have_an_empty_table():
    lines, picture = compare_scores(ClipScores(()), OTHER)
    assert lines == []
    assert picture.height > 0
