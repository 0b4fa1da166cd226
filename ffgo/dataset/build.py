"""Putting an example that was made here into a dataset's folder, in the official format."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

from PIL import Image
from torch import Tensor

from ..clip.video_io import probe_clip
from ..errors import FFGOError
from ..files import complete_file
from ..pixels import flatten_on_white, require_image, to_uint8
from ..plain import Source
from ..words.phrase import TRANSITION_PHRASE, add_transition_phrase, with_phrase_once
from .examples import clip_troubles
from .matching import CLIP_FOLDER, COMPOSITE_FOLDER
from .records import RECORDS_FILE, LookedAt, Record, read_records, write_records


def add_example(folder: Path, write_video: Callable[[Path], object], composite: Image.Image, caption: str) -> LookedAt:
    """Write a clip, its composite and its caption into the folder and its list; returns the example.

    write_video: writes the clip as an mp4 to the path it gets. The files are named after what is in them: the same clip
    and composite again only change the caption. The phrase is put before a caption that does not begin with it.
    Raises: FFGOError if the caption describes nothing, the clip could not be trained on, or the disk refuses.
    """
    text = Source("dataset example").value(caption, "caption").string().strip()
    if not text.removeprefix(TRANSITION_PHRASE).strip() or not text.startswith(TRANSITION_PHRASE):
        text = add_transition_phrase(text)
    text = with_phrase_once(text)
    try:
        (folder / CLIP_FOLDER).mkdir(parents=True, exist_ok=True)
        (folder / COMPOSITE_FOLDER).mkdir(exist_ok=True)
    except OSError as error:
        raise _refused(folder, error) from error
    partial = folder / CLIP_FOLDER / f".{uuid4().hex}.mp4"
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
    except OSError as error:
        raise _refused(folder, error) from error
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


def _refused(folder: Path, error: OSError) -> FFGOError:
    return FFGOError(f"Cannot write into {folder}: {error.strerror}. Free some space or choose another name.")


def picture_of(image: Tensor) -> Image.Image:
    """The composite as a picture: an IMAGE of one frame, transparency on white. Raises: FFGOError for anything else."""
    require_image(image, "composite")
    if len(image) > 1:
        raise FFGOError(f"composite holds {len(image)} pictures; an example has one composed first frame.")
    return flatten_on_white(Image.fromarray(to_uint8(image[0])))
