"""The list of pages, and what other modules use of each. A new page is one file in pages/ and one name in NAMES.

A page is a module with

- `page()`, which draws it, and TITLE, its name in the navigation;
- CONTROLS: which fields of the Experiment the sidebar shows beside it (None: all of them);
- LINKED, if it has settings of its own: key -> kind (pages/state/page_settings.py);
- RENAMED, if older links name one of them differently: that name -> key;
- TOUR_TARGETS, if a tour can point at parts of it: name in a tour's file -> key of a widget or container. A key that ends in
  "_" is the beginning of one. A chart is CHART + the beginning of its text for screen readers;
- READY: what it shows when its content has been drawn, for the tests: CSS selectors that begin with a dot, and the beginnings
  of charts' texts for screen readers;
- DRAWING, if the keyboard moves something in a drawing of it, for the tests: the selector that Tab reaches, a key, and the
  attribute that this changes (behind the selector of its element where it is another one);
- `opens_on(e)`, if it needs another task than most: the Experiment that it opens by itself (pages/state/page_example.py);
- SHOWS_RUN = True, if the live run of the session is its main part: such pages take turns (pages/server/polling.py).

Its file ends with the lines that run the whole dashboard when it is run as a script: Streamlit runs a page's file alone when a
link to it is a fresh server's first request.

The page modules are imported on first use, so pages may import this one.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import streamlit as st

NAMES = (  # in the order in which one learns, which is that of the navigation; the first one is at the plain address
    "start",
    "network",
    "steps",
    "vanishing",
    "exploding",
    "remedies",
    "sentence",
    "lab",
    "compare",
    "how_far",
    "papers",
    "stories",
    "corpus",
    "language",
    "series",
    "your_network",
    "glossary",
)
START, LAB = NAMES[0], "lab"
PAGE = "page"  # in a link with settings at the plain address: the page that it opens, START
CHART = "chart: "


@cache
def pages() -> Mapping[str, ModuleType]:
    """Returns name -> module of the pages, in the order of the navigation."""
    return {name: importlib.import_module(f"pages.{name}") for name in NAMES}


def title(name: str) -> str:
    return pages()[name].TITLE


def shows_run(name: str) -> bool:
    return getattr(pages()[name], "SHOWS_RUN", False)


def linked() -> dict[str, Mapping[str, Any]]:
    """Returns page -> its own settings."""
    return {name: getattr(page, "LINKED", {}) for name, page in pages().items()}


def renamed() -> dict[str, str]:
    """Returns a setting's name in older links -> its present name, of all pages."""
    return {old: new for page in pages().values() for old, new in getattr(page, "RENAMED", {}).items()}


def navigation_entry(name: str) -> Any:
    """Returns the page for st.navigation, st.page_link and st.switch_page."""
    page, first = pages()[name], name == START
    return st.Page(page.page, title=page.TITLE, url_path=None if first else name, default=first)


def at_plain_address(query: Mapping[str, str]) -> str:
    """Returns the page that a link without a page's name opens: the lab where it holds anything, as all old links do.

    The start page has no settings. So that a reload loses none of the session's, it writes them with PAGE.
    """
    return LAB if any(not name.startswith("embed") for name in query) and query.get(PAGE) != START else START
