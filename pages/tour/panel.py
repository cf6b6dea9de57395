"""The guided tour as it is seen: the panel on top of its page, and the menu in the sidebar. Where a viewer is: tour_state.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import streamlit as st

from pages.server.streamlit_private import resolve
from pages.state import page_settings, session, transport, view_options
from pages.tour import highlight, tour_state
from pages.tour.tour_state import SHOWN, Place, drawn, from_link, heading, to_link
from pages.ui import errors, registry
from pages.ui.markdown import plain, symbols
from rnnkit.stories.remedies import PANELS
from rnnkit.stories.tours import Station, read_tour

__all__ = ["button", "drawn", "from_link", "heading", "panel", "to_link"]

STYLE = resolve(Path(__file__).with_suffix(".css").read_text("utf-8"))


# ---- in the sidebar ----

MOST_TOLD = 12  # messages about a file


def button() -> None:
    """The menu of the tour: begins or resumes it, goes to one of its stations, takes another tour from a file."""
    place = tour_state.progress()
    label = "Resume the tour" if place and not place.own else "Tour"
    with st.popover(
        label, icon=":material/tour:", key=f"tour_menu_{tour_state.generation()}", disabled=view_options.locked("tour")
    ):
        for message in st.session_state.pop("tour_trouble", ()):
            st.warning(message, icon=":material/tour:")
        if place and place.own:
            _stations(place)
            return
        if place:
            text = f"Go on: station {place.at + 1}, {place.station.title}"
            _begin(text, "tour_resume", place.name, place.at, type="primary")
        guide = tour_state.guide()
        _begin("From the start" if place else "Start the tour", "tour_start", "", type="secondary" if place else "primary")
        told = f"**{guide.title}**: {len(guide.stations)} stations, {guide.minutes} minutes. {guide.about}"
        st.markdown(f"{told} Your own settings come back at its end.")
        _given()


def _begin(label: str, key: str, name: str, at: int = 0, **look: Any) -> None:
    st.button(label, key=key, on_click=tour_state.start, args=(name, at), icon=":material/tour:", width="stretch", **look)


def _stations(place: Place) -> None:
    for n, station in enumerate(place.tour.stations):
        look: dict[str, Any] = {"type": "primary" if n == place.at else "tertiary", "width": "stretch"}
        st.button(f"{n + 1}. {station.title}", key=f"tour_to_{n}", on_click=tour_state.go, args=(place.at, n), **look)


def _given() -> None:
    """A lecturer's file. What is wrong with it is told line by line, and the rest can be used."""
    about = "Its texts are shown as they are, to you and to everybody who has the link of a station. Format: docs/tours.md."
    file = st.file_uploader("Or a tour of your own, a TOML file", key="tour_file", max_upload_size=1, help=about)
    if file is None:
        data, name = tour_state.FILE.read_bytes(), "tour.toml"
        st.download_button("This tour as a file, to change", data, name, key="tour_download", on_click="ignore")
        return
    text = file.getvalue()
    tour, said = read_tour(text, highlight.places(), registry.linked())
    for message in said[:MOST_TOLD]:
        st.warning(plain(message), icon=":material/rule:")
    if len(said) > MOST_TOLD:
        st.caption(f"And {len(said) - MOST_TOLD} more.")
    if tour:
        st.markdown(f"**{tour.title}**: {len(tour.stations)} stations. {tour.about}")
        _begin("Start this tour", "tour_own", tour_state.shelf().put(text, tour), type="primary")


# ---- on the page ----


def panel(name: str) -> bool:
    """The station, on top of the page of this name; False where the page has to stay hidden for now."""
    state = st.session_state
    state.tour_page = name
    place, top = tour_state.active(), st.container(key="tour_place", gap=None)  # always there, or the page would move up
    if place is None:
        return True
    if state.pop("tour_paused", False):  # from a link, which plays by itself
        transport.playback().reset()
    with top:
        st.html(f"<style>{STYLE}</style>")
        with st.container(key="tour_panel", gap=None):
            here = name == place.station.page
            (_station if here else _elsewhere)(place)
            moment = "elsewhere" if not here else "asked" if place.open else "shown"  # highlight.js goes by it
            pointed = highlight.selector(name, place.station.point) if here else ""
            highlight.point(pointed, f"{place.name}.{place.at}.{moment}")
        covered = here and place.station.cover and place.open
        with st.container(key="tour_cover", gap=None):
            if covered:
                st.markdown("# ?\n\nWhat do you expect?")
    return not covered


