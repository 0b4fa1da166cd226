"""Putting an example that was made here into a dataset's folder, in the official format."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

from PIL import Image
from torch import Tensor

from ..bases.memory import MOST_MEMORY
from ..clip.video_io import probe_clip
from ..errors import FFGOError
from ..files import complete_file, unfinished_name
from ..locks import LOCK_FILE, sole_writer
from ..pixels import flatten_on_white, require_image, to_uint8
from ..plain import Source
from ..words.phrase import TRANSITION_PHRASE, add_transition_phrase, with_phrase_once
from .examples import clip_troubles
from .matching import CLIP_FOLDER, COMPOSITE_FOLDER
from .records import RECORDS_FILE, LookedAt, Record, read_records, write_records

PATIENCE_S = 300
"""For another process that puts an example into the same folder."""


def add_example(
    folder: Path,
    write_video: Callable[[Path], object],
    composite: Image.Image | Sequence[Image.Image],
    caption: str,
    *,
    waiting: Callable[[], object] = lambda: None,
) -> LookedAt:
    """Write a clip, its composite and its caption into the folder and its list; returns the example.

    composite: several for the canvases of a memory; write_video: writes the clip as an mp4 to the path it gets. The
    files are named after what is in them: the same clip and composite again only change the caption. The phrase is put
    before a caption that does not begin with it.
    waiting: called while another process adds an example, to look whether the user cancelled.
    Raises: FFGOError if the caption describes nothing, the clip could not be trained on, or the disk refuses; BusyError
    if the other process takes too long.
    """
    text = Source("dataset example").value(caption, "caption").string().strip()
    if not text.removeprefix(TRANSITION_PHRASE).strip() or not text.startswith(TRANSITION_PHRASE):
        text = add_transition_phrase(text)
    text = with_phrase_once(text)
    doing = f"The dataset {folder} is being written"
    try:
        with sole_writer(folder / LOCK_FILE, doing, patience_s=PATIENCE_S, waiting=waiting) as hold:
            for place in (folder, folder / CLIP_FOLDER, folder / COMPOSITE_FOLDER):
                place.mkdir(exist_ok=True)
                hold.sweep(place)
            return _add(folder, write_video, [composite] if isinstance(composite, Image.Image) else composite, text)
    except OSError as error:
        raise FFGOError(
            f"Cannot write into {folder}: {error.strerror}. Free some space or choose another name."
        ) from error


def _add(folder: Path, write_video: Callable[[Path], object], composites: Sequence[Image.Image], text: str) -> LookedAt:
    """Write the example, for who holds the folder. Raises: OSError where the disk refuses."""
    partial = unfinished_name(folder / CLIP_FOLDER / "clip.mp4")
    try:
        write_video(partial)
        info = probe_clip(partial)
        if troubles := clip_troubles(info, len(composites)):
            raise FFGOError(f"The clip {' It '.join(troubles)}")
        pixels = b"".join(composite.tobytes() for composite in composites)
        stem = blake2b(partial.read_bytes() + pixels, digest_size=6).hexdigest()
        names = [f"{stem}.png", *(f"{stem}.composite.{number}.png" for number in range(2, len(composites) + 1))]
        for composite, name in zip(composites, names, strict=True):
            with complete_file(folder / COMPOSITE_FOLDER / name) as unfinished:
                composite.save(unfinished, "PNG")
        clip = folder / CLIP_FOLDER / f"{stem}.mp4"
        partial.replace(clip)
        first, *more = (f"{COMPOSITE_FOLDER}/{name}" for name in names)
        _list(folder, Record(f"{CLIP_FOLDER}/{clip.name}", text, first, more_image_paths=tuple(more)))
    finally:
        partial.unlink(missing_ok=True)
    picture, *others = (folder / COMPOSITE_FOLDER / name for name in names)
    return LookedAt(
        f"{CLIP_FOLDER}/{clip.name}", clip, picture, text, info, composites[0].size, more_composites=tuple(others)
    )  # fmt: skip


def _list(folder: Path, record: Record) -> None:
    """Add the record to the folder's list, or put it in the place of the one with the same clip."""
    path = folder / RECORDS_FILE
    records = read_records(path) if path.exists() else []
    places = [i for i, known in enumerate(records) if known.file_path == record.file_path]
    if places:
        records[places[0]] = record
    else:
        records.append(record)
    write_records(path, records)


def pictures_of(image: Tensor) -> list[Image.Image]:
    """The composites as pictures: an IMAGE of one canvas, or those of a memory, transparency on white.

    Raises: FFGOError for anything else.
    """
    require_image(image, "composite")
    if len(image) > MOST_MEMORY:
        raise FFGOError(
            f"composite holds {len(image)} pictures; an example has one composed first frame, or up to {MOST_MEMORY} "
            "canvases of a memory. Is the clip connected?"
        )
    return [flatten_on_white(Image.fromarray(to_uint8(picture))) for picture in image]
