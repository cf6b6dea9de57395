"""The run list on the page Compare: a card for each of the viewer's runs, those that are ticked drawn together, and its file.

Every run that is drawn is trained to its end, with lower priority than live runs. Names come from viewers and files. They are
shown in text fields, charts and escaped HTML, never as Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from pages.components.cards import Card, cards
from pages.run_list.overlay_charts import drawing, line
from pages.state import browser_history, navigation, session, transport, view_options, viewer_state, widgets
from pages.state.run_list import RunList
from pages.state.widgets import VersionedKey
from pages.ui import errors
from rnnkit.analysis.describe import summary
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.export.run_list import (
    MAX_BYTES,
    MAX_DRAWN,
    MAX_NAME_CHARS,
    MAX_RUNS,
    Entry,
    differences,
    dump,
    load,
    outcome_text,
    to_csv,
    to_parquet,
    with_gradients,
)
from rnnkit.fields import lower_first
from rnnkit.serving.run_pool import Run
from rnnkit.stories import pictures
from rnnkit.stories.pictures import Picture

Runs = Mapping[str, Run]  # by the run's key
MIMES = {"jsonl": "application/jsonl", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
PICTURE = (16, 64)  # rows and columns of a card's heatmap at most: while something trains, each poll sends all cards again
OPEN, PIN, REMOVE = "Open in the lab", "Pin it", "Remove from the run list"
STYLE = """<style>
.shelf-said { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
.st-key-shelf_rows { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 1.5rem 1.2rem; }
.st-key-shelf_rows > * { width: auto; min-width: 0; }
</style>"""


def section() -> None:
    """Draws the part of the page under the two runs."""
    st.html(STYLE)
    st.markdown("#### The run list of this session")
    mine = run_list()
    runs = _runs(mine)
    every, filled = _interval(runs), bool(mine.entries)
    errors.fragment(_section, run_every=every)(every, filled)
    with st.container():  # outside the fragment: a download fails while its button is drawn again
        if filled:
            _take_home(mine, runs)
    _bring()


# ---- the runs, shared with all viewers of the same Experiment ----


def run_list() -> RunList:
    """Returns this viewer's run list."""
    return viewer_state.current().run_list


def _runs(mine: RunList) -> Runs:
    """Returns the runs in the list that the server has. Asks for the rows of those that are drawn."""
    pool, runs = session.pool(), {}
    for entry in mine.entries:
        if session.objections(entry.experiment):
            continue
        if entry.place is not None:
            runs[entry.key] = pool.get(entry.experiment)
            session.watch(runs[entry.key], "shelf", low_priority=True)
        elif entry.key in pool.runs:
            runs[entry.key] = pool.runs[entry.key]
    for run in runs.values():
        mine.note(run)
    return runs


def _interval(runs: Runs) -> float | None:
    """Returns seconds to the next poll, None when nothing will change by itself."""
    mine, present = run_list(), transport.run()
    drawn = [runs[entry.key] for entry in mine.drawn() if entry.key in runs]
    appears = transport.playback().playing and present.experiment not in mine
    if not appears and not present.needs_training and all(run.done or run.error for run in drawn):
        return None
    viewers = max(len(run.viewers) for run in [present, *drawn])
    return next((seconds for seconds in (0.5, 1.0, 2.0) if viewers / 40 <= seconds), 3.0)


# ---- what is shown ----


def _section(every: float | None, filled: bool) -> None:
    mine = run_list()
    runs = _runs(mine)
    # Fixed places: a late message to a place that meanwhile holds something else breaks the page.
    rows, charts = st.container(), st.container()
    with rows:
        _table(mine, runs)
    with charts:
        drawing(mine, runs)
    if (_interval(runs), bool(mine.entries)) != (every, filled):
        st.rerun()


def _table(mine: RunList, runs: Runs) -> None:
    present = transport.run().experiment
    if not mine.entries:
        st.info(
            "The run list is empty. Press **Train**: a run comes here by itself once it has left its first training step. Or "
            "load a run list from a file, below.",
            icon=":material/shelves:",
        )
    else:
        st.markdown(
            f"Every run that you train comes here by itself, up to {MAX_RUNS} of them. Tick up to {MAX_DRAWN} to see them "
            "together; click on a name to change it, and on a picture to open its run in the lab."
        )
    experiments = [entry.experiment for entry in mine.entries]
    with st.container(key="shelf_rows"):
        for entry in mine.entries:
            _row(mine, entry, runs.get(entry.key), experiments)
    if mine.crowded:
        st.warning(
            f"The run list is full: {MAX_RUNS} runs, all with names of yours. Remove one to make room.", icon=":material/shelves:"
        )
    if present not in mine:
        put: dict[str, Any] = {"on_click": mine.put, "args": (present,), "icon": ":material/add:"}
        st.button("Add the present run to the run list", key="shelf_put", help=summary(present), **put)


def _row(mine: RunList, entry: Entry, run: Run | None, experiments: list[Experiment]) -> None:
    key, drawn = entry.key, entry.place is not None
    refused = "; ".join(session.objections(entry.experiment).values())
    locked = session.refusal(entry.experiment)
    full = len(mine.drawn()) == MAX_DRAWN and not drawn
    with st.container(key=f"shelf_row_{key}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.checkbox(
                "Draw",
                value=drawn,
                key=_with_value(_key("draw", key), drawn),
                on_change=_draw,
                args=(key, _key("draw", key).key),
                disabled=full or bool(refused),
                help=f"{MAX_DRAWN} runs are drawn already" if full else None,
                width=76,
            )
            with st.container(key=f"shelf_line_{key}", width=56):
                st.html(line(entry.place))
            st.text_input(
                "Name",
                value=entry.name,
                max_chars=MAX_NAME_CHARS,
                key=_with_value(_key("name", key), entry.name),
                on_change=_rename,
                args=(key, _key("name", key).key),
                label_visibility="collapsed",
                width="stretch",
            )
            options = [REMOVE] if refused else [PIN, REMOVE] if locked else [OPEN, PIN, REMOVE]
            st.menu_button("Actions", options, key=f"shelf_do_{key}", on_click=_do, args=(key,))
        if run and run.error:
            again: dict[str, Any] = {"on_click": session.pool().retry, "args": (run,), "icon": ":material/refresh:"}
            st.button("Run again", key=f"shelf_again_{key}", **again)
        cards([_card(mine, entry, run, refused, locked, experiments)], key=f"shelf_card_{key}", on_open=_open)


def _card(mine: RunList, entry: Entry, run: Run | None, refused: str, locked: str, experiments: list[Experiment]) -> Card:
    """Returns the card of a run: its picture, the outcome, and what differs from the other runs."""
    e = entry.experiment
    known = mine.outcomes.get(entry.key)
    if refused or (run and run.error):
        came_out = f"cannot be trained here: {refused}" if refused else f"the training stopped: {run and run.error}"
    elif known:
        came_out = outcome_text(known)
    else:
        came_out = "not trained here yet" + ("" if entry.place is None else _waiting(run))
    apart = ", ".join(f"{lower_first(label)} {text}" for label, text in differences(e, experiments))
    picture = _picture(run) if run and not refused else None
    shown = [("", picture, e.bound_task.chance)] if picture else []
    text = f"{came_out[0].upper()}{came_out[1:]}." + (f"\nWith {apart}." if apart else "")
    return Card(entry.key, summary(e), text, shown, locked)


def _picture(run: Run) -> Picture | None:
    """Returns the small picture of the run so far, None before its first row. It is shared by all viewers of the run."""
    h, n = run.history, run.history.n
    return h.once(("picture", n), lambda: pictures.draw(h, n, CELLS[h.e.cell].memory_name, *PICTURE)) if n else None


def _waiting(run: Run | None) -> str:
    position = str(session.pool().queue_position(run)) if run else ""
    return f": {position or 'the training begins'}"


def _key(what: str, key: str) -> VersionedKey:
    """Returns the key of a run's widget. It is a new one after a file has changed the widget's value."""
    return viewer_state.current().run_list_file.keys[f"shelf_{what}_{key}"]


def _with_value(widget: VersionedKey, value: Any) -> str:
    """Sets a widget's value and returns its key. The value must be its default, too: `value` in session.py says why."""
    if widgets.value(widget.key) != value:
        widgets.put(widget.key, value)
    return widget.key


# ---- callbacks of a run's widgets ----


def _draw(key: str, widget: str) -> None:
    wanted = widgets.value(widget)
    if not _key("draw", key).is_current(widget) or wanted is None:
        return
    run_list().draw(key, wanted)
    if not wanted:
        session.unwatch(key, "shelf")


def _rename(key: str, widget: str) -> None:
    name = widgets.value(widget)
    if _key("name", key).is_current(widget) and name is not None:
        run_list().rename(key, name)


def _open(key: str) -> None:
    entry = run_list().find(key)
    if entry and not session.objections(entry.experiment):
        browser_history.begin_chapter(entry.experiment)


def _do(key: str) -> None:
    entry, what = run_list().find(key), widgets.value(f"shelf_do_{key}")
    if entry is None or (what != REMOVE and session.objections(entry.experiment)):
        return
    if what == OPEN:
        _open(key)
    elif what == PIN:
        session.pin(entry.experiment)
        navigation.go_to(navigation.page())  # the whole page shows it
    elif what == REMOVE:
        session.unwatch(key, "shelf")
        run_list().remove(key)


# ---- the file ----


def _take_home(mine: RunList, runs: Runs) -> None:
    """Draws the download buttons. A file is made when it is fetched."""

    def have() -> list[tuple[str, History]]:
        known = [(entry.name, runs[entry.key].history) for entry in mine.entries if entry.key in runs]
        return [(name, history) for name, history in known if history.n]

    about = "One table of all runs that have been trained here, with their names in the column “run”."
    if not with_gradients(run.history for run in runs.values()):
        about += " Without the gradients of single time steps: there are too many of them."
    files = {
        "Download the run list": (
            lambda: dump(mine.entries).encode(),
            "jsonl",
            "Names and settings of all runs, to load again later, here or on another server. The records are not in it.",
        ),
        "All records as CSV": (lambda: to_csv(have()), "csv", about),
        "All records as Parquet": (lambda: to_parquet(have()), "parquet", about),
    }
    if view_options.hidden("downloads"):
        return
    with st.container(horizontal=True, key="shelf_files"):
        for label, (make, kind, about_file) in files.items():
            options: dict[str, Any] = {"icon": ":material/download:", "help": about_file, "key": f"shelf_{kind}"}
            options |= {"disabled": view_options.locked("downloads"), "on_click": "ignore"}
            st.download_button(label, data=make, file_name=f"rnnkit-run-list.{kind}", mime=MIMES[kind], **options)


def _bring() -> None:
    with st.container(key="shelf_bring"), st.expander("Load a run list", icon=":material/upload_file:"):
        key = viewer_state.current().run_list_file.keys["shelf_file"].key
        limit: dict[str, Any] = {"max_upload_size": max(1, MAX_BYTES // 1_000_000)}
        st.file_uploader("A file from “Download the run list”", key=key, on_change=_load, args=(key,), **limit)
    read = viewer_state.current().run_list_file
    good, messages = read.read, read.messages
    if messages:
        what = "Not all of this file" if good else "Nothing in this file"
        st.warning(
            f"{what} could be used as it is. The runs that were in the list before are still there.", icon=":material/rule:"
        )
        st.html(f'<ul class="shelf-said">{"".join(f"<li>{escape(message)}</li>" for message in messages)}</ul>')
    elif good:
        st.success("1 run was read." if good == 1 else f"{good} runs were read.", icon=":material/check:")


def _load(key: str) -> None:
    """Callback of the uploader. It becomes a new, empty one, so that the same file can be uploaded again."""
    file, read = widgets.value(key), viewer_state.current().run_list_file
    if file is None or not read.keys["shelf_file"].is_current(key):
        return
    entries, messages = load(file.getvalue())
    accepted = []
    for entry in entries:
        refused = "; ".join(session.objections(entry.experiment).values())
        if refused:
            messages.append(f"{entry.name!r} was left out: {refused}")
        else:
            accepted.append(entry)
    mine = run_list()
    messages += mine.merge(accepted)
    read.read, read.messages = sum(entry.experiment in mine for entry in accepted), messages
    read.keys.renew()
