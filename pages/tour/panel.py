"""Draws the guided tour: the panel on top of its page and the menu. tour_state.py holds the viewer's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import streamlit as st

from pages.server.streamlit_private import resolve
from pages.state import page_settings, session, transport, view_options
from pages.state.viewer_state import TourProgress
from pages.tour import highlight, tour_state
from pages.tour.tour_state import NO_ANSWER, enter_from_link, from_link, to_link
from pages.ui import errors, registry
from pages.ui.markdown import plain, symbols
from rnnkit.stories.remedies import PANELS
from rnnkit.stories.tours import Station, read_tour

__all__ = ["button", "enter_from_link", "from_link", "panel", "to_link"]

STYLE = resolve(Path(__file__).with_suffix(".css").read_text("utf-8"))
FOLDED = ":is(.st-key-tour_say, .st-key-tour_ask, .st-key-tour_tell) { display: none; }"


# ---- the menu ----

MAX_MESSAGES = 12  # about a file


def button() -> None:
    """Draws the menu of the tour: starts or resumes it, goes to a station, reads another tour from a file."""
    progress = tour_state.latest()
    label = "Resume the tour" if progress and not progress.own else "Tour"
    with st.popover(label, icon=":material/tour:", key=tour_state.menu(), disabled=view_options.locked("tour")):
        if trouble := tour_state.trouble():
            st.warning(trouble, icon=":material/tour:")
        if progress and progress.own:
            _stations(progress)
            return
        if progress:
            text = f"Go on: station {progress.at + 1}, {progress.station.title}"
            _begin(text, "tour_resume", progress.name, progress.at, type="primary")
        guide = tour_state.guide()
        _begin("From the start" if progress else "Start the tour", "tour_start", "", type="secondary" if progress else "primary")
        about = f"**{guide.title}**: {len(guide.stations)} stations, {guide.minutes} minutes. {guide.about}"
        st.markdown(f"{about} Your own settings come back at its end.")
        _upload()


def _begin(label: str, key: str, name: str, at: int = 0, **options: Any) -> None:
    st.button(label, key=key, on_click=tour_state.start, args=(name, at), icon=":material/tour:", width="stretch", **options)


def _stations(progress: TourProgress) -> None:
    for n, station in enumerate(progress.tour.stations):
        options: dict[str, Any] = {"type": "primary" if n == progress.at else "tertiary", "width": "stretch"}
        st.button(f"{n + 1}. {station.title}", key=f"tour_to_{n}", on_click=tour_state.go, args=(progress.at, n), **options)


def _upload() -> None:
    """Draws the form for a lecturer's own tour. Shows what is wrong with the file, line by line. The rest can be used."""
    about = "Its texts are shown as they are, to you and to everybody who has the link of a station. Format: docs/tours.md."
    file = st.file_uploader("Or a tour of your own, a TOML file", key="tour_file", max_upload_size=1, help=about)
    if file is None:
        data, name = tour_state.FILE.read_bytes(), "tour.toml"
        st.download_button("This tour as a file, to change", data, name, key="tour_download", on_click="ignore")
        return
    text = file.getvalue()
    tour, messages = read_tour(text, highlight.targets(), registry.linked())
    if tour:  # before the messages, which can be many
        st.markdown(f"**{tour.title}**: {len(tour.stations)} stations. {tour.about}")
        _begin("Start this tour", "tour_own", tour_state.store().put(text, tour), type="primary")
    for message in messages[:MAX_MESSAGES]:
        st.warning(plain(message), icon=":material/rule:")
    if len(messages) > MAX_MESSAGES:
        st.caption(f"And {len(messages) - MAX_MESSAGES} more.")


# ---- on the page ----


def panel(name: str) -> bool:
    """Draws the station on top of the page of this name. Returns False where the page has to stay hidden for now."""
    progress, top = tour_state.active(), st.container(key="tour_place", gap=None)  # also without a tour, or the page would move
    if progress is None:
        return True
    tour_state.stop_link()
    with top:
        st.html(f"<style>{STYLE}{FOLDED if tour_state.folded() else ''}</style>")
        with st.container(key="tour_panel", gap=None):
            here = name == progress.station.page
            (_station if here else _elsewhere)(progress)
            moment = "elsewhere" if not here else "asked" if progress.open else "shown"  # for highlight.js
            pointed = highlight.selector(name, progress.station.point) if here else ""
            highlight.point(pointed, f"{progress.name}.{progress.at}.{moment}")
        covered = here and progress.station.cover and progress.open
        with st.container(key="tour_cover", gap=None):
            if covered:
                st.markdown("# ?\n\nWhat do you expect?")
    return not covered


