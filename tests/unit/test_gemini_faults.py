"""Gemini when things go wrong: what is asked again and what never, what was paid, the budget, and the key."""

import base64
import errno
import json
import logging
import threading
import time
from io import BytesIO
from urllib.parse import quote

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from ffgo.curation.elements import extract
from ffgo.errors import FFGOError
from ffgo.gemini import cache as cache_module
from ffgo.gemini.answer import AnswerError
from ffgo.gemini.ask import Desk, read_budget
from ffgo.gemini.asking import Asking, model_id
from ffgo.gemini.cache import AnswerCache
from ffgo.gemini.client import Patience
from ffgo.gemini.key import Access
from ffgo.gemini.ledger import Ledger
from ffgo.gemini.models import IMAGE_MODELS
from ffgo.gemini.request import CancelledError
from ffgo.words.write import enhance
from lab.workshop.fake_gemini import USAGE, Reply, answer, error, fake_gemini, inline, picture, png, retry_info, text
from lab.workshop.patience import SILENCE_S, wait_for

pytest.importorskip("google.genai")
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # google-genai's own doing

KEY = "AIza-planted_key-0123456789"
ASKING = Asking(IMAGE_MODELS[0])
QUICK = Patience(timeout_s=600, first_delay_s=0.01)


@pytest.fixture
def server(monkeypatch):
    with fake_gemini() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture
def desk(tmp_path):
    return Desk(AnswerCache(tmp_path / "cache"), Ledger(tmp_path / "ledger.jsonl"), lambda: Access(KEY), QUICK)


@pytest.fixture
def photo():
    return torch.from_numpy(np.random.default_rng(0).random((48, 64, 3), np.float32))[None]


# ---------------------------------------------------------------- never, tomorrow, now

PLAN = "You exceeded your current quota, please check your plan and billing details. "


def quota(*ids: str, **more: str) -> dict:
    violations = [{"quotaId": quota_id, **more} for quota_id in ids]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}


def info(reason: str) -> dict:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}


FULL = "RESOURCE_EXHAUSTED"
MINUTE, DAY = "GenerateRequestsPerMinutePerProjectPerModel", "GenerateRequestsPerDayPerProjectPerModel"
ZERO = f"{PLAN}* Quota exceeded for metric: free_tier_requests, limit: 0, model: x\nPlease retry in 32.5s."
NEVER = {
    "limit 0 in words": (error(429, FULL, retry_info("32s"), message=ZERO), "may not use the model at all"),
    "limit 0 as a value": (error(429, FULL, quota(MINUTE, quotaValue="0"), message=PLAN), "may not use the model"),
    "limit 0 left out": (error(429, FULL, quota(f"{MINUTE}-FreeTier", f"{DAY}-FreeTier"), message=PLAN), "at all"),
    "no free tier": (error(429, FULL, message="Gemini 3 Pro doesn't have a free quota tier."), "at all"),
    "no free tier here": (
        error(400, "FAILED_PRECONDITION", message="Gemini API free tier is not available in your country."),
        "may not use the model at all",
    ),
    "location": (
        error(400, "FAILED_PRECONDITION", message="User location is not supported for the API use."),
        "at all",
    ),
    "credits": (error(429, FULL, message="Your prepayment credits are depleted."), "no means to pay"),
    "spending cap": (
        error(429, FULL, message="Your project has exceeded its monthly spending cap."),
        "no means to pay",
    ),
    "billing off": (error(403, "PERMISSION_DENIED", info("BILLING_DISABLED")), "no means to pay"),
    "billing needed": (error(400, "FAILED_PRECONDITION", message="This model requires billing."), "no means to pay"),
    "key invalid": (error(400, "INVALID_ARGUMENT", info("API_KEY_INVALID")), "does not accept the key"),
    "key expired": (error(400, "INVALID_ARGUMENT", message="API key expired. Renew it."), "does not accept the key"),
    "key leaked": (error(403, "PERMISSION_DENIED", message="Your API key was reported as leaked."), "accept the key"),
    "permission": (error(403, "PERMISSION_DENIED", info("SERVICE_DISABLED")), "does not accept the key"),
    "unauthenticated": (error(401, "UNAUTHENTICATED", info("ACCESS_TOKEN_EXPIRED")), "does not accept the key"),
    "model": (error(404, "NOT_FOUND", message="models/x is not found"), "no such model .*models/x is not found"),
    "bad request": (error(400, "INVALID_ARGUMENT", message="aspect"), "refuses the request .*aspect"),
    "not made": (error(501, "UNIMPLEMENTED"), "refuses the request"),
    "in a list": (Reply(json.dumps([error(403, "X", message="no entry").body]).encode(), 403), "no entry"),
}
TOMORROW = {
    "by id": (error(429, FULL, quota(DAY, quotaValue="25"), retry_info("5s"), message=PLAN), "at midnight Pacific"),
    "by metric": (error(429, FULL, quota("x", quotaMetric="requests_per_day")), "used up"),
    "by words": (error(429, FULL, message="Quota exceeded for requests per day"), "used up"),
    "says when": (error(429, FULL, quota(DAY), retry_info("27000s")), "begins anew in 7.5 hours"),
    "in 200": (Reply(error(429, FULL, quota(DAY)).body), "the quota for today is used up .HTTP 429"),
}
NOW = {
    "overloaded": error(503, "UNAVAILABLE", message="The model is overloaded."),
    "a minute": error(429, FULL, quota(MINUTE, quotaValue="10"), retry_info("0.01s"), message=PLAN),
    "a minute, free tier": error(429, FULL, quota(f"{MINUTE}-FreeTier", quotaValue="10"), message=PLAN),
    "a bare 429": error(429, FULL, message="Resource has been exhausted (e.g. check quota)."),
    "internal": error(500, "INTERNAL"),
    "late": error(504, "DEADLINE_EXCEEDED"),
    "in 200": Reply(error(503, "UNAVAILABLE").body),
    "a proxy's": Reply(b"<html>bad", 502, "text/html"),
    "an error that is no JSON": Reply(b"{", 503),
    "a pause that is none": error(503, "UNAVAILABLE", retry_info("nan")),
    "no end of a pause": error(503, "UNAVAILABLE", {"retryDelay": {"seconds": 1}}, **{"Retry-After": "inf"}),
    "odd types": Reply({"error": {"code": "x", "message": 7, "status": [], "details": {"violations": None}}}, 503),
    "odd details": error(429, FULL, {"violations": None}, {"violations": [None, {"quotaId": 3}]}, {"reason": 7}),
    "a list": Reply(b"[]", 503),
}


