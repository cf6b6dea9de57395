"""Where a viewer is in a guided tour: its stations, the viewer's own settings meanwhile, and both in the link.

A station loads its experiment, asks what is expected, and only then lets it train and says what to notice. The viewer's own
settings are kept, in the session and in the link (`own.`), and come back when the tour is left. What goes on to another page
happens in callbacks, and in whole runs of the page (`heading`), never in a fragment. panel.py draws it.
"""

from __future__ import annotations

import copy
import hashlib
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from pages.state import page_settings, session, transport
from pages.state.playback import Playback
from pages.tour import highlight
from pages.ui import registry
from rnnkit.experiment import Experiment
from rnnkit.stories.tours import PIN, Station, Tour, read_tour

FILE = Path(__file__).with_name("tour.toml")
OWN = "own."  # before the viewer's own settings in a link
STRAYING = 3.0  # seconds after a page was drawn in which the page before can come back by itself
MOST_TOURS = 20  # of viewers, that the server keeps
SHOWN = -1  # instead of an answer: "show me"


class Shelf:
    """Tours that viewers brought along, by digest; the least recently used goes first."""

    def __init__(self) -> None:
        self.tours: OrderedDict[str, Tour] = OrderedDict()
        self.lock = threading.Lock()

    def put(self, text: bytes, tour: Tour) -> str:
        digest = hashlib.sha256(text).hexdigest()[:16]
        with self.lock:
            self.tours[digest] = tour
            self.tours.move_to_end(digest)
            while len(self.tours) > MOST_TOURS:
                self.tours.popitem(last=False)
        return digest

    def get(self, digest: str) -> Tour | None:
        with self.lock:
            if digest in self.tours:
                self.tours.move_to_end(digest)
            return self.tours.get(digest)


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf:
    return Shelf()


@st.cache_resource(show_spinner=False)
def guide() -> Tour:
    """The project's own tour; a test holds that nothing is wrong with it."""
    tour, _ = read_tour(FILE.read_bytes(), highlight.places(), registry.linked())
    assert tour is not None
    return tour


def named(name: str) -> Tour | None:
    return shelf().get(name) if name else guide()


# ---- where this viewer is ----


@dataclass
class Own:
    """What the viewer had before the tour, to come back to."""

    experiment: Experiment
    pinned: Experiment | None
    page: str = "lab"
    memory: dict[str, Any] | None = None  # of the controls, those that are hidden included; not in a link
    playback: Playback | None = None
    chosen: dict[str, Any] | None = None  # the pages' own settings


@dataclass
class Place:
    name: str  # digest of the tour, "" for the project's own
    tour: Tour
    at: int
    own: Own | None  # None: the tour was left, and can be resumed
    answer: int | None = None  # to the station's question
    seen: bool = False  # what there is to notice
    refused: str = ""  # why this server does not train the station's experiment

    @property
    def station(self) -> Station:
        return self.tour.stations[self.at]

    @property
    def open(self) -> bool:
        """Whether an answer is waited for."""
        return self.answer is None and bool(self.station.ask or self.station.wait)


def progress() -> Place | None:
    return st.session_state.get("tour")


def active() -> Place | None:
    place = progress()
    return place if place and place.own else None


def heading(page: str) -> str | None:
    """The page to switch to now, before anything of this one is drawn. Streamlit can ask for the page before once more: the poll
    of one of its fragments, on its way when the pages were switched, draws it as a whole.
    """
    place, state = active(), st.session_state
    if place and state.pop("tour_enter", False):  # from a link that holds no settings
        messages = state.messages
        enter(place.at)
        state.messages = messages
    wanted, until = state.get("tour_heading", (page, 0.0))
    return wanted if wanted != page and time.monotonic() < until else None


def drawn(page: str) -> None:
    """Notes that this page has been drawn to its end, which can take longer than the page before takes to come back."""
    if st.session_state.get("tour_heading") == (page, math.inf):
        st.session_state.tour_heading = page, time.monotonic() + STRAYING


# ---- going through it: callbacks. A click can be heard twice (where a switch of pages meets the poll of a fragment), and the
# second time at the next station; so each names the station that it was made at, and counts there alone. ----


def start(name: str, at: int = 0) -> None:
    tour, state = named(name), st.session_state
    if active():
        return
    if tour is None:
        state.tour_trouble = [f"the tour {name} is not here any more: give its file again"]
        return
    own = Own(
        session.current(),
        session.pinned(),
        state.get("tour_page", "lab"),
        copy.deepcopy(state.memory),
        copy.copy(transport.playback()),
        dict(state.chosen),
    )
    state.tour = Place(name, tour, at, own)
    enter(at)


def go(origin: int, at: int) -> None:
    """From a station to another one."""
    place = active()
    if place and place.at == origin:
        enter(at)


