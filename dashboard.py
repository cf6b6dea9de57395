"""The dashboard: `streamlit run dashboard.py`. Navigation over the pages, and the sidebar they share; nothing else.

Each page is a module with a `page` function, the TITLE in the navigation, and CONTROLS: which fields of the Experiment the
sidebar shows beside it (None: all of them). Its file's name is its address. `leave`, where there is one, is called on all
other pages: it lets go of what only this page watches.
"""

import streamlit as st

from pages import (
    _controls,
    _session,
    compare,
    corpus,
    exploding,
    lab,
    language,
    network,
    remedies,
    sentence,
    steps,
    stories,
    vanishing,
)

PAGES = {
    module.__name__.rpartition(".")[2]: module
    for module in (lab, network, steps, sentence, vanishing, exploding, remedies, compare, corpus, language, stories)
}

STYLE = """<style>
.stMainBlockContainer { padding: 3.5rem 2.5rem 2rem; }
@media (max-width: 640px) { .stMainBlockContainer { padding: 3.5rem 1rem 2rem; } }
</style>"""


def main() -> None:
    st.set_page_config("rnnkit: why recurrent networks forget", page_icon="🔁", layout="wide", initial_sidebar_state=330)
    st.html(STYLE)
    pages = {
        name: st.Page(module.page, title=module.TITLE, url_path=None if module is lab else name, default=module is lab)
        for name, module in PAGES.items()
    }
    typed = st.Page(lab.page, title=lab.TITLE, url_path="lab", visibility="hidden")
    chosen = st.navigation([*pages.values(), typed], position="top")
    name = chosen.url_path or "lab"
    _frame(name)
    chosen.run()
    following = dict(zip(pages, [*pages.values()][1:], strict=False)).get(name)
    if following:
        st.page_link(following, label=f"Next: {following.title}", icon=":material/arrow_forward:")


def show(name: str) -> None:
    """One page with its sidebar, without the navigation: for tests."""
    _frame(name)
    PAGES[name].page()


def _frame(name: str) -> None:
    _controls.sidebar(PAGES[name].CONTROLS)
    for other in PAGES:
        if other != name and hasattr(PAGES[other], "leave"):
            PAGES[other].leave()
    for message in _session.messages():
        st.warning(f"In the link: {message}", icon=":material/link_off:")


if __name__ == "__main__":
    main()
