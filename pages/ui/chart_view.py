"""Charts on pages: the legend above a chart, its specification, its drawing, and the page's charts as files."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from textwrap import wrap
from typing import Any

import pyarrow as pa
import streamlit as st

from pages.state import view_options, viewer_state
from pages.state.viewer_state import Chart
from rnnkit.export import images

STYLE = """<style>
.linekey { display: flex; flex-wrap: wrap; gap: 0.1rem 1.6rem; line-height: 1.5; }
.linekey span { display: flex; align-items: center; gap: 0.5rem; }
.linekey i { flex: none; width: 2rem; border-top: 4px solid var(--c); }
.linekey .dashed { border-top: 3px dashed var(--c); }
.linekey .dotted { border-top: 3px dotted var(--c); }
.linekey .thin { border-top-width: 1px; }
.linekey .dot { width: 0.7rem; height: 0.7rem; border: 0; border-radius: 50%; background: var(--c); }
.linekey .diamond { width: 0.7rem; height: 0.7rem; border: 2px solid var(--c); margin: 0 0.65rem; rotate: 45deg; }
.linekey .bar { height: 0.9rem; border: 0; background: var(--c); }
.linekey .band { height: 1rem; border: 0; background: var(--c); opacity: 0.5; }
</style>"""


def legend(*items: tuple[str, str, str]) -> None:
    """Draws a legend above a chart, which wraps on a phone: (kind of mark, colour, text) each, none for an empty text."""
    spans = (f'<span><i class="{kind}" style="--c: {colour}"></i>{text}</span>' for kind, colour, text in items if text)
    st.html(f'{STYLE}<div class="linekey">{"".join(spans)}</div>')


def spec(chart: Callable[..., Any], *args: Any, **options: Any) -> dict[str, Any]:
    """Returns a chart's specification without its data, cached: Altair is slower than everything else on a page."""
    with _writing:  # else the threads of a class that opens one link would all build the same chart
        written = _written(chart, *args, **options)
    return view_options.chart(written)


_writing = threading.Lock()


@lru_cache(maxsize=128)
def _written(chart: Callable[..., Any], *args: Any, **options: Any) -> dict[str, Any]:
    return chart(*args, **options).to_dict(validate=False)  # which takes most of the time; the tests of charts validate


def draw(spec: Any, text: str, key: str, data: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """Draws a chart, an Altair chart or a specification with its data, and adds it to the page's files (`files`).

    `text` states what it shows, for screen readers. With another text or specification the browser mounts the chart again.
    """
    spec = {**(spec if isinstance(spec, dict) else view_options.chart(spec.to_dict())), **({"datasets": data} if data else {})}
    viewer_state.current().charts[key] = Chart(text, spec)
    return st.vega_lite_chart(spec, width="stretch", key=key, alt=text, **options)


# ---- as files ----


def file(chart: Chart, kind: str) -> bytes:
    """Returns a picture of the chart with its title and, below it, its text."""
    text = chart.text.partition(":")[2].strip()
    rows = {name: _rows(table) for name, table in chart.spec.get("datasets", {}).items()}
    spec = chart.spec | {"title": {"text": chart.title, "subtitle": wrap(text, 100)}}
    return images.images([(spec | ({"datasets": rows} if rows else {}), kind)])[0]


def _rows(table: Any) -> list[dict[str, Any]]:
    """Returns a chart's data as Vega takes them."""
    if isinstance(table, bytes):
        table = pa.ipc.open_stream(table).read_all()
    if isinstance(table, pa.Table):
        table = table.to_pandas()
    return json.loads(table.to_json(orient="records")) if hasattr(table, "to_json") else table


def begin() -> None:
    """Forgets the charts of the page as it was drawn before. Call it before a page is drawn; its fragments add theirs."""
    viewer_state.current().charts = {}


def files() -> None:
    """Draws the download menu of the page's charts, as SVG and PNG. Call it at the end of a page."""
    drawn = viewer_state.current().charts
    if not drawn or view_options.hidden("downloads"):
        return
    with st.popover("Charts as files", icon=":material/download:", key="charts", disabled=view_options.locked("downloads")):
        key = st.selectbox("Chart", list(drawn), format_func=lambda key: drawn[key].title, key=f"charts_of_{'_'.join(drawn)}")
        for column, (kind, mime) in zip(st.columns(2), images.KINDS.items(), strict=True):
            make = partial(file, drawn[key], kind)
            options: dict[str, Any] = {"on_click": "ignore", "width": "stretch", "key": f"charts_{kind}"}
            column.download_button(kind.upper(), data=make, file_name=f"rnnkit-{key}.{kind}", mime=mime, **options)
