"""The options of the headless command for factorized workflows."""

import copy

import pytest

from ffgo.remote.__main__ import main
from ffgo.remote.factorized import factorized_settings
from ffgo.remote.fill import fill
from ffgo.remote.workflow import UsageError


def node(class_type, title, **inputs):
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title}}


FACTORIZED = {
    "1": node("PrimitiveStringMultiline", "Prompt", value="old"),
    "2:1": node("FFGOGeminiFirstFrame", "First frame caption", prompt=["1", 0], style="anime", mode="auto"),
    "2:2": node(
        "FFGOFactorizedPrompts", "Factorized prompts",
        prompt=["1", 0], caption=["2:1", 0], style="anime", strategy="combined", long_side=1280,
    ),
    "3": node("LoadImage", "Own anchor", image="demo.png"),
    "4": node("PrimitiveBoolean", "Own anchor?", value=False),
    "5": node("FFGOGeminiPicture", "Anchor picture", prompt=["2:2", 0]),
    "6": node("ComfySwitchNode", "Anchor", switch=["4", 0], on_false=["5", 0], on_true=["3", 0]),
    "7": node("PrimitiveInt", "Length", value=81),
}  # fmt: skip
LOCAL = FACTORIZED | {
    "2:1": node("TextGenerate", "First frame caption", prompt=["2:3", 0]),
    "2:3": node("FFGOFirstFrameInstruction", "Instruction", prompt=["1", 0], style="anime"),
    "8": node("PrimitiveBoolean", "Skip reasoning?", value=False),
}
PLAIN = {"1": node("LoadImage", "First frame", image="a.png"), "2": node("WanImageToVideo", "First frame", width=64)}


def filled(workflow, first_frame=None, **choices):
    return fill(workflow, first_frame=first_frame, settings=factorized_settings(workflow, **choices))


def test_the_prompt_is_a_primitive():
    assert fill(FACTORIZED, prompt="new")["1"]["inputs"]["value"] == "new"
    untitled = copy.deepcopy(FACTORIZED)
    untitled["1"]["_meta"]["title"] = "Words"
    with pytest.raises(UsageError, match=r'"Words" \(#1, PrimitiveStringMultiline\)\.$'):
        fill(untitled, prompt="new")  # numbers and switches are no candidates


@pytest.mark.parametrize("workflow", [FACTORIZED, LOCAL], ids=["gemini", "local"])
def test_a_first_frame_is_loaded_and_used(workflow):
    made = filled(workflow, first_frame="ffgo/mine.png")
    assert made["3"]["inputs"]["image"] == "ffgo/mine.png"
    assert made["4"]["inputs"]["value"] is True
    assert filled(workflow) == workflow


def test_a_first_frame_in_a_workflow_that_draws_none():
    assert filled(PLAIN, first_frame="b.png")["1"]["inputs"]["image"] == "b.png"
    with pytest.raises(UsageError, match='--first-frame goes into the node titled "First frame"'):
        filled({"1": node("EmptyImage", "Picture")}, first_frame="b.png")


def test_a_style_is_one_for_all():
    for workflow, nodes in ((FACTORIZED, ["2:1", "2:2"]), (LOCAL, ["2:2", "2:3"])):
        made = filled(workflow, style="watercolor", strategy="motion only")
        assert sorted(i for i, n in made.items() if n["inputs"].get("style") == "watercolor") == nodes
        assert made["2:2"]["inputs"]["strategy"] == "motion only"


def test_skips():
    assert filled(FACTORIZED, skip_reasoning=True)["2:1"]["inputs"]["mode"] == "offline"
    assert filled(LOCAL, skip_reasoning=True)["8"]["inputs"]["value"] is True
    assert filled(LOCAL, skip_anchor=True)["4"]["inputs"]["value"] is True


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ({"style": "anime"}, "--style needs a node of the class FFGOGeminiFirstFrame or"),
        ({"strategy": "original"}, "--strategy needs a node of the class FFGOFactorizedPrompts, and"),
        ({"skip_reasoning": True}, "--skip-reasoning needs a node of the class FFGOGeminiFirstFrame"),
        ({"skip_anchor": True}, r'--skip-anchor switches the node titled "Own anchor\?" on'),
    ],
)
def test_a_workflow_that_is_not_factorized(choice, complaint):
    with pytest.raises(UsageError, match=complaint):
        filled(PLAIN, **choice)


def test_the_command_says_so_before_it_asks_a_server(tmp_path, capsys):
    (tmp_path / "w.json").write_text('{"1": {"class_type": "EmptyImage", "inputs": {}}}')
    assert main(["run", "--workflow", str(tmp_path / "w.json"), "--out", str(tmp_path), "--skip-anchor"]) == 2
    assert "Own anchor?" in capsys.readouterr().err
