"""The first frame from Gemini, over google-genai, at a server on this machine: its words, and its picture."""

import json
import threading

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from ffgo.anchor.first_frame import first_frame, first_frame_offline
from ffgo.anchor.fit import fitted, fitted_image
from ffgo.anchor.picture import draw, draw_offline
from ffgo.anchor.styles import RATIOS, size_of
from ffgo.errors import FFGOError
from ffgo.gemini.answer import AnswerError
from ffgo.gemini.ask import Desk
from ffgo.gemini.asking import Asking
from ffgo.gemini.cache import AnswerCache
from ffgo.gemini.client import Patience
from ffgo.gemini.key import Access
from ffgo.gemini.ledger import Ledger
from ffgo.gemini.request import CancelledError
from ffgo.words.phrase import TRANSITION_PHRASE
from lab.workshop.fake_gemini import Reply, answer, fake_gemini, picture, text
from lab.workshop.patience import SILENCE_S

pytest.importorskip("google.genai")
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # google-genai's own doing

KEY = "AIza-planted-key-0123456789"
WRITER, PAINTER = Asking("gemini-3.8-flash"), Asking("gemini-nano-banana-2.1")
PROMPT = "A green rose gradually transitions to a shade of blue"
DIVIDED = "<first_frame>A photograph of a green rose.</first_frame><motion>The rose turns blue.</motion>"
NATIVE = {"16:9": (1344, 768), "9:16": (768, 1344), "1:1": (1024, 1024)}
"""What an image model makes of these ratios at 1K."""


@pytest.fixture
def server(monkeypatch):
    with fake_gemini() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture
def desk(tmp_path):
    cache, ledger = AnswerCache(tmp_path / "cache"), Ledger(tmp_path / "ledger.jsonl")
    return Desk(cache, ledger, lambda: Access(KEY), Patience(timeout_s=600, first_delay_s=0.02))


def divided(desk, prompt=PROMPT, pictures=(), asking=WRITER, **options):
    chosen = {"style": "photorealistic", "content": "whole scene", "ratio": "16:9"} | options
    return first_frame(prompt, pictures, asking, desk, **chosen)


def drawn(desk, prompt="A rose.", pictures=(), asking=PAINTER, **options):
    return draw(prompt, pictures, asking, desk, **{"width": 1280, "height": 720, "fit": "crop"} | options)


def lines(desk):
    return [json.loads(line) for line in desk.ledger.path.read_text().splitlines()]


def disc(size, radius):
    """A black disc in the middle of a white picture."""
    canvas = Image.new("RGB", size, "white")
    x, y = size[0] / 2, size[1] / 2
    ImageDraw.Draw(canvas).ellipse((x - radius, y - radius, x + radius - 1, y + radius - 1), fill="black")
    return canvas


def extent(image):
    """Width and height of what is dark."""
    dark = (image[0] < 0.5).all(-1)
    return int(dark.any(0).sum()), int(dark.any(1).sum())


# ---------------------------------------------------------------- words


def test_caption_and_motion_are_one_question(server, desk):
    server.default = lambda asked: text(DIVIDED)
    result = divided(desk)
    assert (result.caption, result.motion) == ("A photograph of a green rose.", "The rose turns blue.")
    assert result.warnings == []
    (asked,) = server.asked
    assert asked.path == f"/v1beta/models/{WRITER.model}:generateContent"
    assert len(asked.parts) == 1  # no picture goes with it
    assert asked.prompt.endswith(f"The prompt:\n{PROMPT}")
    assert divided(desk, f"{TRANSITION_PHRASE} {PROMPT}").caption == result.caption
    assert len(server.asked) == 1
    (line,) = lines(desk)
    assert (line["task"], line["result"]) == ("first frame", "ok")


def test_pictures_go_along(server, desk):
    server.default = lambda asked: text(DIVIDED)
    divided(desk, pictures=[torch.rand(1, 8, 12, 4), torch.rand(1, 8, 12, 3)])
    assert [mime for mime, _ in server.asked[0].files] == ["image/png"] * 2


