"""A lesson's locks hold: nothing that loads an experiment changes what is locked or hidden; it is refused, and says why."""

import pytest
from apptest import SMALL, buttons, controls, press, state, story

from pages import remedies, stories
from rnnkit.experiment import Experiment
from rnnkit.stories.presets import PAIRS, PRESETS, pair

LESSON = {**SMALL, "lock": "length,gain", "hide": "cell"}
KEPT = ("length", "gain", "cell")
HERE, _ = Experiment.from_query(SMALL)


def same(e):
    return all(getattr(e, name) == getattr(HERE, name) for name in KEPT)


def now(at):
    e, _ = Experiment.from_query({k: v for k, v in at.query_params.items() if k not in ("lock", "hide") and "." not in k})
    return e


@pytest.mark.parametrize("page", ["steps", "network", "vanishing", "exploding", "sentence", "compare"])
def test_what_opens_an_experiment_is_disabled_with_the_reason_where_it_would_change_what_is_kept(app, page):
    whole, at = app(SMALL, page=page), app(LESSON, page=page)
    opening = {key for key in buttons(whole) if key and key.startswith(("open_", "try_", "sentence_try", "sentence_lab"))}
    assert opening and opening <= buttons(at)
    for key in opening:
        button = at.button(key=key)
        if button.disabled:
            assert "this lesson keeps" in button.help and "here it would change" in button.help
    assert any(at.button(key=key).disabled for key in opening)
    assert same(now(at))


@pytest.mark.parametrize("page, drawn", [("stories", stories), ("remedies", remedies)])
def test_a_card_that_would_change_what_is_kept_says_why_it_cannot_be_opened(app, monkeypatch, page, drawn):
    items = []
    monkeypatch.setattr(drawn, "cards", lambda given, **options: items.extend(given))
    app({**LESSON, "length": str(PRESETS["remembers"].experiment.length)}, page=page)
    locked = {item.key for item in items if item.locked}
    assert all("this lesson keeps" in item.locked for item in items if item.key in locked)
    if page == "stories":
        assert "remembers" not in locked and locked == {name for name, preset in PRESETS.items() if not same(preset.experiment)}
    else:
        assert locked


def test_the_menu_of_stories_and_the_ready_pairs_offer_only_what_keeps_them(app):
    at = app(LESSON, page="compare")
    titles = {preset.title for preset in PRESETS.values() if same(preset.experiment)}
    assert set(story(at).options) == titles | {"Your own settings"} and len(titles) < len(PRESETS)
    offered = [option.content for group in at.get("button_group") for option in group.proto.options]
    assert {title for title in PAIRS if title in offered} == {title for title in PAIRS if same(pair(title)[1])}
    assert any("would change what this lesson keeps" in caption.value for caption in at.caption)


def test_the_pinned_run_cannot_be_swapped_in(app):
    at = app({**LESSON, "pin.length": "30", "pin.steps": "20", "pin.replicas": "2"})
    assert at.button(key="swap").disabled and "this lesson keeps Sequence length" in at.button(key="swap").help


def loads(preset):
    import streamlit as st

    import dashboard
    from pages.state import browser_history, session
    from rnnkit.stories.presets import PRESETS

    dashboard.show("lab")
    st.button("load", key="load", on_click=session.load, args=(PRESETS[preset].experiment,))
    st.button("set out", key="set_out", on_click=browser_history.begin_chapter, args=(PRESETS[preset].experiment,))


@pytest.mark.parametrize("by", ["load", "set_out"])
def test_whatever_loads_another_one_all_the_same_is_refused_in_words(pool, by):
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_function(loads, args=("lstm-chrono",), default_timeout=60)
    at.query_params.update(LESSON)
    press(at.run(), by)
    assert now(at) == HERE and not at.exception
    assert any("Not opened: this lesson keeps Sequence length" in w.value for w in at.warning)
    at.run()
    assert not any("Not opened" in w.value for w in at.warning), "told once"


def test_a_tour_keeps_them_too(app):
    at = press(app(LESSON), "tour_start")
    for _ in range(6):
        assert same(now(at)) and not at.exception
        key = next(b.key for b in at.button if b.key and b.key.startswith("tour_next"))
        at = press(at, key)
    assert any("Its experiment is not shown: this lesson keeps" in w.value for w in at.warning)


def test_another_task_does_not_stretch_a_locked_length(app):
    at = app({**SMALL, "lock": "length"})
    controls(at)["c_task"].set_value("memorization").run()
    assert now(at).length == 10 and now(at).task == "agreement"
    assert any("length must be at least" in error.value for error in at.error)


def test_the_shelf_opens_only_what_keeps_them(app):
    at = app(LESSON, page="compare")
    mine = state(at).run_list
    mine.put(Experiment(length=30, steps=20, replicas=2))
    mine.put(HERE)
    at.run()
    menus = [list(menu.proto.options) for menu in at.get("menu_button")]
    assert sorted(map(len, menus)) == [2, 3], menus