def _elsewhere(place: Place) -> None:
    title = registry.title(place.station.page)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_head"):
        st.markdown(f"**Tour**: station {place.at + 1}, *{place.station.title}*, is on the page {title}.", width="stretch")
        st.button("Go there `PgDn`", key=f"tour_next_{place.at}", on_click=tour_state.go_there, type="primary")
        st.button("Leave `Esc`", key=f"tour_leave_{place.at}", on_click=tour_state.leave, args=(place.at,))


def _station(place: Place) -> None:
    station = place.station
    waiting = not place.open and not place.seen and station.wait and not _finished(station.page)
    place.seen = not place.open and not waiting
    _head(place)
    said, asked, told = (
        st.container(key="tour_say", gap=None),
        st.container(key="tour_ask", gap=None),
        st.container(key="tour_tell"),
    )
    with said:
        st.markdown(symbols(station.say))
        if place.refused:
            st.warning(f"Its experiment is not shown: {place.refused}. What was here before has stayed.")
    if place.open:
        with asked:
            _question(place.at, station)
    with told:
        if waiting:
            errors.fragment(_status, run_every=1.0)(place.at)
        elif place.seen:
            _notice(place)


def _head(place: Place) -> None:
    n, at = len(place.tour.stations), place.at
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_head"):
        st.markdown(f"**{at + 1} / {n} · {place.station.title}**", width="stretch")
        st.button("Back `PgUp`", key=f"tour_back_{at}", on_click=tour_state.go, args=(at, at - 1), disabled=at == 0)
        if place.open:
            label = "Show me" if place.station.ask else "Train"
            st.button(f"{label} `PgDn`", key=f"tour_show_{at}", on_click=tour_state.answer, args=(at, SHOWN), type="primary")
        label, does = ("Finish", tour_state.leave) if at + 1 == n else ("Next", tour_state.go)
        look: dict[str, Any] = {"type": "secondary" if place.open else "primary", "args": (at, True if at + 1 == n else at + 1)}
        st.button(label if place.open else f"{label} `PgDn`", key=f"tour_next_{at}", on_click=does, **look)
        about = "Your own settings come back."
        st.button("Leave `Esc`", key=f"tour_leave_{at}", on_click=tour_state.leave, args=(at,), help=about)


def _question(at: int, station: Station) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_answers"):
        if station.ask:
            st.markdown(symbols(f"**{station.ask}**"), width="content")
        for k, text in enumerate(station.answers):
            st.button(f"`{k + 1}` {text}", key=f"tour_answer_{at}_{k}", on_click=tour_state.answer, args=(at, k))


def _status(at: int) -> None:
    """While it trains; then the whole page comes anew and says what to notice."""
    place = tour_state.active()
    if place is None or place.at != at or _finished(place.station.page):
        st.rerun()
    if registry.shows_run(place.station.page) and not transport.playback().playing:
        st.markdown("It stands still: press **Train** below, or go on.")
        return
    left = "".join(f", {text}" for text in transport.time_left(transport.run())) if registry.shows_run(place.station.page) else ""
    st.markdown(f"{_expected(place)}Training{left} ...")


def _expected(place: Place) -> str:
    """The answer given, once it is known with whether it came true."""
    station, k = place.station, place.answer
    if k is None or k == SHOWN:
        return ""
    told = f"Expected: **{station.answers[k]}**"
    if not place.seen or not station.right:
        return f"{told}. "
    return f":green[**✓** {told}.] " if k == station.right - 1 else f":orange[**✗** {told}.] "


def _notice(place: Place) -> None:
    st.markdown(_expected(place) + symbols(place.station.notice))


def _finished(page: str) -> bool:
    """Whether everything has been trained, and shown, that the station waits for."""
    if registry.shows_run(page):
        run, other = transport.run(), session.pinned_run()
        shown = transport.playback().shown(run.history.n) >= run.history.n
        return all(r.done or bool(r.error) for r in (run, other) if r) and shown
    return all(done for done in _panel_done()) if page == "remedies" else True


def _panel_done() -> Iterator[bool]:
    runs = session.pool().runs
    for remedy in PANELS[page_settings.shown("remedies_panel") or next(iter(PANELS))].remedies.values():
        if not session.limits().check(remedy.experiment):
            run = runs.get(remedy.experiment.key)
            yield run is not None and (run.done or bool(run.error))
