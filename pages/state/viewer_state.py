"""All that the server keeps for one viewer, under one key of st.session_state. widgets.py holds the values of widgets.

Every module may read it. One module writes each field, which tests/unit/test_viewer_state.py checks. It is session.py where the
comments below name no other one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import streamlit as st

from pages.state.controls import Controls
from pages.state.playback import Playback
from pages.state.run_list import RunList
from pages.state.widgets import VersionedKey, VersionedKeys
from rnnkit.experiment import Experiment
from rnnkit.serving.room import Scene
from rnnkit.serving.run_pool import Run
from rnnkit.stories.tours import Station, Tour
from rnnkit.watch.run import WatchRun

KEY = "viewer_state"


@dataclass(frozen=True)
class View:
    """How pages are shown: enlarged for a lecture hall, with controls hidden or locked for a lesson."""

    present: bool = False
    hide: frozenset[str] = frozenset()
    lock: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Chosen:
    """A page's own setting. It holds in this context alone."""

    value: Any
    context: Any


@dataclass
class PageSettings:
    """The pages' own settings (page_settings.py). `defaults`, `values` and `offers` are as drawn last."""

    chosen: dict[str, Chosen] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    offers: dict[str, tuple[str, ...]] = field(default_factory=dict)  # what there is to choose, in words
    keys: VersionedKeys = field(default_factory=VersionedKeys)
    drawings: VersionedKeys = field(default_factory=VersionedKeys)


@dataclass(frozen=True)
class Snapshot:
    """All that a viewer has set, and the place in the run. None marks what the source, a link, does not hold."""

    experiment: Experiment
    pinned: Experiment | None
    controls: Controls | None = None
    playback: Playback | None = None
    chosen: Mapping[str, Chosen] | None = None  # of the pages' own settings


@dataclass
class Chapters:
    """The snapshots that the browser's Back restores (browser_history.py)."""

    present: int = 0
    left: dict[int, Snapshot] = field(default_factory=dict)


@dataclass
class TourProgress:
    """Where a viewer is in a tour."""

    name: str  # digest of the tour, "" for the project's own
    tour: Tour
    at: int
    own: Snapshot | None  # the viewer's own settings, to come back to; None: the tour was left, and can be resumed
    own_page: str = "lab"
    answer: int | None = None  # to the station's question
    seen: bool = False  # what there is to notice
    refused: str = ""  # why this server does not train the station's experiment

    @property
    def station(self) -> Station:
        return self.tour.stations[self.at]

    @property
    def open(self) -> bool:
        """Whether the station waits for an answer."""
        return self.answer is None and bool(self.station.ask or self.station.wait)


@dataclass
class TourState:
    progress: TourProgress | None = None
    trouble: str = ""  # why a tour could not be started, until it is shown
    from_link: bool = False  # the run of the link, which plays by itself, has still to be paused
    to_enter: bool = False  # the link holds no settings of its own
    menu: VersionedKey = field(default_factory=lambda: VersionedKey("tour_menu"))  # a new key closes the menu
    folded: bool = False  # the panel shows one line, until the next station


@dataclass
class RoomState:
    """The room of a class that this viewer is in (pages/room/)."""

    name: str = ""  # "" outside a room
    closed: str = ""  # name of the room that has closed, until the viewer has taken notice
    applied: int = 0  # number of the lecturer's scene that is shown here
    scene: Scene | None = None  # of that number; the lecturer's own: published last
    reached: tuple[str, Experiment] | None = None  # page and Experiment that it led to, None before they are drawn
    refused: str = ""  # why its Experiment is not shown here
    station: str = ""  # of the lecturer's tour, whose question was asked last
    trouble: str = ""  # why the lecturer's last wish was not fulfilled
    menus: VersionedKeys = field(default_factory=VersionedKeys)  # of the lecturer: a new key closes a menu


@dataclass
class Navigation:
    """The present page, and a page that was asked for (navigation.py)."""

    page: str = "start"  # drawn last
    heading: str = ""  # the page that was asked for last
    due: bool = False  # the switch to it is still to come
    until: float = 0.0  # time.monotonic() until which any other page switches to it again
    unwatch: dict[str, dict[Hashable, Callable[[], None]]] = field(default_factory=dict)  # page -> what ends its watching
    address_due: bool = False  # a setting that the address holds has changed
    drawn: bool = False  # a page of this session, to its end
    begun: bool = False  # a page of this session
    interrupted: bool = False  # the first page was begun anew before it had been drawn


