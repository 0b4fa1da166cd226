"""What is written to Gemini, after the paper's templates (figures 8, 9, 11 and 12), in our own words.

Source: "First Frame Is the Place to Go for Video Content Customization", section B.1.
"""

import re

from ..errors import FFGOError

ELEMENT, ELEMENTS, PROMPT = "{element}", "{elements}", "{prompt}"

EXTRACT = """\
From the photo, extract this one object, and nothing else: {element}.

- Return a picture of that object alone. No other object, person, hand or prop stays in it, and nothing of the
  surroundings.
- Keep what it looks like: identity, shape, proportions, colours, materials, texture, text and logos, pose and
  point of view.
- Show it whole. Where something in the photo covers it, complete the hidden part plausibly.
- Keep its size in the picture and the size of the picture: same width and height as the photo, no resizing, no
  cropping, no compression artefacts.
- The ground behind it is one flat pure white, #FFFFFF, up to all four edges. No shadow, reflection, glow,
  gradient, floor, border or text.

Return the picture only."""

REMOVE = """\
Edit the photo: remove all of the following completely: {elements}.

- Also remove their shadows, reflections and everything else that only they cause. Leave no trace, smear, outline
  or ghost of them.
- Fill the places where they were with the background that one would see there, sharp and in the same light, grain
  and perspective.
- Change nothing else. Everything that stays keeps its exact place, size, shape and colour.
- Keep the framing and the resolution of the photo: no scaling, cropping, shifting, rotating or added borders, no
  compression artefacts.

Return the edited picture only."""

EXAMPLES = """\
1. Cinematic quality, fine detail. The clip opens on the still surface of a mountain lake, and the camera glides
   slowly forward. Rings spread over the water, then a dark-haired man in a yellow raincoat rises out of it, drops
   running down his face, his look turning from strain to relief.
2. A skilled skateboarder jumps down a long flight of stone steps. Seen from the side at full length, she wears a
   red helmet and blue knee pads, crouches with both arms spread and the board level under her feet. The camera
   pans down with her as she lands on the square below."""

CAPTION = f"""\
You are given pictures of components and a video in which they appear. Write a descriptive caption of the video.

- Put the components of the pictures in the foreground: what each looks like, what it does and how they act on
  each other, from the beginning of the video to its end. What they mean for the video must be clear.
- Describe the scene, the light, and how the camera moves.
- Call each component by what can be seen of it, never "the object", "the first picture" or "it" where that could
  be two things.
- Say only what is seen. No mood, moral or summary, such as "a heart-warming story that celebrates the simple joys
  of life".
- 70 to 140 words in one paragraph of plain English, without headings or lists.

Examples of such captions:
{EXAMPLES}

Write the caption between <caption> and </caption>."""

ENHANCE = f"""\
You are given a prompt for a video generator and pictures of the components that shall appear in the video. Write
the prompt anew, with more description, so that the generator understands it better.

- Keep what the prompt says: every subject, action, place and order of events. Invent no further subject and no
  other plot.
- Put the components in the foreground throughout: a few words on what each looks like, as its picture shows it,
  what it does, and how they act on each other.
- Describe the scene, the light, and how the camera moves.
- Call each component by what can be seen of it, never "the object" or "it" where that could be two things.
- No mood, moral or summary, such as "a heart-warming story that celebrates the simple joys of life".
- 70 to 200 words in one paragraph of plain English, without headings or lists.

Examples of such prompts:
{EXAMPLES}

Write the new prompt between <caption> and </caption>.

The prompt to rewrite:
{{prompt}}"""


def fill(template: str, slot: str, value: str) -> str:
    """Put `value` in the place of `slot`. Raises: FFGOError where the template has no such place."""
    if slot not in template:
        raise FFGOError(f"The template has no {slot} in it. Write {slot} where it belongs, or clear the template.")
    return template.replace(slot, value)


def read_caption(text: str) -> str:
    """The text between <caption> and </caption>, or all of it where the model left the tags out.

    Raises: FFGOError where nothing is left.
    """
    found = re.search(r"<caption>(.*?)(?:</caption>|$)", text, re.IGNORECASE | re.DOTALL)
    caption = found[1] if found else re.sub(r"^```\w*|```$", "", text.strip())
    caption = " ".join(caption.strip().strip("`").split())
    if not caption:
        raise FFGOError("Gemini sent an empty caption. Run again with another variant.")
    return caption
