"""The guided tour: every station, the viewer's own settings, bad links and files. In Chromium: test_tour_keys.py."""

from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace

import pytest
from apptest import controls, linked, press, prose, state, texts, until
from example_tours import GUIDE, OWN, TWO

from pages import remedies
from pages.state import navigation, page_settings, session, viewer_state
from pages.state.viewer_state import ViewerState
from pages.tour import highlight, panel, tour_state
from pages.ui import registry
from pages.ui.markdown import symbols
from rnnkit.experiment import Experiment
from rnnkit.serving.limits import Limits
from rnnkit.stories.remedies import PANELS
from rnnkit.stories.tours import Station, Tour, read_tour


def small(e):
    return e and replace(e, steps=20, replicas=2, hidden=min(e.hidden, 16))


@pytest.fixture
def brief(monkeypatch):
    """The project's tour with networks that are trained in a moment."""
    stations = [replace(s, experiment=small(s.experiment), pinned=small(s.pinned)) for s in GUIDE.stations]
    shortened = Tour(GUIDE.title, GUIDE.about, GUIDE.minutes, tuple(stations))
    monkeypatch.setattr(tour_state, "guide", lambda: shortened)
    rows = list(PANELS["vanishing"].remedies.items())[:2]
    short = replace(PANELS["vanishing"], remedies={name: replace(r, experiment=small(r.experiment)) for name, r in rows})
    for module in (panel, remedies):
        monkeypatch.setattr(module, "PANELS", {"vanishing": short})
    return shortened


@pytest.fixture
def two(monkeypatch):
    """Two stations, in the place of the project's tour."""
    shortened, said = read_tour(TWO, highlight.targets())
    assert len(said) == 1, said
    monkeypatch.setattr(tour_state, "guide", lambda: shortened)
    return shortened


def keys(at):
    return {button.key for button in at.button}


def tour(at, what, k=""):
    """Presses a button of the station that is shown, by key."""
    return press(at, f"tour_{what}_{state(at).tour.progress.at}{k}")


def fast(at):
    state(at).playback.pace = "fast"
    return at


def asked(at):
    return any(key.startswith("tour_show") for key in keys(at))


def noticed(station):
    return lambda at: any(symbols(station.notice) in m.value for m in at.markdown)


# ---- every station ----


def test_every_station_loads_asks_trains_and_tells(app, brief):
    at, e = press(fast(app(OWN)), "tour_start"), None
    for n, station in enumerate(brief.stations, 1):
        e = station.experiment or e
        assert not at.exception, station.title
        assert any(m.value == f"**{n} / {len(brief.stations)} · {station.title}**" for m in at.markdown)
        assert linked(at) == e and address(at)["tour"] == str(n)
        assert state(at).run.experiment == e and not state(at).playback.playing
        assert asked(at) and not noticed(station)(at)
        assert ("What do you expect?" in prose(at)) == station.cover
        assert bool(at.subheader) != station.cover, "hidden until there is an answer"
        tour(at, "answer", f"_{station.right - 1}")
        assert not at.exception and at.subheader and not asked(at), station.title
        until(at, noticed(station))
        assert f":green[**✓** Expected: **{station.answers[station.right - 1]}**.]" in prose(at)
        tour(at, "next")
    assert not at.exception and "tour" not in address(at) and linked(at) == Experiment.from_query(OWN)[0]
    assert "tour_resume" not in keys(at), "it has been seen to its end"


def address(at):
    return {k: v if isinstance(v, str) else v[0] for k, v in at.query_params.items()}


def test_an_answer_that_does_not_come_true_and_none_at_all(app, two):
    at = press(fast(app(page="lab")), "tour_start")
    tour(at, "answer", "_0")
    assert "Expected: **This**. Training" in prose(at)
    until(at, noticed(two.stations[0]))
    assert ":orange[**✗** Expected: **This**.] Noticed." in prose(at)
    press(at, "tour_to_0")
    tour(at, "show")
    until(at, noticed(two.stations[0]))
    assert "Expected" not in prose(at)


def test_who_stands_still_is_told_how_it_goes_on(app, two):
    at = tour(press(app(), "tour_start"), "show")
    press(at, "pause")
    assert "The run is paused" in prose(at) and not noticed(two.stations[0])(at)
    tour(at, "next")
    assert not at.exception and "**2 / 2 · Second**" in prose(at)


