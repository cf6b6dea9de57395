"""A class in one room: the lecturer and the members of it, each in a session of their own."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from apptest import SMALL, controls, press, prose, state, texts, until
from example_tours import TWO
from hostile_input import IMAGE

from pages.room import map_view, member_view, page_fragment, room_state
from pages.state import session
from pages.tour import highlight, tour_state
from rnnkit.experiment import Experiment
from rnnkit.serving.limits import Limits
from rnnkit.serving.room import LECTURER_AWAY_SECONDS, Room, Rooms, Stage
from rnnkit.stories.tours import read_tour


@pytest.fixture(autouse=True)
def rooms(pool, monkeypatch):
    """Rooms of this test alone."""
    rooms = Rooms(replace(pool.limits, max_rooms=2, max_room_members=3))
    monkeypatch.setattr(room_state, "rooms", lambda: rooms)
    return rooms


@pytest.fixture
def two(monkeypatch):
    """Two stations, in the place of the project's tour."""
    shortened, _ = read_tour(TWO, highlight.targets())
    monkeypatch.setattr(tour_state, "guide", lambda: shortened)
    return shortened


@pytest.fixture
def lecturer(app):
    """A lecturer who has opened a room from the dialog Share."""
    at = press(press(app(SMALL), "share"), "room_open")
    assert not at.exception and state(at).room.name
    return at


def name(at):
    return state(at).room.name


def room_of(at):
    return room_state.rooms().get(name(at))


def keys(at):
    return {button.key for button in at.button}


def ask(at, text, answers, right=None):
    at.text_input(key="room_text").set_value(text)
    at.text_area(key="room_lines").set_value(answers)
    at.selectbox(key="room_right").set_value(right)
    return next(b for b in at.button if b.label == "Ask the class").click().run()


def vote(at, k):
    return press(at, next(b.key for b in at.button if b.key.startswith("room_vote_") and b.key.endswith(f"_{k}")))


def bars(at):
    return [bar.proto.text for bar in at.get("progress") if " (" in bar.proto.text]


# ---- a question of the lecturer's own ----


def test_votes_arrive_and_the_result_is_shown_when_the_lecturer_says_so(app, lecturer):
    a, b = app(room=name(lecturer)), app(room=name(lecturer).upper())
    assert "you follow the lecturer" in prose(a)
    lecturer.run()
    assert "**2** here, **2** follow your screen" in prose(lecturer)
    ask(lecturer, "What is it?", "this\nthat", right=2)
    assert "**0** of 2 have voted" in prose(lecturer) and bars(lecturer) == []
    a.run(), b.run()
    vote(a, 0), vote(a, 1), vote(b, 0)
    assert "Your answer counts" in prose(a) and "Right" not in prose(a)
    lecturer.run()
    assert "**2** of 2 have voted" in prose(lecturer) and bars(lecturer) == [], "the distribution comes with the result"
    press(lecturer, "room_show")
    assert "1 of 2 were right" in prose(lecturer)
    assert bars(lecturer) == ["this · 1 (50%)", ":green[**✓**] that · 1 (50%)"]
    a.run(), b.run()
    assert ":green[**✓**] Your answer: **that**. 1 of 2 were right." in prose(a)
    assert ":orange[**✗**] Your answer: **this**. Right: **that**. 1 of 2 were right." in prose(b)
    assert not any(key.startswith("room_vote") for key in keys(a))
    press(lecturer, "room_done")
    assert "What is it" not in prose(a.run()) + prose(lecturer)


def test_without_a_right_answer(app, lecturer):
    a, b = app(room=name(lecturer)), app(room=name(lecturer))
    ask(lecturer, "How was it?", "good\nbad")
    vote(a.run(), 1)
    press(lecturer, "room_show")
    assert "1 voted" in prose(lecturer) and bars(lecturer) == ["good · 0 (0%)", "bad · 1 (100%)"]
    assert "Your answer: **bad**. 1 voted." in prose(a.run()) and "1 voted." in prose(b.run())


