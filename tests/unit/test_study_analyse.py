"""The analysis, from made answers, against figures by hand."""

import csv
import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from scipy import stats

from ffgo.errors import FFGOError
from ffgo.study.__main__ import main
from ffgo.study.analyse import ALL, KEPT, analyse
from ffgo.study.answering import StudyAnswer, save
from ffgo.study.database import open_database
from ffgo.study.key import StudyKey, read_key, write_key
from ffgo.study.orders import draw
from ffgo.study.study_file import ANSWERS_FILE, KEY_FILE, SERVED, write_study

from .study_browser import save_study
from .study_scene import arrive, do_set, make_study, open_set

METHODS = ("good", "fair", "poor", "=bad|<i>")


def with_key(study, folder):
    """A study's folder with its key; methods by the clips' order in an item."""
    save_study(study, folder)
    clips = {
        clip: (METHODS[number], f"case {item.prompt.split()[1]}")
        for item in study.items
        for number, clip in enumerate(item.clips)
    }
    used = tuple(sorted({method for method, _ in clips.values()}))
    write_key(StudyKey(study.id, used, clips), folder / KEY_FILE)
    return folder


def people_answer(study, folder, answer, raters):
    """Each rater does all sets. answer(rater, item, kind, method) gives a rank and a scale; gold clips have none."""
    key = read_key(folder / KEY_FILE)
    with closing(open_database(folder / SERVED / ANSWERS_FILE, study.id)) as database:
        database.execute("PRAGMA synchronous=OFF")
        for rater in range(raters):
            person = arrive(database, f"secret id {rater}")
            for step in range(study.sets):
                do_set(database, study, person, 100 * step, answers=answering(key, answer, rater))


def answering(key, answer, rater):
    def answers(study, clips):
        cases = [key.clips[clip][1] for clip in clips]
        own = max(set(cases), key=cases.count)
        methods = [key.clips[clip][0] if case == own else None for clip, case in zip(clips, cases, strict=True)]
        return answer(study, rater, own, methods)

    return answers


def ranks_and_scale(ranks_of, scale_of):
    """Answers from the rank and the scale of each method; a clip of another case is the last."""

    def answer(study, rater, case, methods):
        ranks = {method: ranks_of(rater, case).index(method) for method in methods if method}
        order = sorted(range(len(methods)), key=lambda place: ranks.get(methods[place], 9))
        found = [StudyAnswer(place + 1, "rank", rank) for rank, place in enumerate(order, 1)]
        for place, method in enumerate(methods, 1):
            value = scale_of(rater, case, method) if method else 1
            found += [StudyAnswer(place, question.id, value) for question in study.questions]
        return found

    return answer


def figures(found, participants=ALL):
    return {(one.method, one.measure): one for one in found.figures[participants]}


def test_table_1_is_the_one_by_hand(tmp_path):
    """Two raters, two cases, three methods; rater 1 turns good and fair round in case 1."""
    study = make_study(cases=2, methods=3, per_participant=2, gold=0, repeats=0)
    folder = with_key(study, tmp_path / "study")

    def ranks(rater, case):
        return ["fair", "good", "poor"] if (rater, case) == (1, "case 1") else ["good", "fair", "poor"]

    scale = {"good": 5, "fair": 3, "poor": 2}
    people_answer(study, folder, ranks_and_scale(ranks, lambda rater, case, m: scale[m] - (rater == 1)), 2)
    found = figures(analyse(folder))
    assert found["good", "% first"].estimate.mean == 0.75
    assert (found["good", "% first"].count, found["good", "% first"].estimate.n) == (3, 4)
    assert (found["fair", "% first"].count, found["poor", "% first"].count) == (1, 0)
    assert sum(found[m, "% first"].estimate.mean for m in METHODS[:3]) == pytest.approx(1)
    assert found["good", "average rank"].estimate.mean == 1.25  # 1, 1, 1, 2
    assert found["fair", "average rank"].estimate.mean == 1.75
    assert found["poor", "average rank"].estimate.mean == 3
    assert found["good", "Objects"].estimate.mean == 4.5  # 5, 5, 4, 4
    # Ranks without their mean: -.25, -.25 | -.25, .75 by rater, the same by case: sums -.5, .5; alone .75 in all.
    clustered = 2 * 0.5**2 / 16 * 2
    alone = (3 * 0.25**2 + 0.75**2) / 16 * 4 / 3
    half = stats.t.ppf(0.975, 1) * max(2 * clustered - alone, clustered) ** 0.5
    assert found["good", "average rank"].estimate.high == pytest.approx(1.25 + half)
    # Scales: by rater -1, 1; by case 0, 0; alone 1: the larger of the first two.
    assert found["good", "Objects"].estimate.low == pytest.approx(4.5 - stats.t.ppf(0.975, 1) * (2 / 16 * 2) ** 0.5)


