"""A prompt in two: what a language model is told, how its answer is read, and what the models get."""

import json
import re
from contextlib import suppress
from pathlib import Path

import pytest

from ffgo.anchor.instruction import CONTENTS, FIRST_FRAME, instruction, own_prompt, picture_instruction
from ffgo.anchor.prompts import STRATEGIES, factorized_texts
from ffgo.anchor.scene import read_scene, told_changes
from ffgo.anchor.styles import COMMA, NEGATIVE, RATIOS, STYLES, negative_prompt, size_of
from ffgo.errors import FFGOError
from ffgo.words.phrase import TRANSITION_PHRASE

REPO = Path(__file__).parents[2]
STATES = json.loads((REPO / "tests/data/state_changes.json").read_text())
"""Prompts with a state at their start, and answers in every form that models give them."""
TIME = ("then", "gradually", "begins", "camera pans", "turning into")


def texts(prompt="A cat jumps.", caption="A cat on a shelf", motion="The cat jumps down.", **options):
    options = {"style": "photorealistic", "enhance": True, "strategy": "combined"} | options
    return factorized_texts(prompt, caption, motion, **options)


# ---------------------------------------------------------------- state changes


@pytest.mark.parametrize("state", STATES, ids=lambda state: state["prompt"][:30])
def test_the_first_frame_shows_the_start_alone(state):
    scene = read_scene(state["answer"])
    assert not scene.warnings
    assert not told_changes(scene.caption)
    for word in (*TIME, *state["later"]):
        assert not re.search(rf"\b{word}", scene.caption, re.IGNORECASE), word
    assert [noun for noun in state["nouns"] if noun not in scene.caption.lower()] == []
    assert not re.search(r"[<>*`#{}\[\]]|\bthink", scene.caption + scene.motion)
    assert len(scene.motion.split()) >= 15


@pytest.mark.parametrize("state", STATES, ids=lambda state: state["prompt"][:30])
def test_the_strategies_differ_and_keep_what_happens(state):
    """The raw answer, as a local model gives it, and the caption and motion of Gemini's node lead to the same."""
    scene = read_scene(state["answer"])
    made = [texts(state["prompt"], state["answer"], "", strategy=strategy) for strategy in STRATEGIES]
    assert made == [texts(state["prompt"], scene.caption, scene.motion, strategy=s) for s in STRATEGIES]
    combined, original, motion = (one.video for one in made)
    assert len({combined, original, motion}) == 3
    assert combined == f"{scene.caption} {scene.motion}"
    assert (original, motion) == (state["prompt"], scene.motion)
    assert {one.anchor for one in made} == {f"{scene.caption} {STYLES['photorealistic'].quality}"}


def test_twelve_prompts_are_looked_at():
    assert len({state["prompt"] for state in STATES}) == 12


@pytest.mark.parametrize(
    "caption",
    [
        "A rose that gradually opens.",
        "A droplet, then an icicle.",
        "The camera pans over a lake.",
        "Ice turning into water.",
    ],
)
def test_a_caption_that_tells_a_change_is_warned_of(caption):
    (warning,) = texts(caption=caption).warnings
    assert "tells a change" in warning


# ---------------------------------------------------------------- what the language model is told


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("style", STYLES)
def test_the_instruction_has_all_that_was_chosen(style, content, ratio):
    told = instruction("  A cat with a {style} jumps.\n", style, content, ratio)
    assert told.endswith("The prompt:\nA cat with a {style} jumps.")
    assert f"first clause: {style}." in told
    assert CONTENTS[content] in told
    assert f"({ratio})" in told
    assert "<first_frame>" in told
    assert "{" not in told.removesuffix("A cat with a {style} jumps.")


def test_an_own_template():
    assert instruction("A cat.", "anime", "whole scene", "1:1", "{style}: {prompt} {x}") == "anime: A cat. {x}"
    with pytest.raises(FFGOError, match=r"template has no \{prompt\}"):
        instruction("A cat.", "anime", "whole scene", "1:1", "Draw a cat")


@pytest.mark.parametrize("prompt", ["", " \n", TRANSITION_PHRASE, f"  {TRANSITION_PHRASE.upper()} "])
def test_an_empty_prompt(prompt):
    for use in (
        lambda: instruction(prompt, "anime", "whole scene", "1:1"),
        lambda: texts(prompt),
        lambda: own_prompt(prompt),
    ):
        with pytest.raises(FFGOError, match=r"The prompt is empty\. Write what happens in the video"):
            use()


