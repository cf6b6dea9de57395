"""What pages with charts share: the key above a chart, and a chart's specification, written once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import streamlit as st

STYLE = """<style>
.linekey { display: flex; flex-wrap: wrap; gap: 0.1rem 1.6rem; line-height: 1.5; }
.linekey span { display: flex; align-items: center; gap: 0.5rem; }
.linekey i { flex: none; width: 2rem; border-top: 4px solid var(--c); }
.linekey .dashed { border-top: 3px dashed var(--c); }
.linekey .dotted { border-top: 3px dotted var(--c); }
.linekey .thin { border-top-width: 1px; }
.linekey .dot { width: 0.7rem; height: 0.7rem; border: 0; border-radius: 50%; background: var(--c); }
.linekey .bar { height: 0.9rem; border: 0; background: var(--c); }
.linekey .band { height: 1rem; border: 0; background: var(--c); opacity: 0.5; }
</style>"""


def legend(*items: tuple[str, str, str]) -> None:
    """A key above a chart that wraps on a phone: (kind of mark, colour, text); none for an empty text."""
    spans = (f'<span><i class="{kind}" style="--c: {colour}"></i>{text}</span>' for kind, colour, text in items if text)
    st.html(f'{STYLE}<div class="linekey">{"".join(spans)}</div>')


@lru_cache(maxsize=128)
def spec(chart: Callable[..., Any], *args: Any) -> dict[str, Any]:
    """A chart without its data: Altair takes longer to write it than everything else on a page."""
    return chart(*args).to_dict()