def test_all_that_is_written_says_the_same(tmp_path, capsys):
    study = make_study(cases=8, methods=4)
    folder = with_key(study, tmp_path / "study")
    order = list(METHODS)
    people_answer(study, folder, ranks_and_scale(lambda *_: order, lambda r, c, m: 5 - order.index(m)), 4)
    assert main(["analyse", str(folder)]) == 0
    printed = capsys.readouterr().out
    text = (folder / "table1.md").read_text()
    assert printed.strip() == text.strip()
    assert "| good | 5.00 [5.00, 5.00] | 5.00 [5.00, 5.00] | 1.00 [1.00, 1.00] | 100.0 % (20 of 20)" in text
    assert "=bad\\|&lt;i&gt;" in text
    assert "20 sets, 4 raters, 8 cases." in text
    assert "| good | - | 100 % (20 of 20) |" in text
    assert "| Kendall's W within cases (mean of 8) | 1.00 |" in text
    assert "| Repeated sets with the same choice | 4 of 4 |" in text
    assert "| Krippendorff's alpha: Rank | 1.00 |" in text
    with (folder / "table1.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["participants"] for row in rows} == {ALL, KEPT}
    first = [row for row in rows if row["measure"] == "% first" and row["participants"] == ALL]
    assert sum(int(row["count"]) for row in first) == int(first[0]["n"]) == 20
    assert {row["method"] for row in first} == {"good", "fair", "poor", "'=bad|<i>"}
    page = (folder / "table1.html").read_text()
    assert "=bad|&lt;i&gt;" in page
    assert "<i>" not in page
    assert not re.search(r"(src|href)=", page)
    assert "secret id" not in page + text
    worths = re.findall(r"\| (\S+) \| (-?[\d.]+) \| [\d.]+ % \|", text)
    assert [method for method, _ in worths] == ["good", "fair", "poor", "=bad\\|&lt;i&gt;"]
    assert sorted((float(worth) for _, worth in worths), reverse=True) == [float(worth) for _, worth in worths]


def test_who_did_not_look_is_left_out_of_the_second_table_alone(tmp_path):
    study = make_study(cases=8, methods=3)
    folder = with_key(study, tmp_path / "study")
    careful = ranks_and_scale(lambda *_: METHODS[:3], lambda r, c, m: 5 - METHODS.index(m))

    def answer(study, rater, case, methods):
        if rater == 0:  # likes the clip of another case
            found = careful(study, rater, case, methods)
            turned = [replace(a, value=4 - (a.value or 0)) if a.question == "rank" else a for a in found]
            return turned if None in methods else found
        if rater == 1:  # says 3 to everything
            return [a if a.question == "rank" else replace(a, value=3) for a in careful(study, rater, case, methods)]
        return careful(study, rater, case, methods)

    people_answer(study, folder, answer, 4)
    found = analyse(folder)
    assert figures(found)["good", "Objects"].estimate.n == 20
    assert figures(found, KEPT)["good", "Objects"].estimate.n == 10
    assert figures(found, KEPT)["good", "Objects"].estimate.mean == 5
    people = {row[0]: row[1] for row in found.tables[-1].rows}
    assert people["excluded in the second table"] == "2"
    assert people["participant 1"] == "preferred a clip of another case"
    assert people["participant 2"] == "gave one answer to everything"


def test_a_place_that_is_preferred_is_seen(tmp_path):
    study = make_study(cases=20, methods=4, gold=0)
    for name, likes_first in (("biased", True), ("fair", False)):
        folder = with_key(study, tmp_path / name)

        def answer(study, rater, case, methods, likes_first=likes_first):
            value = draw("s", rater, case)
            first = 0 if likes_first and value < 0.7 else int(draw("t", rater, case) * 4)
            order = [first, *(place for place in range(4) if place != first)]
            ranks = [StudyAnswer(place + 1, "rank", rank) for rank, place in enumerate(order, 1)]
            return ranks + [StudyAnswer(place, q.id, 3) for place in range(1, 5) for q in study.questions]

        people_answer(study, folder, answer, 12)
        table = next(one for one in analyse(folder).tables if "stood" in one.title)
        p = float(re.findall(r"p = (\d\.\d+)", table.note)[0])
        times = [int(row[1]) for row in table.rows]
        assert p == pytest.approx(stats.chisquare(times).pvalue, abs=6e-4)
        assert (p < 0.01) == likes_first


def test_unfinished_sets_and_checks_count_for_nothing(tmp_path):
    study = make_study(cases=8, methods=3)
    folder = with_key(study, tmp_path / "study")
    with closing(open_database(folder / SERVED / ANSWERS_FILE, study.id)) as database:
        person = arrive(database, "a")
        do_set(database, study, person)
        save(database, study, open_set(database, study, person, 1), [StudyAnswer(1, "rank", 1)], 1)
        with pytest.raises(FFGOError, match="not of one study"):
            analyse(folder, key_path=other_key(tmp_path, study))
        found = analyse(folder, out=tmp_path / "out")  # while the database is open
        assert figures(found)["good", "average rank"].estimate.n == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"table1.csv", "table1.md", "table1.html"}
    assert not list(folder.glob("table1.*"))


