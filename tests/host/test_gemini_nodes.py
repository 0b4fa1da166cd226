"""The Gemini nodes in the real host, against a server on this machine."""

import base64
import json
import os
import threading
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lab.workshop.fake_gemini import Reply, answer, picture, text
from lab.workshop.patience import SILENCE_S

pytest.importorskip("google.genai")

KEY = "AIza-planted-key-in-the-host-42"
PHOTO = Image.fromarray(np.random.default_rng(3).integers(0, 256, (9, 16, 3), np.uint8)).resize((320, 180))


@pytest.fixture
def key_file(host):
    with host.gemini_key(KEY) as file:
        yield file


@pytest.fixture(autouse=True)
def script(gemini):
    gemini.script, gemini.asked = [], []
    gemini.default = lambda asked: picture()


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def graph(host, **nodes):
    return {"photo": node("LoadImage", image=host.input("gemini_photo.png", PHOTO)), **nodes}


def show(link):
    return node("PreviewAny", source=link)


def prepared(host, **inputs):
    """Photo -> elements and plate -> first frame."""
    return graph(
        host,
        elements=node("FFGOGeminiExtract", image=["photo", 0], elements="the robot\nthe hat", **inputs),
        plate=node("FFGOGeminiRemove", image=["photo", 0], elements="the robot", **inputs),
        canvas=node("FFGOComposeCanvas", background=["plate", 0], **{"subjects.subject0": ["elements", 0]}),
        saved=node("SaveImage", images=["canvas", 0], filename_prefix="gemini"),
        names=show(["elements", 1]),
        mapping=show(["plate", 2]),
    )


def without_robot(asked):
    """The plate: what came in, with a white patch where the robot was, on the model's own canvas."""
    if "remove" not in asked.prompt:
        return picture()
    (_, data) = asked.files[0]
    plate = Image.open(BytesIO(data)).convert("RGB")
    plate.paste("white", (100, 60, 160, 120))
    return picture(plate.resize((1344, 768), Image.Resampling.BICUBIC))


@pytest.mark.usefixtures("key_file")
def test_from_photo_to_first_frame(host, gemini):
    gemini.default = without_robot
    outputs = host.run(prepared(host))
    assert len(gemini.asked) == 3
    assert outputs["names"]["text"] == ["the robot\nthe hat"]
    mapping = json.loads(outputs["mapping"]["text"][0])
    assert mapping["same_scene"]
    assert 0.03 < mapping["replaced"] < 0.2
    assert any("about $0.0" in line for line in outputs["elements"]["text"])
    again = host.run(prepared(host, timeout=99))
    assert len(gemini.asked) == 3
    assert any("2 from the cache" in line for line in again["elements"]["text"])


def test_without_a_key_the_same_graph_runs(host, gemini):
    mask = Image.new("RGB", PHOTO.size)
    mask.paste("white", (100, 60, 160, 120))
    prompt = prepared(host, variant=1)
    prompt["mask"] = node("LoadImageMask", image=host.input("gemini_mask.png", mask), channel="red")
    prompt["elements"]["inputs"].update(elements="the robot", masks=["mask", 0])
    prompt["plate"]["inputs"].update(mask=["mask", 0])
    outputs = host.run(prompt)
    assert not gemini.asked
    assert any("There is no key to Gemini" in line for line in outputs["elements"]["text"])
    assert any("preview" in line for line in outputs["plate"]["text"])


def test_a_key_that_appears_is_used(host, gemini):
    prompt = {"p": node("FFGOGeminiEnhancePrompt", prompt="a robot"), "a": show(["p", 0])}
    assert host.run(prompt)["a"]["text"] == ["a robot"]
    gemini.default = lambda asked: text("<caption>A red robot.</caption>")
    with host.gemini_key(KEY):
        assert host.run(prompt)["a"]["text"] == ["A red robot."]


def test_without_key_and_mask_the_error_names_both(host):
    """The plate has a mask: the host may run it first, and would then stop at its error."""
    prompt = prepared(host, variant=2)
    mask = Image.new("RGB", PHOTO.size)
    mask.paste("white", (100, 60, 160, 120))
    prompt["mask"] = node("LoadImageMask", image=host.input("gemini_mask.png", mask), channel="red")
    prompt["plate"]["inputs"].update(mask=["mask", 0])
    with pytest.raises(Exception, match=r"(?s)There is no key to Gemini.*Connect masks"):
        host.run(prompt)


def test_a_key_that_others_may_read_is_refused(host, key_file):
    if os.name != "posix":
        pytest.skip("Windows keeps no such mode")
    key_file.chmod(0o644)
    with pytest.raises(Exception, match="chmod 600"):
        host.run(prepared(host, variant=3, mode="gemini"))


@pytest.mark.usefixtures("key_file")
def test_caption_and_prompt(host, gemini):
    gemini.default = lambda asked: text("<caption>A robot walks.</caption>")
    pictures = {"pictures.picture0": ["photo", 0]}
    outputs = host.run(
        graph(
            host,
            caption=node("FFGOGeminiCaption", frames=["photo", 0], **pictures),
            prompt=node("FFGOGeminiEnhancePrompt", prompt="robot", **pictures),
            phrase=node("FFGOTransitionPrompt", prompt=["prompt", 0]),
            a=show(["caption", 0]),
            b=show(["phrase", 0]),
        )
    )
    assert outputs["a"]["text"] == ["A robot walks."]
    assert outputs["b"]["text"][0].endswith("A robot walks.")
    assert len(gemini.asked) == 2


def test_caption_and_prompt_offline(host, gemini):
    caption = node("FFGOGeminiCaption", mode="offline", draft="By hand.")
    prompt = node("FFGOGeminiEnhancePrompt", mode="offline", prompt="robot")
    outputs = host.run({"c": caption, "p": prompt, "a": show(["c", 0]), "b": show(["p", 0])})
    assert (outputs["a"]["text"], outputs["b"]["text"]) == (["By hand."], ["robot"])
    assert not gemini.asked


@pytest.mark.usefixtures("key_file")
def test_a_refusal_stops_the_run_with_its_reason(host, gemini):
    gemini.default = lambda asked: answer(finish="IMAGE_SAFETY", finishMessage="It shows a weapon.")
    with pytest.raises(Exception, match=r"IMAGE_SAFETY.*It shows a weapon"):
        host.run(prepared(host, variant=4))


@pytest.mark.usefixtures("key_file")
def test_cancel(host, gemini):
    """While answers are out, which it does not wait for."""
    end = threading.Event()
    gemini.default = lambda asked: Reply(picture().body, hold=lambda: end.wait(SILENCE_S))
    host.cancel_when(prepared(host, variant=5), lambda: gemini.at_once)
    assert gemini.at_once > 0
    assert "Processing interrupted" in host.log()
    end.set()
    gemini.default = lambda asked: picture()
    host.run(prepared(host, variant=6))


def test_the_key_is_in_no_file(host, key_file):
    """After all of the above: outputs, cache, ledger, log, history."""
    whole = KEY.encode()
    secrets = [whole, base64.b64encode(whole).rstrip(b"="), base64.urlsafe_b64encode(whole)[:-4]]
    places = {str(path): path.read_bytes() for path in host.base.rglob("*") if path.is_file() and path != key_file}
    places["history"] = json.dumps(host.get("/history")).encode()
    assert any(path.endswith(".answer") for path in places)
    assert any("ledger" in path for path in places)
    for place, content in places.items():
        if "/models/" not in place and "/custom_nodes/" not in place:
            assert not [secret for secret in secrets if secret in content], place
