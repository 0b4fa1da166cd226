import pytest

from ffgo.errors import FFGOError
from ffgo.words.phrase import TRANSITION_PHRASE, add_transition_phrase

SCENE = 'A red car stops. The driver says "hello" and waves.'


@pytest.mark.parametrize(
    "typed",
    [
        SCENE,
        f"  \n{SCENE}\n",
        f"{TRANSITION_PHRASE} {SCENE}",
        f"{TRANSITION_PHRASE}  {SCENE}",
        f"{TRANSITION_PHRASE}{SCENE}",
        f"{TRANSITION_PHRASE} {TRANSITION_PHRASE} {SCENE}",
        f"AD23R2  The Camera\nview suddenly changes {SCENE}",
        f"ad23r2, the camera view suddenly changes; {SCENE}",
        f'"{TRANSITION_PHRASE}" {SCENE}',
        f"“{TRANSITION_PHRASE}” {SCENE}",
        f"“{TRANSITION_PHRASE} {SCENE}”",
        f"'{TRANSITION_PHRASE}'. {SCENE}",
        f"{SCENE} {TRANSITION_PHRASE}",
        f"ad23r2 {SCENE}",
        f"The camera view suddenly changes. {SCENE}",
        f"ad23r2，the camera view suddenly changes。{SCENE}",
        f"ad23r2： the camera view suddenly changes： {SCENE}",
        f"ad23r2 — the camera view suddenly changes — {SCENE}",
        f"ad23r2 / the camera view suddenly changes / {SCENE}",
        f"ad23r2 | the camera view suddenly changes | {SCENE}",
        f"ad23r2\u200b the camera\u200bview suddenly changes.\u200b {SCENE}",
        f"\ufeffad23r2 the camera view suddenly changes. {SCENE}",
        f"**ad23r2** the camera view suddenly changes. {SCENE}",
        f"**{TRANSITION_PHRASE}** {SCENE}",
        f"**{TRANSITION_PHRASE} {SCENE}**",
        f"__{TRANSITION_PHRASE}__ {SCENE}",
        f"`{TRANSITION_PHRASE}` {SCENE}",
        f"「{TRANSITION_PHRASE}」{SCENE}",
        f"『{TRANSITION_PHRASE} {SCENE}』",
        f"({TRANSITION_PHRASE}) {SCENE}",
        f"({TRANSITION_PHRASE}:1.2) {SCENE}",
        f"(ad23r2:1.2) {SCENE}",
        f"((ad23r2 the camera view suddenly changes:1.1):1.2), {SCENE}",
        f"[{TRANSITION_PHRASE}] {SCENE}",
        f"<{TRANSITION_PHRASE}> {SCENE}",
        f"„{TRANSITION_PHRASE}“ {SCENE}",
        f"«{TRANSITION_PHRASE}» – {SCENE}",
        f"ad23r2\u00a0the\u2003camera view suddenly changes… {SCENE}",
        f"<b>{TRANSITION_PHRASE}</b> {SCENE}",
        f'<p class="first">{TRANSITION_PHRASE}</P><br/>{SCENE}',
        f"<!-- {TRANSITION_PHRASE} --> {SCENE}",
        f"&quot;{TRANSITION_PHRASE}&quot;&nbsp;{SCENE}",
        f"&ldquo;{TRANSITION_PHRASE}&rdquo; {SCENE}",
        f"{TRANSITION_PHRASE}\\n\\n{SCENE}",
        f"# {TRANSITION_PHRASE}\n\n{SCENE}",
        f"> {TRANSITION_PHRASE}\n{SCENE}",
        f"- {TRANSITION_PHRASE}\n{SCENE}",
        f"1. {TRANSITION_PHRASE} {SCENE}",
        f"[{TRANSITION_PHRASE}](https://example.org/ffgo) {SCENE}",
        f"${TRANSITION_PHRASE}$ {SCENE}",
        f"ａｄ２３ｒ２ ｔｈｅ ｃａｍｅｒａ ｖｉｅｗ ｓｕｄｄｅｎｌｙ ｃｈａｎｇｅｓ． {SCENE}",
        f"𝐚𝐝𝟐𝟑𝐫𝟐 𝐭𝐡𝐞 𝐜𝐚𝐦𝐞𝐫𝐚 𝐯𝐢𝐞𝐰 𝐬𝐮𝐝𝐝𝐞𝐧𝐥𝐲 𝐜𝐡𝐚𝐧𝐠𝐞𝐬. {SCENE}",
        f"ad\u200b23\u00adr2 the cam\u00adera view sud\u2060denly changes. {SCENE}",
        f"\u202a{TRANSITION_PHRASE}\u202c {SCENE}",
        f"AD-23 R2: the camera view suddenly changes. {SCENE}",
        f"ad23r2.\\nThe camera view suddenly changes.\\n{SCENE}",
    ],
)
def test_phrase_comes_first_and_once(typed):
    assert add_transition_phrase(typed) == f"{TRANSITION_PHRASE} {SCENE}"


def test_is_idempotent():
    once = add_transition_phrase(SCENE)
    assert add_transition_phrase(once) == once


@pytest.mark.parametrize(
    "scene",
    [
        "Two lines.\n\n  The second is indented, with  two spaces.",
        "The man turns; the camera view suddenly changes to the lake.",
        '"Stop" and "go" are written on the two signs, one says "stop"',
        "'tis the season",
        '"Stop" says the sign.',
        "(a red car:1.2) stops",
        "¿Qué pasa? A man asks.",
        "#3 is the number on the car.",
        "**Bold** words stay, and *so* do these.",
        "🚗",
        "<lora:walk:0.8> A man walks.",
        "$5 is written on the sign.",
        "1. A car comes. 2. It goes.",
        "# A car\n- comes\n- goes",
        "ｆｕｌｌ ｗｉｄｔｈ words stay, and 𝐛𝐨𝐥𝐝 ones.",
    ],
)
def test_rest_of_the_text_is_kept(scene):
    assert add_transition_phrase(scene) == f"{TRANSITION_PHRASE} {scene}"
    assert add_transition_phrase(f"{TRANSITION_PHRASE} {scene}") == f"{TRANSITION_PHRASE} {scene}"


def test_phrase_in_the_middle_is_moved():
    assert add_transition_phrase(f"A cat. {TRANSITION_PHRASE} A dog.") == f"{TRANSITION_PHRASE} A cat. A dog."


def test_what_led_to_a_phrase_at_the_end_goes_with_it():
    assert add_transition_phrase(f"A cat runs, {TRANSITION_PHRASE}") == f"{TRANSITION_PHRASE} A cat runs"
    assert add_transition_phrase(f"A cat runs. {TRANSITION_PHRASE}") == f"{TRANSITION_PHRASE} A cat runs."


def test_a_weight_around_all_of_it_stays():
    assert add_transition_phrase(f"({TRANSITION_PHRASE} A cat:1.2)") == f"{TRANSITION_PHRASE} (A cat:1.2)"


NOTHING = [
    *("", "  \n", '""', TRANSITION_PHRASE, f'"{TRANSITION_PHRASE}"', "ad23r2", " . ", "\u200b", " | "),
    *(f"({TRANSITION_PHRASE}:1.2)", "(ad23r2)", f"**{TRANSITION_PHRASE}**", f"「{TRANSITION_PHRASE}」"),
]


@pytest.mark.parametrize("typed", NOTHING)
def test_nothing_to_show_is_an_error(typed):
    with pytest.raises(FFGOError, match="prompt is empty"):
        add_transition_phrase(typed)
