"""The start frames of a video out of composed canvases: as many as fill whole latent frames, and nothing else."""

from collections.abc import Mapping

from torch import Tensor

from ..bases.base import Base
from ..bases.catalogue import DEFAULT
from ..bases.memory import MOST_MEMORY, start_clip
from ..errors import FFGOError
from ..pixels import require_image


def start_of(canvases: Mapping[str, Tensor], base: Base = DEFAULT) -> tuple[Tensor, int]:
    """The start frames (1 + 4 (K - 1), H, W, 3) of K canvases, and K; one canvas comes back as it is.

    canvases: IMAGEs (B, H, W, 3) by the name that messages call each by; every picture of a batch is a canvas.
    Source: the host's WanImageToVideo marks whole latent frames as given only; of 2 to 4 frames it would leave the
    others to be generated without a word.
    Raises: FFGOError for no canvas, more than four, other sizes, transparency, or pictures that cannot be used.
    """
    if not canvases:
        raise FFGOError(f"No canvas is connected. Connect 1 to {MOST_MEMORY}, for example from FFGo Compose Memory.")
    for name, batch in canvases.items():
        require_image(batch, name)
        if batch.shape[3] != 3:
            raise FFGOError(f"{name} is a cut-out (RGBA), no composed canvas. Put FFGo Compose Canvas before this.")
    if (memory := sum(map(len, canvases.values()))) > MOST_MEMORY:
        raise FFGOError(
            f"{memory} canvases are connected, and every picture of a batch counts; a memory has 1 to {MOST_MEMORY}. "
            "Is a clip connected, or a start that is made already?"
        )
    sizes = {f"{name} {batch.shape[2]}x{batch.shape[1]}": batch.shape[1:3] for name, batch in canvases.items()}
    if len(set(sizes.values())) > 1:
        raise FFGOError(f"The canvases have several sizes ({', '.join(sizes)} px). Give all of them one preset.")
    if memory == 1:
        return next(iter(canvases.values())), 1
    return start_clip(base, [canvas for batch in canvases.values() for canvas in batch]), memory