@pytest.mark.parametrize("text", [IMAGE, "$$ \\frac{ \x00\u202e 💥", ":material/home: `code` # head"])
def test_hostile_questions_are_text(app, lecturer, text):
    a = app(room=name(lecturer))
    ask(lecturer, f"Q {text}", f"yes {text}\nno **b** [a](http://b.c) <i>")
    a.run()
    assert not a.exception and not lecturer.exception
    labels = [b.label for b in a.button if b.key.startswith("room_vote")]
    assert len(labels) == 2 and r"no \*\*b\*\* \[a\](" in labels[1] and r"\<i\>" in labels[1]
    press(lecturer, "room_show")
    assert not lecturer.exception and not a.run().exception


@pytest.mark.parametrize("text, answers", [("", "a\nb"), ("Q", ""), ("Q", "a"), ("Q", "a\nb\nc\nd\ne\nf\ng")])
def test_a_question_that_is_none_is_not_asked(lecturer, text, answers):
    ask(lecturer, text, answers)
    assert room_of(lecturer).ballot is None and any("Not asked" in said for said in texts(lecturer))
    ask(lecturer, "Q", "a\nb")
    assert not any("Not asked" in said for said in texts(lecturer))


# ---- a tour's question ----


def test_the_class_answers_a_station_and_the_tours_own_keys_decide(app, two, lecturer):
    press(lecturer, "tour_start")
    state(lecturer).playback.pace = "fast"
    a = app(room=name(lecturer))
    station = two.stations[0]
    assert "What do you expect?" in prose(a) and not a.select_slider, "covered as on the lecturer's screen"
    assert [b.label for b in a.button if b.key.startswith("room_vote")] == list(station.answers)
    vote(a, station.right - 1)
    lecturer.run()
    assert "**1** of 1 have voted" in prose(lecturer) and "right" not in prose(lecturer)
    press(lecturer, f"tour_answer_0_{2 - station.right}")
    assert "What do you expect?" not in prose(a.run()) and room_of(lecturer).ballot.stage > Stage.OPEN
    until(lecturer, lambda at: "1 of 1 were right" in prose(at))
    a.run()
    assert "✓**] Your answer" in prose(a) and station.notice in prose(a)
    press(lecturer, "tour_next_0")
    assert station.ask not in prose(a.run())


def test_a_reload_of_the_lecturers_page_keeps_the_votes(app, two, lecturer, monkeypatch):
    press(lecturer, "tour_start")
    a = app(room=name(lecturer))
    vote(a, 0)
    monkeypatch.setattr(room_state, "me", lambda: room_of(lecturer).lecturer)
    again = app({k: v if isinstance(v, str) else v[0] for k, v in lecturer.query_params.items()})
    assert "room_close" in keys(again) and "**1** of 1 have voted" in prose(again)


# ---- links, and the end ----


@pytest.mark.parametrize("text", ["aaaaaa", "", "<script>alert(1)</script>", "x" * 500, "../..", "\0", "[a](http://b.c)"])
def test_a_link_of_a_room_that_is_not_there(app, text):
    at = app(SMALL | {"room": text})
    assert not at.exception and "room" not in at.query_params
    said = next(said for said in texts(at) if "is not open" in said)
    assert not {"<", "[", "]"} & set(re.sub(r"\\.", "", said)), "escaped"
    assert at.query_params["length"] in ("10", ["10"]) and "room_follow" not in keys(at)


def test_other_settings_of_a_link_hold_and_are_not_replaced(app, lecturer):
    a = app({"length": "12", "steps": "20", "replicas": "2", "room": name(lecturer)})
    assert session_of(a).length == 12 and "Follow the lecturer" in labels(a)
    assert a.query_params["room"] in (name(lecturer), [name(lecturer)]) and a.query_params["length"] in ("12", ["12"])


def session_of(at):
    return state(at).experiment


def labels(at):
    return [button.label for button in at.button]


def test_rooms_do_not_see_each_other(app, lecturer):
    other = press(press(app(), "share"), "room_open")
    assert name(other) != name(lecturer)
    ask(lecturer, "Zebra?", "a\nb")
    assert "Zebra" in prose(app(room=name(lecturer)))
    a = app(room=name(other))
    assert "Zebra" not in prose(a) and "Zebra" not in prose(other.run()) and "**1** here" in prose(other)
    third = press(press(press(app(), "share"), "room_open"), "share")
    assert not name(third) and any("as many rooms as it can" in said for said in texts(third))


