"""Highlights the part of a page that a tour points at: an outline with an arrow in CSS, which stays when the part is redrawn.

`highlight.js` scrolls the part into view and handles the keys of the tour.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import streamlit as st

from pages.components.drawing import drawing
from pages.server.streamlit_private import SELECTORS
from pages.ui import registry
from pages.ui.registry import CHART
from rnnkit.experiment import FIELDS

SIDEBAR = {name: f"c_{name}" for name in FIELDS if name != "data"}  # name in a tour's file -> key of a widget or container
STORY = {"story": "c_preset"}  # where the sidebar shows all fields


def targets() -> Mapping[str, Mapping[str, str]]:
    """Returns page -> name -> key of all that a tour can point at."""
    return {name: _on(page) for name, page in registry.pages().items()}


def _on(page: ModuleType) -> dict[str, str]:
    controls = page.CONTROLS
    shown = {name: key for name, key in SIDEBAR.items() if controls is None or name in controls}
    return (STORY if controls is None else {}) | shown | getattr(page, "TOUR_TARGETS", {})


def selector(page: str, name: str) -> str:
    """Returns the CSS selector of a part. An element's class holds its key, in which "~n" becomes "-n"."""
    if not name:
        return ""
    target = targets()[page][name]
    if target.startswith(CHART):
        return f"{SELECTORS['chart']}[aria-label^='{target.removeprefix(CHART)}']:not(.st-key-shelf_charts *)"
    key = f"st-key-{target}"
    return f"[class*='{key}']" if key.endswith("_") else f":is(.{key}, [class*='{key}-'])"


_component = drawing("rnnkit_point", ("../tour/highlight.js",))
_STYLE = Path(__file__).with_suffix(".css").read_text("utf-8")


def point(selector: str, moment: str) -> None:
    """Highlights the selected part, and scrolls to it when `moment` changes, which names the station and its phase.

    An empty selector scrolls to the top.
    """
    style = _STYLE.replace("POINTED", selector) if selector else ""
    st.html(f"<style>{style}</style>")
    _component(key="tour_point", data={"selector": selector, "moment": moment})
