"""Switches between pages: how a callback asks for a page, and what ends when a page is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable

import streamlit as st

from pages.state import viewer_state
from pages.state.viewer_state import Navigation

LATE_RERUN_SECONDS = 3.0  # after a page was drawn, in which a late rerun of the previous page is still sent on


def _state() -> Navigation:
    return viewer_state.current().navigation


def page() -> str:
    """Returns the name of the page that is drawn, or was drawn last."""
    return _state().page


# ---- to another page ----


def go_to(page: str, insist: bool = False) -> None:
    """Asks for a page. Called by callbacks, which may belong to a fragment.

    The switch happens at the beginning of a full rerun (`redirect`), never in the middle of a page or within a fragment: messages
    of the fragment that are still being sent can break the next page. A fragment therefore ends before it draws anything
    (`leave_fragment`).

    insist: a full rerun of the previous page that the browser asked for before the switch (a drawing told its place) draws that
    page once more. It is then left again, until LATE_RERUN_SECONDS after the new page has been drawn.
    """
    n = _state()
    n.heading, n.due = page, True
    n.until = math.inf if insist and page != n.page else 0.0


def leave_fragment() -> None:
    """Ends a fragment with a full rerun where a switch of pages is due. Call it before the fragment draws."""
    if _state().due:
        st.rerun()


def redirect(page: str) -> str | None:
    """Returns the page to switch to, None where `page` stays. Call it before anything of `page` is drawn."""
    n = _state()
    due, n.due = n.due, False
    return n.heading if n.heading != page and (due or time.monotonic() < n.until) else None


def arrive(page: str) -> None:
    """Ends what other pages watch. Call it before the content of this page is drawn."""
    n = _state()
    n.interrupted, n.begun, n.page = n.interrupted or (n.begun and not n.drawn), True, page
    for other in n.unwatch.keys() - {page}:
        for undo in n.unwatch.pop(other).values():
            undo()


def drawn(page: str) -> None:
    """Notes that this page has been drawn to its end. A late rerun of the previous page can come before that."""
    n = _state()
    n.drawn = True
    if (n.heading, n.until) == (page, math.inf):
        n.until = time.monotonic() + LATE_RERUN_SECONDS


def when_left(what: Hashable, undo: Callable[[], None]) -> None:
    """Registers a callback for when another page than the present one is drawn. A second one with the same `what` replaces it."""
    n = _state()
    n.unwatch.setdefault(n.page, {})[what] = undo


def end(others: Callable[[Hashable], bool]) -> None:
    """Ends what the present page watches (`when_left`), as far as `others` selects it by its name."""
    mine = _state().unwatch.get(page(), {})
    for what in [what for what in mine if others(what)]:
        mine.pop(what)()


# ---- the address ----


def address_changed(due: bool = True) -> None:
    """Notes that a setting in the address has changed (url.py), or, with False, that the address has been written."""
    _state().address_due = due


def address_due() -> bool:
    """Returns whether the address has still to be written."""
    return _state().address_due


def take_interrupted() -> bool:
    """Returns, once, whether a viewer changed something before the first page had been drawn.

    The address is then still that of the link (url.write), which opens something else.
    """
    n = _state()
    interrupted, n.interrupted = n.interrupted, False
    return interrupted


def in_browser() -> bool:
    """Returns whether a page has been drawn to its end in this session, and so frame.js keeps the browser's history."""
    return _state().drawn
