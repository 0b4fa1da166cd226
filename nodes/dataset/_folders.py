"""Where datasets lie in the host's folders, and what the dataset's nodes need of the host besides."""

import shutil
from collections.abc import Callable
from hashlib import blake2b
from math import inf
from pathlib import Path

import comfy.model_management
import comfy.utils
import folder_paths
from comfy_api.latest import InputImpl, Types

from ...ffgo.clip.video_io import CRF, probe_clip, read_frames, write_clip
from ...ffgo.dataset.examples import Progress, clip_troubles
from ...ffgo.errors import FFGOError
from ...ffgo.names import path_below, path_within
from ...ffgo.pixels import require_image, to_uint8


def dataset_folder(name: str, kind: str = "datasets") -> Path:
    """The folder `name` below output/`kind`. Raises: FFGOError for a name that leads out of it."""
    return path_below(Path(folder_paths.get_output_directory()) / kind, name.strip(), "name")


def find_dataset(written: str) -> Path:
    """The folder or JSON file that is meant, below output/datasets, output, input or the host's own datasets folder.

    Raises: FFGOError if there is none or several, or if it leads out of these folders.
    """
    roots = _roots()
    written_from_base = Path(folder_paths.base_path) / written.strip()
    candidates = [path_within(root, place) for root in roots for place in (written, str(written_from_base))]
    paths = {path.resolve(): path for path in candidates if path and path.exists()}
    if len(paths) > 1:
        raise FFGOError(f"{written!r} could be {' or '.join(map(str, paths.values()))}. Write the whole path.")
    if not paths:
        raise FFGOError(
            f"There is no dataset {written!r}. Datasets are looked for in {', '.join(map(str, roots))}; "
            "for safety nowhere else. Copy or link yours into one of these folders."
        )
    return next(iter(paths.values()))


def state_of(written: str) -> str:
    """Changes when a file of the dataset does, so that the host reads it again."""
    try:
        path = find_dataset(written)
    except FFGOError as error:
        return str(error)
    digest = blake2b(digest_size=16)
    for file in sorted((path if path.is_dir() else path.parent).rglob("*")):
        if file.is_file():
            facts = file.stat()
            digest.update(f"{file} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()


def free_folder(name: str, kind: str) -> Path:
    """The folder `name` below output/`kind`, with a number at its end if there is one of that name already."""
    folder, number = dataset_folder(name, kind), 2
    while folder.exists():
        folder, number = dataset_folder(f"{name.strip()}_{number}", kind), number + 1
    return folder


def stop_if_cancelled() -> None:
    """Raises: the host's own, which is no error, where the user cancelled."""
    comfy.model_management.throw_exception_if_processing_interrupted()


def shown_progress() -> Progress:
    """Moves the node's progress bar, and stops the work when the user cancels."""
    bar = comfy.utils.ProgressBar(1)

    def report(done: int, total: int, name: str) -> None:
        stop_if_cancelled()
        bar.update_absolute(done, total)

    return report


def clip_writer(frames, fps: float) -> Callable[[Path], object]:
    """What writes an IMAGE batch or a VIDEO as an mp4 to a path; a VIDEO that is such a file is copied as it is."""
    if hasattr(frames, "save_to"):
        return lambda path: _write_video(frames, path)
    require_image(frames, "frames")
    return lambda path: write_clip(path, (to_uint8(frame[..., :3]) for frame in frames), fps)


def _write_video(video, path: Path) -> None:
    from av.error import FFmpegError

    source = video.get_stream_source() if isinstance(video, InputImpl.VideoFromFile) else None
    if isinstance(source, str):
        _write_file(Path(source), video.get_active_trim_window(), path)
    else:
        mp4 = {"format": Types.VideoContainer.MP4, "codec": Types.VideoCodec.H264}
        try:
            video.save_to(str(path), **mp4, bit_depth=8, crf=float(CRF))
        except FFmpegError as error:
            raise FFGOError(
                f"The VIDEO cannot be written as an mp4 ({error.strerror}). Its sides must be even; best resize it to "
                "multiples of 16."
            ) from error


def _write_file(source: Path, window: tuple[float, float], path: Path) -> None:
    """A part of a clip on disk (0 seconds: to its end), as it is shown; the host's own way knows no mirrored ones."""
    info, (start, duration) = probe_clip(source), window
    if troubles := clip_troubles(info):
        raise FFGOError(f"{source.name} {' It '.join(troubles)}")
    if source.suffix == ".mp4" and info.codec == "h264" and not any(window):
        shutil.copyfile(source, path)
    else:
        pictures = read_frames(source, start=start, end=start + duration if duration else inf)
        height, width = info.height // 2 * 2, info.width // 2 * 2  # an mp4 cannot have odd sides
        write_clip(path, (picture[:height, :width] for picture in pictures), info.fps)


def _roots() -> list[Path]:
    output = Path(folder_paths.get_output_directory())
    own = [Path(folder) for folder in folder_paths.get_folder_paths("datasets")]
    return [output / "datasets", output, Path(folder_paths.get_input_directory()), *own]
