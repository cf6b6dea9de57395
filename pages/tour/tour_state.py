"""A viewer's place in a guided tour: the station, the viewer's own settings meanwhile, and both in the link.

A station loads its experiment and asks what the viewer expects. Then it trains and shows what to notice. The session and the link
(`own.`) hold the viewer's own settings, which are restored when the tour is left. panel.py draws it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path

import streamlit as st

from pages.state import navigation, page_settings, session, snapshots, transport, viewer_state
from pages.state.viewer_state import Snapshot, TourProgress, TourState
from pages.tour import highlight
from pages.ui import registry
from rnnkit.stories.tours import PIN, Tour, read_tour

FILE = Path(__file__).with_name("tour.toml")
OWN = "own."  # before the viewer's own settings in a link
MAX_TOURS = 20  # of viewers
NO_ANSWER = -1  # the viewer pressed "Show me" instead


class TourStore:
    """Uploaded tours: digest -> Tour. Above MAX_TOURS the least recently used is dropped."""

    def __init__(self) -> None:
        self.tours: OrderedDict[str, Tour] = OrderedDict()
        self.lock = threading.Lock()

    def put(self, text: bytes, tour: Tour) -> str:
        """Stores a tour. Returns the digest of its text."""
        digest = hashlib.sha256(text).hexdigest()[:16]
        with self.lock:
            self.tours[digest] = tour
            self.tours.move_to_end(digest)
            while len(self.tours) > MAX_TOURS:
                self.tours.popitem(last=False)
        return digest

    def get(self, digest: str) -> Tour | None:
        """Returns a tour, None where it is not here."""
        with self.lock:
            if digest in self.tours:
                self.tours.move_to_end(digest)
            return self.tours.get(digest)


@st.cache_resource(show_spinner=False)
def store() -> TourStore:
    """Returns the uploaded tours of this server."""
    return TourStore()


@st.cache_resource(show_spinner=False)
def guide() -> Tour:
    """Returns the project's own tour."""
    tour, _ = read_tour(FILE.read_bytes(), highlight.targets(), registry.linked())
    assert tour is not None
    return tour


def named(name: str) -> Tour | None:
    """Returns the tour with this digest, the project's own for ""."""
    return store().get(name) if name else guide()


# ---- where this viewer is ----


def _state() -> TourState:
    return viewer_state.current().tour


def latest() -> TourProgress | None:
    """Returns the viewer's place in a tour, also in one that was left and can be resumed."""
    return _state().progress


def active() -> TourProgress | None:
    """Returns the viewer's place in the running tour, None outside one."""
    progress = latest()
    return progress if progress and progress.own else None


def trouble() -> str:
    """Returns why a tour could not be started, once. Empty afterwards."""
    state = _state()
    text, state.trouble = state.trouble, ""
    return text


def menu() -> str:
    """Returns the key of the menu, a new one at each change of station, which closes the menu."""
    return _state().menu.key


def enter_from_link() -> None:
    """Loads the station of a link that holds no settings. Call it before anything of the page is drawn."""
    state, progress = _state(), active()
    if progress and state.to_enter:
        state.to_enter = False
        messages = session.messages()
        enter(progress.at)
        if not session.messages():  # the station's experiment was loaded
            session.report(messages)


def stop_link() -> None:
    """Resets the run of a link, which plays by itself: a station's does not."""
    state = _state()
    if state.from_link:
        transport.playback().reset()
        state.from_link = False


def shows(progress: TourProgress, seen: bool) -> None:
    """Stores whether the station is drawn with what there is to notice."""
    progress.seen = seen


# ---- callbacks. One click can call a callback twice, where a switch of pages coincides with the poll of a fragment. The second
# call comes at the next station. So each callback gets the station of its button and does nothing at another one. ----


def start(name: str, at: int = 0) -> None:
    """Callback: starts or resumes a tour at a station."""
    tour, state = named(name), _state()
    if active():
        return
    if tour is None:
        state.trouble = f"the tour {name} is not here any more: give its file again"
        return
    state.progress = TourProgress(name, tour, at, snapshots.take(), navigation.page())
    enter(at)


