"""The address bar: everything that a viewer sees travels in it, and a link opens it again.

A link holds the Experiment with a version (rnnkit.experiment), the pinned one under `pin.`, the view (_view.py), the station of a
tour (_tour.py), and the page's own choices (LINKED: key of a widget -> its options, or the Interval of a number). What is wrong
with a link is named, and the rest is used.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import streamlit as st

from pages import _session, _tour, _view
from rnnkit.experiment import Experiment

PIN = "pin."  # before a setting of the pinned run
LONGEST = 10_000  # characters of a link's query; those that the dashboard makes have fewer than 2,000
MOST_TOLD = 8  # messages about a link

_frame = st.components.v2.component("rnnkit_frame", js=Path(__file__).with_name("_frame.js").read_text("utf-8"))


class Interval(NamedTuple):
    """Any number from `low` to `high`."""

    low: float
    high: float


def read(pages: Iterable[ModuleType]) -> None:
    """At a session's first run: what the link says, and it plays by itself."""
    state = st.session_state
    if "memory" in state:
        return
    query, long = _query()
    state.viewer = uuid.uuid4().hex
    pages = list(pages)
    state.own_controls = [key for page in pages for key in getattr(page, "LINKED", {})]
    state.view, messages = _view.from_query(query)
    messages += _tour.from_link(query)
    state.linked = {}  # key of a page's own choice -> what it begins with, None for one that the link made
    for page in pages:
        messages += _restore(getattr(page, "LINKED", {}), query)
    pinning = {k.removeprefix(PIN): query.pop(k) for k in list(query) if k.startswith(PIN)}
    e, said = _session.from_link(query)
    pinned, more = _session.from_link(pinning) if pinning else (None, [])
    _session.start(e, pinned)
    messages = [*long, *messages, *said, *(f"pinned run: {message}" for message in more)]
    others = len(messages) - MOST_TOLD
    state.messages = messages[:MOST_TOLD] + ([f"and {others:,} more things are wrong with it"] if others > 0 else [])


def _query() -> tuple[dict[str, str], list[str]]:
    """What the link says; nothing of one that no dashboard can have made."""
    query = {k: v for k, v in st.query_params.items() if not k.startswith("embed")}
    size = sum(len(k) + len(v) for k, v in query.items())
    if size <= LONGEST:
        return query, []
    return {}, [f"it has {size:,} characters, expected at most {LONGEST:,}: nothing of it was read"]


def write(page: ModuleType) -> None:
    """The address bar always holds what is seen; the plain address is the default Experiment."""
    with st.container(key="frame"):
        locked = sorted(_view.view().lock - _view.CONTROLS.keys())
        _frame(key="rnnkit_frame", data={"locked": locked, **_session.kept()}, on_shelf_change=_session.bring_back)
    st.session_state.page = page
    e, pinned = _session.current(), _session.pinned()
    query = {} if e == _session.default() and pinned is None else _runs(e, pinned)
    query |= _choices(page) | _view.view().to_query() | _tour.to_link()
    if dict(st.query_params) != query:
        st.query_params.from_dict(query)


def address(view: _view.View) -> str:
    """The link that opens the present page with exactly these runs and choices, seen in this way."""
    page = st.session_state.page
    query = _runs(_session.current(), _session.pinned()) | _choices(page) | view.to_query()
    base = st.context.url or ""
    return f"{base}{'' if urlsplit(base).path else '/'}?{urlencode(query, safe=',:@+')}"


def _runs(e: Experiment, pinned: Experiment | None) -> dict[str, str]:
    return e.to_query() | ({PIN + k: v for k, v in pinned.to_query().items()} if pinned else {})


def _restore(linked: Mapping[str, Collection[Any]], query: dict[str, str]) -> list[str]:
    """Takes a page's own choices out of a link; they are what the widgets of these keys begin with."""
    messages = []
    for key in linked.keys() & query.keys():
        text, valid = query.pop(key), linked[key]
        try:
            st.session_state[key] = _parse(text, valid)
            st.session_state.linked[key] = None
        except ValueError:
            expected = f"numbers from {valid.low} to {valid.high}" if isinstance(valid, Interval) else ", ".join(map(str, valid))
            messages.append(f"{key}: valid are {expected}, got {text[:40]!r}")
    return messages


def _parse(text: str, valid: Collection[Any]) -> Any:
    if isinstance(valid, Interval):
        number = float(text)
        if not valid.low <= number <= valid.high:
            raise ValueError
        return number
    return list(valid)[[str(v) for v in valid].index(text)]


def settle(page: ModuleType) -> None:
    """Once the page has been drawn: what it begins with need not stand in a link."""
    state = st.session_state
    for key in getattr(page, "LINKED", {}):
        if key in state and key not in state.linked:
            state.linked[key] = state[key]


def _choices(page: ModuleType) -> dict[str, str]:
    """Those of this page that the viewer, or the link, made otherwise than the page begins with."""
    state = st.session_state
    made = [key for key in getattr(page, "LINKED", {}) if state.get(key) is not None and state[key] != state.linked.get(key)]
    return {key: str(state[key]) for key in made}
