"""Which room a viewer is in, what its lecturer shows there, and how a member follows. Also the room's part of the link.

A member is a browser (the cookie of pages/server/browser_cookie.py), so two tabs have one vote and a reload keeps it. The
lecturer is the browser that opened the room. Where there is no cookie, a member is a session.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import streamlit as st

from pages.server import polling
from pages.state import browser_history, navigation, page_settings, session, transport, uploads, viewer_state
from pages.state.viewer_state import RoomState, TourProgress
from pages.tour import tour_state
from pages.ui import registry
from rnnkit.charts import class_map
from rnnkit.errors import shorten_repr
from rnnkit.experiment import Experiment, ExperimentError
from rnnkit.serving.room import Question, Room, Rooms, Scene, SharedRun, Stage, typed_question
from rnnkit.serving.run_pool import Run
from rnnkit.stories.remedies import Outcome, result

PARAMETER = "room"  # of a link
FULL = "This server has as many rooms as it can: try again when another class is over."


@st.cache_resource(show_spinner=False)
def rooms() -> Rooms:
    """Returns the rooms of this server."""
    return Rooms(session.limits())


def _state() -> RoomState:
    return viewer_state.current().room


def me() -> str:
    """Returns the token under which this viewer is known in a room."""
    return uploads.viewer()


# ---- in a room, and out of it ----


def present() -> Room | None:
    """Returns the room of this viewer, None outside one. Leaves a room that has closed."""
    mine = _state()
    if not mine.name:
        return None
    room = rooms().get(mine.name)
    if room is None:
        mine.closed, mine.name = mine.name, ""
    return room


def teaches(room: Room) -> bool:
    """Returns whether this viewer is the room's lecturer."""
    return room.lecturer == me()


def closed() -> str:
    """Returns the name of the room that has closed, "" where none has."""
    return _state().closed


def trouble() -> str:
    """Returns why the lecturer's last wish was not fulfilled, "" where it was."""
    return _state().trouble


def open_room() -> None:
    """Callback: opens a room of which this viewer is the lecturer. `trouble` says why not."""
    room = rooms().create(me())
    if room is None:
        _state().trouble = FULL
    else:
        _enter(room)


def _enter(room: Room) -> None:
    mine = _state()
    mine.name, mine.closed, mine.trouble = room.name, "", ""
    mine.applied, mine.scene, mine.reached, mine.station = 0, None, None, ""
    navigation.address_changed()


def close() -> None:
    """Callback of the lecturer: closes the room for everybody."""
    if (room := present()) and teaches(room):
        rooms().close(room.name)
        _state().name = ""


def leave() -> None:
    """Callback of a member."""
    if room := present():
        room.leave(me())
        _state().name = ""


def take_notice() -> None:
    """Callback: the viewer has read that the room is closed."""
    _state().closed = ""


# ---- the link ----


def from_link(query: dict[str, str]) -> list[str]:
    """Removes the room from a query and enters it. Returns messages. A link with other settings does not begin to follow."""
    text = query.pop(PARAMETER, None)
    if text is None:
        return []
    room = rooms().get(text.strip().lower())
    if room is None:
        return [f"the room {shorten_repr(text, 20)} is not open (any more). The dashboard works on without it"]
    room.seen(me(), follow=not query)
    _enter(room)
    return []


def to_link() -> dict[str, str]:
    """Returns the room's part of the address."""
    return {PARAMETER: _state().name} if _state().name else {}


def address(room: Room) -> str:
    """Returns the link of a room: the server's address with the room alone, so that its QR code has large squares."""
    parts = urlsplit(st.context.url or "")
    base, _, last = parts.path.rpartition("/")
    path = base if last in registry.NAMES else parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}/?{PARAMETER}={room.name}" if parts.netloc else f"?{PARAMETER}={room.name}"


# ---- every poll ----


def look(room: Room) -> bool:
    """Notes that this viewer is here, and what they have trained. Returns False where the room is full."""
    if not room.seen(me()):
        return False
    state, run = viewer_state.current(), session.run()
    e = run.experiment
    if e in state.run_list and not e.given and room.add_run(me(), e):  # what a viewer has uploaded stays theirs
        room.note_outcome(e.key, outcome(run))
    return True


def outcome(run: Run) -> str:
    """Returns what came out of a run, in the words of the map, "" while that is not known."""
    history, n = run.history, run.history.n
    if not n:
        return ""
    try:
        so_far = history.once(("reached", n), lambda: result(history, n).outcome)
    except ExperimentError:  # its data are no longer in memory
        return ""
    return "" if so_far is Outcome.OPEN else str(so_far)


def interval() -> float:
    """Returns the seconds between two polls of a member. A lecturer's screen polls as often as one member alone."""
    return polling.room_polls().seconds()


# ---- the lecturer ----


def menu(name: str) -> str:
    """Returns the key of one of the lecturer's menus or maps, a new one after it has been used, which closes the menu."""
    return _state().menus[name].key


def ask(text: str, answers: str, right: int | None) -> None:
    """Asks a typed question. `trouble` says what is wrong with it."""
    mine, room = _state(), present()
    if room is None or not teaches(room):
        return
    try:
        room.ask(typed_question(text, answers, right))
        mine.trouble = ""
        mine.menus.renew()
    except ValueError as error:
        mine.trouble = f"Not asked: {error}."


def show_result() -> None:
    """Callback of the lecturer."""
    if (room := present()) and teaches(room):
        room.show_result()


def end_question() -> None:
    """Callback of the lecturer."""
    if (room := present()) and teaches(room):
        room.end_question()


