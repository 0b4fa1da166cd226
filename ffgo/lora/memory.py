"""What a LoRA's file says of the memory that it was trained with, against the memory of the clip."""

from collections.abc import Iterable, Mapping

from ..bases.base import BASE_KEY, EXPERT_CHECK_KEY
from ..bases.memory import MEMORY_KEY, MOST_MEMORY
from .file import LoRAFile
from .hints import FFGO_FILES, ffgo_file

OURS = (BASE_KEY, EXPERT_CHECK_KEY, "ffgo.recipe")
"""Keys that only our trainer writes; before memories it knew one canvas."""


def memory_of(name: str, metadata: Mapping[str, str]) -> int | None:
    """The canvases that an FFGo LoRA was trained with; None where it may be none, as a distillation LoRA is."""
    said = {str(memory): memory for memory in range(1, MOST_MEMORY + 1)}.get(metadata.get(MEMORY_KEY, ""))
    if said is not None:
        return said
    published = any(ffgo_file([name], expert) for expert in FFGO_FILES)
    return 1 if published or any(key in metadata for key in OURS) else None


def memory_warnings(files: Iterable[LoRAFile], memory: int) -> list[str]:
    """Warn of each LoRA that was trained with another number of composed canvases than the clip begins with."""
    return [
        f"'{file.name}' was trained with {trained} composed canvas(es), and memory is {memory}: it has not learned "
        f"where such a start ends. Use a LoRA that was trained with {memory}, or set memory to {trained} here, and in "
        "FFGo Compose Memory."
        for file in files
        if (trained := memory_of(file.name, file.metadata)) not in (None, memory)
    ]