def test_a_click_that_is_heard_twice_counts_once(app, two):
    """Streamlit can call a callback again, by then at the next station, when a switch of pages meets the poll of a fragment."""
    at = press(app(OWN), "tour_start")
    place = state(at).tour.progress
    for call in (
        lambda: tour_state.go(1, 0),
        lambda: tour_state.answer(1, 0),
        lambda: tour_state.leave(1),
        lambda: tour_state.start(""),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tour_state, "active", lambda: place)
            patch.setattr(tour_state, "enter", lambda at: pytest.fail("it went on"))
            patch.setattr(session, "load", lambda *_, **__: pytest.fail("it loaded something"))
            patch.setattr(viewer_state, "current", ViewerState)
            call()
    assert (place.at, place.answer, place.own is None) == (0, None, False)


def test_the_page_before_is_left_again_where_it_comes_back_by_itself(monkeypatch):
    """The poll of its fragment was on its way when the pages were switched."""
    mine, now = ViewerState(), [100.0]
    monkeypatch.setattr(viewer_state, "current", lambda: mine)
    monkeypatch.setattr(navigation.time, "monotonic", lambda: now[0])
    assert navigation.redirect("lab") is None
    tour_state._turn("remedies")
    now[0] += 60.0  # a busy machine takes its time
    assert navigation.redirect("lab") == "remedies" and navigation.redirect("remedies") is None
    assert navigation.redirect("lab") == "remedies", "it came back while the other one is drawn"
    navigation.drawn("lab")
    now[0] += 60.0
    assert navigation.redirect("lab") == "remedies"
    navigation.arrive("remedies")
    navigation.drawn("remedies")
    assert navigation.redirect("lab") == "remedies" and navigation.redirect("remedies") is None
    now[0] += navigation.LATE_RERUN_SECONDS
    navigation.drawn("remedies")
    assert navigation.redirect("lab") is None, "by now somebody chose it"
    tour_state._turn("remedies")
    assert navigation.redirect("remedies") is None and navigation.redirect("network") is None, "it was there"


def test_a_panel_of_remedies_is_waited_for(monkeypatch):
    run, pool = SimpleNamespace(done=False, error=""), SimpleNamespace(runs={})
    names = list(PANELS["vanishing"].remedies.values())
    monkeypatch.setattr(session, "pool", lambda: pool)
    monkeypatch.setattr(session, "limits", Limits)
    monkeypatch.setattr(page_settings, "shown", lambda key: None)
    assert not panel._finished("remedies")
    pool.runs = {remedy.experiment.key: run for remedy in names}
    assert not panel._finished("remedies")
    run.done = True
    assert panel._finished("remedies")


# ---- the viewer's own settings ----


def kept(at):
    mine = state(at)
    p = mine.playback
    return address(at), deepcopy(mine.controls), (p.head, p.cursor, p.pace, p.playing), mine.pinned and mine.pinned.experiment


@pytest.mark.parametrize("pinned", [{}, {"pin.length": "30", "pin.steps": "20", "pin.replicas": "2"}], ids=["alone", "pinned"])
def test_leaving_restores_everything_and_the_tour_can_be_resumed(app, brief, pinned):
    at = until(fast(app(OWN, **pinned)), lambda at: "train" in keys(at))
    at.multiselect[0].set_value(["clip-norm", "l2"]).run()  # a remedy with a strength of its own, chosen and left again
    controls(at)["s_l2"].set_value(0.125).run()
    at.multiselect[0].set_value(["clip-norm"]).run()
    press(at, "step")
    before = kept(at)
    press(at, "tour_start")
    tour(at, "next")
    press(at, "tour_to_7")
    assert kept(at) != before
    tour(at, "leave")
    assert not at.exception and kept(at) == before
    assert "tour_resume" in keys(at) and any("station 8" in b.label for b in at.button)
    press(at, "tour_resume")
    assert address(at)["tour"] == "8" and linked(at) == brief.stations[7].experiment
    tour(at, "leave")
    assert kept(at) == before