def enter(at: int) -> None:
    """Goes to a station and loads what it needs, paused before the first step."""
    place = st.session_state.tour
    place.at = max(0, min(at, len(place.tour.stations) - 1))
    place.answer, place.seen = None, False
    e, pinned = place.tour.experiments(place.at)
    place.refused = session.refusal(e) if e else ""
    if e and not place.refused:
        session.pin(None)
        session.load(e, play=False, pinned=None if pinned and session.objections(pinned) else pinned)
    page_settings.begin(registry.linked()[place.station.page], dict(place.station.settings))
    _turn(place.station.page)


def generation() -> int:
    """Counts arrivals and departures: with a new number the menu is closed again."""
    return st.session_state.get("tour_turns", 0)


def _turn(page: str) -> None:
    st.session_state.tour_turns = generation() + 1
    there = page == st.session_state.get("tour_page")
    st.session_state.tour_heading = page, 0.0 if there else math.inf  # until drawn()


def answer(origin: int, k: int) -> None:
    """What the viewer expects, or SHOWN; then the page shows what happens."""
    place = active()
    if place is None or place.at != origin or not place.open:
        return
    place.answer = k
    if place.station.wait and registry.shows_run(place.station.page):
        transport.playback().train(transport.run().rows)


def go_there() -> None:
    """Back to the station's page; what has been answered there holds while its experiment is still the present one."""
    place = active()
    if place is None:
        return
    if place.tour.experiments(place.at)[0] in (None, session.current()):
        _turn(place.station.page)
    else:
        enter(place.at)


def leave(origin: int, end: bool = False) -> None:
    """Everything is again as it was before the tour."""
    place, state = active(), st.session_state
    if place is None or place.own is None or place.at != origin:
        return
    own, place.own = place.own, None
    session.pin(None)
    session.load(own.experiment, play=False, pinned=own.pinned)
    if own.memory is not None:
        state.memory = own.memory
    if own.chosen is not None:
        state.chosen = own.chosen
        page_settings.remount()
    if own.playback is not None:
        state.playback = replace(own.playback, clock=None, moves=own.playback.moves + 1, pace=state.playback.pace)
    _turn(own.page)
    if end:
        del state.tour


# ---- the link ----


def to_link() -> dict[str, str]:
    place = active()
    if place is None or place.own is None:
        return {}
    own, query = place.own, {}
    if own.experiment != session.default() or own.pinned:
        query = own.experiment.to_query()
    if own.pinned:
        query |= {PIN + k: v for k, v in own.pinned.to_query().items()}
    if own.page != "lab":
        query["page"] = own.page
    kinds = registry.linked()[own.page]
    query |= {key: kinds[key].show(choice.value) for key, choice in (own.chosen or {}).items() if key in kinds}
    return {"tour": ".".join(filter(None, [place.name, str(place.at + 1)]))} | {OWN + k: v for k, v in query.items()}


def from_link(query: dict[str, str]) -> list[str]:
    """At a session's first run: takes the tour's part out of a link; returns what is wrong with it."""
    own = {k.removeprefix(OWN): query.pop(k) for k in list(query) if k.startswith(OWN)}
    text = query.pop("tour", None)
    if text is None:
        return ["own settings without a tour: left out"] if own else []
    name, _, number = text.rpartition(".")
    tour = named(name)
    if tour is None:
        return [f"the tour {name[:40]!r} is not here any more: give its file again in the sidebar. The page opens without it"]
    messages, n = [], len(tour.stations)
    at = int(number) - 1 if number.isascii() and number.isdecimal() and len(number) < 4 else -1
    if not 0 <= at < n:
        messages.append(f"tour: expected a station from 1 to {n}, got {number[:40]!r}: it begins at the first")
    if query and not 0 <= at < n:
        query.clear()  # settings of another station
    place = st.session_state.tour = Place(name, tour, at if 0 <= at < n else 0, _own(own, messages))
    st.session_state.tour_paused = True
    if not query and (place.tour.experiments(place.at)[0] or place.station.settings):
        st.session_state.tour_enter = True
    return messages


def _own(query: dict[str, str], messages: list[str]) -> Own:
    page = query.pop("page", "lab")
    if page not in highlight.places():
        messages.append(f"own settings: there is no page {page[:40]!r}: the tour will end in the lab")
        page = "lab"
    chosen, said = page_settings.parse(query)
    pinning = {k.removeprefix(PIN): query.pop(k) for k in list(query) if k.startswith(PIN)}
    e, wrong = session.from_link(query)
    pinned, more = session.from_link(pinning) if pinning else (None, [])
    messages += [f"own settings: {message}" for message in (*said, *wrong, *more)]
    return Own(e, pinned, page, chosen=chosen)