def test_the_lecturer_closes_the_room(app, lecturer):
    a = app(room=name(lecturer))
    closed = name(lecturer)
    press(lecturer, "room_close")
    assert "room_bar" not in keys(lecturer) and "room" not in lecturer.query_params
    a.run()
    assert f"The room **{closed}** is closed. The dashboard works on without it." in prose(a) and a.subheader
    press(a, "room_noticed")
    assert "is closed" not in prose(a) and "room" not in a.query_params


def test_a_room_without_its_lecturer_closes(app, lecturer, rooms):
    a = app(room=name(lecturer))
    room_of(lecturer)._lecturer_seen -= LECTURER_AWAY_SECONDS + 1
    assert "is closed" in prose(a.run()) and not a.exception
    assert "is closed" in prose(lecturer.run()) and not lecturer.exception


def test_a_full_room(app, lecturer):
    members = [app(room=name(lecturer)) for _ in range(4)]
    assert ["is full" in prose(at) for at in members] == [False, False, False, True]
    press(members[3], "room_leave")
    assert "is full" not in prose(members[3]) and "room" not in members[3].query_params


def test_who_leaves_has_no_vote_and_comes_back_by_the_link(app, lecturer):
    a = app(room=name(lecturer))
    ask(lecturer, "Q", "a\nb")
    vote(a.run(), 0)
    press(a, "room_leave")
    assert "room_vote" not in " ".join(keys(a)) and room_of(lecturer).ballot.total == 0
    assert "**Room" in prose(app(room=name(lecturer)))


# ---- follow ----


def test_a_member_follows_page_and_settings_until_they_look_elsewhere(app, lecturer):
    a, b = app(room=name(lecturer)), app(room=name(lecturer))
    press(b, "room_follow")
    assert "Follow the lecturer" in labels(b)
    lecturer.number_input(key="c_length").set_value(14).run()
    lecturer.run()
    a.run(), b.run()
    assert session_of(a) == session_of(lecturer) and session_of(a).length == 14
    assert session_of(b).length == 10 and "Look around" in labels(a)
    controls(a)["c_length"].set_value(17).run()
    assert session_of(a).length == 17
    a.run()
    assert "Follow the lecturer" in labels(a), "who changes something looks around"
    press(a, "room_follow")
    assert session_of(a).length == 14 and "Look around" in labels(a)


def test_the_lecturers_pinned_run_and_a_pages_own_settings_come_along(app, lecturer):
    a = app(room=name(lecturer))
    press(lecturer, "pin")
    lecturer.number_input(key="c_length").set_value(13).run()
    a.run()
    assert state(a).pinned.experiment == state(lecturer).pinned.experiment and session_of(a).length == 13
    room_of(lecturer).publish(replace(state(lecturer).room.scene, settings=(("lab_measure", "norm"),)))
    a.run()
    assert a.query_params["lab_measure"] in ("norm", ["norm"])


def test_the_class_trains_when_the_lecturer_does(app, lecturer):
    lecturer.number_input(key="c_length").set_value(11).run()
    a = app(room=name(lecturer))
    assert not state(a).playback.playing
    press(lecturer, "train")
    lecturer.run()
    if not state(lecturer).playback.playing:  # trained within that moment
        pytest.skip("too fast to see")
    a.run()
    assert state(a).playback.playing or state(a).playback.head > 1


def test_an_experiment_that_this_member_may_not_see_is_not_shown(app, lecturer, monkeypatch):
    a = app(room=name(lecturer))
    monkeypatch.setattr(session, "refusal", lambda e: "no")
    lecturer.number_input(key="c_length").set_value(14).run()
    a.run()
    assert "the lecturer's run cannot be shown here" in prose(a) and session_of(a).length == 10


# ---- the map, and what everybody trains ----


def dots(at):
    """outcome -> number of runs, as the map's line says."""
    said = next(m.value for m in at.markdown if " of the class**" in m.value)
    return dict(reversed(part.split(" ", 1)) for part in said.partition("**: ")[2].partition(". Press")[0].split(", ") if part)


def trained(at):
    state(at).playback.pace = "fast"
    press(at, "train") if "train" in keys(at) else at.run()
    return until(at, lambda at: "train" in keys(at))


