"""The script that Streamlit runs for every viewer: navigation over the pages (ui/registry.py), and the parts around each."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import streamlit as st

from pages import status
from pages.room import room_state, room_view
from pages.server import polling
from pages.state import navigation, page_example, session, url, view_options
from pages.tour import panel
from pages.ui import chart_view, errors, header, markdown, registry, sidebar
from pages.ui.style import STYLE


def main() -> None:
    """Runs the script for one viewer."""
    with errors.net():
        _main()


def _main() -> None:
    st.set_page_config("rnnkit: why recurrent networks forget", page_icon="🔁", layout="wide", initial_sidebar_state=330)
    if status.here():  # without link and run
        st.html(STYLE)
        only = st.Page(status.page, title=status.TITLE, url_path="status")
        st.navigation([registry.navigation_entry(registry.START), only], position="hidden").run()
        return
    plain = url.read()
    st.html(STYLE + header.STYLE + view_options.style())  # before the navigation, which would move
    pages = {name: registry.navigation_entry(name) for name in registry.NAMES}
    first = registry.START  # also at the address of its file
    typed = st.Page(registry.pages()[first].page, title=registry.title(first), url_path=first, visibility="hidden")
    alone = view_options.hidden("pages") or view_options.locked("pages")
    chosen = st.navigation([*pages.values(), typed], position="hidden" if alone else "top")
    name = chosen.url_path or first
    if name == first and plain != first:
        navigation.go_to(plain)
    panel.enter_from_link()
    room_state.catch_up()
    if other := navigation.redirect(name):
        st.switch_page(pages[other])
    _page(name, chosen.run)
    following = dict(zip(pages, [*pages.values()][1:], strict=False)).get(name)
    if following and not alone and not view_options.presenting():
        with st.container(key="next_page"):
            st.page_link(following, label=f"Next: {following.title}", icon=":material/arrow_forward:")


def show(name: str) -> None:
    """Draws one page with its sidebar, without the navigation. For tests."""
    url.read()
    navigation.redirect(name)
    _page(name, registry.pages()[name].page)


def _page(name: str, draw: Callable[[], None]) -> None:
    """Draws a page and the parts around every page. Pages with a live run take turns with its frames (polling.py)."""
    with polling.polls().turn() if registry.shows_run(name) else nullcontext():
        page = registry.pages()[name]
        session.take_controls()
        if page_example.arrive(name, getattr(page, "opens_on", None)):
            session.take_controls()
        sidebar.sidebar(page.CONTROLS, getattr(page, "sidebar_note", str)())
        header.draw()
        navigation.arrive(name)
        url.connect_browser(page)
        if notice := session.notice():
            st.warning(notice, icon=":material/lock:")
        wrong = st.container()
        chart_view.begin()
        if room_view.draw(partial(panel.panel, name)):
            draw()
            chart_view.files()
        for message in session.messages():  # a page can find more
            wrong.warning(f"In the link: {markdown.plain(message)}", icon=":material/link_off:")
        url.write()
        room_state.drawn(name)
        navigation.drawn(name)
        if navigation.take_interrupted():
            st.rerun()