def other_key(tmp_path, study):
    path = tmp_path / "other.json"
    write_key(StudyKey("another", ("a", "b"), {}), path)
    return path


def test_questions_that_were_changed_later_are_said(tmp_path):
    study = make_study(cases=8, methods=3)
    folder = with_key(study, tmp_path / "study")
    with closing(open_database(folder / SERVED / ANSWERS_FILE, study.id)) as database:
        do_set(database, study, arrive(database, "a"))
    more = (*study.questions, replace(study.questions[0], id="later"))
    write_study(replace(study, questions=more), folder / SERVED)
    with pytest.raises(FFGOError, match="no answer to later"):
        analyse(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE assignment SET order_json = '{'", "is not JSON"),
        ("UPDATE assignment SET order_json = '[]'", "is a list"),
        ("UPDATE assignment SET order_json = CAST(x'7bff' AS TEXT)", "no answers that can be read"),
        ("UPDATE answer SET value = 9 WHERE question = 'scene'", "answers to scene cannot be"),
        ("DELETE FROM answer WHERE slot = 1", "answers to rank cannot be"),
        ("DELETE FROM answer WHERE question = 'object'", "no answer to object"),
        ("UPDATE assignment SET item = 'gone'", "has no item gone"),
        ("DROP TABLE answer", "no such table"),
    ],
)
def test_answers_that_were_spoiled_are_told(tmp_path, change, words):
    study = make_study(cases=4, methods=3, per_participant=2)
    folder = with_key(study, tmp_path / "study")
    people_answer(study, folder, ranks_and_scale(lambda *_: METHODS[:3], lambda *_: 3), 2)
    with closing(sqlite3.connect(folder / SERVED / ANSWERS_FILE)) as database:
        database.execute(change)
        database.commit()
    with pytest.raises(FFGOError, match=words):
        analyse(folder)


def test_a_table_that_is_open_elsewhere_is_told(tmp_path):
    study = make_study(cases=4, methods=3, per_participant=2)
    folder = with_key(study, tmp_path / "study")
    people_answer(study, folder, ranks_and_scale(lambda *_: METHODS[:3], lambda *_: 3), 2)
    (folder / "table1.csv").mkdir()  # as on Windows, the system refuses to replace it
    with pytest.raises(FFGOError, match=r"cannot be written to \(Is a directory\). Choose another --out"):
        analyse(folder)
    assert analyse(folder, tmp_path / "elsewhere").files


def test_a_key_that_was_spoiled_is_told(tmp_path):
    folder = with_key(make_study(cases=4, methods=3, per_participant=2), tmp_path / "study")
    key = folder / KEY_FILE
    key.write_text(key.read_text().replace('"method": "good"', '"method": "else"', 1))
    with pytest.raises(FFGOError, match="are of other methods than it lists"):
        read_key(key)


def test_an_analysis_of_nothing_says_so(tmp_path, capsys):
    study = make_study(cases=8, methods=3)
    folder = with_key(study, tmp_path / "study")
    assert main(["analyse", str(folder)]) == 1
    assert "nobody has answered yet" in capsys.readouterr().err
    open_database(folder / SERVED / ANSWERS_FILE, study.id).close()
    assert main(["analyse", str(folder)]) == 1
    assert "no set is finished yet" in capsys.readouterr().err
    assert main(["backup", str(folder), str(tmp_path / "copy.sqlite")]) == 0
    assert (tmp_path / "copy.sqlite").exists()


def test_pairs_have_their_own_table(tmp_path):
    """Good beats poor in 3 of 4, one is a draw: 3.5 of 4."""
    base = make_study(cases=4, methods=2, per_participant=2, gold=0, repeats=1)
    study = replace(base, kind="pairwise")
    folder = with_key(study, tmp_path / "study")

    def answer(study, rater, case, methods):
        draws = rater == 0 and case == least
        better = methods.index("good") + 1
        return [StudyAnswer(0, question.id, 0 if draws else better) for question in study.questions]

    least = "case 0"
    people_answer(study, folder, answer, 2)
    found = analyse(folder)
    mine = figures(found)
    share = mine["good", "Objects"]
    assert share.estimate.n == 4
    assert share.count in (3.5, 4)  # rater 0 may not have seen case 0
    assert mine["fair", "Objects"].count == 4 - share.count
    text = (folder / "table1.md").read_text()
    assert "How often each method was preferred" in text
    assert "Repeated sets with the same choice | 2 of 2" in text
    assert "Kendall" not in text
