"""Which expert a file's name speaks of: "high" or "low" where it means the noise, and not heels, light or quality."""

import re
import unicodedata
from collections.abc import Sequence

from ..bases.base import Expert

_NOISE = r"(?:noise|噪|ノイズ|雑音|노이즈)"
_SURE: dict[Expert, re.Pattern[str]] = {
    "high": re.compile(rf"(?:high|hi|高|고)[\W_]*{_NOISE}|(?<![a-z])h[\W_]*{_NOISE}"),
    "low": re.compile(rf"(?:low|lo|低|저)[\W_]*{_NOISE}|(?<![a-z])l[\W_]*{_NOISE}"),
}
_WORD: dict[str, Expert] = {"high": "high", "hn": "high", "low": "low", "ln": "low"}
# Words of a name: lower case, capitals, a capitalised word, or a number ("14bHigh" -> 14, b, High).
_WORDS = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+|\d+|[^\W\d_A-Za-z]+")
_SUFFIX = re.compile(r"\.(?:safetensors|sft|gguf|ckpt|pth?|bin)$", re.IGNORECASE)
# Behind or before these, "high" and "low" are about the expert: parts of names that speak of models and versions.
_TECHNICAL = {
    "wan", "ffgo", "lora", "loras", "lokr", "loha", "model", "models", "expert", "unet", "dit", "transformer",
    "moe", "comfy", "comfyui", "high", "low", "and", "or", "only", "epoch", "epochs", "ep", "e", "checkpoint",
    "ckpt", "final", "last", "best", "v", "ver", "version", "r", "fp", "bf", "f", "b", "a", "i", "t", "s", "ti",
    "ta", "q", "k", "pruned", "run", "new", "old",
}  # fmt: skip
# Behind these words, even so, they are about something else.
_OTHER_THINGS = {
    "angle", "angles", "boots", "collar", "contrast", "cut", "def", "definition", "detail", "detailed",
    "details", "end", "fantasy", "fashion", "five", "fives", "fps", "heel", "heels", "heeled", "jump", "key",
    "kick", "light", "lighting", "lights", "motion", "neck", "poly", "ponytail", "quality", "rank", "ranks",
    "res", "resolution", "rise", "school", "sky", "socks", "speed", "step", "steps", "street", "tech", "tide",
    "vram", "waist", "waisted",
}  # fmt: skip


FFGO_FILES: dict[Expert, str] = {
    "high": "Wan22_FFGO-LoRA-HIGH_bf16.safetensors",
    "low": "Wan22_FFGO-LoRA-LOW_bf16.safetensors",
}
"""The FFGo LoRAs as people have them: in bf16, from Kijai/WanVideo_comfy, folder LoRAs/Wan22_FFGO."""


def ffgo_file(names: Sequence[str], expert: Expert) -> str | None:
    """The FFGo LoRA of an expert among files of any folder, by its name; None where it is not there."""
    return next((name for name in names if re.split(r"[/\\]", name)[-1] == FFGO_FILES[expert]), None)


def hint_in_name(name: str) -> Expert | None:
    """Read "high" or "low" out of a file's name, else out of the nearest folder's; None where it has none or both.

    >>> hint_in_name("wan2.2_high/walk.safetensors"), hint_in_name("high_heels.safetensors")
    ('high', None)
    """
    for part in reversed(re.split(r"[/\\]", unicodedata.normalize("NFKC", name))):
        stem = _SUFFIX.sub("", part)
        hints: set[Expert] = {expert for expert, pattern in _SURE.items() if pattern.search(stem.lower())} or _likely(
            stem
        )
        if hints:
            return hints.pop() if len(hints) == 1 else None
    return None


def _likely(stem: str) -> set[Expert]:
    words = [word.lower() for word in _WORDS.findall(stem)]
    framed = zip(words, ["", *words], [*words[1:], ""], strict=False)
    return {
        _WORD[word]
        for word, before, after in framed
        if word in _WORD and after not in _OTHER_THINGS and (_is_technical(after) or (before and _is_technical(before)))
    }


def _is_technical(word: str) -> bool:
    return not word or word.isdigit() or word in _TECHNICAL
