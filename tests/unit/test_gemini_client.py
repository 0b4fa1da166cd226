"""google-genai against a server on this machine: every kind of answer, how often it is asked, what the user reads."""

import json
import logging
import threading
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from ffgo.clip.video_io import probe_clip
from ffgo.curation.elements import extract
from ffgo.errors import FFGOError
from ffgo.gemini.answer import AnswerError
from ffgo.gemini.ask import Desk
from ffgo.gemini.asking import Asking
from ffgo.gemini.cache import AnswerCache
from ffgo.gemini.client import Patience
from ffgo.gemini.key import Access, NoAccessError
from ffgo.gemini.ledger import Ledger
from ffgo.gemini.models import IMAGE_MODELS
from ffgo.gemini.request import CancelledError
from lab.workshop.fake_gemini import RESET, Reply, answer, error, fake_gemini, inline, picture, png, retry_info, text
from lab.workshop.patience import SILENCE_S, wait_for

pytest.importorskip("google.genai")
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # google-genai's own doing

KEY = "AIza-planted-key-0123456789"
ASKING = Asking(IMAGE_MODELS[0])
QUICK = Patience(timeout_s=600, first_delay_s=0.02)


@pytest.fixture
def server(monkeypatch):
    with fake_gemini() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture
def desk(tmp_path):
    cache, ledger = AnswerCache(tmp_path / "cache"), Ledger(tmp_path / "ledger.jsonl")
    return Desk(cache, ledger, lambda: Access(KEY), QUICK)


@pytest.fixture
def photo():
    pixels = np.random.default_rng(0).random((48, 64, 3), np.float32)
    return torch.from_numpy(pixels)[None]


def test_success_and_what_is_sent(server, desk, photo):
    result = extract(photo, "the red robot\n", ASKING, desk)
    assert result.names == ["the red robot"]
    assert result.images.shape == (1, 48, 64, 3)
    (asked,) = server.asked
    assert asked.path == f"/v1beta/models/{IMAGE_MODELS[0]}:generateContent"
    assert asked.headers["x-goog-api-key"] == KEY
    assert "the red robot" in asked.prompt
    assert "#FFFFFF" in asked.prompt
    settings = asked.body["generationConfig"]
    assert settings["responseModalities"] == ["TEXT", "IMAGE"]
    assert settings["imageConfig"] == {"aspectRatio": "4:3", "imageSize": "1K"}
    ((mime, data),) = asked.files
    assert mime == "image/png"
    sent = np.asarray(Image.open(BytesIO(data)))
    assert np.array_equal(sent, (photo[0].numpy() * 255).round().astype(np.uint8))


def test_a_second_run_asks_nothing_and_needs_no_key(server, desk, photo):
    first = extract(photo, "a\nb", ASKING, desk)

    def no_key():
        raise NoAccessError("no key")

    desk.find_access = no_key
    second = extract(photo, "b\na", ASKING, desk)
    assert len(server.asked) == 2
    assert torch.equal(first.images, second.images.flip(0))
    assert "asked 0" in second.report[-2]


@pytest.mark.parametrize(
    ("photo_change", "asking"),
    [(0.5, ASKING), (0, Asking("gemini-3-pro-image")), (0, Asking(ASKING.model, seed=1))],
    ids=["pixels", "model", "seed"],
)
def test_another_question_is_asked(server, desk, photo, photo_change, asking):
    extract(photo, "a", ASKING, desk)
    extract(photo * (1 - photo_change), "a", asking, desk)
    assert len(server.asked) == 2


def test_429_waits_as_long_as_the_server_says(server, desk, photo):
    server.script = [error(429, "RESOURCE_EXHAUSTED", retry_info("0.4s"))]
    extract(photo, "a", ASKING, desk)
    first, second = server.asked
    assert second.time - first.time >= 0.4


def test_the_header_retry_after(server, desk, photo):
    server.script = [error(503, "UNAVAILABLE", **{"Retry-After": "0.4"})]
    extract(photo, "a", ASKING, desk)
    first, second = server.asked
    assert second.time - first.time >= 0.4


