"""A page that needs another task opens on its example. The viewer's own Experiment comes back where they leave it as it is."""

import copy
from dataclasses import replace

import pytest
from apptest import SMALL, linked, prose, state

from pages import corpus, language, series
from pages.state import session
from rnnkit.experiment import Experiment

OWN = Experiment.from_query(SMALL)[0]
EXAMPLES = {
    "corpus": corpus.EXAMPLE,
    "language": language.NETWORKS["GRU, words"].experiment,
    "series": series.NETWORKS["Echo state network"].experiment,
}


def turn(at, page):
    """Draws another page for the same viewer."""
    at._default_timeout = 60
    at.session_state["test_page"] = page
    return at.run()


@pytest.fixture
def visitor(app):
    """A viewer in the lab with settings of their own, and a pinned run."""

    def several():
        import streamlit as st

        import dashboard

        dashboard.show(st.session_state.get("test_page", "lab"))

    from streamlit.testing.v1 import AppTest

    at = AppTest.from_function(several, default_timeout=60)
    at.query_params.update(SMALL | {f"pin.{k}": v for k, v in SMALL.items() if k != "v"})
    return at.run()


@pytest.mark.parametrize("page", EXAMPLES)
def test_the_viewers_own_experiment_comes_back(visitor, page):
    before = copy.deepcopy(state(visitor).controls)
    at = turn(visitor, page)
    assert linked(at) == EXAMPLES[page] and state(at).playback.playing
    assert linked(turn(at, page)) == EXAMPLES[page]
    at = turn(at, "lab")
    assert linked(at) == OWN and state(at).pinned.experiment == OWN and state(at).controls == before
    assert not at.exception and not at.warning


def test_from_one_example_to_the_next_and_back(visitor):
    at = turn(turn(visitor, "corpus"), "language")
    assert linked(at) == EXAMPLES["language"]
    assert linked(turn(at, "network")) == OWN


@pytest.mark.parametrize("page", EXAMPLES)
def test_what_the_viewer_chooses_there_is_theirs(visitor, page):
    at = turn(visitor, page)
    at.number_input(key=next(w.key for w in at.number_input if w.label == "Hidden units H")).set_value(9).run()
    changed = replace(EXAMPLES[page], hidden=9)
    assert linked(at) == changed and linked(turn(at, "lab")) == changed
    assert linked(turn(at, page)) == changed


def test_a_lesson_that_keeps_the_task_gets_no_example(app):
    at = app(SMALL | {"lock": "task"}, page="language")
    assert state(at).experiment == OWN and "Its example cannot be opened here" in prose(at)
    assert not at.exception and not at.warning
    assert at.button(key="language_network_0").disabled


def test_a_server_that_refuses_it_gets_no_example(app, monkeypatch):
    monkeypatch.setattr(session, "objections", lambda e: {"task": "no"} if e.task == "corpus" else {})
    at = app(SMALL, page="corpus")
    assert linked(at) == OWN and "Its example cannot be opened here" in prose(at) and not at.exception
