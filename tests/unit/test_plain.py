"""Plain values of users: what is taken, and what is said of the others."""

import os
from datetime import date
from math import inf, nan
from pathlib import Path

import pytest

from ffgo.errors import FFGOError
from ffgo.plain import Source, Value, is_number, parse_json, part, read_each
from ffgo.remote.workflow import UsageError

SOURCE = Source("recipe", "See docs/training.md.")


def value(plain: object, where: str = "rank") -> Value:
    return SOURCE.value(plain, where)


@pytest.mark.parametrize(
    ("read", "plain", "wanted"),
    [
        (lambda v: v.number(0, 2), 2, 2.0),
        (lambda v: v.number(-0.5, 2), -0.5, -0.5),
        (lambda v: v.whole(1, 4), 3.0, 3),
        (lambda v: v.whole(0, 2**64 - 1, exact=True), 2**64 - 1, 2**64 - 1),
        (lambda v: v.flag(), False, False),
        (lambda v: v.one_of(("high", "low")), "low", "low"),
        (lambda v: v.string(most=3), "abc", "abc"),
        (lambda v: v.string(), "", ""),
        (lambda v: [entry.where for entry in v.list("names")], ("a", "b"), ["rank[0]", "rank[1]"]),
    ],
)
def test_what_is_right_is_taken(read, plain, wanted):
    found = read(value(plain))
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("read", "plain", "said"),
    [
        (lambda v: v.number(0, 5000), "3", 'rank is "3"; it must be a number from 0 to 5,000'),
        (lambda v: v.number(0, 1), True, "rank is true; it must be a number from 0 to 1"),
        (lambda v: v.number(0, 1), nan, "rank is NaN; it must be a number from 0 to 1"),
        (lambda v: v.number(0, 1), inf, "rank is Infinity; it must be a number from 0 to 1"),
        (lambda v: v.number(0, 1), 1.5, "rank is 1.5; it must be from 0 to 1"),
        (lambda v: v.number(0, 1), 10**400, "rank is a number of more than 20 digits; it must be from 0 to 1"),
        (lambda v: v.whole(1, 4), 2.5, "rank is 2.5; it must be a whole number from 1 to 4"),
        (lambda v: v.whole(1, 4), inf, "rank is Infinity; it must be a whole number from 1 to 4"),
        (lambda v: v.whole(1, 4), 0, "rank is 0; it must be from 1 to 4"),
        (lambda v: v.whole(1, 4, exact=True), 3.0, "rank is 3.0; it must be a whole number from 1 to 4"),
        (lambda v: v.flag(), 1, "rank is 1; it must be true or false"),
        (lambda v: v.one_of(("high", "low")), "mid", 'rank is "mid"; it must be one of high, low'),
        (lambda v: v.one_of(("high", "low")), ["high"], "rank is a list; it must be one of high, low"),
        (lambda v: v.string(), None, "rank is null; it must be a string in quotes"),
        (lambda v: v.string(), date(2026, 1, 2), 'rank is "2026-01-02"; it must be a string in quotes'),
        (lambda v: v.string(least=1), "", "rank is empty; it must be a string in quotes"),
        (lambda v: v.string(most=1000), "x" * 1001, "rank is 1,001 characters long; 1,000 are the most"),
        (lambda v: v.flag(), "x" * 50, f'rank is "{"x" * 39}...; it must be true or false'),
        (lambda v: v.list("names"), "a", "rank is a string; it must be a list of names"),
        (lambda v: v.list("names", 1), [1, 2], "rank has 2 entries; 1 are the most"),
        (lambda v: v.object(["x"], {"y": 0}), [], "rank is a list; it must be an object with x, y"),
        (lambda v: v.object(["x", "y"]), {}, "rank lacks x, y; add what is missing"),
        (lambda v: v.object(["angle"]), {"angel": 1}, 'rank has an unknown key "angel"; perhaps angle is meant'),
        (lambda v: v.object(["x"]), {"\ud800": 1}, r'rank has an unknown key "\ud800"; there are x'),
    ],
)
def test_what_is_wrong_is_said_with_its_place(read, plain, said):
    with pytest.raises(FFGOError) as refused:
        read(value(plain))
    assert str(refused.value) == f"recipe: {said}. See docs/training.md."


def test_an_object_gives_every_key_a_place_and_a_default():
    keys = value({"x": 1, "more": 2}, "subjects[2]").object(["x"], {"z": 5}, others=True)
    assert {key: (found.value, found.where) for key, found in keys.items()} == {
        "x": (1, "subjects[2].x"),
        "z": (5, "subjects[2].z"),
        "more": (2, "subjects[2].more"),
    }
    assert value({"x": 1}, "").object(["x"])["x"].where == "x"


def test_the_whole_has_a_name_and_a_source_its_own_error():
    with pytest.raises(FFGOError, match=r"^The job lacks name; add what is missing\.$"):
        Source("job").value({}).object(["name"])
    with pytest.raises(UsageError, match=r"^a\.json is null; it must be an object with x\.$"):
        Source("a.json", whole="a.json", error=UsageError).value(None).object(["x"])


def short(text: str) -> str:
    """The name of a case with a text of any length."""
    return text[:30]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"The recipe is not JSON: line 1, column 1: Expecting value; mend or delete it\. See"),
        ('{"a":\n1,}', "is not JSON: line 2, column"),
        ("[" * 100_000, "is nested too deeply"),
        ("9" * 5000, "holds a number with thousands of digits"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', 'has "b" twice in one object'),
        (" " * 200_001, "is 200,001 characters long; 200,000 are the most"),
    ],
    ids=short,
)
def test_what_is_not_json(text, said):
    with pytest.raises(FFGOError, match=said):
        SOURCE.json(text, most=200_000, unique=True)


