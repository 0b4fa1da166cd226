"""Putting an example that was made here into a dataset's folder, in the official format."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from PIL import Image
from torch import Tensor

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
    composite: Image.Image,
    caption: str,
    *,
    waiting: Callable[[], object] = lambda: None,
) -> LookedAt:
    """Write a clip, its composite and its caption into the folder and its list; returns the example.

    write_video: writes the clip as an mp4 to the path it gets. The files are named after what is in them: the same clip
    and composite again only change the caption. The phrase is put before a caption that does not begin with it.
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
            return _add(folder, write_video, composite, text)
    except OSError as error:
        raise FFGOError(
            f"Cannot write into {folder}: {error.strerror}. Free some space or choose another name."
        ) from error


def _add(folder: Path, write_video: Callable[[Path], object], composite: Image.Image, text: str) -> LookedAt:
    """Write the example, for who holds the folder. Raises: OSError where the disk refuses."""
    partial = unfinished_name(folder / CLIP_FOLDER / "clip.mp4")
    try:
        write_video(partial)
        info = probe_clip(partial)
        if troubles := clip_troubles(info):
            raise FFGOError(f"The clip {' It '.join(troubles)}")
        stem = blake2b(partial.read_bytes() + composite.tobytes(), digest_size=6).hexdigest()
        picture = folder / COMPOSITE_FOLDER / f"{stem}.png"
        with complete_file(picture) as unfinished:
            composite.save(unfinished, "PNG")
        clip = folder / CLIP_FOLDER / f"{stem}.mp4"
        partial.replace(clip)
        _list(folder, Record(f"{CLIP_FOLDER}/{clip.name}", text, f"{COMPOSITE_FOLDER}/{picture.name}"))
    finally:
        partial.unlink(missing_ok=True)
    return LookedAt(f"{CLIP_FOLDER}/{clip.name}", clip, picture, text, info, composite.size)


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


def picture_of(image: Tensor) -> Image.Image:
    """The composite as a picture: an IMAGE of one frame, transparency on white. Raises: FFGOError for anything else."""
    require_image(image, "composite")
    if len(image) > 1:
        raise FFGOError(f"composite holds {len(image)} pictures; an example has one composed first frame.")
    return flatten_on_white(Image.fromarray(to_uint8(image[0])))
