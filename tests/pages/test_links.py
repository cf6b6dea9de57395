"""Links: what is wrong in one is named and left at its default, and nothing raises."""

from urllib.parse import parse_qsl, urlsplit

import pytest
import streamlit
from apptest import linked, press, state
from hypothesis import given
from hypothesis import strategies as st

from pages.state import navigation
from pages.ui import chart_view
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.stories.presets import PAIRS, PRESETS, pair

in_browser = navigation.in_browser  # which the fixture `app` replaces


@pytest.mark.parametrize(
    ("query", "kept", "reported"),
    [
        ({}, {}, []),
        ({"v": "1", "lr": "0.01"}, {"lr": 0.01}, []),
        ({"v": "7", "lr": "0.01"}, {"lr": 0.01}, ["version"]),
        ({"lr": "x", "seed": "3"}, {"seed": 3}, ["lr"]),
        ({"lr": "nan", "seed": "1e400", "hidden": "8"}, {"hidden": 8}, ["lr", "seed"]),
        ({"colour": "red", "cell": "gru"}, {"cell": "gru"}, ["colour"]),
        ({"task": "memorization", "length": "5", "seed": "2"}, {"task": "memorization", "seed": 2}, ["length"]),
        ({"cell": "esn", "lr": "0.1", "init": "orthogonal", "gain": "0.9"}, {"cell": "esn", "gain": 0.9}, ["lr", "init"]),
        ({"cell": "esn", "fixes": "l1:1", "leak": "0.5"}, {"cell": "esn", "leak": 0.5}, ["fixes"]),
        ({"cell": "lstm", "fixes": "omega:1", "bias": "chrono"}, {"cell": "lstm", "bias": "chrono"}, ["omega"]),
        ({"bias": "chrono", "steps": "9"}, {"steps": 9}, ["bias"]),
        ({"fixes": ""}, {"fixes": ()}, []),
        ({"fixes": "truncate:5,nope:1,l2:x", "batch": "2"}, {"batch": 2, "fixes": ("truncate:5",)}, ["nope", "l2"]),
        ({"length": "12.5", "task": "nope", "replicas": "0", "ridge": "-", "init": ""}, {},
         ["length", "task", "replicas", "ridge", "init"]),
    ],
)  # fmt: skip
def test_a_bad_link_keeps_what_is_good_and_names_each_problem(query, kept, reported):
    e, messages = Experiment.from_query(query)
    assert e == Experiment(**kept)
    assert len(messages) == len(reported)
    for name in reported:
        assert any(name in message for message in messages), name


NASTY = "nan inf -1 1e999 0 -0 3 1_0 esn lstm memorization chrono clip-norm l1:1,l1:2 omega:1 freeze: freeze:+ truncate:1e5"
TEXTS = st.text() | st.sampled_from([*NASTY.split(), ",,,", ":", "9" * 5000, "None", "\x00", "\u0661\u0662", "\u202e"])


@given(st.dictionaries(st.text() | st.sampled_from([*FIELDS, "v", "fixes", "cell"]), TEXTS, max_size=8))
def test_no_link_raises_and_nothing_is_dropped_in_silence(query):
    before = dict(query)
    e, messages = Experiment.from_query(query)
    assert query == before
    assert all(isinstance(message, str) and message for message in messages)
    assert Experiment.from_query(e.to_query()) == (e, [])
    dropped = 0
    for name, text in query.items():
        try:
            dropped += name not in FIELDS and not (name == "v" and text == "1")
            dropped += name in FIELDS and FIELDS[name].parse(text) != getattr(e, name)
        except ValueError:
            dropped += 1
    assert len(messages) >= dropped


def test_a_fix_given_twice_in_a_link_is_kept_once_and_reported():
    e, messages = Experiment.from_query({"fixes": "l1:1,l2:0.5,l1:2", "batch": "2"})
    assert e.batch == 2
    assert sorted(fix.name for fix in e.fixes) == ["l1", "l2"]
    assert len(messages) == 1
    assert "l1" in messages[0]


