"""A table of texts, such as names from a viewer's file: they are escaped, and on a narrow screen the table scrolls by itself."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

STYLE = """<style>
.texttable { overflow-x: auto; }
.texttable table { border-collapse: collapse; line-height: 1.6; font-variant-numeric: tabular-nums; }
.texttable :is(th, td) { padding: 0.1rem 0.8rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #8a949e55; }
.texttable :is(th, td):first-child { text-align: left; padding-left: 0; white-space: normal; overflow-wrap: anywhere; }
.texttable tr > :first-child { min-width: 8rem; }
.texttable th { font-weight: 600; }
.texttable th[colspan] { text-align: center; }
.texttable th[colspan]:first-child { border-bottom: 0; }
</style>"""


def draw(table: Sequence[Sequence[str]], title: str, last: int = 0, over_last: str = "") -> None:
    """Draws the header, which is the first row, and the other rows. Above the header of the `last` columns stands `over_last`."""
    header, *rows = table
    above = f'<tr><th colspan="{len(header) - last}"></th><th colspan="{last}">{html.escape(over_last)}</th></tr>' if last else ""
    lines = "".join(_row("td", row) for row in rows)
    whole = f"<table><thead>{above}{_row('th', header)}</thead><tbody>{lines}</tbody></table>"
    st.html(f'{STYLE}<div class="texttable" tabindex="0" role="region" aria-label="{html.escape(title)}">{whole}</div>')


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