def test_by_link_the_own_settings_are_restored_too(app, two):
    at = app(OWN, **{"pin.length": "30"})
    before = address(at)
    link = address(press(at, "tour_start"))
    assert link["tour"] == "1" and link["own.cell"] == "gru" and link["own.pin.length"] == "30" and link["pin.length"] == "12"
    again = app(link)
    assert not again.exception and address(again) == address(at)
    assert asked(again) and not state(again).playback.playing and texts(again) == []
    tour(again, "leave")
    assert address(again) == before


def test_a_bare_link_loads_the_station(app, two):
    at = app(tour="1")
    assert not at.exception and linked(at) == two.stations[0].experiment and address(at)["pin.length"] == "12"
    tour(at, "leave")
    assert address(at) == {}


@pytest.mark.parametrize(
    "query, expected",
    [
        ({"tour": "99"}, "tour: expected a station from 1 to 2, got '99': it begins at the first"),
        ({"tour": "x", "length": "50"}, "tour: expected a station from 1 to 2, got 'x'"),
        ({"tour": "0123456789abcdef.2"}, "the tour '0123456789abcdef' is not here any more"),
        ({"tour": "1", "own.page": "nowhere", "own.length": "x"}, "own settings: there is no page 'nowhere'"),
        ({"tour": "1", "own.length": "x"}, "own settings: length must be a whole number"),
        ({"own.length": "20"}, "own settings without a tour"),
    ],
    ids=["station", "no number", "forgotten", "page", "own", "alone"],
)
def test_what_is_wrong_with_a_link_is_told_and_the_rest_is_used(app, two, query, expected):
    at = app(query)
    assert not at.exception and any(text.startswith(f"In the link: {expected}") for text in texts(at)), texts(at)


def test_on_another_page_it_shows_the_way_back(app, two):
    at = app(OWN, page="vanishing", tour="1")
    assert not at.exception and at.subheader[0].value == "Why does it vanish?"
    assert "station 1, *First*, is on the page Lab" in prose(at) and not asked(at)
    tour(at, "next")
    assert state(at).navigation.heading == "lab"


def test_what_a_server_refuses_is_told(app, two, pool, monkeypatch):
    at = app({"length": "7", "steps": "8"})
    monkeypatch.setattr(pool, "limits", Limits(max_steps=10))
    press(at, "tour_start")
    assert not at.exception and "Its experiment is not shown: steps may be at most 10" in texts(at)[0]
    assert linked(at).length == 7


# ---- a tour of one's own ----


def test_a_file_is_read_told_and_begun(app, pool):
    at = app()
    at.file_uploader[0].set_value([("mine.toml", TWO.replace("right = 2", "right = 7").encode(), "text/plain")]).run()
    assert not at.exception and "**Two stations**: 2 stations." in prose(at)
    assert any("line 12: right of station 1 must be a whole number from 1 to 4, got 7; left out" in text for text in texts(at))
    press(at, "tour_own")
    assert not at.exception and "**1 / 2 · First**" in prose(at)
    name, station = address(at)["tour"].split(".")
    assert len(name) == 16 and station == "1"
    guest = app(tour=f"{name}.2")
    assert "**2 / 2 · Second**" in prose(guest)
    tour_state.store().tours.clear()
    assert "is not here any more" in " ".join(texts(app(tour=f"{name}.2")))


def test_a_file_of_which_nothing_is_left(app):
    at = app()
    at.file_uploader[0].set_value([("mine.toml", b"\xff\x00 no tour", "text/plain")]).run()
    assert not at.exception and "nothing is left of this tour" in " ".join(texts(at)) and "tour_own" not in keys(at)


def test_the_least_recently_used_tour_is_forgotten():
    store, one = tour_state.TourStore(), Tour("", "", 0, (Station("lab"),))
    first, second, *_ = names = [store.put(str(i).encode(), one) for i in range(tour_state.MAX_TOURS)]
    assert store.get(first) is one
    store.put(b"one more", one)
    assert store.get(second) is None and store.get(first) is one and len(store.tours) == len(names)


def test_names_of_what_can_be_pointed_at():
    places = highlight.targets()
    for page, names in places.items():
        for name in names:
            found = highlight.selector(page, name)
            assert found.startswith((":is(.st-key-", "[class*='st-key-", ".stVegaLiteChart[aria-label^=")), (page, name)
    assert set(places["steps"]) == set(registry.pages()["steps"].TOUR_TARGETS), "no sidebar there"
    assert highlight.selector("lab", "") == ""