def test_the_phrase_of_the_loras_goes():
    assert own_prompt(f"{TRANSITION_PHRASE} A cat.") == "A cat."
    assert TRANSITION_PHRASE not in instruction(f"{TRANSITION_PHRASE} A cat.", "anime", "whole scene", "1:1")
    assert texts(f"{TRANSITION_PHRASE} A cat.", strategy="original").video == "A cat."


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"style": "x"}, "no style 'x'.*photorealistic"),
        ({"content": "x"}, "no content 'x'"),
        ({"ratio": "4:3"}, "no ratio '4:3'"),
    ],
)
def test_what_is_no_choice(change, complaint):
    with pytest.raises(FFGOError, match=complaint):
        instruction(**{"prompt": "a", "style": "anime", "content": "whole scene", "ratio": "1:1"} | change)


def test_what_the_picture_model_is_told():
    alone = picture_instruction("A cat.", "9:16", has_references=False)
    assert "A cat." in alone
    assert "tall (9:16)" in alone
    assert "pictures that come with this" not in alone
    assert "pictures that come with this" in picture_instruction("A cat.", "4:5", has_references=True)
    with pytest.raises(FFGOError, match="prompt of the picture is empty"):
        picture_instruction("", "1:1", has_references=False)


# ---------------------------------------------------------------- answers


PLAIN = "<first_frame>A cat sits.</first_frame><motion>It jumps.</motion>"
READ = {
    "plain": PLAIN,
    "capitals and spaces": "< FIRST FRAME >A cat sits.</ First Frame>\n<MOTION>It jumps.</MOTION>",
    "first-frame": "<first-frame>A cat sits.</first-frame><motion>It jumps.</motion>",
    "escaped Markdown": r"<first\_frame>A cat sits.</first\_frame><motion>It jumps.</motion>",
    "unclosed": "<first_frame>A cat sits.<motion>It jumps.",
    "thoughts": f"<think>A cat... <first_frame>no</first_frame></think>{PLAIN}",
    "end of thoughts": "so it is\n</think>\n<first_frame>A cat sits.</first_frame><motion>It jumps.</motion>",
    "talk around": "Here you are:\n<first_frame>A cat sits.</first_frame>\n<motion>It jumps.</motion>\nShall I go on?",
    "fence": "```\n<first_frame>\nA cat\nsits.\n</first_frame>\n<motion>\nIt jumps.\n</motion>\n```",
    "bold, bullets, quotes": '<first_frame>\n- **A *cat* sits.**\n</first_frame>\n<motion>"It jumps."</motion>',
    "named before": f"I write <first_frame> and </first_frame>. {PLAIN}",
    "a draft before": f"<first_frame>A dog.</first_frame>{PLAIN}",
    "checked behind": f"{PLAIN}<think>Good.</think>",
    "headings": "### First Frame\n\nA cat sits.\n\n### Motion\n\nIt jumps.",
    "labels": "**First frame:** A cat sits.\n**Motion:** It jumps.",
    "numbered": "1. First frame caption: A cat sits.\n2. Motion: It jumps.",
    "JSON": 'Sure:\n```json\n{"First Frame": "A cat sits.", "motion": "It jumps."}\n```',
}


@pytest.mark.parametrize("answer", READ.values(), ids=READ)
def test_an_answer_is_read(answer):
    scene = read_scene(answer)
    assert (scene.caption, scene.motion, scene.warnings) == ("A cat sits.", "It jumps.", [])


@pytest.mark.parametrize(
    ("answer", "caption", "motion", "said"),
    [
        ("A cat sits on a shelf.", "A cat sits on a shelf.", "", "no <first_frame> in it, so all of it is the caption"),
        ("**A cat** sits.", "A cat sits.", "", "no <first_frame>"),
        ("<first_frame>A cat sits.</first_frame>", "A cat sits.", "", "says nothing of the motion"),
        ("<first_frame>A cat sits on a sh", "A cat sits on a sh", "", "ends inside the caption.*max_length"),
        ("<motion>It jumps.</motion>", "It jumps.", "", "no <first_frame>"),
    ],
)
def test_what_is_missing_is_said(answer, caption, motion, said):
    scene = read_scene(answer)
    assert (scene.caption, scene.motion) == (caption, motion)
    (warning,) = scene.warnings
    assert re.search(said, warning)
    assert texts("A cat jumps.", answer, "").video.endswith("A cat jumps.")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("", "answered nothing.*max_length"),
        (" \n ", "answered nothing"),
        ("<think>The user wants a cat, so", "thought and never answered.*switch thinking off"),
        ("<think>A cat.</think>\n", "thought and never answered"),
        ("<first_frame></first_frame><motion>It jumps.</motion>", "no caption in its <first_frame>"),
        ("<first_frame> ** ** </first_frame><motion>It jumps.</motion>", "no caption in its <first_frame>"),
        ("```\n```", "without a word"),
    ],
)
def test_an_answer_without_a_caption(answer, complaint):
    with pytest.raises(FFGOError, match=f"(?s){complaint}"):
        read_scene(answer)


