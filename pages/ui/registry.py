"""The pages, and what others must know of each. A new page is one file in pages/ and one name in NAMES.

A page is a module with

- `page()`, which draws it, and TITLE, its name in the navigation;
- CONTROLS: which fields of the Experiment the sidebar shows beside it (None: all of them);
- LINKED, if it has settings of its own: key -> kind (pages/state/page_settings.py);
- POINTS, if a tour can point at parts of it: name in a tour's file -> key of a widget or container. A key that ends in "_" is
  the beginning of one. CHART and the beginning of a chart's text for screen readers stand for a chart;
- SHOWS_RUN = True, if the live run of the session is its main part: such pages are drawn one after the other;
- `leave()`, called on all other pages: it gives up what only this page watches.

The modules are imported when they are asked for, so pages may import this one.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import streamlit as st

NAMES = (  # in the order of the navigation; the first one is at the plain address
    "lab",
    "network",
    "steps",
    "sentence",
    "vanishing",
    "exploding",
    "remedies",
    "compare",
    "corpus",
    "language",
    "stories",
)
CHART = "chart: "


@cache
def pages() -> Mapping[str, ModuleType]:
    return {name: importlib.import_module(f"pages.{name}") for name in NAMES}


def title(name: str) -> str:
    return pages()[name].TITLE


def shows_run(name: str) -> bool:
    return getattr(pages()[name], "SHOWS_RUN", False)


def linked() -> dict[str, Mapping[str, Any]]:
    """page -> its own settings."""
    return {name: getattr(page, "LINKED", {}) for name, page in pages().items()}


def navigation_entry(name: str) -> Any:
    """The page for st.navigation, st.page_link and st.switch_page."""
    page, first = pages()[name], name == NAMES[0]
    return st.Page(page.page, title=page.TITLE, url_path=None if first else name, default=first)
