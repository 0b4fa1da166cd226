"""Which files of a folder of clips belong together: those of one name, whatever its case or its accents' spelling."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path
from unicodedata import category, normalize

from ..bases.memory import MOST_MEMORY
from ..errors import FFGOError, printable
from ..plain import read_limited

CLIP_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
CAPTION_SUFFIXES = (".txt", ".caption")
CLIP_FOLDER, COMPOSITE_FOLDER = "videos", "composites"

_MOVING = (
    *(
        ".gif",
        ".apng",
        ".avif",
        ".ts",
        ".m2ts",
        ".mts",
        ".wmv",
        ".asf",
        ".mpg",
        ".mpeg",
        ".mpe",
        ".m2v",
        ".mpv",
        ".vob",
    ),
    *(".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".dv", ".rm", ".rmvb", ".divx", ".amv", ".qt", ".y4m"),
    *(".h264", ".264", ".h265", ".265", ".hevc", ".av1", ".ivf", ".insv", ".braw", ".r3d"),
)
"""Clips, too, but of kinds that are not read."""
_OTHER_PICTURES = (".bmp", ".tif", ".tiff", ".heic", ".heif", ".jxl", ".jfif", ".jpe", ".exr", ".tga", ".psd", ".svg")
_OTHER_TEXTS = (
    ".json",
    ".jsonl",
    ".csv",
    ".md",
    ".text",
    ".cap",
    ".captions",
    ".yaml",
    ".rtf",
    ".srt",
    ".tags",
    ".doc",
)
_OTHER_TEXTS += (".docx", ".odt")

_CAPTION_BYTES = 1_000_000
"""Of a caption's file; a longer one is no caption."""
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


def folded(name: str) -> str:
    """A name as it is compared: case and the spelling of accents (macOS splits them) do not matter."""
    return normalize("NFC", normalize("NFC", name).casefold())