def objecting(*objections):
    """A server's check that refuses some values, and notices when it is asked for ever."""
    asked = []

    def check(e):
        asked.append(e)
        assert len(asked) < 50, "from_query does not come to an end"
        return {name: f"{name} is refused" for name, refused in objections if refused(getattr(e, name))}

    return check


def test_what_a_server_refuses_is_left_at_its_default_and_reported():
    check = objecting(("length", lambda v: v > 500), ("steps", lambda v: v > 1000))
    query = {"length": "800", "steps": "2000", "seed": "5"}
    assert Experiment.from_query(query, check) == (Experiment(seed=5), ["length is refused", "steps is refused"])
    assert Experiment.from_query({"seed": "5"}, check) == (Experiment(seed=5), [])


@pytest.mark.parametrize("query", [{}, {"seed": "5"}, {"steps": "200", "seed": "5"}])
def test_a_server_that_refuses_even_the_default_still_gets_an_answer(query):
    """A limit can be set lower than a default (RNNKIT_MAX_STEPS=100); a link must not hang the page then."""
    e, messages = Experiment.from_query(query, objecting(("steps", lambda v: v > 100)))
    assert isinstance(e, Experiment)
    assert "steps is refused" in messages


@pytest.mark.parametrize("name", FIELDS)
def test_messages_stay_short_however_long_the_input(name):
    """They are shown on a page; a link can hold anything."""
    for text in ("x" * 10_000, "freeze:" + "x" * 10_000, "clip-norm:" + "x" * 10_000):
        _, messages = Experiment.from_query({name: text})
        assert len(messages) == 1
        assert len(messages[0]) < 600
    _, messages = Experiment.from_query({"x" * 10_000: "1", "v": "y" * 10_000})
    assert all(len(message) < 500 for message in messages)


@pytest.mark.parametrize("page", ["lab", "exploding"])
def test_the_first_page_of_a_session_keeps_the_link_that_opened_it(app, monkeypatch, page):
    """frame.js is not there yet: a change of the address would be an entry of the browser's history, and Back seem dead."""
    monkeypatch.setattr(navigation, "in_browser", in_browser)
    at = app({"length": "10", "steps": "20"}, page=page)
    assert at.query_params == {"length": "10", "steps": "20"}
    assert {"v", "length", "steps", "cell"} <= set(at.run().query_params)


def test_a_pinned_story_is_trained_as_long_as_the_one_it_is_compared_with(app):
    """clipped trains 800 steps, explodes alone 40."""
    at = app(story="clipped", **{"pin.story": "explodes"})
    assert pinned_steps(at) == PRESETS["clipped"].experiment.steps
    assert pinned_steps(app(story="clipped", **{"pin.story": "explodes", "pin.steps": "50"})) == 50


def pinned_steps(at):
    return state(at).pinned.experiment.steps


@pytest.mark.parametrize("title", PAIRS)
def test_the_short_link_of_a_pair_opens_the_pair(app, title):
    pinned, e = pair(title)
    at = app(e.to_query() | {f"pin.{k}": v for k, v in pinned.to_query().items()})
    (link,) = [code.value for code in press(at, "share").code]
    short = dict(parse_qsl(urlsplit(link).query))
    assert short == {"story": PAIRS[title][1], "pin.story": PAIRS[title][0]}
    again = app(short)
    assert (state(again).run.experiment, state(again).pinned.experiment) == (e, pinned)


def test_the_address_is_written_where_a_viewer_changed_something_before_the_first_page_was_drawn(app, monkeypatch):
    """The link was kept, which opens something else than what is shown."""
    real, runs = chart_view.files, []

    def interrupted():
        runs.append(1)
        if len(runs) == 1:
            streamlit.rerun()
        real()

    monkeypatch.setattr(navigation, "in_browser", in_browser)
    monkeypatch.setattr(chart_view, "files", interrupted)
    at = app({"length": "10", "steps": "20"})
    assert not at.exception and len(runs) == 3 and at.query_params["v"] in ("1", ["1"])
    assert linked(at).length == 10
