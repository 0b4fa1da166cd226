"""A first frame from a prompt, in the real host, against a server on this machine in Gemini's place."""

import json
import threading

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lab.workshop.fake_gemini import Reply, answer, picture, text
from lab.workshop.patience import SILENCE_S

pytest.importorskip("google.genai")

KEY = "AIza-planted-key-of-the-anchor"
PROMPT = "A green rose gradually transitions to a shade of blue"
DIVIDED = "<first_frame>A photograph of a green rose.</first_frame><motion>The rose turns blue.</motion>"


@pytest.fixture(autouse=True)
def script(gemini):
    gemini.script, gemini.asked = [], []
    gemini.default = painter


@pytest.fixture
def key(host):
    with host.gemini_key(KEY) as file:
        yield file


def painter(asked):
    """Both models: words for the first question, a disc on the model's own canvas for the second."""
    wanted = asked.body["generationConfig"].get("imageConfig")
    if wanted is None:
        return text(DIVIDED)
    size = {"16:9": (1344, 768), "9:16": (768, 1344), "1:1": (1024, 1024)}[wanted["aspectRatio"]]
    canvas, (x, y) = Image.new("RGB", size, "white"), (size[0] / 2, size[1] / 2)
    ImageDraw.Draw(canvas).ellipse((x - 300, y - 300, x + 299, y + 299), fill="black")
    return picture(canvas)


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def anchored(host, *, own=False, prompt=PROMPT, ratio="16:9", picture=None, **words):
    """Prompt -> caption and motion -> texts -> picture or the user's own -> the first frame."""
    photo = host.input("own_anchor.png", Image.new("RGB", (300, 300), "teal"))
    return {
        "words": node("FFGOGeminiFirstFrame", prompt=prompt, aspect_ratio=ratio, **words),
        "texts": node(
            "FFGOFactorizedPrompts", prompt=prompt, caption=["words", 0], motion=["words", 1], aspect_ratio=ratio
        ),
        "drawn": node(
            "FFGOGeminiPicture", prompt=["texts", 0], width=["texts", 3], height=["texts", 4], **(picture or {})
        ),
        "own": node("LoadImage", image=photo),
        "switch": node("ComfySwitchNode", switch=own, on_false=["drawn", 0], on_true=["own", 0]),
        "frame": node("FFGOAnchorFrame", image=["switch", 0], width=["texts", 3], height=["texts", 4]),
        "saved": node("SaveImage", images=["frame", 0], filename_prefix="anchor"),
        "video": node("PreviewAny", source=["texts", 1]),
    }


def saved(host, outputs):
    (file,) = outputs["saved"]["images"]
    return Image.open(host.base / "output" / file["filename"])


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(("ratio", "size"), [("16:9", (1280, 720)), ("9:16", (720, 1280)), ("1:1", (960, 960))])
def test_a_first_frame_takes_two_questions_and_then_none(host, gemini, ratio, size):
    outputs = host.run(anchored(host, ratio=ratio))
    frame = saved(host, outputs)
    assert frame.size == size
    dark = np.asarray(frame.convert("L")) < 128
    assert abs(int(dark.any(0).sum()) - int(dark.any(1).sum())) <= 1
    assert outputs["video"]["text"] == ["A photograph of a green rose. The rose turns blue."]
    assert outputs["words"]["text"][:2] == ["A photograph of a green rose.", "The rose turns blue."]
    assert len(gemini.asked) == 2
    again = host.run(anchored(host, ratio=ratio, timeout=99, picture={"timeout": 99}))
    assert len(gemini.asked) == 2
    assert "0 (0 tokens" in again["drawn"]["text"][1]


@pytest.mark.usefixtures("key")
def test_an_own_anchor_is_not_drawn(host, gemini):
    outputs = host.run(anchored(host, own=True, variant=1))
    assert len(gemini.asked) == 1
    assert "drawn" not in outputs
    assert saved(host, outputs).getpixel((5, 5)) == (0, 128, 128)
    assert any("44% of its height is cut off" in line for line in outputs["frame"]["text"])


