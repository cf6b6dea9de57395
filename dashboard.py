"""The dashboard: `streamlit run dashboard.py`. Navigation over the pages (pages/ui/registry.py), and what stands around each."""

from collections.abc import Callable
from contextlib import nullcontext

import streamlit as st

from pages import status
from pages.server import app as server
from pages.server import polling
from pages.state import session, url, view_options
from pages.tour import panel
from pages.ui import chart_view, errors, header, markdown, registry, sidebar
from pages.ui.style import STYLE


def main() -> None:
    with errors.net():
        _main()


def _main() -> None:
    st.set_page_config("rnnkit: why recurrent networks forget", page_icon="🔁", layout="wide", initial_sidebar_state=330)
    if status.here():  # nothing else of a visit: no link, no run
        st.html(STYLE)
        only = st.Page(status.page, title=status.TITLE, url_path="status")
        st.navigation([registry.navigation_entry("lab"), only], position="hidden").run()
        return
    url.read(registry.pages().values())
    st.html(STYLE + view_options.style())
    pages = {name: registry.navigation_entry(name) for name in registry.NAMES}
    typed = st.Page(registry.pages()["lab"].page, title=registry.title("lab"), url_path="lab", visibility="hidden")
    alone = view_options.hidden("pages") or view_options.locked("pages")
    chosen = st.navigation([*pages.values(), typed], position="hidden" if alone else "top")
    name = chosen.url_path or "lab"
    if heading := panel.heading(name):
        st.switch_page(pages[heading])
    _page(name, chosen.run)
    following = dict(zip(pages, [*pages.values()][1:], strict=False)).get(name)
    if following and not alone and not view_options.presenting():
        with st.container(key="next_page"):
            st.page_link(following, label=f"Next: {following.title}", icon=":material/arrow_forward:")


def show(name: str) -> None:
    """One page with its sidebar, without the navigation: for tests."""
    url.read(registry.pages().values())
    _page(name, registry.pages()[name].page)


def _page(name: str, draw: Callable[[], None]) -> None:
    """A page, and what stands around every page. Those with a live run are drawn in turn, as its frames are (polling.py)."""
    with polling.polls().turn() if registry.shows_run(name) else nullcontext():
        page = registry.pages()[name]
        sidebar.sidebar(page.CONTROLS)
        header.draw()
        url.frame(page)
        for other in registry.pages().values():
            if other is not page and hasattr(other, "leave"):
                other.leave()
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
    registry.pages()  # imported before the first viewer comes
    app = st.App(__file__, lifespan=server.lifespan, routes=server.ROUTES, middleware=server.MIDDLEWARE)
