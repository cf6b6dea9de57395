"""What a tour can point at on the pages, and how: an outline with an arrow, in CSS, so that it outlives every redrawing.

`highlight.js` scrolls the place into view and listens to the tour's keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import streamlit as st

from pages.server.streamlit_private import SELECTORS
from pages.ui import registry
from pages.ui.registry import CHART
from rnnkit.experiment import FIELDS

SIDEBAR = {name: f"c_{name}" for name in FIELDS if name != "data"}  # name in a tour's file -> key of a widget or container
STORY = {"story": "c_preset"}  # where the sidebar shows all fields


def places() -> Mapping[str, Mapping[str, str]]:
    """page -> name -> key, of all that a tour can point at."""
    return {name: _on(page) for name, page in registry.pages().items()}


def _on(page: ModuleType) -> dict[str, str]:
    controls = page.CONTROLS
    shown = {name: key for name, key in SIDEBAR.items() if controls is None or name in controls}
    return (STORY if controls is None else {}) | shown | getattr(page, "POINTS", {})


def selector(page: str, name: str) -> str:
    """In CSS. Streamlit names each element after its key; a control's key can end in "~n" (_session.key), which becomes "-n"."""
    if not name:
        return ""
    place = places()[page][name]
    if place.startswith(CHART):
        return f"{SELECTORS['chart']}[aria-label^='{place.removeprefix(CHART)}']:not(.st-key-shelf_charts *)"
    key = f"st-key-{place}"
    return f"[class*='{key}']" if key.endswith("_") else f":is(.{key}, [class*='{key}-'])"


_here = Path(__file__)
_component = st.components.v2.component("rnnkit_point", js=_here.with_suffix(".js").read_text("utf-8"))
_STYLE = _here.with_suffix(".css").read_text("utf-8")


def point(selector: str, moment: str) -> None:
    """Points there; scrolls there when `moment`, which names the station and how far it is, changes. Nowhere: to the top."""
    style = _STYLE.replace("POINTED", selector) if selector else ""
    st.html(f"<style>{style}</style>")
    _component(key="tour_point", data={"selector": selector, "moment": moment})
