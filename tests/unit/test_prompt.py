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
    ],
)
def test_rest_of_the_text_is_kept(scene):
    assert add_transition_phrase(scene) == f"{TRANSITION_PHRASE} {scene}"
    assert add_transition_phrase(f"{TRANSITION_PHRASE} {scene}") == f"{TRANSITION_PHRASE} {scene}"


def test_phrase_in_the_middle_is_moved():
    assert add_transition_phrase(f"A cat. {TRANSITION_PHRASE} A dog.") == f"{TRANSITION_PHRASE} A cat. A dog."


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
