"""Tables of results, as Markdown and as a page of HTML."""

import html
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A table with its title, and what has to be known to read it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def as_markdown(title: str, tables: Sequence[ResultTable]) -> str:
    """All tables, one below the other."""
    parts = [f"# {_cell(title)}\n"]
    for table in tables:
        lines = [table.header, tuple("---" for _ in table.header), *table.rows]
        cells = "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)
        parts.append(f"## {table.title}\n\n{cells}\n" + (f"\n{table.note}\n" if table.note else ""))
    return "\n".join(parts)


def _cell(text: str) -> str:
    return html.escape(text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " "), quote=False)


_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 70rem; padding: 0 1rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.5rem 0; }
th, td { border: 1px solid #878f9d; padding: 0.3rem 0.6rem; text-align: left; white-space: nowrap; }
"""


def as_html(title: str, tables: Sequence[ResultTable]) -> str:
    """All tables on one page that needs nothing else, light and dark."""
    title, parts = html.escape(title), "".join(map(_html_table, tables))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><main><h1>{title}</h1>\n{parts}</main></body></html>\n"
    )


def _html_table(table: ResultTable) -> str:
    def cells(tag: str, texts: Sequence[str]) -> str:
        return "".join(f"<{tag}>{html.escape(text)}</{tag.split(maxsplit=1)[0]}>" for text in texts)

    head = "".join(cells('th scope="col"' if text else "td", [text]) for text in table.header)
    rows = "".join(f"<tr>{cells('th scope=row', row[:1])}{cells('td', row[1:])}</tr>\n" for row in table.rows)
    note = f"<p>{html.escape(table.note)}</p>\n" if table.note else ""
    title = html.escape(table.title)
    region = f'<div tabindex="0" role="region" aria-label="{title}">'
    body = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>"
    return f"<h2>{title}</h2>\n{region}{body}</div>\n{note}"
