"""Downloads of a run: a handout, the same in plain PyTorch, charts, and the records.

Every file is made when it is fetched. Uploaded sentences that are not shared reach nobody else: only who may use them sees the
run.
"""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import streamlit as st

from pages.server import polling
from pages.state import url, view_options
from pages.state.viewer_state import View
from pages.ui import errors
from rnnkit.charts.training import curves
from rnnkit.export import images, tables
from rnnkit.export.figures import figures, titled_chart
from rnnkit.export.handout import handout
from rnnkit.export.notebook import notebook
from rnnkit.export.script import missing, script
from rnnkit.serving.run_pool import Run

BYTES = "application/octet-stream"


def draw(run: Run) -> None:
    """Draws the menu Take home."""
    if not view_options.hidden("downloads"):
        errors.fragment(_menu)(run)


def _menu(run: Run) -> None:
    """Draws the menu. Its content, a quarter of the page's elements, is drawn only when it is open."""
    options: dict[str, Any] = {"icon": ":material/download:", "disabled": view_options.locked("downloads"), "on_change": "rerun"}
    with st.popover("Take home", key="take_home", **options) as menu:
        if not menu.open:
            st.container(height=500, border=False)  # the browser places the popover before its content has come
            return
        _in_words(run)
        st.divider()
        _pictures(run)
        st.divider()
        _numbers(run)
        polling.poll_again_after(None if run.history.n else 1.0)


@st.cache_resource(show_spinner=False)
def prepare() -> None:
    """Starts the program that draws charts for files, in the background, because it takes seconds to start."""

    def start() -> None:
        with suppress(images.ImageError):  # a download reports it
            images.javascript()

    threading.Thread(target=start, daemon=True).start()


def _button(label: str, key: str, run: Run, make: Callable[[], str | bytes], name: str, mime: str, about: str = "") -> None:
    st.download_button(
        label,
        data=make,
        file_name=f"rnnkit-{run.experiment.key}{name}",
        mime=mime,
        key=f"take_{key}",
        on_click="ignore",
        help=about or None,
        width="stretch",
        disabled=not run.history.n,
    )


def _in_words(run: Run) -> None:
    e, reasons = run.experiment, missing(run.experiment)
    link = url.address(View())
    about = "One page with the charts, the settings and the findings; it opens without a network and can be printed."
    _button(
        "Handout", "handout", run, lambda: handout(run.history, link, "" if reasons else script(e)), ".html", "text/html", about
    )
    if reasons:
        st.caption("There is no PyTorch script of this experiment. " + " ".join(reasons))
        return
    about = "The same experiment with torch.nn and autograd alone, to run and to change."
    left, right = st.columns(2)
    with left:
        _button("PyTorch script", "script", run, lambda: script(e), ".py", "text/x-python", about)
    with right:
        _button("Notebook", "notebook", run, lambda: notebook(e), ".ipynb", "application/x-ipynb+json", about)


def _pictures(run: Run) -> None:
    names = {"gradient": "Gradient through time"}
    names |= {name: curve.menu for name, curve in curves(run.history.e).items()}
    chart = st.selectbox("Chart", list(names), format_func=names.__getitem__, key="take_chart")
    left, right = st.columns(2)
    for column, (kind, mime) in zip((left, right), images.KINDS.items(), strict=True):
        with column:
            _button(kind.upper(), kind, run, partial(_picture, run, chart, kind), f"-{chart}.{kind}", mime)
    _button("All charts, SVG and PNG", "charts", run, lambda: _all_pictures(run), "-charts.zip", "application/zip")


def _picture(run: Run, chart: str, kind: str) -> bytes:
    history = run.history
    figure = next(figure for figure in figures(history)[::-1] if figure.name.startswith(chart))  # of an LSTM the cell state
    return images.images([(titled_chart(figure, history), kind)])[0]


def _all_pictures(run: Run) -> bytes:
    history = run.history
    wanted = {
        f"{figure.name}.{kind}": (titled_chart(figure, history), kind) for figure in figures(history) for kind in images.KINDS
    }
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as file:
        for name, picture in zip(wanted, images.images(list(wanted.values())), strict=True):
            file.writestr(name, picture)
    return sink.getvalue()


def _numbers(run: Run) -> None:
    h = run.history
    left, right = st.columns(2)
    with left:
        _button("Records as CSV", "csv", run, lambda: tables.records(h, "csv"), ".csv", "text/csv")
    with right:
        _button("as Parquet", "parquet", run, lambda: tables.records(h, "parquet"), ".parquet", BYTES)
    about = "The norm of the gradient at every training step, time step and network."
    _button("Gradients as Parquet", "gradients", run, lambda: tables.gradients(h, "parquet"), "-gradients.parquet", BYTES, about)