@dataclass
class Uploads:
    """The forms for files, by their keys (uploads.py)."""

    fields: VersionedKeys = field(default_factory=VersionedKeys)
    refused: dict[str, str] = field(default_factory=dict)  # why the last file could not be used


@dataclass(frozen=True)
class WatchedFile:
    """A file of rnnkit.watch that a viewer has opened (watched_file.py)."""

    name: str
    run: WatchRun


@dataclass
class WatchedForm:
    """The field for such a file."""

    field: VersionedKey = field(default_factory=lambda: VersionedKey("watched_file"))
    refused: str = ""  # why the last file could not be used


@dataclass
class RunListFile:
    """The last file of a run list that was read (pages/run_list/table.py)."""

    read: int = 0  # number of its runs that are in the list
    messages: list[str] = field(default_factory=list)
    keys: VersionedKeys = field(default_factory=VersionedKeys)  # of the widgets that show what a file can change


class Chart(NamedTuple):
    """A chart as drawn: its text for screen readers and its specification."""

    text: str
    spec: dict[str, Any]

    @property
    def title(self) -> str:
        return self.text.partition(":")[0]


@dataclass(frozen=True)
class Explosion:
    """How far a viewer has been shown an Experiment whose networks diverge. Each change makes a new one."""

    e: Experiment
    clipped: Experiment | None = None  # the run after the rewind; None before it
    shown_since: float | None = None  # time.monotonic() at which the first row of the run in question was there
    frozen: bool = False  # the training has been shown up to the divergence, or it has none
    record_complete: bool = False  # the spectral radii of the last steps are there, and nothing else will come
    clipped_shown: bool = False  # the run after the rewind has been shown to its end


@dataclass(frozen=True)
class PageExample:
    """What a page opened by itself, and what the viewer had before (page_example.py)."""

    page: str
    experiment: Experiment
    before: Snapshot


@dataclass
class ViewerState:
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    experiment: Experiment = field(default_factory=Experiment)  # the last valid one of the controls
    linked: bool = False  # the link names an Experiment
    controls: Controls = field(default_factory=Controls)
    control_keys: VersionedKeys = field(default_factory=VersionedKeys)
    run: Run | None = None  # the run shown; None before the link has been read
    playback: Playback = field(default_factory=Playback)  # the place in it
    pinned: Run | None = None
    problem: str = ""  # why the controls make no Experiment
    messages: list[str] = field(default_factory=list)  # what was wrong with the link
    notice: str = ""  # why nothing was loaded, until it is shown
    tab_answered: bool = False  # the browser tab has sent the run list of its previous session
    run_list: RunList = field(default_factory=RunList)

    view: View = field(default_factory=View)  # view_options.py
    settings: PageSettings = field(default_factory=PageSettings)
    chapters: Chapters = field(default_factory=Chapters)
    tour: TourState = field(default_factory=TourState)  # pages/tour/tour_state.py
    room: RoomState = field(default_factory=RoomState)  # pages/room/room_state.py
    navigation: Navigation = field(default_factory=Navigation)
    page_example: PageExample | None = None
    uploads: Uploads = field(default_factory=Uploads)
    run_list_file: RunListFile = field(default_factory=RunListFile)
    charts: dict[str, Chart] = field(default_factory=dict)  # of the page as it is drawn now, by their keys, for download

    # For one page each.
    map_cell: tuple[Any, Any] = (None, None)  # last cell clicked: length, gain (pages/ui/regime_map.py)
    explosion: Explosion | None = None  # pages/ui/divergence.py
    watched: WatchedFile | None = None  # pages/state/watched_file.py, as the next one; None: the example
    watched_form: WatchedForm = field(default_factory=WatchedForm)


def current() -> ViewerState:
    """Returns the state of the viewer whose page is being drawn."""
    if KEY not in st.session_state:
        st.session_state[KEY] = ViewerState()
    return st.session_state[KEY]
