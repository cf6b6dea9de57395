"""The shelf on the page Compare: a row for each of the viewer's runs, those that are ticked drawn together, and its file.

Whatever is drawn is trained to its end, after the runs that somebody watches live. Names come from viewers and files: they are
shown in text fields, charts and escaped HTML, never as Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from pages.run_list.overlay_charts import drawing, line
from pages.state import browser_history, session, transport, view_options
from pages.state.run_list import Shelf
from pages.state.run_list import shelf as viewers_shelf
from pages.ui import errors
from rnnkit.analysis.describe import summary
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.export.run_list import (
    LONGEST,
    MOST,
    MOST_BYTES,
    PLACES,
    Entry,
    differences,
    dump,
    load,
    to_csv,
    to_parquet,
    told,
    with_gradients,
)
from rnnkit.serving.run_pool import Run

Runs = Mapping[str, Run]  # by the run's key
MIMES = {"jsonl": "application/jsonl", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
OPEN, PIN, REMOVE = "Open in the lab", "Pin it", "Remove from the shelf"
STYLE = """<style>
.shelf-facts { line-height: 1.45; }
.shelf-facts b { font-weight: 600; }
.shelf-facts span { display: inline-block; max-width: 100%; margin-right: 1.1em; }
.shelf-said { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
[class*=st-key-shelf_row_] { padding: 0.35rem 0; border-top: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
[class*=st-key-shelf_row_] > :has(> [class*=st-key-shelf_facts_]) { flex: 1 1 30rem; }
</style>"""


def shelf() -> None:
    """The part of the page under the two runs."""
    st.html(STYLE)
    st.markdown("#### The shelf: the runs of this session")
    mine = viewers_shelf()
    runs = _runs(mine)
    every, filled = _interval(runs), bool(mine.entries)
    errors.fragment(_shelf, run_every=every)(every, filled)
    with st.container():  # not in the fragment: a file cannot be fetched while its button is being drawn anew
        if filled:
            _take_home(mine, runs)
    _bring()


def leave() -> None:
    """Another page was opened: nobody waits for these runs any more."""
    for entry in viewers_shelf().entries:
        _let_go(entry.key)


# ---- the runs: shared with everybody who has the same ----


def _runs(mine: Shelf) -> Runs:
    """Of the runs on the shelf, those of which the server has, or will have, rows; the ones that are drawn are asked for."""
    pool, runs = session.pool(), {}
    for entry in mine.entries:
        if session.objections(entry.experiment):
            continue
        if entry.place is not None:
            runs[entry.key] = pool.get(entry.experiment)
            pool.watch(runs[entry.key], session.viewer("shelf"), runs[entry.key].rows, patient=True)
        elif entry.key in pool.runs:
            runs[entry.key] = pool.runs[entry.key]
    for run in runs.values():
        mine.note(run)
    return runs


def _let_go(key: str) -> None:
    if run := session.pool().runs.get(key):
        session.pool().leave(run, session.viewer("shelf"))


def _interval(runs: Runs) -> float | None:
    """Seconds to the next look; None when nothing will change by itself."""
    mine, present = viewers_shelf(), transport.run()
    drawn = [runs[entry.key] for entry in mine.drawn() if entry.key in runs]
    appears = transport.playback().playing and present.experiment not in mine
    if not appears and not present.hungry and all(run.done or run.error for run in drawn):
        return None
    viewers = max(len(run.viewers) for run in [present, *drawn])
    return next((seconds for seconds in (0.5, 1.0, 2.0) if viewers / 40 <= seconds), 3.0)


# ---- what is shown ----


def _shelf(every: float | None, filled: bool) -> None:
    if st.session_state.get("compare_left") or st.session_state.pop("compare_again", False):
        st.rerun()  # before anything is drawn, which would arrive after the page has gone
    mine = viewers_shelf()
    runs = _runs(mine)
    rows, charts = st.container(), st.container()  # see lab.py
    with rows:
        _table(mine, runs)
    with charts:
        drawing(mine, runs)
    if (_interval(runs), bool(mine.entries)) != (every, filled):
        st.rerun()


def _table(mine: Shelf, runs: Runs) -> None:
    present = transport.run().experiment
    if not mine.entries:
        st.info(
            "The shelf is empty. Press **Train**: a run comes here by itself once it has left its first training step. Or load "
            "a shelf from a file, below.",
            icon=":material/shelves:",
        )
    else:
        st.markdown(
            f"Every run that you train comes here by itself, up to {MOST} of them. Tick up to {PLACES} to see them together; "
            "click on a name to change it."
        )
    experiments = [entry.experiment for entry in mine.entries]
    for entry in mine.entries:
        _row(mine, entry, runs.get(entry.key), experiments)
    if mine.crowded:
        st.warning(
            f"The shelf is full: {MOST} runs, all with names of yours. Remove one to make room.", icon=":material/shelves:"
        )
    if present not in mine:
        put: dict[str, Any] = {"on_click": mine.put, "args": (present,), "icon": ":material/add:"}
        st.button("Put the present run on the shelf", key="shelf_put", help=summary(present), **put)


def _row(mine: Shelf, entry: Entry, run: Run | None, experiments: list[Experiment]) -> None:
    key, drawn = entry.key, entry.place is not None
    refused = "; ".join(session.objections(entry.experiment).values())
    full = len(mine.drawn()) == PLACES and not drawn
    with st.container(key=f"shelf_row_{key}", horizontal=True, vertical_alignment="center", gap="small"):
        st.checkbox(
            "Draw",
            value=drawn,
            key=_kept(_key("draw", key), drawn),
            on_change=_draw,
            args=(key, _key("draw", key)),
            disabled=full or bool(refused),
            help=f"{PLACES} runs are drawn already" if full else None,
            width=76,
        )
        with st.container(key=f"shelf_line_{key}", width=56):
            st.html(line(entry.place))
        st.text_input(
            "Name",
            value=entry.name,
            max_chars=LONGEST,
            key=_kept(_key("name", key), entry.name),
            on_change=_rename,
            args=(key, _key("name", key)),
            label_visibility="collapsed",
            width=240,
        )
        fit = not session.refusal(entry.experiment)
        options = [OPEN, PIN, REMOVE] if fit else [REMOVE] if refused else [PIN, REMOVE]
        st.menu_button("Actions", options, key=f"shelf_do_{key}", on_click=_do, args=(key,))
        if run and run.error:
            again: dict[str, Any] = {"on_click": session.pool().retry, "args": (run,), "icon": ":material/refresh:"}
            st.button("Run again", key=f"shelf_again_{key}", **again)
        with st.container(key=f"shelf_facts_{key}", width="stretch"):
            st.html(_facts(mine, entry, run, refused, experiments))


def _facts(mine: Shelf, entry: Entry, run: Run | None, refused: str, experiments: list[Experiment]) -> str:
    """What is different about the run, and what came out."""
    apart = differences(entry.experiment, experiments) or [("", summary(entry.experiment))]
    first = " ".join(f"<span>{escape(label)} <b>{escape(text)}</b></span>" for label, text in apart)
    known = mine.outcomes.get(entry.key)
    if refused or (run and run.error):
        second = escape(f"cannot be trained here: {refused}" if refused else f"the training stopped: {run and run.error}")
    elif known:
        second = " ".join(f"<span>{escape(part)}</span>" for part in told(known).split("; "))
    else:
        second = "not trained here yet" + ("" if entry.place is None else _waiting(run))
    return f'<div class="shelf-facts"><div>{first}</div><div>{second}</div></div>'


def _waiting(run: Run | None) -> str:
    place = str(session.pool().place(run)) if run else ""
    return f": {place or 'the training begins'}"


def _key(what: str, key: str) -> str:
    """Of a run's widget. A new one when a file has changed what it says: see _session.key."""
    return f"shelf_{what}_{key}~{_files_read()}"


def _files_read() -> int:
    return st.session_state.get("shelf_files_read", 0)


def _kept(key: str, value: Any) -> str:
    """The widget's key. It holds this value, which must be its default as well: see _session.value."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return key


# ---- what can be done with a run: callbacks ----


def _draw(key: str, widget: str) -> None:
    wanted = session.heard(widget)
    if widget != _key("draw", key) or wanted is None:  # one that is gone: see _session.seek
        return
    viewers_shelf().draw(key, wanted)
    if not wanted:
        _let_go(key)


def _rename(key: str, widget: str) -> None:
    name = session.heard(widget)
    if widget == _key("name", key) and name is not None:
        viewers_shelf().rename(key, name)


def _do(key: str) -> None:
    entry, what = viewers_shelf().find(key), session.heard(f"shelf_do_{key}")
    if entry is None or (what != REMOVE and session.objections(entry.experiment)):
        return
    if what == OPEN:
        browser_history.set_out(entry.experiment)
        st.session_state.compare_left, st.session_state.compare_again = browser_history.leaving(), True
    elif what == PIN:
        session.pin(entry.experiment)
        st.session_state.compare_again = True  # the whole page shows it
    elif what == REMOVE:
        _let_go(key)
        viewers_shelf().remove(key)


# ---- the file ----


def _take_home(mine: Shelf, runs: Runs) -> None:
    """What is in a file is decided when it is fetched."""

    def have() -> list[tuple[str, History]]:
        known = [(entry.name, runs[entry.key].history) for entry in mine.entries if entry.key in runs]
        return [(name, history) for name, history in known if history.n]

    about = "One table of all runs that have been trained here, with their names in the column “run”."
    if not with_gradients(run.history for run in runs.values()):
        about += " Without the gradients of single time steps: there are too many of them."
    files = {
        "Download the shelf": (
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
        for label, (make, kind, told_about) in files.items():
            look: dict[str, Any] = {"icon": ":material/download:", "help": told_about, "key": f"shelf_{kind}"}
            look["disabled"] = view_options.locked("downloads")
            st.download_button(label, data=make, file_name=f"rnnkit-shelf.{kind}", mime=MIMES[kind], on_click="ignore", **look)


def _bring() -> None:
    with st.container(key="shelf_bring"), st.expander("Load a shelf", icon=":material/upload_file:"):
        key = f"shelf_file_{_files_read()}"
        most: dict[str, Any] = {"max_upload_size": max(1, MOST_BYTES // 1_000_000)}
        st.file_uploader("A file that “Download the shelf” gave", key=key, on_change=_load, args=(key,), **most)
    good, messages = st.session_state.get("shelf_said", (0, []))
    if messages:
        what = "Not all of this file" if good else "Nothing in this file"
        st.warning(f"{what} could be used as it is. What was on the shelf before is still there.", icon=":material/rule:")
        st.html(f'<ul class="shelf-said">{"".join(f"<li>{escape(message)}</li>" for message in messages)}</ul>')
    elif good:
        st.success("1 run was read." if good == 1 else f"{good} runs were read.", icon=":material/check:")


def _load(key: str) -> None:
    """Callback of the uploader, which is an empty new one afterwards: so the same file can be given again."""
    file = session.heard(key)
    if file is None or key != f"shelf_file_{_files_read()}":  # a busy browser still sends what it has shown before
        return
    entries, messages = load(file.getvalue())
    welcome = []
    for entry in entries:
        refused = "; ".join(session.objections(entry.experiment).values())
        if refused:
            messages.append(f"{entry.name!r} was left out: {refused}")
        else:
            welcome.append(entry)
    mine = viewers_shelf()
    messages += mine.merge(welcome)
    there = sum(entry.experiment in mine for entry in welcome)
    st.session_state.shelf_said = (there, messages)
    st.session_state.shelf_files_read = _files_read() + 1