@pytest.mark.parametrize(
    "case", [*NEVER.values(), *TOMORROW.values()], ids=[*NEVER, *(f"day {one}" for one in TOMORROW)]
)
def test_what_cannot_succeed_now_is_asked_once(server, desk, photo, case):
    reply, said = case
    server.default = lambda asked: reply
    with pytest.raises(AnswerError, match=f"(?s)^the hat: .*{said}"):
        extract(photo, "the hat", ASKING, desk)
    assert len(server.asked) == 1


@pytest.mark.parametrize("reply", NOW.values(), ids=NOW)
def test_what_may_succeed_now_is_asked_again_and_at_most_four_times(server, desk, photo, reply):
    server.script = [reply]
    extract(photo, "a", ASKING, desk)
    assert len(server.asked) == 2
    server.default = lambda asked: reply
    with pytest.raises(AnswerError, match=r"(?s)^b: .*Tried 4 times"):
        extract(photo, "b", ASKING, desk)
    assert len(server.asked) == 6


@pytest.mark.parametrize("wish", [{"details": (retry_info("0.3s"),)}, {"message": "Please retry in 0.3s."}])
def test_the_pause_that_the_server_asks_for_is_made(server, desk, photo, wish):
    server.script = [error(429, FULL, *wish.get("details", ()), message=wish.get("message", "no"))]
    extract(photo, "a", ASKING, desk)
    first, second = server.asked
    assert second.time - first.time >= 0.3


def test_the_words_of_an_error_that_comes_as_an_answer_are_shown(server, desk, photo):
    server.default = lambda asked: Reply({"error": {"message": "The oven is cold.", "code": 400}})
    with pytest.raises(AnswerError, match=r"refuses the request \(HTTP 400: The oven is cold\.\)"):
        extract(photo, "a", ASKING, desk)


# ---------------------------------------------------------------- odd answers

WHITE = inline(png(Image.new("RGB", (64, 48), "white")))


CONTENT = {"candidates": [{"content": {"parts": [WHITE]}, "finishReason": "STOP"}], "usageMetadata": USAGE}


def usage(**more) -> Reply:
    return Reply(CONTENT | {"usageMetadata": more})