@pytest.mark.parametrize("change", [{"style": "anime"}, {"content": "scene only"}, {"ratio": "1:1"}, {"prompt": "B"}])
def test_another_choice_is_another_question(server, desk, change):
    server.default = lambda asked: text(DIVIDED)
    divided(desk)
    divided(desk, **change)
    assert len(server.asked) == 2


def test_a_motion_that_is_missing_is_the_prompt(server, desk):
    server.default = lambda asked: text("<first_frame>A green rose.</first_frame>")
    result = divided(desk)
    assert result.motion == PROMPT
    assert "says nothing of the motion" in result.warnings[0]


def test_a_caption_that_tells_the_change_is_warned_of(server, desk):
    server.default = lambda asked: text("<first_frame>A rose, gradually turning blue.</first_frame><motion>a</motion>")
    assert "tells a change (gradually)" in divided(desk).warnings[0]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (text("  "), "sent no text"),
        (text("<first_frame></first_frame>"), "no caption in its <first_frame>"),
        (answer({"text": "I must not."}, finish="PROHIBITED_CONTENT"), "It says: 'I must not.'"),
    ],
)
def test_what_cannot_be_read_is_paid_once(server, desk, reply, said):
    server.default = lambda asked: reply
    for _ in range(2):
        with pytest.raises(FFGOError, match=said):
            divided(desk)
    assert len(server.asked) == 1


def test_offline_the_prompt_is_both():
    result = first_frame_offline(f"{TRANSITION_PHRASE} {PROMPT}")
    assert result.caption == result.motion == PROMPT
    assert "Gemini was not asked" in result.warnings[0]
    with pytest.raises(FFGOError, match="The prompt is empty"):
        first_frame_offline(" ")


# ---------------------------------------------------------------- the picture


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_picture_is_of_the_exact_size_and_not_bent(server, desk, ratio):
    server.default = lambda asked: picture(disc(NATIVE[ratio], 300))
    width, height = size_of(ratio)
    result = drawn(desk, width=width, height=height)
    assert result.image.shape == (1, height, width, 3)
    across, down = extent(result.image)
    assert abs(across - down) <= 1
    assert abs(across - 600 * max(width / NATIVE[ratio][0], height / NATIVE[ratio][1])) <= 1
    (asked,) = server.asked
    assert asked.body["generationConfig"]["imageConfig"] == {"aspectRatio": ratio, "imageSize": "1K"}
    assert len(asked.parts) == 1
    assert result.warnings == []


def test_another_size_of_the_ratio_is_free(server, desk):
    server.default = lambda asked: picture(Image.new("RGB", NATIVE["16:9"]))
    drawn(desk)
    assert drawn(desk, width=832, height=464).image.shape == (1, 464, 832, 3)
    drawn(desk, fit="pad")
    assert len(server.asked) == 1
    drawn(desk, width=960, height=960)
    assert len(server.asked) == 2
    assert [line["task"] for line in lines(desk)] == ["draw", "draw"]


def test_references_go_along(server, desk):
    drawn(desk, pictures=[torch.rand(1, 8, 12, 4)])
    (asked,) = server.asked
    assert len(asked.files) == 1
    assert "The pictures that come with this show subjects" in asked.prompt


def test_a_model_of_one_size_is_not_asked_for_one(server, desk):
    drawn(desk, asking=Asking("gemini-2.5-flash-image", resolution="2K"))
    assert server.asked[0].body["generationConfig"]["imageConfig"] == {"aspectRatio": "16:9"}


def test_a_picture_of_another_aspect_is_warned_of(server, desk):
    server.default = lambda asked: picture(Image.new("RGB", (1024, 1024)))
    (warning,) = drawn(desk).warnings
    assert "1024x1024 px, another aspect than the video's 1280x720: 44% of its height is cut off" in warning


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (answer({"text": "I do not draw roses."}), "text instead of a picture: 'I do not draw roses.'"),
        (answer(finish="IMAGE_SAFETY", finishMessage="It shows a weapon."), "IMAGE_SAFETY.*It shows a weapon"),
    ],
)
def test_a_refusal_is_in_the_models_words(server, desk, reply, said):
    server.default = lambda asked: reply
    with pytest.raises(AnswerError, match=said):
        drawn(desk)
    assert len(server.asked) == 1


