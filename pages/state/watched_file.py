"""The file of `rnnkit.watch` that a viewer has opened. It is in this session's memory alone."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.state import uploads, viewer_state
from pages.state.viewer_state import WatchedFile
from pages.ui.markdown import plain
from rnnkit.errors import shorten_repr
from rnnkit.watch.run import WatchRun, read

EXAMPLE = Path(__file__).resolve().parents[2] / "rnnkit" / "watch" / "time_series.rnnkit"
MAX_NAME_CHARS = 200  # of a layer, which stands in the link
MAX_PLACES = 200  # layers, directions and parts of a file: more are no menu


@st.cache_resource(show_spinner=False)
def example() -> WatchRun:
    """Returns the watched run that shows how the page reads (examples/time_series.py)."""
    return read(EXAMPLE)


def shown() -> WatchedFile:
    """Returns the file that is open, or the example under the name ""."""
    return viewer_state.current().watched or WatchedFile("", example())


def form() -> None:
    """Draws the field for a file. A file that can be used is open from then on (`shown`); else there is a `refusal`."""
    state = viewer_state.current()
    field, megabytes = state.watched_form.field, uploads.store().limits.max_upload_megabytes
    file = st.file_uploader("A file of `watch.save`", key=field.key, max_upload_size=megabytes)
    if file is not None:
        try:
            state.watched, state.watched_form.refused = WatchedFile(file.name, opened(file.getvalue())), ""
        except ValueError as error:
            state.watched_form.refused = f"{shorten_repr(file.name, 60)} cannot be opened: {error}. What was shown stays."
        field.renew()
        st.rerun()


def refusal() -> None:
    """Draws why the last file could not be used, until the next one."""
    if refused := viewer_state.current().watched_form.refused:
        st.error(plain(refused), icon=":material/block:")


def close() -> None:
    """Callback: shows the example again."""
    viewer_state.current().watched = None


def opened(data: bytes) -> WatchRun:
    """Returns the run in a file's bytes. Raises ValueError where the page cannot show it."""
    run = WatchRun.from_bytes(data)
    places = {(p.layer, p.direction, p.part) for p in run.profiles}
    if not run.profiles:
        raise ValueError(f"it holds no watched training step{f': {run.problem}' if run.problem else ''}")
    if len(places) > MAX_PLACES:
        raise ValueError(f"expected at most {MAX_PLACES} layers, directions and parts, got {len(places):,}")
    if wrong := [layer for layer, *_ in places if len(layer) > MAX_NAME_CHARS or not layer.isprintable()]:
        raise ValueError(f"expected layers' names of at most {MAX_NAME_CHARS} printable characters, got {shorten_repr(wrong[0])}")
    return run
