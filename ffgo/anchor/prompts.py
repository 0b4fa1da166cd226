"""From a caption and a motion to the texts that the models get: one for the picture, two for the video."""

from dataclasses import dataclass, field, replace
from unicodedata import category

from ..errors import FFGOError
from .instruction import own_prompt
from .scene import Scene, change_warning, has_tags, read_scene
from .styles import named_in, negative_prompt, style_called

STRATEGIES = ("combined", "original", "motion only")


@dataclass(frozen=True, slots=True)
class FactorizedTexts:
    """What the models get."""

    anchor: str
    """For the model that draws the first frame."""
    video: str
    """For the video model, which has that frame."""
    negative: str
    """For the video model."""
    warnings: list[str] = field(default_factory=list)


def factorized_texts(
    prompt: str, caption: str, motion: str, *, style: str, enhance: bool, strategy: str
) -> FactorizedTexts:
    """Put the texts together.

    caption: of the first frame, or the whole answer of a language model, which is then read; motion: what changes
    after it, empty where the caption is such an answer. enhance: add the style's own words of quality to the anchor.
    strategy, for the video: `combined` is the caption, then the motion (the prompt where there is none); `original` is
    the prompt; `motion only` is the motion.
    Raises: FFGOError for an empty prompt or caption, as `read_scene`, for a style or strategy that is none, and for
    `motion only` without a motion.
    """
    if strategy not in STRATEGIES:
        raise FFGOError(f"There is no strategy {strategy[:60]!r}. There are: {', '.join(STRATEGIES)}.")
    prompt, made = own_prompt(prompt), style_called(style)
    scene = _scene(prompt, caption, motion)
    begins = "" if named_in(scene.caption, made) else f"{made.begins} "
    anchor = f"{begins}{_sentence(scene.caption)}{f' {made.quality}' if enhance else ''}"
    warnings = [*scene.warnings, *change_warning(scene.caption)]
    return FactorizedTexts(anchor, _video(prompt, scene, strategy), negative_prompt(style), warnings)


def _scene(prompt: str, caption: str, motion: str) -> Scene:
    if not caption.strip():
        raise FFGOError(
            "The caption of the first frame is empty. Connect Gemini First Frame Caption or the text of Generate Text; "
            "if one is connected, it answered nothing: give it more room (max_length), or another seed or model."
        )
    if caption.strip() == prompt:  # nobody divided it
        return Scene(prompt, motion.strip())
    if not motion.strip():
        return read_scene(caption)
    own = " ".join(motion.split())
    return replace(read_scene(caption), motion=own) if has_tags(caption) else Scene(" ".join(caption.split()), own)


def _video(prompt: str, scene: Scene, strategy: str) -> str:
    if strategy == "original":
        return prompt
    if strategy == "motion only":
        if not scene.motion:
            raise FFGOError(
                "The strategy `motion only` needs a motion, and there is none: the first frame's caption came without "
                "it. Connect motion of Gemini First Frame Caption, or choose combined or original."
            )
        return scene.motion
    moving = scene.motion or prompt
    return moving if moving == scene.caption else f"{_sentence(scene.caption)} {moving}"


def _sentence(text: str) -> str:
    """With a full stop where it has no end of its own."""
    return text if category(text[-1]) in ("Po", "Pf", "Pe") and text[-1] not in ",;:" else f"{text}."