def _elsewhere(progress: TourProgress) -> None:
    title = registry.title(progress.station.page)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_head"):
        st.markdown(f"**Tour**: station {progress.at + 1}, *{progress.station.title}*, is on the page {title}.", width="stretch")
        st.button("Go there `PgDn`", key=f"tour_next_{progress.at}", on_click=tour_state.go_there, type="primary")
        st.button("Leave `Esc`", key=f"tour_leave_{progress.at}", on_click=tour_state.leave, args=(progress.at,))


def _station(progress: TourProgress) -> None:
    station = progress.station
    waiting = not progress.open and not progress.seen and station.wait and not _finished(station.page)
    tour_state.shows(progress, not progress.open and not waiting)
    _head(progress)
    text, question, below = (
        st.container(key="tour_say", gap=None),
        st.container(key="tour_ask", gap=None),
        st.container(key="tour_tell"),
    )
    with text:
        st.markdown(symbols(station.say))
        if progress.refused:
            st.warning(f"Its experiment is not shown: {progress.refused}. What was here before has stayed.")
    if progress.open:
        with question:
            _question(progress.at, station)
    with below:
        if waiting:
            errors.fragment(_status, run_every=1.0)(progress.at)
        elif progress.seen:
            _notice(progress)


def _head(progress: TourProgress) -> None:
    n, at = len(progress.tour.stations), progress.at
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_head"):
        st.markdown(f"**{at + 1} / {n} · {progress.station.title}**", width="stretch")
        st.button("Back `PgUp`", key=f"tour_back_{at}", on_click=tour_state.go, args=(at, at - 1), disabled=at == 0)
        if progress.open:
            label = "Show me" if progress.station.ask else "Train"
            st.button(f"{label} `PgDn`", key=f"tour_show_{at}", on_click=tour_state.answer, args=(at, NO_ANSWER), type="primary")
        label, does = ("Finish", tour_state.leave) if at + 1 == n else ("Next", tour_state.go)
        options: dict[str, Any] = {"type": "secondary" if progress.open else "primary"}
        options["args"] = (at, True if at + 1 == n else at + 1)
        st.button(label if progress.open else f"{label} `PgDn`", key=f"tour_next_{at}", on_click=does, **options)
        about = "Your own settings come back."
        st.button("Leave `Esc`", key=f"tour_leave_{at}", on_click=tour_state.leave, args=(at,), help=about)
        folded = tour_state.folded()
        label, icon = ("More", "expand_more") if folded else ("Less", "expand_less")
        about = "Show the text of the station" if folded else "Show one line: more room for the page"
        options = {"icon": f":material/{icon}:", "help": about, "args": (not folded,)}
        st.button(label, key=f"tour_fold_{at}", on_click=tour_state.fold, **options)


def _question(at: int, station: Station) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_answers"):
        if station.ask:
            st.markdown(symbols(f"**{station.ask}**"), width="content")
        for k, text in enumerate(station.answers):
            st.button(f"`{k + 1}` {text}", key=f"tour_answer_{at}_{k}", on_click=tour_state.answer, args=(at, k))


def _status(at: int) -> None:
    """Draws the progress while the station trains. Then reruns the whole page, which shows what to notice."""
    progress = tour_state.active()
    if progress is None or progress.at != at or _finished(progress.station.page):
        st.rerun()
    shown = registry.shows_run(progress.station.page)
    if shown and not transport.playback().playing:
        st.markdown("The run is paused: press **Train** below, or go on.")
        return
    left = "".join(f", {text}" for text in transport.time_left(transport.run())) if shown else ""
    st.markdown(f"{_expected(progress)}Training{left} ...")


def _expected(progress: TourProgress) -> str:
    """Returns the viewer's answer in words, with a mark once the result is shown."""
    station, k = progress.station, progress.answer
    if k is None or k == NO_ANSWER:
        return ""
    text = f"Expected: **{station.answers[k]}**"
    if not progress.seen or not station.right:
        return f"{text}. "
    return f":green[**✓** {text}.] " if k == station.right - 1 else f":orange[**✗** {text}.] "


def _notice(progress: TourProgress) -> None:
    st.markdown(_expected(progress) + symbols(progress.station.notice))


def _finished(page: str) -> bool:
    """Returns whether everything that the station waits for has been trained and shown."""
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
