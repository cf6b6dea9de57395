"""The dashboard: `streamlit run dashboard.py`. Navigation over the pages, and the sidebar they share; nothing else.

Each page is a module with a `page` function, the TITLE in the navigation, and CONTROLS: which fields of the Experiment the
sidebar shows beside it (None: all of them). Its file's name is its address.
"""

import streamlit as st

from pages import _controls, compare, exploding, lab, network, remedies, steps, stories, vanishing

PAGES = {
    module.__name__.rpartition(".")[2]: module
    for module in (lab, network, steps, vanishing, exploding, remedies, compare, stories)
}

STYLE = """<style>
.stMainBlockContainer { padding: 3.5rem 2.5rem 2rem; }
@media (max-width: 640px) { .stMainBlockContainer { padding: 3.5rem 1rem 2rem; } }
</style>"""


def main() -> None:
    st.set_page_config("rnnkit: why recurrent networks forget", page_icon="🔁", layout="wide", initial_sidebar_state=330)
    st.html(STYLE)
    pages = [st.Page(m.page, title=m.TITLE, url_path=None if m is lab else name, default=m is lab) for name, m in PAGES.items()]
    pages.append(st.Page(lab.page, title=lab.TITLE, url_path="lab", visibility="hidden"))  # for whoever types it
    chosen = st.navigation(pages, position="top")
    _controls.sidebar(PAGES[chosen.url_path or "lab"].CONTROLS)
    chosen.run()


def show(name: str) -> None:
    """One page with its sidebar, without the navigation: for tests."""
    _controls.sidebar(PAGES[name].CONTROLS)
    PAGES[name].page()


if __name__ == "__main__":
    main()
