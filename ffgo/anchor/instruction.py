"""What a language model is told, so that it divides a prompt into the first frame and the motion; and what a picture
model is told about the frame.

In our own words. Sources: the idea is that of arXiv 2512.16371, which shows no template; that a text which contradicts
the first frame makes a video model cut to another shot is said in ComfyUI's own template for LTX-2.
"""

import re
from types import MappingProxyType

from ..errors import FFGOError
from ..words.phrase import TRANSITION_PHRASE, with_phrase_once
from .styles import RATIOS, style_called

CONTENTS = MappingProxyType(
    {
        "whole scene": "Every subject of the prompt is in it, and nobody and nothing else of importance. Call each by "
        "the noun that the prompt has for it, and add what it looks like, where it stands, and what it faces or holds.",
        "scene only": "The place alone, empty: none of the subjects of the prompt, no people, no animals, no shadows "
        "or traces of them. Describe what lies near and far, and leave open ground where the subjects will be.",
    }
)
"""What the first frame shows, and the rule that says so."""

FIRST_FRAME = """\
Divide a prompt for a video into two texts: a caption of its very first frame, from which a picture is drawn, and the
motion, by which a video goes on from that picture.

The caption of the first frame:
- {content}
- Describe one instant, before anything has happened. What will change is shown as it is at its start, and only so: of
  a candle that melts, a tall whole candle; of a wall that is painted, the bare wall. Where the prompt's noun is
  itself the end, call it by its start: an oak that grows from an acorn is an acorn.
- Leave out all that comes later: no end state, no result, no colour or shape that is only reached in the end.
- Say how many there are of what can be counted.
- No verb of change and no word of time, such as then, gradually, begins, turning into; no camera movement; no sound.
- Name the style in the first clause: {style}. Then the light, and from how far and how high it is seen.
- The picture is {shape}. Place the subjects so that each is whole in it and has room to move.
- 40 to 120 words, one paragraph.

The motion:
- Only what changes after the first frame, in its order, to the end of the prompt, and how the camera moves.
- Call each subject by a few words of how it looks in the caption. Do not describe again what the caption shows.
- Keep every action of the prompt and invent none. 15 to 60 words, one paragraph.

Write in plain English, without headings, lists or explanations, and in this form:
<first_frame>the caption</first_frame>
<motion>the motion</motion>

The prompt:
{prompt}"""

PICTURE = """\
Draw one picture:

{prompt}

- One single picture that fills the whole {shape} canvas: no border, frame, collage, caption, watermark or text that is
  not asked for.
- Draw what the text says and no further subjects, each with the number of things that it says.
{references}
Return the picture only."""

REFERENCES = """\
- The pictures that come with this show subjects of the scene. Draw those subjects, not similar ones: keep identity,
  shape, proportions, colours, materials, text and logos. Their light and their point of view follow the scene.
"""

SHAPES = MappingProxyType({"16:9": "wide (16:9)", "9:16": "tall (9:16)", "1:1": "square (1:1)"})


def instruction(prompt: str, style: str, content: str, ratio: str, template: str = "") -> str:
    """What a language model is asked. template: another than `FIRST_FRAME`; it must have {prompt} in it.

    Raises: FFGOError for an empty prompt, a template without a place for it, or a style, content or ratio that is
    none.
    """
    if content not in CONTENTS:
        raise FFGOError(f"There is no content {content[:60]!r}. There are: {', '.join(CONTENTS)}.")
    if ratio not in RATIOS:
        raise FFGOError(f"There is no ratio {ratio[:60]!r}. There are: {', '.join(RATIOS)}.")
    style_called(style)
    words = {"content": CONTENTS[content], "style": style, "shape": SHAPES[ratio], "prompt": own_prompt(prompt)}
    return filled(template or FIRST_FRAME, words)


def picture_instruction(prompt: str, ratio: str, has_references: bool, template: str = "") -> str:
    """What a picture model is asked. ratio: of the picture, as in "4:5". Raises: as `instruction`."""
    if not prompt.strip():
        raise FFGOError(
            "The prompt of the picture is empty. Write what is seen in it, or connect anchor_prompt of Factorized "
            "Prompts."
        )
    shape = SHAPES.get(ratio, ratio)
    words = {"prompt": prompt.strip(), "shape": shape, "references": REFERENCES if has_references else ""}
    return filled(template or PICTURE, words)


def own_prompt(prompt: str) -> str:
    """The prompt without the transition phrase, which has no meaning where no FFGo LoRA acts.

    Raises: FFGOError where nothing is left.
    """
    try:
        whole = with_phrase_once(f"{TRANSITION_PHRASE} {prompt.strip()}")
    except FFGOError:
        whole = ""
    own = whole.removeprefix(TRANSITION_PHRASE).strip()
    if not own:
        raise FFGOError("The prompt is empty. Write what happens in the video, from its first moment to its last.")
    return own


def filled(template: str, words: dict[str, str]) -> str:
    """The template with each {word} replaced, in one go: what is put in may have braces of its own.

    Raises: FFGOError where it has no {prompt}.
    """
    if "{prompt}" not in template:
        raise FFGOError("The template has no {prompt} in it. Write {prompt} where it belongs, or clear the template.")
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), template)
