"""The address bar: everything that a viewer sees travels in it, and a link opens it again.

A link holds the Experiment with a version (rnnkit.experiment), the pinned one under `pin.`, the view (view_options.py), the
station of a tour (panel.py), the page's own settings (LINKED, see page_settings.py), and the training step at which the viewer
stands still. What is wrong with a link is named, and the rest is used.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from urllib.parse import urlencode, urlsplit

import streamlit as st

from pages.state import browser_history, page_settings, session, transport, view_options
from pages.tour import panel
from pages.ui import errors
from rnnkit.experiment import Experiment

PIN = "pin."  # before a setting of the pinned run
STEP = "lab_step"  # the training step looked at, of pages with a live run
LONGEST = 10_000  # characters of a link's query; those that the dashboard makes have fewer, whatever is typed
MOST_TOLD = 8  # messages about a link

_frame = st.components.v2.component(
    "rnnkit_frame", js=Path(__file__).parents[1].joinpath("components", "frame.js").read_text("utf-8")
)


def read(pages: Iterable[ModuleType]) -> None:
    """At a session's first run: what the link says, and it plays by itself."""
    state = st.session_state
    if "memory" in state:
        return
    query, long = _query()
    state.viewer = uuid.uuid4().hex
    page_settings.start(list(pages))
    state.own_controls = page_settings.labels()
    state.view, messages = view_options.from_query(query)
    messages += panel.from_link(query)
    messages += page_settings.from_query(query)
    pinning = {k.removeprefix(PIN): query.pop(k) for k in list(query) if k.startswith(PIN)}
    e, said = session.from_link(query)
    pinned, more = session.from_link(pinning) if pinning else (None, [])
    session.start(e, pinned)
    if step := state.chosen.pop(STEP, None):
        transport.look_at(step.value)
    messages = [*long, *messages, *said, *(f"pinned run: {message}" for message in more)]
    others = len(messages) - MOST_TOLD
    state.messages = messages[:MOST_TOLD] + ([f"and {others:,} more things are wrong with it"] if others > 0 else [])


def _go_back() -> None:
    """Callback of the frame: the browser has gone back, or forward, into another chapter."""
    told = session.heard("rnnkit_frame")  # None where the page has been left meanwhile
    if told and not panel.to_link():
        browser_history.turn_back(str(told.back))


def _query() -> tuple[dict[str, str], list[str]]:
    """What the link says; nothing of one that no dashboard can have made."""
    query = {k: v for k, v in st.query_params.items() if not k.startswith("embed")}
    size = sum(len(k) + len(v) for k, v in query.items())
    if size <= LONGEST:
        return query, []
    return {}, [f"it has {size:,} characters, expected at most {LONGEST:,}: nothing of it was read"]


def frame(page: ModuleType) -> None:
    """What the page needs of the browser itself; before the page is drawn."""
    st.session_state.page = page
    page_settings.turn_to(page)
    with st.container(key="frame"):
        told = {
            "page": page.__name__.rpartition(".")[2],
            "chapter": browser_history.name(browser_history.number()),
            "first": browser_history.name(0),
        }
        told |= {"locked": view_options.selector(view_options.view().lock), **session.kept()}
        _frame(key="rnnkit_frame", data=told, on_shelf_change=session.bring_back, on_back_change=_go_back)
    if not st.query_params:
        write()


def write() -> None:
    """The address bar always holds what is seen; the plain address is the default Experiment.

    Once the page has been drawn: a page that is left in the middle keeps in its entry of the browser's history what it had.
    A page that was just turned to has an empty address; that one is filled before the page is drawn (see `frame`), because a
    reload in between would lose everything.
    """
    st.session_state.address_due = False
    e, pinned = session.current(), session.pinned()
    query = {} if e == session.default() and pinned is None else _runs(e, pinned)
    query |= _own() | view_options.view().to_query() | panel.to_link()
    if dict(st.query_params) != query:
        st.query_params.from_dict(query)


def write_again() -> None:
    """Once a fragment has been drawn, where one of its callbacks changed what a link holds."""
    if st.session_state.get("address_due"):
        write()


errors.after_fragments(write_again)


def address(view: view_options.View) -> str:
    """The link that opens the present page with exactly these runs and settings, seen in this way."""
    query = _runs(session.current(), session.pinned()) | _own() | view.to_query()
    base = st.context.url or ""
    return f"{base}{'' if urlsplit(base).path else '/'}?{urlencode(query, safe=',:@+')}"


def _runs(e: Experiment, pinned: Experiment | None) -> dict[str, str]:
    return e.to_query() | ({PIN + k: v for k, v in pinned.to_query().items()} if pinned else {})


def _own() -> dict[str, str]:
    """The present page's own settings, and the step looked at."""
    linked = getattr(st.session_state.page, "LINKED", {})
    step = transport.looked_at() if STEP in linked else None
    return page_settings.to_query(linked) | ({} if step is None else {STEP: str(step)})
