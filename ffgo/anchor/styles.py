"""How a picture can be made, and the shapes that it can have.

Each style has words of its own: "sharp focus" makes a watercolour worse, and a negative prompt against paintings
works against it.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType

from ..bases.catalogue import DEFAULT
from ..errors import FFGOError


@dataclass(frozen=True, slots=True)
class Style:
    """The words of one way to make a picture."""

    begins: str
    """Stands before a caption that does not name the style itself."""
    quality: str
    """Stands behind the caption where the picture is to be enhanced."""
    said: str
    """Pattern of the words by which a caption names it."""
    is_painted: bool = True
    """Whether it is no footage, so that nothing may be said against paintings."""


STYLES = MappingProxyType(
    {
        "photorealistic": Style(
            "A photograph.",
            "Natural light, true colours, fine texture, sharp focus on the subjects, clean exposure.",
            r"\bphoto(graph|-?real)",
            is_painted=False,
        ),
        "cinematic": Style(
            "A film still.",
            "Motivated light, soft falloff, shallow depth of field, rich contrast, graded colours, fine film grain.",
            r"film still|cinematic|movie still",
            is_painted=False,
        ),
        "anime": Style(
            "An anime picture.",
            "Clean line art, cel shading, clear vivid colours, expressive faces, a detailed painted background.",
            r"anime",
        ),
        "illustration": Style(
            "A digital illustration.",
            "Confident lines, clear shapes, a balanced palette, careful detail, a readable silhouette of each subject.",
            r"illustrat(ion|ed)",
        ),
        "3d-render": Style(
            "A 3D render.",
            "Physically based materials, global illumination, soft shadows, clean geometry, fine surface detail.",
            r"\b3-?d\b",
        ),
        "oil-painting": Style(
            "An oil painting.",
            "Visible brushwork, layered paint, deep pigments, a fine canvas weave, warm and cool light in balance.",
            r"oil[- ]paint|painted in oils?",
        ),
        "watercolor": Style(
            "A watercolour painting.",
            "Transparent washes, soft wet edges, gentle pigment blooms, visible paper grain, lights left white.",
            r"water-?colou?r",
        ),
    }
)

NEGATIVE = (
    *("色调艳丽", "过曝", "静态", "细节模糊不清", "字幕", "风格", "作品", "画作", "画面", "静止"),
    *(
        "整体发灰",
        "最差质量",
        "低质量",
        "JPEG压缩残留",
        "丑陋的",
        "残缺的",
        "多余的手指",
        "画得不好的手部",
        "画得不好的脸部",
    ),
    *(
        "畸形的",
        "毁容的",
        "形态畸形的肢体",
        "手指融合",
        "静止不动的画面",
        "杂乱的背景",
        "三条腿",
        "背景人很多",
        "倒着走",
    ),
)
"""Wan2.2's own. Source: `sample_neg_prompt` in wan/configs/shared_config.py of Wan-Video/Wan2.2."""
COMMA = "\uff0c"
AGAINST_PAINTINGS = ("色调艳丽", "风格", "作品", "画作", "画面")
"""What of it speaks against strong colours, a style, a work of art, a painting, a drawing."""

RATIOS = MappingProxyType({"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1)})
LONG_SIDE = 1280
"""Pixels of the longer side at 16:9; the other ratios have as many pixels in all."""


def style_called(name: str) -> Style:
    """Raises: FFGOError where there is no style of this name."""
    if name not in STYLES:
        raise FFGOError(f"There is no style {name[:60]!r}. There are: {', '.join(STYLES)}.")
    return STYLES[name]


def named_in(caption: str, style: Style) -> bool:
    """Whether the first sentence of a caption names the style."""
    return re.search(style.said, caption.partition(". ")[0], re.IGNORECASE) is not None


def negative_prompt(name: str) -> str:
    """Wan's negative prompt, without what speaks against the style. Raises: as `style_called`.

    >>> "画作" in negative_prompt("photorealistic"), "画作" in negative_prompt("watercolor")
    (True, False)
    """
    against = AGAINST_PAINTINGS if style_called(name).is_painted else ()
    return COMMA.join(word for word in NEGATIVE if word not in against)


def size_of(ratio: str, long_side: int = LONG_SIDE) -> tuple[int, int]:
    """Width and height in pixels of a ratio, in whole tokens; long_side: the longer one at 16:9.

    >>> [size_of(ratio) for ratio in RATIOS], size_of("16:9", 832)
    ([(1280, 720), (720, 1280), (960, 960)], (832, 464))

    Raises: FFGOError where there is no such ratio.
    """
    if ratio not in RATIOS:
        raise FFGOError(f"There is no ratio {ratio[:60]!r}. There are: {', '.join(RATIOS)}.")
    (across, down), step = RATIOS[ratio], DEFAULT.side_step
    wide, high = RATIOS["16:9"]
    scale = long_side * (high / wide / (across * down)) ** 0.5
    width, height = (max(step, round(scale * part / step) * step) for part in (across, down))
    return width, height