def read_caption(path: Path) -> str:
    """The text of a caption's file, with plain line ends. Raises: FFGOError that says why it is none."""
    try:
        content = read_limited(path, _CAPTION_BYTES)
    except OSError as error:
        raise FFGOError(f"its caption {path.name} cannot be read: {error.strerror}.") from error
    try:
        text = content.decode("utf-16" if content.startswith(_BYTE_ORDER_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise FFGOError(f"its caption {path.name} is not UTF-8 text. Save it as UTF-8.") from error
    if "\0" in text:
        raise FFGOError(f"its caption {path.name} is not UTF-8 text, but perhaps UTF-16. Save it as UTF-8.")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


@dataclass(frozen=True, slots=True)
class Beside:
    """A clip with what lies beside it."""

    clip: Path
    caption: Path
    composite: Path
    more: tuple[Path, ...] = ()
    """The further canvases of a memory, called as the clip with .composite.2 to .composite.4 behind it."""


class ClipFolder:
    """A folder of clips, each with a caption and a composite of the same name beside it."""

    def __init__(self, folder: Path):
        """Raises: FFGOError if there is no clip in it, nor in its `videos` folder."""
        self.folder = folder.resolve()
        every = sorted({path for path in _walk(self.folder) if not _hidden(path, self.folder)})
        self._files = [path for path in every if path.is_file()]
        self._no_files = [path for path in every if path.suffix.lower() in CLIP_SUFFIXES and not path.is_file()]
        self._named: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        for path in self._files:
            self._named[path.parent, folded(path.stem)].append(path)
        here, inside = self._clips("."), self._clips(CLIP_FOLDER)
        self.clips = here or inside
        if not self.clips:
            others = [self.name(path) for path in self._files if path.suffix.lower() in _MOVING]
            seen = f" {', '.join(others)} cannot be read: make mp4 clips of them." if others else ""
            raise FFGOError(
                f"{folder} holds no dataset: no JSON list, and no clip ({', '.join(CLIP_SUFFIXES)}) in it or in its "
                f"folder {CLIP_FOLDER}.{seen}"
            )
        self._used: set[Path] = set()

    def name(self, path: Path) -> str:
        """What messages call a file by."""
        return path.relative_to(self.folder).as_posix()

    def beside(self, clip: Path) -> Beside:
        """What belongs to one of the clips. Raises: FFGOError that says all that is missing, or could be two things."""
        stem, wrong = folded(clip.stem), []
        if any(category(letter) == "Cs" for letter in clip.name):  # what Python makes of bytes that are no UTF-8
            wrong.append("its name is not UTF-8; give it another")
        twins = [other.name for other in self.clips if folded(other.stem) == stem and other != clip]
        if twins:
            wrong.append(f"{' and '.join([clip.name, *twins])} would share one caption; give each a name of its own")
        captions = self._called(stem, CAPTION_SUFFIXES, [clip.parent])
        places = self._composite_folders(clip)
        first, *further = (self._canvas(stem, number, places) for number in range(1, MOST_MEMORY + 1))
        pictures = [*self._called(stem, PICTURE_SUFFIXES, places), *first]
        if not captions:
            wrong.append(
                f"has no caption; put it into {clip.stem}.txt beside the clip{self._instead(clip, _OTHER_TEXTS)}"
            )
        if not pictures:
            wrong.append(
                f"has no composite; put {clip.stem}.png beside the clip or into the folder {COMPOSITE_FOLDER}"
                f"{self._instead(clip, _OTHER_PICTURES)}"
            )
        more = list(takewhile(bool, further))
        if late := [found[0] for found in further[len(more) :] if found]:
            wrong.append(f"{late[0].name} has no composite {len(more) + 2} before it")
        numbered = ((f"composite {number}", found) for number, found in enumerate(more, 2))
        for what, found in (("caption", captions), ("composite", pictures), *numbered):
            if len(found) > 1:
                wrong.append(f"its {what} could be {self.name(found[0])} or {self.name(found[1])}; keep one")
        for path in (clip, *captions, *pictures, *chain(*more)):
            if not path.resolve().is_relative_to(self.folder):
                wrong.append(f"{path.name} is a link that leads out of {self.folder}")
        if wrong:
            raise FFGOError("; ".join(wrong) + ".")
        canvases = tuple(found[0] for found in more)
        for path in (clip, captions[0], pictures[0], *canvases):
            self._used |= {path, path.resolve()}
        return Beside(clip, captions[0], pictures[0], canvases)

    def _canvas(self, stem: str, number: int, places: Sequence[Path]) -> list[Path]:
        """What a canvas of a clip's memory could be; what is called after another clip is that one's."""
        name = f"{stem}.composite" + (f".{number}" if number > 1 else "")
        others = {folded(clip.stem) for clip in self.clips}
        return [] if name in others else self._called(name, PICTURE_SUFFIXES, places)

    def notes(self) -> list[str]:
        """What lies in the folder and was not used."""
        kinds = (*CAPTION_SUFFIXES, *PICTURE_SUFFIXES, *CLIP_SUFFIXES, *_OTHER_PICTURES, *_OTHER_TEXTS)
        unused = {
            "clips of their kind are not read (make mp4 of them)": [
                p for p in self._files if p.suffix.lower() in _MOVING
            ],
            "they are folders, or links to nothing": self._no_files,
            "they belong to no clip": [p for p in self._files if p.suffix.lower() in kinds and p not in self._used],
        }
        return [
            printable(f"Not used, as {why}: {', '.join(map(self.name, paths))}.")
            for why, paths in unused.items()
            if paths
        ]

    def _clips(self, place: str) -> list[Path]:
        """Clips right in the folder, or in a folder of it."""
        folders = {path.parent for path in self._files if folded(self.name(path.parent)) == place}
        return [path for path in self._files if path.parent in folders and path.suffix.lower() in CLIP_SUFFIXES]

    def _composite_folders(self, clip: Path) -> list[Path]:
        folders = {path.parent for path in self._files if folded(path.parent.name) == COMPOSITE_FOLDER}
        return [clip.parent, *sorted(path for path in folders if path.parent in (clip.parent, self.folder))]

    def _called(self, stem: str, suffixes: Sequence[str], places: Sequence[Path]) -> list[Path]:
        return [path for place in places for path in self._named[place, stem] if path.suffix.lower() in suffixes]

    def _instead(self, clip: Path, suffixes: Sequence[str]) -> str:
        """What could have been meant: a file of another kind, or one called after the whole clip, as a.mp4.txt."""
        same, longer = (self._named[clip.parent, folded(name)] for name in (clip.stem, clip.name))
        near = [path.name for path in same if path.suffix.lower() in suffixes] + [path.name for path in longer]
        return f" ({', '.join(near)} is not read)" if near else ""


def _walk(folder: Path) -> Iterator[Path]:
    """All that lies below a folder; of folders that are links, those in which clips and composites are looked for."""
    places = [path for path in folder.iterdir() if folded(path.name) in (CLIP_FOLDER, COMPOSITE_FOLDER)]
    inside = (path.iterdir() for path in places if path.is_dir())
    return chain(folder.rglob("*"), *inside)


def _hidden(path: Path, folder: Path) -> bool:
    """What systems leave beside one's files: `._a.mp4` is no clip, but macOS' notes on one."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.relative_to(folder).parts)
