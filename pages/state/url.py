"""The address bar holds everything that a viewer sees. Opening the link restores it.

A link holds the Experiment with a version (rnnkit.experiment), the pinned one under `pin.`, the view (view_options.py), the
station of a tour (panel.py), the room of a class (room_state.py), the page's own settings (LINKED, page_settings.py), and the
training step at which the viewer has paused. Invalid parts of a link are reported, and the rest is used.

A short link names a story in place of its settings, `?story=forgets`. Settings beside it change it. `pin.story`: the pinned one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import ModuleType
from urllib.parse import urlencode, urlsplit

import streamlit as st

from pages.components.drawing import drawing
from pages.room import room_state
from pages.state import browser_history, navigation, page_settings, session, transport, view_options, widgets
from pages.state.viewer_state import View
from pages.tour import panel
from pages.ui import errors, registry
from rnnkit.errors import shorten_repr
from rnnkit.experiment import Experiment
from rnnkit.stories.presets import PRESETS, named

PIN = "pin."  # before a setting of the pinned run
STORY = "story"  # in place of the settings of a story, its name
STEP = "lab_step"  # the training step shown, of pages with a live run
MAX_QUERY_CHARS = 10_000  # more than any link has that the dashboard makes
MAX_MESSAGES = 8  # about a link

_browser = drawing("rnnkit_frame", ("frame.js",))


def read() -> str:
    """Reads the link at a session's first rerun. Its run plays by itself.

    Returns the page that it opens where it names none (registry.at_plain_address), START at all later reruns. An address of no
    page opens START whatever it holds: Streamlit's message about it can be lost when another page follows at once.
    """
    if session.started():
        return registry.START
    query, long = _query()
    opens = registry.START if _is_unknown() else registry.at_plain_address(st.query_params.to_dict())
    query.pop(registry.PAGE, None)
    of_room = room_state.from_link(query)
    view, messages = view_options.from_query(query)
    view_options.show(view)
    messages += panel.from_link(query)
    messages += page_settings.from_query(query)
    pinning = {k.removeprefix(PIN): query.pop(k) for k in list(query) if k.startswith(PIN)}
    linked = bool(query)
    e, of_run = _experiment(query)
    pinned, of_pinned = _experiment(pinning, e.steps) if pinning else (None, [])
    session.start(e, pinned, linked)
    if (step := page_settings.take(STEP)) is not None:
        transport.pause_at(step)
    messages = [*long, *of_room, *messages, *of_run, *(f"pinned run: {message}" for message in of_pinned)]
    others = len(messages) - MAX_MESSAGES
    session.report(messages[:MAX_MESSAGES] + ([f"and {others:,} more things are wrong with it"] if others > 0 else []))
    return opens


def _is_unknown() -> bool:
    """Returns whether the address names a page that is not there.

    Pages have words as names. Another end is that of the server behind a proxy, as `/proxy/8501`. So is its base.
    """
    path, base = (p.strip("/") for p in (urlsplit(st.context.url or "").path, st.get_option("server.baseUrlPath")))
    last = path.rpartition("/")[2]
    return bool(re.fullmatch(r"[a-zA-Z_-]+", last)) and last not in registry.NAMES and path != base


def _experiment(query: dict[str, str], steps: int = 0) -> tuple[Experiment, list[str]]:
    """Returns the Experiment of a link's settings and messages.

    steps: for how many training steps a story is trained whose link does not say it, so that it can be compared; 0: its own.
    """
    name = query.pop(STORY, None)
    story = PRESETS.get(name or "")
    told = (story.experiment.to_query() | ({"steps": str(steps)} if steps else {})) if story else {}
    e, messages = session.from_link(told | query)
    if name is not None and not story:
        messages.insert(0, f"{STORY} must be one of {', '.join(PRESETS)}; got {shorten_repr(name)}")
    return e, messages


def _go_back() -> None:
    """Callback of the frame: the browser has gone back or forward into another chapter."""
    browser = widgets.value("rnnkit_frame")  # None where the page has been left meanwhile
    if browser and not panel.to_link():
        browser_history.restore_chapter(str(browser.back))


def _query() -> tuple[dict[str, str], list[str]]:
    """Returns the query of the link and messages about it. A query that is too long is not read."""
    query = {k: v for k, v in st.query_params.items() if not k.startswith("embed")}
    size = sum(len(k) + len(v) for k, v in query.items())
    if size <= MAX_QUERY_CHARS:
        return query, []
    return {}, [f"it has {size:,} characters, expected at most {MAX_QUERY_CHARS:,}: nothing of it was read"]


def connect_browser(page: ModuleType) -> None:
    """Draws frame.js, which reads and writes what only the browser knows. Call it before the page is drawn."""
    page_settings.forget_drawn(page)
    with st.container(key="frame"):
        data = {
            "page": page.__name__.rpartition(".")[2],
            "chapter": browser_history.name(browser_history.number()),
            "first": browser_history.name(0),
        }
        data |= {"locked": view_options.selector(view_options.view().lock), **session.tab_data()}
        _browser(key="rnnkit_frame", data=data, on_shelf_change=session.bring_back, on_back_change=_go_back)
    if not st.query_params:
        write()


def write() -> None:
    """Writes what is shown to the address bar. The default Experiment has the plain address.

    Call it after the page has been drawn, so that a page left in the middle keeps its entry of the browser's history.
    `connect_browser` calls it before the page is drawn where the address is empty, because a reload in between would lose
    everything. The first page of a session keeps the address as it was opened, which opens the same: before frame.js is there,
    Streamlit would add an entry to the browser's history, and the first Back would seem to do nothing.
    """
    navigation.address_changed(False)
    if not navigation.in_browser():
        return
    query = ({} if _plain() else _runs()) | _own() | view_options.to_query(view_options.view()) | panel.to_link()
    query = _marked(query | room_state.to_link())
    if dict(st.query_params) != query:
        st.query_params.from_dict(query)


def write_again() -> None:
    """Writes the address after a fragment of which a callback changed a setting in it."""
    if navigation.address_due():
        write()


errors.after_fragments(write_again)


def address(view: View) -> str:
    """Returns the link that opens the present page with these runs and settings in this view: a short one where there is one.

    The start page shows the default Experiment, which the plain address opens, so the plain address is its link.
    """
    none = navigation.page() == registry.START and _plain()
    query = _marked(({} if none else _stories() or _runs()) | _own() | view_options.to_query(view))
    base = st.context.url or ""
    return f"{base}{'' if urlsplit(base).path else '/'}{'?' if query else ''}{urlencode(query, safe=',:@+')}"


def story() -> str:
    """Returns the title of the story whose short link `address` returns, "" where it returns a long one."""
    return PRESETS[_stories()[STORY]].title if _stories() else ""


def _plain() -> bool:
    """Returns whether the session has the default Experiment and pins none."""
    return session.current() == session.default() and session.pinned() is None


def _runs() -> dict[str, str]:
    pinned = session.pinned()
    return session.current().to_query() | ({PIN + k: v for k, v in pinned.to_query().items()} if pinned else {})


def _stories() -> dict[str, str]:
    """Returns the names of the stories that are shown and pinned, as a link holds them; nothing where another Experiment is.

    The pinned story has as many training steps as the one that is shown.
    """
    e, pinned = session.current(), session.pinned()
    names = {STORY: named(e)}
    if pinned:
        same = (name for name, story in PRESETS.items() if replace(story.experiment, steps=e.steps) == pinned)
        names[PIN + STORY] = next(same, None)
    return {key: name for key, name in names.items() if name} if all(names.values()) else {}


def _marked(query: dict[str, str]) -> dict[str, str]:
    """Returns the query of the present page. On the start page it names that page: without, it would open the lab."""
    return query | {registry.PAGE: registry.START} if query and navigation.page() == registry.START else query


def _own() -> dict[str, str]:
    """Returns the present page's own settings and the step at which the viewer has paused."""
    linked = registry.linked()[navigation.page()]
    step = transport.paused_at() if STEP in linked else None
    return page_settings.to_query(linked) | ({} if step is None else {STEP: str(step)})