def test_json_as_it_is():
    assert SOURCE.json('{"a": [1, 2.5, null, true, "x"]}', unique=True).value == {"a": [1, 2.5, None, True, "x"]}
    assert parse_json('{"a": 1, "a": 2}') == {"a": 2}
    with pytest.raises(ValueError, match=r"^is not JSON: line 1, column 2"):
        parse_json("[")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb 2", "The recipe is not valid TOML: .*line 2.*; write one `name = value` a line, strings in quotes"),
        ("a = 1\na = 2", "not valid TOML"),
        ("a = " + "[" * 100_000, "is nested too deeply"),
        ("a = " + "9" * 5000, "not valid TOML"),
    ],
    ids=short,
)
def test_what_is_not_toml(text, said):
    with pytest.raises(FFGOError, match=said):
        SOURCE.toml(text)
    assert SOURCE.toml("a = 1").value == {"a": 1}


def test_a_file(tmp_path):
    path = tmp_path / "job.toml"
    with pytest.raises(FFGOError, match="The recipe cannot be read: No such file"):
        SOURCE.file(path)
    path.write_bytes(b"\xff")
    with pytest.raises(FFGOError, match=r"cannot be read: .*; save it as UTF-8"):
        SOURCE.file(path)
    path.write_bytes(b"\xef\xbb\xbfa = 1")  # editors on Windows begin so
    assert SOURCE.file(path) == "a = 1"


def test_what_is_a_number():
    assert all(map(is_number, (0, -1.5, 10**400)))
    assert not any(map(is_number, (True, nan, inf, -inf, "1", None)))


HOSTILE_JSON = {
    "deep": "[" * 100_000,
    "deep but whole": "[" * 101 + "]" * 101,
    "deep objects": '{"a":' * 101 + "1" + "}" * 101,
    "digits": "9" * 5000,
    "cut": '{"a": ',
    "none": "",
    "large": " " * 16_000_001,
    "NUL": "\0",
}


@pytest.mark.parametrize("text", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_hostile_json_is_refused_in_words(text):
    with pytest.raises(FFGOError, match=r"^The recipe .*; .*\. See docs/training\.md\.$"):
        SOURCE.json(text)


HOSTILE_TOML = {
    "deep lists": "a = " + "[" * 100_000,
    "deep tables": "a = " + "{a = " * 5000,
    "deep but whole": "a = " + "[" * 101 + "]" * 101,
    "a name of thousands of dots": ".".join("a" * 16_000) + " = 1",
    "a name of hundreds of dots": ".".join("a" * 500) + " = 1",
    "large": "#" * 1_000_001,
    "digits": f"a = {'9' * 5000}",
    "twice": "a = 1\na = 2",
    "NUL": "a = '\0'",
    "surrogate": 'a = "\\ud800"',
}


def test_a_name_of_thousands_of_dots_is_not_even_parsed():
    with pytest.raises(FFGOError, match="has more than 2000 dots"):
        SOURCE.toml(HOSTILE_TOML["a name of thousands of dots"])


@pytest.mark.parametrize("text", HOSTILE_TOML.values(), ids=HOSTILE_TOML)
def test_hostile_toml_is_refused_in_words(text):
    with pytest.raises(FFGOError, match=r"^The recipe .*; .*\. See docs/training\.md\.$"):
        SOURCE.toml(text)


@pytest.mark.parametrize(
    "read",
    [
        lambda: value("a\0b").string(),
        lambda: value("\ud800").string(),
        lambda: value("half \udcff").string(most=100),
        lambda: value(10**400).number(0, inf),
        lambda: value(-(10**400)).number(-inf, 5),
        lambda: value(10**400).whole(0, 5),
    ],
)
def test_what_later_code_cannot_bear_is_refused(read):
    with pytest.raises(FFGOError, match="recipe: rank "):
        read()


def test_each_value_is_read_and_all_that_is_wrong_is_told():
    found, wrong = read_each(value(["a", 1, "b", None], "names").list("names"), Value.string)
    assert found == ["a", "b"]
    assert [words.partition(";")[0] for words in wrong] == ["recipe: names[1] is 1", "recipe: names[3] is null"]


def test_files_are_read_up_to_a_limit_and_devices_not_at_all(tmp_path):
    (tmp_path / "a").write_text("x" * 11)
    assert SOURCE.file(tmp_path / "a", 11) == "x" * 11
    os.mkfifo(tmp_path / "pipe")
    for path, most, said in (
        (tmp_path / "a", 10, "larger than 10 bytes"),
        (tmp_path, 10, "Is a directory"),
        (tmp_path / "pipe", 10, "it is no file"),
        (Path("/dev/zero"), 10, "it is no file"),
        (tmp_path / "none", 10, "No such file"),
        (tmp_path / "a\0b", 10, "cannot be read"),
        (tmp_path / "\ud800", 10, "cannot be read"),
        (tmp_path / ("x" * 300), 10, "cannot be read"),
    ):
        with pytest.raises(FFGOError, match=f"The recipe cannot be read: .*{said}" if said[0] != "c" else said):
            SOURCE.file(path, most)


@pytest.mark.parametrize("path", [("a",), ("a", 0), ("a", "b"), (0,), ("a", 5, "b")])
@pytest.mark.parametrize("foreign", [None, [], {}, "a", 3, nan, True, {"a": None}, {"a": 7}, {"a": {"b": 7}}, [[]]])
def test_a_part_of_foreign_json_is_of_its_kind_or_empty(path, foreign):
    assert type(part(foreign, *path, of=dict)) is dict
    assert type(part(foreign, *path, of=list)) is list
    assert type(part(foreign, *path, of=str)) is str
