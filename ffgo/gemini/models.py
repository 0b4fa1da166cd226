"""Gemini's models by name, and what they cost."""

from dataclasses import dataclass

IMAGE_MODELS = ("gemini-nano-banana-2.1", "gemini-3-pro-image", "gemini-2.5-flash-image")
TEXT_MODELS = ("gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-2.5-pro")

ONE_SIZE_MODELS = ("gemini-2.5-flash-image",)
"""Models that make pictures of 1K only and refuse to be asked for a size."""

ASPECT_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
"""What every image model can make."""

PRICES_FROM = "ai.google.dev/gemini-api/docs/pricing, as of October 2026"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    text: float
    """Text that comes back, thoughts included."""
    picture: float = 0.0
    """Pictures that come back."""


PRICES = {
    "gemini-nano-banana-2.1": Price(1.50, 7.50, 30.0),
    "gemini-3-pro-image": Price(2.00, 12.00, 120.0),
    "gemini-2.5-flash-image": Price(0.30, 2.50, 30.0),
    "gemini-3.8-flash": Price(0.75, 3.75),
    "gemini-3.1-pro-preview": Price(2.00, 12.00),
    "gemini-2.5-pro": Price(1.25, 10.00),
}
"""Prompts of up to 200 000 tokens, paid tier. From January 2027 on gemini-3.8-flash costs twice as much."""


def nearest_aspect_ratio(width: int, height: int) -> str:
    """The aspect ratio of `ASPECT_RATIOS` that distorts or crops a picture of this size (pixels) least.

    >>> nearest_aspect_ratio(1280, 720), nearest_aspect_ratio(832, 1216), nearest_aspect_ratio(500, 500)
    ('16:9', '2:3', '1:1')
    """

    def misfit(ratio: str) -> float:
        across, down = map(int, ratio.split(":"))
        fit = width * down / (height * across)
        return max(fit, 1 / fit)

    return min(ASPECT_RATIOS, key=misfit)
