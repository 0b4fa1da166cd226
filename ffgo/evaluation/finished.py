"""Clips that were made elsewhere: found by their names, and taken into a run folder."""

import shutil
from pathlib import Path

from ..clip.video_io import ClipInfo, probe_clip, read_frames, write_clip
from ..errors import FFGOError
from ..remote.outputs import CLIPS
from .methods import Method


def find_video(method: Method, case: str, seed: int) -> Path:
    """The clip of a case and seed in a method's folder of videos. Raises: FFGOError that says which names would do."""
    assert method.videos
    stems = [f"{case}/{seed}", f"{case}_{seed}", f"{case}-{seed}"] + ([case] if len(method.seeds) == 1 else [])
    names = [f"{stem}{suffix}" for stem in stems for suffix in sorted(CLIPS)]
    found = [method.videos / name for name in names if (method.videos / name).is_file()]
    if not found:
        raise FFGOError(
            f"There is no clip for case {case!r} and seed {seed} in {method.videos}. It would be called "
            f"{' or '.join(f'{stem}.mp4' for stem in stems)}."
        )
    if len(found) > 1:
        names = " and ".join(str(path.relative_to(method.videos)) for path in found)
        raise FFGOError(f"{names} in {method.videos} could both be case {case!r}, seed {seed}. Leave one of them.")
    return found[0]


def take_clip(source: Path, target: Path) -> ClipInfo:
    """Copy a clip that can be read to its last frame to `target`, an mp4; other kinds are encoded anew.

    Raises: FFGOError where the clip is damaged or cut short, or the disk refuses.
    """
    info = probe_clip(source)
    if info.damage:
        raise FFGOError(info.damage)
    if info.missing:
        raise FFGOError(
            f"{source.name} is cut short: {info.missing} of the {info.promised} frames that it names are not in it. "
            "Copy or make it once more."
        )
    if source.suffix.lower() == ".mp4" and info.plain:
        shutil.copyfile(source, target)
        return info
    write_clip(
        target, (frame[: info.height // 2 * 2, : info.width // 2 * 2] for frame in read_frames(source)), info.fps
    )
    return probe_clip(target)