def folded() -> bool:
    """Returns whether the panel shows its first line alone."""
    return _state().folded


def fold(on: bool) -> None:
    """Callback: folds the panel to one line, or unfolds it."""
    _state().folded = on


def go(origin: int, at: int) -> None:
    """Callback: goes from a station to another one."""
    progress = active()
    if progress and progress.at == origin:
        enter(at)


def enter(at: int) -> None:
    """Goes to a station and loads what it needs, paused before the first step."""
    progress = latest()
    assert progress is not None
    progress.at = max(0, min(at, len(progress.tour.stations) - 1))
    progress.answer, progress.seen, _state().folded = None, False, False
    e, pinned = progress.tour.experiments(progress.at)
    progress.refused = session.refusal(e) if e else ""
    if e and not progress.refused:
        session.pin(None)
        session.load(e, play=False, pinned=None if pinned and session.objections(pinned) else pinned)
    page_settings.replace_all(registry.linked()[progress.station.page], dict(progress.station.settings))
    _turn(progress.station.page)


def _turn(page: str) -> None:
    _state().menu.renew()
    navigation.go_to(page, insist=True)


def answer(origin: int, k: int) -> None:
    """Callback: stores what the viewer expects, or NO_ANSWER. Starts the training where the station waits for it."""
    progress = active()
    if progress is None or progress.at != origin or not progress.open:
        return
    progress.answer = k
    if progress.station.wait and registry.shows_run(progress.station.page):
        transport.playback().train(transport.run().rows)


def go_there() -> None:
    """Callback: goes back to the station's page. The answer stays while the station's experiment is the present one."""
    progress = active()
    if progress is None:
        return
    if progress.tour.experiments(progress.at)[0] in (None, session.current()):
        _turn(progress.station.page)
    else:
        enter(progress.at)


def leave(origin: int, end: bool = False) -> None:
    """Callback: restores everything from before the tour."""
    progress = active()
    if progress is None or progress.own is None or progress.at != origin:
        return
    own, progress.own = progress.own, None
    snapshots.restore(own)
    _turn(progress.own_page)
    if end:
        _state().progress = None


# ---- the link ----


def to_link() -> dict[str, str]:
    """Returns the tour's part of the link: the station and the viewer's own settings."""
    progress = active()
    if progress is None or progress.own is None:
        return {}
    own, query = progress.own, {}
    if own.experiment != session.default() or own.pinned:
        query = own.experiment.to_query()
    if own.pinned:
        query |= {PIN + k: v for k, v in own.pinned.to_query().items()}
    if progress.own_page != "lab":
        query["page"] = progress.own_page
    kinds = registry.linked()[progress.own_page]
    query |= {key: kinds[key].show(choice.value) for key, choice in (own.chosen or {}).items() if key in kinds}
    return {"tour": ".".join(filter(None, [progress.name, str(progress.at + 1)]))} | {OWN + k: v for k, v in query.items()}


def from_link(query: dict[str, str]) -> list[str]:
    """Removes the tour's part from a query and stores it. Returns messages about invalid parts."""
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
    state = _state()
    snapshot, page = _own(own, messages)
    progress = state.progress = TourProgress(name, tour, at if 0 <= at < n else 0, snapshot, page)
    state.from_link = True
    state.to_enter = not query and bool(progress.tour.experiments(progress.at)[0] or progress.station.settings)
    return messages


def _own(query: dict[str, str], messages: list[str]) -> tuple[Snapshot, str]:
    """Returns the viewer's own settings and their page."""
    page = query.pop("page", "lab")
    if page not in highlight.targets():
        messages.append(f"own settings: there is no page {page[:40]!r}: the tour will end in the lab")
        page = "lab"
    chosen, of_settings = page_settings.parse(query)
    pinning = {k.removeprefix(PIN): query.pop(k) for k in list(query) if k.startswith(PIN)}
    e, of_run = session.from_link(query)
    pinned, of_pinned = session.from_link(pinning) if pinning else (None, [])
    messages += [f"own settings: {message}" for message in (*of_settings, *of_run, *of_pinned)]
    return Snapshot(e, pinned, chosen=chosen), page