@pytest.mark.parametrize(
    "trouble", [error(503, "UNAVAILABLE"), error(408, ""), RESET, Reply(b"<html>", 502, "text/html")]
)
def test_what_is_retried(server, desk, photo, trouble):
    server.script = [trouble, trouble]
    extract(photo, "a", ASKING, desk)
    assert len(server.asked) == 3


PER_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "RequestsPerDayPerModel"}],
}
KEY_INVALID = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
BLOCKED = Reply({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "not this one"}})
RATED = [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": True}]
WHOLE = json.dumps(picture().body).encode()
FAILURES = {
    "safety": (
        answer(finish="IMAGE_SAFETY", finishMessage="It shows a weapon."),
        1,
        r"refused \(IMAGE_SAFETY\).*weapon",
    ),
    "safety ratings": (answer(finish="SAFETY", safetyRatings=RATED), 1, "refused .SAFETY, HARASSMENT: HIGH"),
    "refused in words": (answer({"text": "I must not."}, finish="PROHIBITED_CONTENT"), 1, "It says: 'I must not.'"),
    "prompt blocked": (BLOCKED, 1, r"blocked the question .*PROHIBITED_CONTENT.*'not this one'"),
    "no image": (answer(finish="NO_IMAGE"), 1, "sent no picture .it finished with NO_IMAGE"),
    "nothing": (Reply({"candidates": []}), 1, "empty answer"),
    "text only": (answer({"text": "A lovely robot."}), 1, "text instead of a picture: 'A lovely robot.'"),
    "only a thought": (answer({**inline(png(Image.new("RGB", (8, 8)))), "thought": True}), 1, "sent no picture"),
    "wrong mime": (answer(inline(b"%PDF", "application/pdf")), 1, "type application/pdf instead of a picture"),
    "no picture inside": (answer(inline(b"not a png")), 1, "cannot be read"),
    "half a picture": (answer(inline(png(Image.effect_noise((64, 64), 90))[:900])), 1, "damaged or cut off"),
    "bad base64": (answer({"inlineData": {"mimeType": "image/png", "data": "%%%"}}), 1, "damaged or cut off"),
    "cut connection": (Reply(WHOLE, cut=20), 1, "truncated: the connection broke"),
    "cut body": (Reply(WHOLE[:-20]), 1, "the answer is truncated"),
    "web page": (Reply(b"<!DOCTYPE html><p>Sign in", mime="text/html"), 1, "a web page came back.*Sign in"),
    "not json": (Reply(b"OK"), 1, "not JSON"),
    "a list": (Reply(b"[]"), 1, "not a JSON object"),
    "always 503": (error(503, "UNAVAILABLE", message="overloaded"), 4, r"503 UNAVAILABLE: overloaded.*Tried 4 times"),
    "always reset": (RESET, 4, r"dropped or refused.*Tried 4 times"),
    "day is over": (error(429, "RESOURCE_EXHAUSTED", PER_DAY), 1, "quota for today is used up"),
    "a long pause": (error(429, "RESOURCE_EXHAUSTED", retry_info("3600s")), 1, "pause of 3600 s"),
    "wrong key": (error(400, "INVALID_ARGUMENT", KEY_INVALID), 1, "does not accept the key"),
    "bad request": (error(400, "INVALID_ARGUMENT", message="too big"), 1, "refuses the request.*too big"),
    "dead model": (error(404, "NOT_FOUND"), 1, "no such model"),
    "sent elsewhere": (
        Reply(b"", 302, headers={"Location": "http://127.0.0.1:9/"}),
        1,
        "refuses the request .HTTP 302",
    ),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failures(server, desk, photo, failure):
    """What was paid is kept, and says the same again without being asked; of the others nothing is left."""
    reply, requests, said = failure
    server.default = lambda asked: reply
    with pytest.raises(AnswerError, match=f"(?s)^the hat: .*{said}"):
        extract(photo, "the hat", ASKING, desk)
    assert len(server.asked) == requests
    assert desk.cache.get("x") is None
    paid = isinstance(reply, Reply) and isinstance(reply.body, dict) and "candidatesTokenCount" in str(reply.body)
    assert [file.suffix for file in desk.cache.folder.iterdir()] == [".answer"] * paid
    with pytest.raises(AnswerError, match=f"(?s)^the hat: .*{said}.*{'paid before; another variant' if paid else ''}"):
        extract(photo, "the hat", ASKING, desk)
    assert len(server.asked) == (requests if paid else 2 * requests)


def test_a_slow_answer(server, desk, photo):
    end = threading.Event()
    server.default = lambda asked: Reply(WHOLE, hold=end.wait)
    desk.patience = Patience(timeout_s=1, first_delay_s=0.02)
    with pytest.raises(AnswerError, match=r"within 1 s \(timeout\)"):
        extract(photo, "a", ASKING, desk)
    end.set()
    wait_for(lambda: server.asked)  # a busy machine may take longer than the client waits
    assert len(server.asked) == 1


def test_an_answer_that_drips(server, desk, photo):
    """Bytes keep coming, the answer does not: the limit is for all of it."""
    body = b" " * 30 + WHOLE

    class Dripping(bytes):
        def __getitem__(self, index):
            return bytes(self)

    server.default = lambda asked: Reply(Dripping(body), headers={"Content-Length": str(len(body) + 10)})
    desk.patience = Patience(timeout_s=0.5)
    with pytest.raises(AnswerError, match="timeout"):
        extract(photo, "a", ASKING, desk)


def test_twelve_at_once_are_four_at_a_time(server, desk, photo):
    four = threading.Barrier(4)
    server.default = lambda asked: Reply(WHOLE, hold=lambda: four.wait(SILENCE_S))
    names = [f"thing {i}" for i in range(12)]
    result = extract(photo, "\n".join(names), ASKING, desk)
    assert result.names == names
    assert len(server.asked) == 12
    assert server.most_at_once == 4


def test_one_failure_keeps_the_others(server, desk, photo):
    def reply(asked):
        return answer(finish="IMAGE_SAFETY") if "gun" in asked.prompt else picture()

    server.default = reply
    with pytest.raises(AnswerError, match=r"(?s)^the gun: .*IMAGE_SAFETY.*2 of 3 succeeded and are in the cache"):
        extract(photo, "the hat\nthe gun\nthe robot", ASKING, desk)
    assert len(server.asked) == 3
    extract(photo, "the hat\nthe robot", ASKING, desk)
    assert len(server.asked) == 3


def test_the_last_picture_counts(server, desk, photo):
    draft, final = (inline(png(Image.new("RGB", (64, 48), colour))) for colour in ("#eeeeee", "white"))
    server.default = lambda asked: answer(draft, {"text": "Better:"}, final)
    assert extract(photo, "a", ASKING, desk).images.min() == 1


def test_an_answer_of_another_shape_stands_in_the_middle_of_its_own_ground(server, desk, photo):
    """A square in a photo of 64x48; a spot at its edge does not change what the ground is."""
    drawn = Image.new("RGB", (48, 48), (255, 240, 240))
    drawn.paste((200, 0, 0), (12, 12, 36, 36))
    drawn.paste((0, 0, 0), (0, 0, 4, 4))
    server.default = lambda asked: answer(inline(png(drawn)))
    result = extract(photo, "a", ASKING, desk)
    pixels = (255 * result.images[0]).round().numpy()
    assert np.array_equal(pixels[:, 8:56], np.asarray(drawn))
    for side in (pixels[:, :8], pixels[:, 56:]):
        assert (side == (255, 240, 240)).all()
    assert result.warnings == [
        "a: the ground is not white but (255, 240, 240). Try another variant or edit the template."
    ]


def test_cancel(server, desk, photo):
    """While answers are out: it does not wait for them, and asks nothing more."""
    end = threading.Event()
    server.default = lambda asked: Reply(WHOLE, hold=lambda: end.wait(SILENCE_S))
    desk.cancelled = lambda: server.at_once > 0
    with pytest.raises(CancelledError):
        extract(photo, "\n".join("abcdef"), ASKING, desk)
    assert server.at_once > 0
    assert len(server.asked) <= 4
    end.set()


def test_the_key_is_nowhere(server, desk, photo, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    server.script = [
        picture(),
        error(400, "INVALID_ARGUMENT", message=f"bad key {KEY} QUl6YS1wbGFudGVkLWtleS0wMTIzNDU2Nzg5"),
    ]
    extract(photo, "a", ASKING, desk)
    with pytest.raises(FFGOError) as failure:
        extract(photo, "b", ASKING, desk)
    seen = [repr(failure.value), caplog.text, repr(desk)]
    error_ = failure.value
    while error_ := error_.__cause__ or error_.__context__:
        seen.append(repr(error_))
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert "[key]" in seen[0]
    for secret in (KEY, "QUl6YS1wbGFudGVkLWtleS0wMTIzNDU2Nzg5"):
        assert secret not in "".join(seen)
        assert secret.encode() not in kept


def test_the_ledger(server, desk, photo):
    server.script = [picture(), answer(finish="IMAGE_SAFETY")]
    extract(photo, "a", ASKING, desk)
    with pytest.raises(AnswerError):
        extract(photo, "b", ASKING, desk)
    lines = [json.loads(line) for line in desk.ledger.path.read_text().splitlines()]
    assert [line["result"] for line in lines] == ["ok", "refused"]
    assert lines[0]["picture_tokens"] == 1120
    assert lines[0]["dollars"] == pytest.approx((300 * 1.5 + 1120 * 30) / 1e6)
    assert "about $0.07 " in extract(photo, "a", ASKING, desk).report[-1]


def test_a_model_of_unknown_price(server, desk, photo):
    result = extract(photo, "a", Asking("models/my-own"), desk)
    assert server.asked[0].path == "/v1beta/models/my-own:generateContent"
    assert "price not known" in result.report[-2]


def test_two_hosts_ask_once(server, desk, photo, tmp_path):
    server.default = lambda asked: Reply(WHOLE, delay_s=0.3)
    other = Desk(AnswerCache(tmp_path / "cache"), desk.ledger, desk.find_access, QUICK)
    thread = threading.Thread(target=extract, args=(photo, "a", ASKING, other))
    thread.start()
    extract(photo, "a", ASKING, desk)
    thread.join()
    assert len(server.asked) == 1


def test_vertex(server, desk, photo, monkeypatch):
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", server.url)
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    desk.find_access = lambda: Access(KEY, vertex=True)
    extract(photo, "a", ASKING, desk)
    assert server.asked[0].path == f"/v1beta1/publishers/google/models/{ASKING.model}:generateContent"


def test_a_caption(server, desk, photo):
    server.default = lambda asked: text("```\n<caption>\nA robot\n walks.</caption>\n```")
    from ffgo.words.write import caption

    frames = photo.expand(6, -1, -1, -1)
    words = caption(frames, [photo], Asking("gemini-3.8-flash"), desk, fps=24, looks=4)
    assert words.text == "A robot walks."
    (asked,) = server.asked
    assert [mime for mime, _ in asked.files] == ["image/png", "video/mp4"]
    assert asked.parts[-1]["videoMetadata"] == {"fps": 4}
    caption(frames, [photo], Asking("gemini-3.8-flash"), desk, fps=24, looks=4)
    assert len(server.asked) == 1


@pytest.mark.parametrize("rates", [(2, 4, 2), (30, 4, 4), (60, 60, 24)])
def test_a_clip_is_sent_at_its_size_and_looked_at_no_more_than_there_is_to_see(server, desk, photo, tmp_path, rates):
    fps, looks, sent = rates
    server.default = lambda asked: text("A robot walks.")
    from ffgo.words.write import caption

    odd = torch.nn.functional.pad(photo, (0, 0, 0, 1, 0, 1))  # an mp4's sides are even: a row and a column go
    caption(odd.expand(6, -1, -1, -1), [], Asking("gemini-3.8-flash"), desk, fps=fps, looks=looks)
    (asked,) = server.asked
    assert asked.parts[-1]["videoMetadata"] == {"fps": sent}
    (tmp_path / "sent.mp4").write_bytes(asked.files[-1][1])
    info = probe_clip(tmp_path / "sent.mp4")
    assert (info.width, info.height, info.frames) == (64, 48, 6)


def test_a_prompt(server, desk, photo):
    server.default = lambda asked: text("A robot walks slowly.")
    from ffgo.words.write import enhance

    words = enhance("robot walks", [photo, photo], Asking("gemini-3.8-flash"), desk)
    assert words.text == "A robot walks slowly."
    assert server.asked[0].prompt.endswith("The prompt to rewrite:\nrobot walks")
    assert "responseModalities" not in server.asked[0].body["generationConfig"]