def test_cancel_while_it_draws(server, desk):
    """It does not wait for the answer."""
    end = threading.Event()
    server.default = lambda asked: Reply(picture().body, hold=lambda: end.wait(SILENCE_S))
    desk.cancelled = lambda: server.at_once > 0
    with pytest.raises(CancelledError):
        drawn(desk)
    assert server.at_once > 0
    assert not desk.ledger.path.exists()
    assert not [*desk.cache.folder.glob("*.answer")]
    end.set()


def test_a_budget_that_is_used_up(server, desk):
    desk.budget = 0.0
    for ask in (divided, drawn):
        with pytest.raises(AnswerError, match="budget for Gemini is used up"):
            ask(desk)
    assert server.asked == []


def test_the_key_is_nowhere(server, desk, tmp_path):
    server.script = [text(f"<first_frame>The word {KEY} on a wall.</first_frame><motion>a</motion>")]
    result = divided(desk)
    drawn(desk)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert KEY not in result.caption
    assert KEY.encode() not in kept


def test_offline_there_is_no_picture():
    with pytest.raises(FFGOError, match=r"Own anchor\?"):
        draw_offline()


# ---------------------------------------------------------------- the size


def test_a_picture_of_the_right_size_stays_as_it_is():
    image = torch.rand(1, 48, 64, 3)
    result = fitted_image(image, 64, 48, "crop", "The anchor")
    assert torch.equal(result.image, image)
    assert (result.report, result.warnings) == (["The anchor: 64x48 px"], [])


@pytest.mark.parametrize(("size", "side"), [((96, 48), "width"), ((64, 96), "height")])
def test_what_is_cut_off_is_said(size, side):
    image = torch.rand(1, size[1], size[0], 3)
    (warning,) = fitted_image(image, 64, 48, "crop", "The anchor").warnings
    assert f"of its {side} is cut off" in warning
    assert "bars of plain colour" in fitted_image(image, 64, 48, "pad", "The anchor").warnings[0]


def test_padding_keeps_all_and_has_the_colour_of_the_edge():
    """Width 48 of 64: bars of 8 px."""
    red = Image.new("RGB", (480, 480), (200, 30, 30))
    red.paste((0, 0, 0), (100, 100, 380, 380))
    result = fitted(red, 64, 48, "pad", "The anchor")
    pixels = np.rint(result.image[0].numpy() * 255)
    for bar in (pixels[:, :8], pixels[:, 56:]):
        assert (bar == (200, 30, 30)).all()
    assert abs(np.subtract(*extent(result.image))) <= 1


def test_a_small_picture_is_soft():
    (warning,) = fitted(Image.new("RGB", (320, 180)), 1280, 720, "crop", "The anchor").warnings
    assert "enlarged 4.0 times" in warning


def test_transparency_becomes_white():
    assert fitted_image(torch.zeros(1, 48, 64, 4), 64, 48, "crop", "The anchor").image.min() == 1


@pytest.mark.parametrize(
    ("image", "size", "fit", "complaint"),
    [
        (torch.rand(2, 48, 64, 3), (64, 48), "crop", "The anchor holds 2 pictures"),
        (torch.rand(1, 48, 64, 3), (64, 50), "crop", "64x50 px is not in steps of 16"),
        (torch.rand(1, 48, 64, 3), (64, 48), "bend", "no fit 'bend'"),
        (torch.rand(1, 48, 64), (64, 48), "crop", "The anchor is a mask"),
    ],
)
def test_what_cannot_be_fitted(image, size, fit, complaint):
    with pytest.raises(FFGOError, match=complaint):
        fitted_image(image, size[0], size[1], fit, "The anchor")


def test_what_came_is_looked_at_as_it_came(server, desk):
    """One resampling: a picture of the right size reaches the video to the bit."""
    sent = Image.effect_noise((1280, 720), 90).convert("RGB")
    server.default = lambda asked: picture(sent)
    assert np.array_equal(np.rint(drawn(desk).image[0].numpy() * 255), np.asarray(sent))
