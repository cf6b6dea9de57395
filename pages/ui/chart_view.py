"""What pages with charts share: the key above a chart, a chart's specification, written once, and charts as files."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from textwrap import wrap
from typing import Any, NamedTuple

import pyarrow as pa
import streamlit as st

from pages.state import view_options
from rnnkit.export import images

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


def spec(chart: Callable[..., Any], *args: Any) -> dict[str, Any]:
    """A chart without its data: Altair takes longer to write it than everything else on a page."""
    with _writing:  # a class that opens one link at once would write the same chart in every thread
        written = _written(chart, args)
    return view_options.chart(written)


_writing = threading.Lock()


@lru_cache(maxsize=128)
def _written(chart: Callable[..., Any], args: tuple[Any, ...]) -> dict[str, Any]:
    return chart(*args).to_dict(validate=False)  # which takes most of the time; the tests of charts validate


def draw(spec: Any, text: str, key: str, data: Mapping[str, Any] | None = None, **look: Any) -> Any:
    """A chart, of a specification and its data or as Altair has it, which can also be had as a file (`files`).

    `text` states what it shows; with another one, or another specification, it is another chart, mounted anew.
    """
    spec = {**(spec if isinstance(spec, dict) else view_options.chart(spec.to_dict())), **({"datasets": data} if data else {})}
    _drawn()[key] = Drawn(text, spec)
    return st.vega_lite_chart(spec, width="stretch", key=key, alt=text, **look)


# ---- as files ----


class Drawn(NamedTuple):
    text: str
    spec: dict[str, Any]

    @property
    def title(self) -> str:
        return self.text.partition(":")[0]

    def file(self, kind: str) -> bytes:
        """A picture with its title and, below it, what the chart shows."""
        told = self.text.partition(":")[2].strip()
        rows = {name: _rows(table) for name, table in self.spec.get("datasets", {}).items()}
        spec = self.spec | {"title": {"text": self.title, "subtitle": wrap(told, 100)}}
        return images.images([(spec | ({"datasets": rows} if rows else {}), kind)])[0]


def _rows(table: Any) -> list[dict[str, Any]]:
    """What Streamlit takes as a chart's data, as Vega does."""
    if isinstance(table, bytes):
        table = pa.ipc.open_stream(table).read_all()
    if isinstance(table, pa.Table):
        table = table.to_pandas()
    return json.loads(table.to_json(orient="records")) if hasattr(table, "to_json") else table


def _drawn() -> dict[str, Drawn]:
    """The charts of the present page."""
    page, state = st.session_state.page.__name__, st.session_state
    if state.get("drawn", ("",))[0] != page:
        state.drawn = (page, {})
    return state.drawn[1]


def files() -> None:
    """At the end of a page: its charts as SVG and PNG."""
    drawn = _drawn()
    if not drawn or view_options.hidden("downloads"):
        return
    with st.popover("Charts as files", icon=":material/download:", key="charts", disabled=view_options.locked("downloads")):
        key = st.selectbox("Chart", list(drawn), format_func=lambda key: drawn[key].title, key=f"charts_of_{len(drawn)}")
        for column, (kind, mime) in zip(st.columns(2), images.KINDS.items(), strict=True):
            make = partial(drawn[key].file, kind)
            look: dict[str, Any] = {"on_click": "ignore", "width": "stretch", "key": f"charts_{kind}"}
            column.download_button(kind.upper(), data=make, file_name=f"rnnkit-{key}.{kind}", mime=mime, **look)