def test_html_in_a_caption_is_read_once():
    assert read_scene("<first_frame>A &amp; B wait.</first_frame><motion>They go.</motion>").caption == "A & B wait."


@pytest.mark.parametrize(
    "piece", ["<first_frame>", "<think>", "</think>", "**", "**a", "* ", "_a_", "[", "motion:", "{", "\n"]
)
def test_a_long_answer_is_read_in_one_pass(piece):
    """Patterns that go back and forth would take hours."""
    for text in (piece * 20_000, f"<first_frame>a {piece * 20_000}</first_frame>"):
        with suppress(FFGOError):
            told_changes(read_scene(text).caption)


# ---------------------------------------------------------------- what the models get


@pytest.mark.parametrize("name", STYLES)
def test_each_style_has_its_own_words(name):
    style = STYLES[name]
    made = texts(style=name)
    assert made.anchor == f"{style.begins} A cat on a shelf. {style.quality}"
    assert texts(style=name, enhance=False).anchor == f"{style.begins} A cat on a shelf."
    named = texts(style=name, caption=f"{style.begins.rstrip('.')} of a cat.").anchor
    assert named.startswith(f"{style.begins.rstrip('.')} of a cat. ")
    assert not told_changes(made.anchor)
    assert re.search(style.said, style.begins, re.IGNORECASE)


def test_words_of_photography_stay_with_footage():
    """A watercolour with sharp focus and film grain is neither."""
    for name, style in STYLES.items():
        spoken = re.search(r"lens|focus|exposure|film|depth of field|photo", style.quality, re.IGNORECASE)
        assert bool(spoken) == (name in ("photorealistic", "cinematic")), name
    assert len({style.quality for style in STYLES.values()}) == len(STYLES) == 7


def test_the_negative_prompt_does_not_work_against_the_style():
    workflow = json.loads((REPO / "workflows/api/FFGo image to video.json").read_text())
    official = next(n["inputs"]["text"] for n in workflow.values() if n["_meta"]["title"] == "Negative prompt")
    assert negative_prompt("photorealistic") == negative_prompt("cinematic") == official
    painted = negative_prompt("oil-painting")
    assert {*NEGATIVE} - {*painted.split(COMMA)} == {"色调艳丽", "风格", "作品", "画作", "画面"}


def test_skipping_the_reasoning_says_the_prompt_once():
    made = texts("A cat jumps.", "A cat jumps.", "A cat jumps.")
    assert made.video == "A cat jumps."
    assert made.anchor.startswith("A photograph. A cat jumps. ")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"caption": " "}, "caption of the first frame is empty.*it answered nothing"),
        ({"caption": "A cat.", "motion": "", "strategy": "motion only"}, "`motion only` needs a motion"),
        ({"strategy": "x"}, "no strategy 'x'.*combined"),
    ],
)
def test_what_does_not_go_together(options, complaint):
    with pytest.raises(FFGOError, match=complaint):
        texts(**options)


@pytest.mark.parametrize("long_side", [1280, 832, 512, 256, 64])
def test_sizes_are_whole_tokens_of_one_area(long_side):
    sizes = [size_of(ratio, long_side) for ratio in RATIOS]
    assert sizes[0] == sizes[1][::-1]
    assert all(side % 16 == 0 for size in sizes for side in size)
    assert sizes[2][0] == sizes[2][1]


def test_the_official_sizes():
    assert [size_of(ratio) for ratio in RATIOS] == [(1280, 720), (720, 1280), (960, 960)]


def test_the_template_is_short_enough_for_small_models():
    assert len(FIRST_FRAME.split()) < 450
