"""The dashboard: `streamlit run dashboard.py`. Navigation over the pages, and the sidebar they share; nothing else.

Each page is a module with a `page` function, the TITLE in the navigation, and CONTROLS: which fields of the Experiment the
sidebar shows beside it (None: all of them). Its file's name is its address. `leave`, where there is one, is called on all
other pages: it lets go of what only this page watches. LINKED, where there is one, names the page's own settings, which travel
in the link (page_settings.py).
"""

from collections.abc import Callable
from contextlib import nullcontext

import streamlit as st

from pages import compare, corpus, exploding, lab, language, network, remedies, sentence, status, steps, stories, vanishing
from pages.server import app, polling
from pages.state import session, url, view_options
from pages.tour import panel
from pages.tour.tour_state import LIVE
from pages.ui import chart_view, errors, header, markdown, sidebar

PAGES = {
    module.__name__.rpartition(".")[2]: module
    for module in (lab, network, steps, sentence, vanishing, exploding, remedies, compare, corpus, language, stories)
}

STYLE = """<style>
.stMainBlockContainer { padding: 3.5rem 2.5rem 2rem; }
@media (max-width: 640px) { .stMainBlockContainer { padding: 3.5rem 1rem 2rem; } }
.st-key-frame { display: none; }
/* the primary colour carries white words; as the colour of words themselves it is too dark in the dark */
.stApp { --words: light-dark(#096b66, #35c0b2); }
.stApp :is([data-testid=stSliderThumbValue], button[data-selected=true]) *,
.stApp [data-testid^=stBaseButton-]:not([data-testid*=primary]):is(:hover, :active) * { color: var(--words); }
.stApp :is(a, button, summary, [tabindex="0"]):focus-visible { outline: 2px solid var(--words) !important; outline-offset: 1px; }
.stMain:focus-visible { outline: 2px solid var(--words) !important; outline-offset: -2px; }
.stApp [data-testid=stCaptionContainer] { opacity: 0.75; } /* Streamlit's 0.6 is a contrast of 4.4; legible is 4.5 */
.stApp [data-stale=true] { opacity: 1 !important; } /* nothing dims while it is computed anew: it stays legible */
/* why a number is not taken: Streamlit tells it to screen readers alone */
.stApp .stNumberInput { position: relative; }
.stApp .stNumberInput [role=alert] { position: absolute; inset: 100% 0 auto; z-index: 3; width: auto; height: auto;
  margin: 0.2rem 0; padding: 0.3rem 0.5rem; clip: auto; clip-path: none; overflow: visible; white-space: normal;
  font-size: 0.9rem; line-height: 1.35;
  background: light-dark(#ffffff, #12181f); border: 1px solid currentColor; border-radius: 0.4rem;
  color: light-dark(#9f1d1d, #ff9c9c); }
@media (prefers-reduced-motion: reduce) {
  .stApp, .stApp *, .stApp ::before, .stApp ::after { animation: none !important; transition: none !important; }
}
</style>"""


def main() -> None:
    with errors.net():
        _main()


def _main() -> None:
    st.set_page_config("rnnkit: why recurrent networks forget", page_icon="🔁", layout="wide", initial_sidebar_state=330)
    if status.here():  # nothing else of a visit: no link, no run
        st.html(STYLE)
        alone = st.Page(status.page, title=status.TITLE, url_path="status")
        st.navigation([st.Page(lab.page, default=True), alone], position="hidden").run()
        return
    url.read(PAGES.values())
    st.html(STYLE + view_options.style())
    pages = {
        name: st.Page(module.page, title=module.TITLE, url_path=None if module is lab else name, default=module is lab)
        for name, module in PAGES.items()
    }
    typed = st.Page(lab.page, title=lab.TITLE, url_path="lab", visibility="hidden")
    alone = view_options.hidden("pages") or view_options.locked("pages")
    chosen = st.navigation([*pages.values(), typed], position="hidden" if alone else "top")
    name = chosen.url_path or "lab"
    if heading := panel.heading(name):
        st.switch_page(pages[heading])
    _page(name, chosen.run)
    following = dict(zip(pages, [*pages.values()][1:], strict=False)).get(name)
    if following and not alone and not view_options.presenting():
        st.page_link(following, label=f"Next: {following.title}", icon=":material/arrow_forward:")


def show(name: str) -> None:
    """One page with its sidebar, without the navigation: for tests."""
    url.read(PAGES.values())
    _page(name, PAGES[name].page)


def _page(name: str, draw: Callable[[], None]) -> None:
    """A page, and what stands around every page. Those with a live run are drawn in turn, as its frames are (polling.py)."""
    with polling.polls().turn() if name in LIVE else nullcontext():
        sidebar.sidebar(PAGES[name].CONTROLS)
        header.draw()
        url.frame(PAGES[name])
        for other in PAGES:
            if other != name and hasattr(PAGES[other], "leave"):
                PAGES[other].leave()
        if notice := session.notice():
            st.warning(notice, icon=":material/lock:")
        wrong = st.container()
        if panel.panel(name):
            draw()
            chart_view.files()
        for message in session.messages():  # a page can find more
            wrong.warning(f"In the link: {markdown.plain(message)}", icon=":material/link_off:")
        url.write()
        panel.drawn(name)


if __name__ == "__main__":  # for every viewer
    main()
else:  # once: `streamlit run` has found this line, and the server starts with it
    app = st.App(__file__, lifespan=app.lifespan, routes=app.ROUTES, middleware=app.MIDDLEWARE)
