"""Put the pictures and clips that the shipped workflows open with where ComfyUI finds them."""

import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from ..files import complete_file
from . import MATERIALS
from .clips import NAMES as CLIPS
from .clips import draw_clips
from .photos import PHOTOS, TWINS, draw_photos, draw_twins


def names() -> list[str]:
    """All of them."""
    return [*sorted(path.name for path in MATERIALS.glob("*.png")), *PHOTOS, *TWINS.values(), *CLIPS]


def not_put_yet(known: Path) -> list[str]:
    """Those that are not in the list of what was put before. Raises: OSError."""
    put = known.read_text("utf-8").splitlines() if known.exists() else []
    return [name for name in names() if name not in put]


def put_pictures(folder: Path, known: Path) -> None:
    """Write into the folder what was not put before and is not there, and list it in the file `known`.

    What a user has deleted since then stays deleted. Raises: OSError, FFGOError where it cannot.
    """
    missing = {name for name in not_put_yet(known) if not (folder / name).exists()}
    for name in missing - {*PHOTOS, *TWINS.values(), *CLIPS}:
        _put(MATERIALS / name, folder)
    for drawn, draw in ((PHOTOS, draw_photos), (TWINS.values(), draw_twins), (CLIPS, draw_clips)):
        _put_drawn(folder, missing & set(drawn), draw)
    known.parent.mkdir(parents=True, exist_ok=True)
    with complete_file(known) as partial:
        partial.write_text("\n".join(names()) + "\n", "utf-8")


def _put_drawn(folder: Path, wanted: Collection[str], draw: Callable[[Path], None]) -> None:
    if wanted:
        with tempfile.TemporaryDirectory(prefix="ffgo-") as scratch:
            draw(Path(scratch))
            for name in wanted:
                _put(Path(scratch) / name, folder)


def _put(path: Path, folder: Path) -> None:
    with complete_file(folder / path.name) as partial:
        shutil.copyfile(path, partial)