def test_runs_of_members_are_dots_that_open_in_the_lecturers_lab(app, lecturer, rooms):
    lecturer.toggle(key="room_map_on").set_value(True).run()
    # no dot yet, or the lecturer's own run, on a machine on which a rerun takes longer than its first steps
    assert "A run comes here by itself" in prose(lecturer) or "**1 run of the class**" in prose(lecturer)
    a = app(SMALL | {"length": "15", "room": name(lecturer)})
    trained(a).run()
    lecturer.run()
    assert sum(map(int, dots(lecturer).values())) == len(room_of(lecturer).runs()) >= 1
    shared = next(run for run in room_of(lecturer).runs() if run.experiment.length == 15)
    assert shared.outcome in ("learnt", "nearly learnt", "not learnt", "NaN") and shared.members == {state(a).id}
    assert shared.outcome in dots(lecturer)
    lecturer.selectbox(key="room_axis").set_value("init").run()
    assert not lecturer.exception
    press(lecturer, "room_map_clear")
    assert not any(run.experiment.length == 15 for run in room_of(lecturer).runs())


def test_a_dot_opens_its_run(app, lecturer, monkeypatch):
    """Also one that the lecturer has never seen, and none of another room."""
    e = replace(session_of(lecturer), length=19)
    room_of(lecturer).add_run(state(lecturer).id, e)
    monkeypatch.setattr(map_view.widgets, "value", lambda key, otherwise=None: {"selection": {"run": [{"id": e.key[:16]}]}})
    opened = []
    monkeypatch.setattr(room_state.browser_history, "begin_chapter", opened.append)
    monkeypatch.setattr(room_state.viewer_state, "current", lambda: state(lecturer))
    map_view._open("room_map_cell")
    room_state.open_dot("nothing"), room_state.open_dot("")
    assert opened == [e]


def test_what_a_member_has_uploaded_is_no_dot(monkeypatch):
    room, e = Room("abcdef", "lecturer", 9), Experiment(task="corpus", data="0123456789abcdef")
    run = SimpleNamespace(experiment=e, history=SimpleNamespace(n=0))
    monkeypatch.setattr(room_state, "me", lambda: "lecturer")
    monkeypatch.setattr(session, "run", lambda: run)
    for shown in (e, replace(e, task="agreement", data="")):
        run.experiment = shown
        monkeypatch.setattr(room_state.viewer_state, "current", lambda shown=shown: SimpleNamespace(run_list=[shown]))
        assert room_state.look(room)
    assert [shared.experiment for shared in room.runs()] == [shown]


def test_each_member_gets_one_experiment_of_the_grid(app, lecturer):
    a, b = app(room=name(lecturer)), app(room=name(lecturer))
    lecturer.text_input(key="room_values_length").set_value("8, 9").run()
    lecturer.multiselect(key="room_values_cell").set_value(["gru"]).run()
    assert "Deal out 2 experiments" in labels(lecturer)
    press(lecturer, "room_deal_out")
    a.run(), b.run()
    assert "Train yours: GRU: agreement, 8 time steps" in labels(a)
    assert "Train yours: GRU: agreement, 9 time steps" in labels(b)
    press(b, "room_train")
    assert (session_of(b).cell, session_of(b).length) == ("gru", 9) and state(b).playback.playing
    assert "Follow the lecturer" in labels(b) and "room_train" not in keys(b)
    press(lecturer, "room_deal_back")
    assert "room_train" not in keys(a.run())


@pytest.mark.parametrize("text", ["<b>x</b>", "9" * 200, "-1", IMAGE])
def test_hostile_values_of_a_grid(lecturer, text):
    lecturer.text_input(key="room_values_length").set_value(text).run()
    assert not lecturer.exception and "room_deal_out" not in keys(lecturer)
    assert any("length" in said for said in texts(lecturer))


def test_a_fragment_has_another_name_on_each_page(monkeypatch):
    """Else a late poll of the page before would be answered, and the browser would clear the page."""
    names = set()
    for page in ("lab", "vanishing"):
        monkeypatch.setattr(page_fragment.navigation, "page", lambda page=page: page)
        names.add(page_fragment.page_fragment(member_view._member).__qualname__)
    assert names == {"_member_lab", "_member_vanishing"}


def test_limits_of_rooms():
    assert (Limits().max_rooms, Limits().max_room_members) == (20, 500)
