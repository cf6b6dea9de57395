"""The view of answers that are still to come: several at once, partial ones, progress, failures, and what is drawn early."""

import pytest
from streamlit.testing.v1 import AppTest

from pages.state import session
from pages.ui import study_view
from rnnkit.results import Progress
from rnnkit.serving.process import Answer


def page():
    import streamlit as st

    from pages.ui import study_view

    def draw(found, done):
        st.markdown(f"found {found}, {'all' if done else 'so far'}")
        return "what it says"

    study_view.answers(st.session_state.asked, draw, **st.session_state.options)
    st.caption("behind it")


@pytest.fixture
def shown(monkeypatch):
    """show(*answers, **options) -> the page with them."""
    monkeypatch.setattr(study_view, "MAX_SILENT_WAIT", 0.0)

    def show(*asked, **options):
        at = AppTest.from_function(page, default_timeout=30)
        at.session_state["asked"], at.session_state["options"] = list(asked), options
        return at.run()

    return show


def texts(at):
    assert not at.exception
    return [m.value for m in at.markdown]


def progress(at):
    return [(bar.proto.value, bar.proto.text) for bar in at.get("progress")]


def answer(*parts, ended=False, error=""):
    found = Answer(parts=list(parts))
    if ended or error:
        found.end(error)
    return found


def test_nothing_is_drawn_before_every_answer_has_a_part(shown):
    one, other = answer({"x": 1}), answer(Progress(0.25))
    at = shown(one, other)
    assert texts(at) == [] and progress(at) == [(0, "computing ...")], "the share of the one that is furthest behind"
    one.end()
    at.run()
    assert texts(at) == [] and progress(at) == [(25, "computing ...")]
    other.parts.append({"y": 2})
    at.run()
    assert texts(at) == ["found [[{'x': 1}], [{'y': 2}]], so far"] and progress(at) == [(25, "computing ...")]
    other.end()
    at.run()
    assert texts(at) == ["found [[{'x': 1}], [{'y': 2}]], all", "what it says"] and progress(at) == []


def test_with_early_it_is_drawn_at_once_and_after_a_failure_too(shown):
    at = shown(answer(Progress(0.5)), early=True, waiting="wait")
    assert texts(at) == ["found [[]], so far"] and progress(at) == [(50, "wait")]
    assert progress(shown(answer(), early=True, waiting="")) == []
    at = shown(answer(error="no paper"), early=True, failed="Not read")
    assert texts(at) == ["found [[]], all"] and at.error[0].value == "Not read: no paper."
    assert texts(shown(early=True)) == ["found [], all", "what it says"], "nothing is asked"


def test_a_failure_can_be_tried_again(shown, monkeypatch):
    forgotten, failed = [], answer({"x": 1}, error="no paper")
    monkeypatch.setattr(session, "pool", lambda: type("Pool", (), {"forget": lambda self, a: forgotten.append(a)})())
    at = shown(answer({"x": 0}, ended=True), failed)
    assert texts(at) == [] and at.error[0].value == "This could not be computed: no paper." and at.caption
    at.button[0].click().run()
    assert not at.exception and forgotten == [failed]
