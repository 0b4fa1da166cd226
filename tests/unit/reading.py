"""Markdown as GitHub shows it: with GitHub's own renderer, read back with the standard parser of HTML."""

import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options

REPO = Path(__file__).parents[2]
HOME = "https://github.com/comfyui-ffgo/comfyui-ffgo"
AT_HOME = re.compile(
    r"https://(?:github\.com/comfyui-ffgo/comfyui-ffgo/(?:blob|tree)|raw\.githubusercontent\.com/comfyui-ffgo/comfyui-ffgo)"
    r"/main/(.+)"
)
HEADINGS = {"h1", "h2", "h3", "h4"}


@dataclass
class Page(HTMLParser):
    """What a reader finds on a page."""

    path: Path
    links: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    """Of each table its rows of cells, the head first."""
    commands: list[str] = field(default_factory=list)
    """Lines of code blocks, and code within text that starts a program; a line that goes on is one with the next."""
    anchors: set[str] = field(default_factory=set)
    _inside: list[str] = field(default_factory=list)
    _text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(github_flavored_markdown_to_html(self.path.read_text("utf-8"), options=Options.CMARK_OPT_UNSAFE))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self.links.append(values.get("href") or "")
        if tag == "img":
            self.images.append(values.get("src") or "")
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in {"td", "th", "code", *HEADINGS}:
            self._text = ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self._text)
        if tag == "code":
            lines = self._text.replace("\\\n", " ").splitlines()
            lines = [re.sub(r"\s# .*", "", line) for line in lines]
            self.commands += [" ".join(line.split()) for line in lines if line.strip()]
        if tag in HEADINGS:  # GitHub's own rule for what a heading is called in addresses
            self.anchors.add(re.sub(r"[^\w\- ]", "", self._text.strip().lower()).replace(" ", "-"))

    def targets(self) -> list[tuple[str, Path, str]]:
        """Links and pictures that stand for files of the repository: as written, the file, and the anchor in it."""
        found = []
        for link in [*self.links, *self.images]:
            at_home = AT_HOME.fullmatch(link)
            if re.match(r"[a-z]+:", link) and not at_home:
                continue
            name, _, anchor = (at_home[1] if at_home else link).partition("#")
            base = REPO if at_home else self.path.parent
            found.append((link, (base / unquote(name)).resolve() if name else self.path, anchor))
        return found


@cache
def page(path: Path) -> Page:
    return Page(path)