def test_reasoning_skipped_and_an_own_anchor_ask_nothing(host, gemini):
    outputs = host.run(anchored(host, own=True, mode="offline"))
    assert gemini.asked == []
    assert outputs["video"]["text"] == [PROMPT]


def test_without_a_key_there_is_no_picture(host, gemini):
    with pytest.raises(Exception, match=r"(?s)There is no key to Gemini.*Own anchor\?"):
        host.run(anchored(host, variant=2))


@pytest.mark.usefixtures("key")
def test_a_refusal_is_in_the_models_words(host, gemini):
    def refuse(asked):
        return text(DIVIDED) if "first_frame" in asked.prompt else answer({"text": "I draw no roses today."})

    gemini.default = refuse
    with pytest.raises(Exception, match="I draw no roses today"):
        host.run(anchored(host, picture={"variant": 3}))


@pytest.mark.usefixtures("key")
def test_cancel_while_it_draws(host, gemini):
    """It does not wait for the picture."""
    end = threading.Event()

    def reply(asked):
        if "first_frame" in asked.prompt:
            return text(DIVIDED)
        return Reply(picture().body, hold=lambda: end.wait(SILENCE_S))

    gemini.default = reply
    host.cancel_when(
        anchored(host, picture={"variant": 4}),
        lambda: gemini.at_once and any("Draw one picture" in asked.prompt for asked in gemini.asked),
    )
    end.set()


def test_the_key_is_in_no_file(host, key):
    """After all of the above: outputs, cache, ledger, log, and the history."""
    host.run(anchored(host))
    places = {str(path): path.read_bytes() for path in host.base.rglob("*") if path.is_file() and path != key}
    places["history"] = json.dumps(host.get("/history")).encode()
    ours = {place: content for place, content in places.items() if "/models/" not in place}
    assert any(place.endswith(".answer") for place in ours)
    assert any("anchor_0" in place for place in ours)
    assert not [place for place, content in ours.items() if KEY.encode() in content]


def test_the_local_way_reads_the_raw_answer(host):
    """What Generate Text gives goes straight into Factorized Prompts; the instruction is what it is told."""
    raw = f"<think>A rose.</think>\nSure!\n```\n{DIVIDED}\n```"
    outputs = host.run(
        {
            "told": node("FFGOFirstFrameInstruction", prompt=PROMPT, style="watercolor", content="scene only"),
            "answer": node("PrimitiveStringMultiline", value=raw),
            "texts": node("FFGOFactorizedPrompts", prompt=PROMPT, caption=["answer", 0], strategy="motion only"),
            "a": node("PreviewAny", source=["told", 0]),
            "b": node("PreviewAny", source=["texts", 0]),
            "c": node("PreviewAny", source=["texts", 1]),
        }
    )
    assert "watercolor" in outputs["a"]["text"][0]
    assert outputs["b"]["text"][0].startswith("A photograph of a green rose. Natural light")
    assert outputs["c"]["text"] == ["The rose turns blue."]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [("", "caption of the first frame is empty.*answered nothing"), ("<think>hm", "thought and never answered")],
)
def test_a_local_model_that_answers_nothing(host, answer, complaint):
    with pytest.raises(Exception, match=f"(?s){complaint}"):
        host.run(
            {
                "answer": node("PrimitiveStringMultiline", value=answer),
                "texts": node("FFGOFactorizedPrompts", prompt=PROMPT, caption=["answer", 0]),
                "a": node("PreviewAny", source=["texts", 0]),
            }
        )


@pytest.mark.parametrize("kind", ["FFGOGeminiFirstFrame", "FFGOFirstFrameInstruction"])
def test_an_empty_prompt(host, kind):
    with pytest.raises(Exception, match=r"The prompt is empty\. Write what happens in the video"):
        host.run({"n": node(kind, prompt="  "), "a": node("PreviewAny", source=["n", 0])})