def deal(experiments: Sequence[Experiment]) -> None:
    """Callback of the lecturer: gives each member one of these Experiments."""
    if (room := present()) and teaches(room):
        room.deal(experiments)
        _state().menus.renew()


def note_outcomes(room: Room) -> list[SharedRun]:
    """Returns the runs of the class, with what came out of those that the server still has."""
    runs, known = room.runs(), session.pool().runs
    for shared in runs:
        key = shared.experiment.key
        if not shared.outcome and (run := known.get(key)) and (word := outcome(run)):
            room.note_outcome(key, word)
            shared.outcome = word
    return runs


def open_dot(run_id: str) -> None:
    """Callback of the lecturer: opens the run of a dot in the lab."""
    room = present()
    runs = room.runs() if room and teaches(room) else []
    e = next((shared.experiment for shared in runs if class_map.run_id(shared.experiment) == run_id), None)
    if e is not None:
        _state().menus.renew()
        browser_history.begin_chapter(e)


def clear_map() -> None:
    """Callback of the lecturer."""
    if (room := present()) and teaches(room):
        room.clear_map()


def take_station(room: Room) -> None:
    """Asks the class the question of the lecturer's tour, ends the voting when the lecturer answers, shows the result in the end.

    The panel of the tour alone decides. So the keys of the tour do all of it.
    """
    mine, place, ballot = _state(), tour_state.active(), room.ballot
    name = f"{place.name}.{place.at}" if place and place.station.ask and place.station.answers else ""
    asked = ballot and ballot.question.station
    if mine.station and mine.station != name:
        if asked == mine.station:
            room.end_question()
        mine.station = ""
    if place is None or not name:
        return
    if place.open and (mine.station != name or (ballot and asked == name and ballot.stage is not Stage.OPEN)):
        mine.station = name
        if ballot is None or asked != name or ballot.stage is not Stage.OPEN:  # else the lecturer has reloaded the page
            room.ask(_question(place, name))
    elif not place.open and asked == name:
        room.show_result() if place.seen else room.close_votes()


def _question(place: TourProgress, name: str) -> Question:
    station = place.station
    return Question(station.ask, station.answers, station.right - 1 if station.right else None, station.notice, name)


def publish(room: Room) -> None:
    """Shows the members who follow what the lecturer's screen shows. A second screen of the lecturer changes nothing until it
    is used."""
    mine, page, place = _state(), navigation.page(), tour_state.active()
    here = place.station if place and place.station.page == page else None
    scene = Scene(
        page,
        session.current(),
        session.pinned(),
        tuple(page_settings.to_query(registry.linked()[page]).items()),
        transport.playback().playing,
        covered=bool(here and here.cover and place and place.open),
        title=here.title if here else "",
    )
    if scene != mine.scene:
        mine.scene = scene
        room.publish(scene)


# ---- a member ----


def vote(number: int, answer: int) -> None:
    """Callback of a member."""
    if room := present():
        room.vote(me(), number, answer)


def follow(on: bool) -> None:
    """Callback of a member: follows the lecturer, or stays where they are."""
    if room := present():
        room.follow(me(), on)
        _state().applied = 0


def train_dealt() -> None:
    """Callback of a member: opens the Experiment that the lecturer has dealt to them in the lab, where it plays."""
    if (room := present()) and (e := room.dealt_to(me())):
        room.follow(me(), False)
        browser_history.begin_chapter(e)


def follows(room: Room) -> bool:
    return not teaches(room) and room.follows(me())


def behind(room: Room) -> bool:
    """Returns whether the lecturer has gone on, so that a member who follows needs another page."""
    version, scene = room.shown()
    return scene is not None and follows(room) and _state().applied != version


def covered(room: Room) -> bool:
    """Returns whether a member's page stays hidden until the question is answered, as it does on the lecturer's screen."""
    scene = _state().scene
    return follows(room) and scene is not None and scene.covered


def refused() -> str:
    """Returns why the lecturer's Experiment is not shown here, "" where it is."""
    return _state().refused


def catch_up() -> None:
    """Takes over what the lecturer's screen shows, where this member follows. Call it before anything of the page is drawn."""
    room, mine = present(), _state()
    if room is None or not behind(room):
        return
    (version, scene), before = room.shown(), mine.scene if mine.applied else None
    assert scene is not None
    mine.applied, mine.scene, mine.reached = version, scene, None
    messages = list(session.messages())
    _load(scene)
    if before is None or (before.page, before.settings) != (scene.page, scene.settings):
        chosen, _ = page_settings.parse(dict(scene.settings))
        page_settings.replace_all(registry.linked()[scene.page], {key: choice.value for key, choice in chosen.items()})
    if not session.messages():
        session.report(messages)
    navigation.go_to(scene.page, insist=True)


def _load(scene: Scene) -> None:
    mine, e, pinned = _state(), scene.experiment, scene.pinned
    mine.refused = session.refusal(e)
    if mine.refused:
        return
    if e != session.current() or pinned != session.pinned():
        session.pin(None)
        session.load(e, play=scene.playing, pinned=None if pinned and session.objections(pinned) else pinned)
    elif scene.playing and not transport.playback().playing:
        transport.playback().train(transport.run().rows)


def drawn(page: str) -> None:
    """Notes that this page has been drawn. The lecturer shows it. A member who goes elsewhere does not follow any more."""
    room, mine = present(), _state()
    if room is None:
        return
    if teaches(room):
        publish(room)
    elif follows(room) and mine.scene and not behind(room):
        here = (page, session.current())
        if mine.reached is None:
            mine.reached = here if page == mine.scene.page else None
        elif mine.reached != here:
            room.follow(me(), False)
