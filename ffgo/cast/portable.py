"""A member as one file, `.ffgocast`: its folder, zipped. What comes in is looked at before it is kept."""

import stat
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np

from ..errors import FFGOError
from ..files import complete_file
from ..frame.pictures import fingerprint_of
from ..plain import read_limited
from .member import FILE, MOST_BYTES, PICTURE_FILE, CastPicture, Member, read_member
from .picture_files import THUMB, decoded_png, write_thumb
from .shelf import Cast, Saved
from .twins import hash_text, looks_of
from .vectors import VECTORS

SUFFIX = ".ffgocast"
MOST_FILES = 64
MOST_IN_ALL = 64 * 2**20
"""Bytes, packed or not."""
MOST_PIXELS = 4096 * 4096
"""Of one picture."""


def export_member(cast: Cast, label: str, target: Path) -> Path:
    """Write a member's file; target: a file or a folder. Raises: FFGOError; nothing is overwritten."""
    slug, member = cast.find(label)
    path = target / f"{slug}{SUFFIX}" if target.is_dir() else target
    if path.exists():
        raise FFGOError(f"{path} is there already. Name another file.")
    names = [FILE, *(picture.file for picture in member.pictures)]
    try:
        with complete_file(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for name in names:  # one by one: PNGs are packed already
                archive.writestr(name, read_limited(cast.folder / slug / name, MOST_IN_ALL))
    except OSError as error:
        raise FFGOError(
            f"{member.name} cannot be written to {path}: {error.strerror or error}. Name another file."
        ) from error
    return path


def import_member(cast: Cast, path: Path) -> Saved:
    """Take a member's file into the cast. Raises: FFGOError where it is not one; then nothing was written."""
    files = _unpacked(path)
    member = read_member(_text(files[FILE], path), f"{path.name}/{FILE}")
    if not member.pictures:
        raise FFGOError(f"{path.name} holds no picture of {member.name}. Export it anew.")
    if missing := [one.file for one in member.pictures if one.file not in files]:
        raise FFGOError(f"{path.name} lacks {', '.join(missing)}, which its {FILE} names. Export it anew.")
    pictures = {one.file: _decoded(files[one.file], f"{path.name}/{one.file}") for one in member.pictures}
    # What a stranger's file says of its pictures is not believed.
    member = replace(member, pictures=tuple(_seen(one, pictures[one.file]) for one in member.pictures))
    return _kept(cast, member, files, pictures)


def _kept(cast: Cast, member: Member, files: dict[str, bytes], pictures: dict[str, np.ndarray]) -> Saved:
    with cast.writing():
        for fingerprint in member.fingerprints:
            if same := cast.known(fingerprint):
                return Saved("there already", *same, f"This picture of {same[1].name} is in the cast already.")
        slug = cast.free_slug(member.name)
        member = replace(member, name=cast.free_name(member.name))
        with cast.new_folder(slug) as folder:
            for name in pictures:
                (folder / name).write_bytes(files[name])
            write_thumb(folder, pictures[member.pictures[0].file])
            (folder / FILE).write_text(member.to_json(), "utf-8")
    return Saved("new", slug, member, f"{member.name} is in the cast now.")


def _unpacked(path: Path) -> dict[str, bytes]:
    """The archive's files by their names, all checked before the first is read."""
    try:
        content = read_limited(path, MOST_IN_ALL)
        with zipfile.ZipFile(BytesIO(content)) as archive:
            infos = archive.infolist()
            _check(infos, path.name)
            files = {}
            left = MOST_IN_ALL
            for info in infos:
                with archive.open(info) as file:
                    files[info.filename] = file.read(left + 1)
                left -= len(files[info.filename])
                if left < 0:
                    raise FFGOError(f"{path.name} unpacks to more than {MOST_IN_ALL // 2**20} MB; nothing was kept.")
    except FFGOError:
        raise
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise FFGOError(f"{path.name} cannot be read as {SUFFIX}: {error}. Export it anew.") from error
    if FILE not in files:
        raise FFGOError(f"{path.name} holds no {FILE}; it is no member of a cast.")
    return files


def _check(infos: list[zipfile.ZipInfo], name: str) -> None:
    if len(infos) > MOST_FILES:
        raise FFGOError(f"{name} holds {len(infos)} files; {MOST_FILES} are the most. Nothing was kept.")
    if len({info.filename for info in infos}) < len(infos):
        raise FFGOError(f"{name} holds a file twice. Nothing was kept.")
    if sum(info.file_size for info in infos) > MOST_IN_ALL:
        raise FFGOError(f"{name} unpacks to more than {MOST_IN_ALL // 2**20} MB; nothing was kept.")
    for info in infos:
        kind = stat.S_IFMT(info.external_attr >> 16)
        is_ours = info.filename in (FILE, THUMB, VECTORS) or PICTURE_FILE.fullmatch(info.filename)
        if not is_ours or kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
            raise FFGOError(f"{name} holds {info.filename[:60]!r}, which no member of a cast has. Nothing was kept.")


def _text(content: bytes, path: Path) -> str:
    try:
        if len(content) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES:,} bytes")
        return content.decode("utf-8-sig")
    except ValueError as error:
        raise FFGOError(f"{path.name}/{FILE} cannot be read: {error}. Export it anew.") from error


def _decoded(content: bytes, where: str) -> np.ndarray:
    picture = decoded_png(BytesIO(content), where, MOST_PIXELS, "Nothing was kept.")
    if not picture[..., 3].any():
        raise FFGOError(f"{where} is fully transparent. Nothing was kept.")
    return picture


def _seen(one: CastPicture, picture: np.ndarray) -> CastPicture:
    fingerprint = fingerprint_of(picture)
    return replace(one, fingerprint=fingerprint, dhash=hash_text(looks_of(picture).bits))