TAKEN = {
    "tokens as text": (usage(promptTokenCount="300", candidatesTokenCount="1120"), 1420),
    "tokens as words": (usage(promptTokenCount="many", candidatesTokenCount=[1]), 0),
    "tokens below nothing": (usage(promptTokenCount=-5, candidatesTokenCount=-1e30), 0),
    "tokens without end": (Reply(json.dumps(usage(promptTokenCount=float("inf")).body).encode()), 0),
    "tokens of many digits": (Reply(json.dumps(usage(promptTokenCount=10**300).body).encode()), 0),
    "NaN tokens": (Reply(json.dumps(usage(promptTokenCount=float("nan")).body).encode()), 0),
    "details that are none": (usage(candidatesTokensDetails=[None, 3, {"modality": 7, "tokenCount": {}}]), 0),
    "usage is a list": (Reply(CONTENT | {"usageMetadata": [1]}), 0),
    "no usage": (Reply({"candidates": CONTENT["candidates"]}), 0),
    "a number as the reason": (answer(WHITE, finish=1), 1420),  # pyright: ignore[reportArgumentType]
    "ratings that are none": (answer(WHITE, safetyRatings=[None, 1, {"blocked": True, "category": 3}]), 1420),
    "parts that are none": (answer(None, 7, [], {"text": 3}, WHITE), 1420),  # pyright: ignore[reportArgumentType]
    "feedback that is none": (Reply(CONTENT | {"promptFeedback": [1]}), 1420),
}
REFUSED = {
    "candidates is an object": (Reply({"candidates": {}, "usageMetadata": USAGE}), "empty answer"),
    "candidate is null": (Reply({"candidates": [None], "usageMetadata": USAGE}), "empty answer"),
    "content is text": (answer(content="x"), "sent no picture"),
    "file is a number": (answer({"inlineData": 7}), "sent no picture"),
    "data is a number": (answer({"inlineData": {"mimeType": "image/png", "data": 7}}), "damaged"),
    "data of half characters": (answer({"inlineData": {"mimeType": "image/png", "data": "\ud800"}}), "damaged"),
    "type is a number": (answer({"inlineData": {"mimeType": 7, "data": "x"}}), "type no type instead"),
    "reason 3": (answer(finish=3), "finished with 3"),  # pyright: ignore[reportArgumentType]
    "block reason 7": (Reply({"promptFeedback": {"blockReason": 7}, "usageMetadata": USAGE}), "blocked .*7"),
    "a bomb": (answer(inline(png(Image.new("1", (60_000, 60_000))))), "damaged|more than can be taken"),
    "a large picture": (answer(inline(png(Image.new("1", (10_000, 7_000))))), "10000x7000 pixels"),
    "EPS": (answer(inline(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")), "cannot be read"),
    "nested": (Reply(b'{"candidates": ' + b"[" * 5000 + b"]" * 5000 + b"}"), "nested too deeply"),
    "digits": (Reply(b'{"candidates": [' + b"9" * 5000 + b"]}"), "thousands of digits"),
}


@pytest.mark.parametrize("case", TAKEN.values(), ids=TAKEN)
def test_a_picture_is_taken_whatever_stands_beside_it(server, desk, photo, case):
    reply, tokens = case
    server.default = lambda asked: reply
    assert extract(photo, "a", ASKING, desk).images.min() == 1
    assert desk.ledger.sum().tokens == tokens
    extract(photo, "a", ASKING, desk)
    assert len(server.asked) == 1


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_was_paid_is_never_paid_again(server, desk, photo, case):
    reply, said = case
    server.default = lambda asked: reply
    for _ in range(2):
        with pytest.raises(AnswerError, match=f"(?s)^a: .*({said})"):
            extract(photo, "a", ASKING, desk)
    assert len(server.asked) == 1


def test_a_body_that_is_not_all_text_is_read_all_the_same(server, desk, photo):
    broken = json.dumps(CONTENT).encode().replace(b'"STOP"', b'"STOP", "note": "\xff\xfe"')
    server.default = lambda asked: Reply(broken, mime="application/json; charset=utf-99")
    assert extract(photo, "a", ASKING, desk).images.min() == 1


def test_an_answer_without_end_is_left(server, desk, photo, monkeypatch):
    monkeypatch.setattr("ffgo.gemini.session.MOST_BODY", 50_000)
    server.default = lambda asked: Reply(b" " * 50_001 + json.dumps(CONTENT).encode())
    with pytest.raises(AnswerError, match="the answer is truncated"):
        extract(photo, "a", ASKING, desk)


def test_text_of_half_characters(server, desk):
    server.default = lambda asked: Reply(
        b'{"candidates": [{"content": {"parts": [{"text": "A robot \\ud800 walks."}]}}]}'
    )
    assert enhance("a robot", [], Asking("gemini-3.8-flash"), desk).text == "A robot ? walks."


# ---------------------------------------------------------------- paid once, whatever fails


def full_disk(*_args, **_more):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("broken", ["write_bytes", "replace"])
def test_a_disk_that_is_full_after_the_answer_came(server, desk, photo, monkeypatch, broken):
    with monkeypatch.context() as broke:
        broke.setattr(f"pathlib.Path.{broken}", full_disk)
        result = extract(photo, "a", ASKING, desk)
    assert any("No space left on device" in line for line in result.warnings)
    assert extract(photo, "a", ASKING, desk).images.shape == result.images.shape
    assert len(server.asked) == 1


def test_a_ledger_that_cannot_be_written_costs_no_answer(server, desk, photo):
    desk.ledger.path.mkdir()
    with pytest.raises(FFGOError, match="list of what was asked, cannot be read"):
        extract(photo, "a", ASKING, desk)
    desk.ledger.path.rmdir()
    extract(photo, "a", ASKING, desk)
    assert len(server.asked) == 1


def test_a_disk_without_room_is_found_before_anything_is_paid(server, desk, photo, monkeypatch):
    monkeypatch.setattr(cache_module, "LEAST_ROOM", 2**70)
    with pytest.raises(FFGOError, match="its disk is full"):
        extract(photo, "a", ASKING, desk)
    assert not server.asked


def test_what_fails_after_the_answer_came_does_not_lose_it(server, desk, photo, monkeypatch):
    with monkeypatch.context() as broke:
        broke.setattr("ffgo.gemini.ask.read_answer", full_disk)
        with pytest.raises(OSError, match="No space"):
            extract(photo, "a", ASKING, desk)
    assert extract(photo, "a", ASKING, desk).images.min() == 1
    assert len(server.asked) == 1


def test_an_answer_that_comes_after_a_cancel_is_kept(server, desk, photo):
    end = threading.Event()
    server.default = lambda asked: Reply(json.dumps(picture().body).encode(), hold=lambda: end.wait(SILENCE_S))
    desk.cancelled = lambda: server.at_once > 0
    with pytest.raises(CancelledError):
        extract(photo, "\n".join("abcdef"), ASKING, desk)
    asked = len(server.asked)
    end.set()
    wait_for(lambda: len(list(desk.cache.folder.glob("*.answer"))) == asked)
    desk.cancelled = lambda: False
    time.sleep(0.05)
    extract(photo, "\n".join("abcdef"), ASKING, desk)
    assert len(server.asked) == 6


def test_an_answer_that_is_there_and_cannot_be_read_is_not_paid_again(server, desk, photo):
    extract(photo, "a", ASKING, desk)
    (kept,) = desk.cache.folder.iterdir()
    kept.unlink()
    kept.mkdir()
    with pytest.raises(FFGOError, match=r"cannot be read .*nothing was asked"):
        extract(photo, "a", ASKING, desk)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "about", [None, [], 3, {}, {"key": 3}, {"kind": "film"}, {"usage": [1]}, {"usage": {"input": "x"}}]
)
def test_an_odd_file_in_the_cache_stops_nothing(server, desk, photo, about):
    import hashlib

    extract(photo, "a", ASKING, desk)
    (kept,) = desk.cache.folder.iterdir()
    _, head, data = kept.read_bytes().split(b"\n", 2)
    about = json.loads(head) | about if isinstance(about, dict) else about
    rest = json.dumps(about).encode() + b"\n" + data
    kept.write_bytes(hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)
    extract(photo, "a", ASKING, desk)
    assert len(server.asked) == 1 + (not isinstance(about, dict) or about.get("key") == 3 or about["kind"] == "film")


LINES = [
    *("null", "[]", "3", '"x"', "{}", "{", "[" * 5000, "\0", "9" * 5000, "x" * 30_000, '{"dollars": "1"}'),
    *('{"dollars": -5}', '{"dollars": 1e300}', '{"dollars": NaN}', '{"dollars": null, "input_tokens": "7"}'),
    '{"dollars": 1, "input_tokens": []}',
]  # fmt: skip


def test_odd_lines_in_the_ledger_stop_nothing(server, desk, photo):
    desk.ledger.path.write_text("\n".join(LINES))  # the last line without an end, as on a disk that was full
    extract(photo, "a", ASKING, desk)
    total = desk.ledger.sum()
    assert (total.dollars, total.unpriced) == (pytest.approx(1 + (300 * 1.5 + 1120 * 30) / 1e6), 1)
    assert total.tokens == 7 + 1420


# ---------------------------------------------------------------- the budget


def test_a_budget_stops_further_questions_and_says_what_was_spent(server, desk, photo):
    desk.budget = 0.05
    server.default = lambda asked: picture()  # of $0.034 each
    extract(photo, "a\nb", ASKING, desk)
    with pytest.raises(AnswerError, match=r"(?s)^c, d: the budget .* about \$0\.0681 of \$0\.05 .*FFGO_GEMINI_BUDGET"):
        extract(photo, "c\nd", ASKING, desk)
    assert len(server.asked) == 2
    extract(photo, "a", ASKING, desk)  # what was paid is there all the same


def test_questions_side_by_side_do_not_overrun_the_budget(server, desk, photo):
    desk.budget = 0.1
    with pytest.raises(AnswerError, match=r"(?s)the budget.*3 of 8 succeeded"):
        extract(photo, "\n".join("abcdefgh"), ASKING, desk)
    assert len(server.asked) == 3


@pytest.mark.parametrize("model", ["my-own", "models/gemini-of-tomorrow"])
def test_a_model_of_unknown_price_counts_as_the_dearest(server, desk, photo, model):
    desk.budget = 0.1
    extract(photo, "a", Asking(model), desk)
    with pytest.raises(AnswerError, match="the budget"):
        extract(photo, "b", Asking(model), desk)
    assert len(server.asked) == 1


def test_what_was_lost_on_its_way_counts(server, desk, photo):
    desk.budget, desk.patience = 0.01, Patience(timeout_s=0.2)
    end = threading.Event()
    server.default = lambda asked: Reply(b"", hold=lambda: end.wait(SILENCE_S))
    with pytest.raises(AnswerError, match="timeout"):
        extract(photo, "a", ASKING, desk)
    end.set()
    with pytest.raises(AnswerError, match="the budget"):
        extract(photo, "b", ASKING, desk)


def test_a_budget_whose_ledger_cannot_be_written_lets_nothing_out(server, desk, photo):
    desk.budget = 1.0
    desk.ledger.path.mkdir()
    with pytest.raises(AnswerError, match="the budget cannot be kept"):
        extract(photo, "a", ASKING, desk)
    assert not server.asked


def test_how_a_budget_is_written():
    assert [read_budget(good) for good in ("", " ", "5", "0", "2.50")] == [None, None, 5.0, 0.0, 2.5]
    for bad in ("five", "-1", "nan", "inf", "1e999", "$5", "5,0", "x" * 10_000):
        with pytest.raises(FFGOError, match=r"FFGO_GEMINI_BUDGET is .* number of dollars, such as 5"):
            read_budget(bad)


# ---------------------------------------------------------------- the key

RAW = KEY.encode()
WAYS = {
    "plain": KEY,
    "in base64": base64.b64encode(RAW).decode(),
    "in base64, of an address": base64.urlsafe_b64encode(b"x" + RAW).decode(),
    "in base64, after two": base64.b64encode(b"xy" + RAW + b"z").decode(),
    "without padding": base64.b64encode(b"xy" + RAW).decode().rstrip("="),
    "in hex": RAW.hex(),
    "in capital hex": RAW.hex().upper(),
    "in hex with colons": RAW.hex(":"),
    "quoted": "".join(f"%{byte:02X}" for byte in RAW),
    "quoted in part": quote(KEY).replace("-", "%2d").replace("_", "%5F"),
    "quoted twice": "".join(f"%25{byte:02x}" for byte in RAW),
    "in capitals": KEY.upper(),
}


def tellings(secret: str) -> dict[str, Reply]:
    """Every place of an answer that can repeat what the server knows."""
    return {
        "message": error(400, "INVALID_ARGUMENT", message=f"bad {secret} in it"),
        "behind much": error(400, "X", message="x" * 285 + secret),
        "status": error(400, secret),
        "a pause": error(503, "UNAVAILABLE", retry_info("3600s"), message=secret),
        "details": error(403, "X", info(secret)),
        "page": Reply(f"<html>{secret}".encode(), 502, "text/html"),
        "page as an answer": Reply(f"<html>{secret}".encode(), 200, "text/html"),
        "no JSON": Reply(secret.encode()),
        "half": Reply(f'{{"a": "{secret}'.encode()),
        "in 200": Reply({"error": {"message": secret}}),
        "text": answer({"text": secret}),
        "refusal": answer(finish="SAFETY", finishMessage=secret),
        "finish": answer(finish=secret),
        "rating": answer(finish="SAFETY", safetyRatings=[{"blocked": True, "category": secret, "probability": secret}]),
        "block": Reply(
            {"promptFeedback": {"blockReason": secret, "blockReasonMessage": secret}, "usageMetadata": USAGE}
        ),
        "type": answer({"inlineData": {"mimeType": secret, "data": secret}}),
        "not to be read": Reply(f'{{"candidates": ["{secret}", {"9" * 5000}]}}'.encode()),
    }


def assert_nowhere(seen: str, folder) -> None:
    kept = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file()).lower()
    for secret in WAYS.values():
        assert secret.casefold() not in seen.casefold()
        assert secret.casefold().encode() not in kept
    assert KEY[:12].casefold() not in seen.casefold()


@pytest.mark.parametrize("telling", tellings(""))
def test_the_key_is_in_no_error_and_no_file(server, desk, photo, caplog, telling):
    caplog.set_level(logging.DEBUG)
    desk.patience = Patience(first_delay_s=0, attempts=1)
    server.default = lambda asked: tellings(" ".join(WAYS.values()))[telling]
    seen = []
    for _ in range(2):
        with pytest.raises(FFGOError) as failure:
            extract(photo, "a", ASKING, desk)
        cause: BaseException | None = failure.value
        while cause:
            seen.append(repr(cause))
            cause = cause.__cause__ or cause.__context__
    assert_nowhere("\n".join([*seen, caplog.text, repr(desk)]), desk.ledger.path.parent)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_the_key_is_found(way):
    assert Access(KEY).scrub(f"before {WAYS[way]} after").replace("[key]", "").strip("=eHh ").startswith("before")
    assert KEY[4:8].casefold() not in Access(KEY).scrub(WAYS[way]).casefold()
    assert Access(KEY).is_in(b"x" * 200_000 + WAYS[way].encode()) or way.startswith(("quoted", "in hex w", "in cap"))


def test_the_key_is_in_no_text_and_no_picture(server, desk, photo, tmp_path):
    server.script = [text(f"A robot {' '.join(WAYS.values())} walks.")]
    words = enhance("a robot", [], Asking("gemini-3.8-flash"), desk)
    assert words.text.startswith("A robot [key]")
    notes = PngImagePlugin.PngInfo()
    notes.add_text("comment", " ".join(WAYS.values()))
    buffer = BytesIO()
    Image.new("RGB", (64, 48), "white").save(buffer, "PNG", pnginfo=notes)
    assert RAW in buffer.getvalue()
    server.script = [answer(inline(buffer.getvalue()))]
    assert extract(photo, "a", ASKING, desk).images.min() == 1
    assert_nowhere(repr(words), tmp_path)


def test_a_short_key_does_not_eat_the_words():
    assert Access("ab").scrub("a cab, 6162") == "a c[key], 6162"
    assert Access("").scrub("a cab") == "a cab"


# ---------------------------------------------------------------- what stands around it


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:1"), ("SSL_CERT_FILE", "/nowhere/at/all.pem"), ("HTTPS_PROXY", "foo://x")],
)
def test_an_environment_that_lets_nothing_out_is_named(desk, photo, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(AnswerError) as failure:
        extract(photo, "a", ASKING, desk)
    assert "Vertex" not in str(failure.value)
    assert str(failure.value).startswith("a: ")


@pytest.mark.parametrize(
    "name", ["../x", "a/../b", "a?key=1", "a:b", "a b", "a#b", "/a", "a\nb", "a" * 300, "\u202ea", "a//b", "."]
)
def test_a_model_is_no_address(name):
    with pytest.raises(FFGOError, match="is no model's id"):
        model_id(name)
