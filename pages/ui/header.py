"""The header of every page: across the whole window, with buttons for a lecturer at its right (tour, presenter's view, link).

It lies above the sidebar, too: the names of the pages have room there, and stand where they are on pages without a sidebar.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.server.streamlit_private import resolve
from pages.state import view_options
from pages.tour import panel
from pages.ui import share

STYLE = resolve("""<style>
.st-key-lecture { position: fixed; top: 0.55rem; right: 1rem; z-index: 999990; width: auto; }
.st-key-lecture button { min-height: 2.4rem; padding: 0 0.6rem; background: var(--st-background-color); }
.streamlit-header { padding-right: 18.5rem; }
.streamlit-page-name { padding: 0 0.25rem; }  /* so that all names have room at 1366 pixels */
@media (min-width: 769px) {
  .streamlit-header { position: fixed; left: 0; width: 100vw; z-index: 999992; }
  .st-key-lecture { z-index: 999993; }
  .streamlit-collapse { position: absolute; top: 3.75rem; right: -0.7rem; z-index: 1; }
}
@media (max-width: 1250px) {
  .streamlit-header { padding-right: 8.8rem; }
  .st-key-lecture { right: 0.6rem; gap: 0.3rem; }
  .st-key-lecture button { padding: 0 0.45rem; gap: 0; }
  .st-key-lecture button > div > [aria-hidden=true] { display: none; }
  .st-key-lecture button p { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}
</style>""")


def draw() -> None:
    """Draws the buttons. The script (pages/server/script.py) draws STYLE."""
    with st.container(horizontal=True, gap="xsmall", key="lecture"):
        if not view_options.hidden("tour"):
            panel.button()
        if not view_options.hidden("present"):
            _present()
        if not view_options.hidden("share"):
            share.button()


def _present() -> None:
    on = view_options.presenting()
    icon, about = ("zoom_out", "Back to the usual size") if on else ("present_to_all", "Larger type and charts, fewer words")
    options: dict[str, Any] = {"icon": f":material/{icon}:", "help": about, "disabled": view_options.locked("present")}
    st.button("Present", key="present", on_click=view_options.present, args=(not on,), **options)
