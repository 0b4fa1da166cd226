"""All jobs of a batch in a table, `results.csv`, and on a page to look at, `results.html`."""

import csv
from collections.abc import Sequence
from html import escape
from io import StringIO
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from yarl import URL

from ..files import complete_file
from .jobs import BatchJob
from .outputs import CLIPS, PICTURES
from .results import Results, disk_error, files_of_row

if TYPE_CHECKING:
    from PIL import Image

TABLE, PAGE_FILE, SHEET = "results.csv", "results.html", "sheet"
COLUMNS: tuple[str, ...] = (
    *("case", "variant", "seed", "status", "kind", "seconds", "server", "try", "files", "error", "prompt"),
)
HEIGHT, QUALITY = 180, 80
FORMATS = {".mp4": "mov", ".m4v": "mov", ".mov": "mov", ".webm": "matroska", ".mkv": "matroska", ".avi": "avi"}
"""FFmpeg's names of what clips are opened as: never as a list of other files."""

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title><style>
:root { color-scheme: light dark; --ground: #fff; --ink: #1c2026; --faint: #59616e; --line: #d5d9e0; --bad: #a3261b;
  --mark: #1f5fd0; }
@media (prefers-color-scheme: dark) { :root { --ground: #16191d; --ink: #eef1f5; --faint: #a7b0bd; --line: #3a414b;
  --bad: #ff9a8f; --mark: #7db0ff; } }
body { margin: 0; padding: 1.5rem; background: var(--ground); color: var(--ink); font: 16px/1.4 system-ui, sans-serif; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); gap: 1.5rem; }
article { border-top: 1px solid var(--line); padding-top: .6rem; min-width: 0; }
h1 { font-size: 1.5rem; } h2 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
p { margin: .3rem 0; overflow-wrap: anywhere; } .faint { color: var(--faint); } .bad { color: var(--bad); }
a { color: var(--mark); } a:focus-visible { outline: 3px solid; outline-offset: 2px; }
.pictures { display: flex; gap: 4px; } .pictures img { max-width: 50%; height: auto; }
</style></head><body><h1>$title</h1><p class="faint">$subtitle</p><main>
$jobs
</main></body></html>
""")


def write_table(jobs: Sequence[BatchJob], books: Results, out: Path) -> None:
    """Write `results.csv`: a line a job, in the order of the list. Raises: LocalDiskError."""
    text = StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    table.writeheader()
    for job in jobs:
        row = _row(job, books)
        cells = {**row, "files": "; ".join(files_of_row(row)), "prompt": job.request.prompt}
        table.writerow({name: _as_words(cell) for name, cell in cells.items()})
    _write(out / TABLE, text.getvalue())


def write_page(jobs: Sequence[BatchJob], books: Results, out: Path) -> None:
    """Write `results.html`, with the first and the middle frame of each clip, or pictures. Raises: LocalDiskError."""
    rows = [_row(job, books) for job in jobs]
    states = [row["status"] for row in rows]
    said = ((state, states.count(state)) for state in dict.fromkeys(states))
    text = PAGE.substitute(
        title=escape(f"Batch: {out.resolve().name}"),
        subtitle=escape(f"{len(jobs)} jobs: {', '.join(f'{count} {state}' for state, count in said)}"),
        jobs="\n".join(_article(job, row, out) for job, row in zip(jobs, rows, strict=True)),
    )
    _write(out / PAGE_FILE, text)


def _row(job: BatchJob, books: Results) -> dict[str, Any]:
    """The last line of a job; of one without any, what is known."""
    known = {"case": job.case, "variant": job.variant, "seed": job.request.seed, "status": "left"}
    row = {**known, **books.last.get(job.key, {})}
    return {**row, "status": "left"} if row["status"] == "again" else row


def _as_words(cell: Any) -> Any:
    """A server's or a user's words that a spreadsheet would take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") else cell


def _article(job: BatchJob, row: dict[str, Any], out: Path) -> str:
    files = [one for one in files_of_row(row) if (out / one).is_file()]
    pictures = "".join(f'<img src="{_link(one)}" alt="" loading="lazy">' for one in _thumbnails(job, files, out))
    links = " · ".join(f'<a href="{_link(one)}">{escape(Path(one).name)}</a>' for one in files)
    took = f"{row['seconds']:g} s on {escape(str(row.get('server')))}" if row.get("seconds") else ""
    error = f'<p class="bad">{escape(str(row["error"]))}</p>' if row.get("error") and row["status"] != "done" else ""
    said = escape(job.request.prompt or "")
    return (
        f"<article><h2>{escape(job.name)}</h2><div class=pictures>{pictures}</div><p>{said}</p><p>{links}</p>"
        f"<p class=faint>{escape(row['status'])} {took}</p>{error}</article>"
    )


def _link(path: str) -> str:
    return escape(str(URL.build(path=path)))


def _thumbnails(job: BatchJob, files: Sequence[str], out: Path) -> list[str]:
    """Small pictures of a job's files, made once; none of a file that cannot be read."""
    made = []
    clips, pictures = ([one for one in files if Path(one).suffix in kind] for kind in (CLIPS, PICTURES))
    for number, file in enumerate(clips[:1] or pictures[:2]):
        names = [f"{SHEET}/{job.folder}_{number}{end}.webp" for end in ("", "_middle")]
        if not (out / names[0]).is_file():
            try:
                for name, picture in zip(names, _pictures(out / file), strict=False):
                    (out / SHEET).mkdir(exist_ok=True)
                    with complete_file(out / name) as partial:
                        picture.save(partial, "WEBP", quality=QUALITY)
            except OSError as error:
                raise disk_error(out, error) from error
        made += [name for name in names if (out / name).is_file()]
    return made


def _pictures(path: Path) -> list["Image.Image"]:
    """The picture, or the clip's first and middle frame, small; none of what cannot be read here."""
    from PIL import Image

    from .headless import FORMATS as READ

    if path.suffix in CLIPS:
        return _frames(path)
    try:
        with Image.open(path, formats=READ) as picture:
            return [_small(picture.convert("RGB"))]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return []


def _frames(path: Path) -> list["Image.Image"]:
    try:
        import av
        from av.error import FFmpegError
    except ImportError:  # it is only this page that needs it
        return []
    found = []
    try:
        with av.open(str(path), format=FORMATS[path.suffix]) as container:
            middle = (container.duration or 0) / 2
            for start in (0, middle):
                container.seek(int(start), backward=True)
                for frame in container.decode(video=0):
                    if (frame.time or 0) * av.time_base >= start - 1000:
                        found.append(_small(frame.to_image()))
                        break
    except (FFmpegError, OSError, ValueError, IndexError):
        return found
    return found


def _small(picture: "Image.Image") -> "Image.Image":
    return picture.resize((max(1, round(picture.width * HEIGHT / picture.height)), HEIGHT))


def _write(path: Path, text: str) -> None:
    try:
        with complete_file(path) as partial:
            partial.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise disk_error(path.parent, error) from error
