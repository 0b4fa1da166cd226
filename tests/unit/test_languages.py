"""English and Chinese say the same: the same nodes and inputs, the same values and numbers, links and tables."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from .reading import REPO, page

ENGLISH, CHINESE = (json.loads((REPO / f"locales/{name}/nodeDefs.json").read_text("utf-8")) for name in ("en", "zh"))
TRANSLATED = sorted((REPO / "web/docs").glob("*/zh.md"))
MAIN_PATH = {
    "FFGOLoadSubject", "FFGOComposeCanvas", "FFGOTransitionPrompt", "FFGOWanMoELoRALoader", "FFGOWanExpertSwitch",
    "FFGOTrimCompressionFrames",
}  # fmt: skip
HAN = re.compile(r"[\u4e00-\u9fff]")
CODE, NUMBER = re.compile(r"`[^`]+`"), re.compile(r"\d+(?:[.,]\d+)*")
THE_SAME_IN_BOTH = {"LoRA", "VAE", "SAM2"}


def texts(defs: dict[str, Any], way: str = "") -> Iterator[tuple[str, str]]:
    """Each text with where it stands."""
    for name, value in defs.items():
        if isinstance(value, dict):
            yield from texts(value, f"{way}/{name}")
        else:
            yield f"{way}/{name}", value


def test_both_locales_have_the_same_texts():
    assert [way for way, _ in texts(CHINESE)] == [way for way, _ in texts(ENGLISH)]


def test_every_text_is_chinese():
    assert not [way for way, text in texts(CHINESE) if not HAN.search(text) and text not in THE_SAME_IN_BOTH]


@pytest.mark.parametrize("node_id", ENGLISH)
def test_values_and_numbers_are_the_same(node_id):
    """What stands between backticks can be typed or chosen; a number that is changed in one language is wrong in it."""
    other = dict(texts(CHINESE[node_id]))
    for way, text in texts(ENGLISH[node_id]):
        if not way.endswith("/name"):
            assert set(CODE.findall(text)) == set(CODE.findall(other[way])), way
            assert sorted(NUMBER.findall(text)) == sorted(NUMBER.findall(other[way])), way


def test_the_main_path_has_help_in_chinese():
    assert {path.parent.name for path in TRANSLATED} >= MAIN_PATH


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: path.parent.name)
def test_a_help_page_says_the_same_in_both(path):
    chinese, english = page(path), page(path.parent.with_suffix(".md"))
    assert chinese.links == english.links
    assert [[len(row) for row in table] for table in chinese.tables] == [
        [len(row) for row in table] for table in english.tables
    ]
    assert len(chinese.anchors) == len(english.anchors)
    written, other = path.read_text("utf-8"), path.parent.with_suffix(".md").read_text("utf-8")
    assert written.startswith(f"# {CHINESE[path.parent.name]['display_name']}\n")
    said = [re.findall(r"\| (\*[^|]+\*) \|", text) for text in (written, other)]
    assert [row.replace("、", ", ") for row in said[0]] == said[1], "messages, as the node says them"
    for part in ("inputs", "outputs"):
        for name in ENGLISH[path.parent.name].get(part, {}):
            if not name.startswith(("subjects_", "canvases_", "0", "1", "2")):
                assert f"`{name}`" in written, name
    assert set(NUMBER.findall(written)) == set(NUMBER.findall(other))
