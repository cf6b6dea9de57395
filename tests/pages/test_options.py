"""The pages' own settings: every one that a page declares goes into the link, comes out of it, and survives leaving the page."""

import itertools
import math

import pytest
from apptest import SMALL, until, widget
from hypothesis import given
from hypothesis import strategies as some

from pages.state import uploads
from pages.state.page_settings import Choice, Digest, Number, Several, Text
from pages.ui import registry
from rnnkit.corpus import read_corpus
from rnnkit.experiment import FIELDS
from rnnkit.stories.remedies import PANELS

LINKED = {name: page.LINKED for name, page in registry.pages().items() if hasattr(page, "LINKED")}
PLACES = {  # told by drawings alone: a browser sets them, below; and of which the menu holds what the viewer has trained
    "network_fold", "network_time", "steps_at", "steps_unit", "steps_shown", "sentence_word", "sentence_width", "exploding_turn",
    "exploding_tilt", "remedies_order", "remedies_open", "exploding_rewound", "sentence_again", "lab_step", "language_pairs",
    "how_far_runs", "your_network_step",
}  # fmt: skip
BY_THE_PLAIN_PAGE = {"exploding_run"}  # what a page chooses where nothing is chosen
LSTM = {"cell": "lstm", "bias": "chrono", "hidden": "6", **SMALL}
CASES = {  # page -> the link that shows all its settings, and another value for each, in the order in which they appear
    "lab": (
        {**LSTM, "task": "words"},
        {"lab_step": "12", "lab_losses": "all", "lab_state": "h", "lab_measure": "norm", "lab_network": "2"},
    ),
    "network": (SMALL, {"network_trained": "trained", "network_number": "plural", "network_fold": "2.5", "network_time": "4"}),
    "steps": (
        {},
        {
            "steps_cell": "lstm", "steps_units": "2", "steps_words": "10", "steps_sentence": "3", "steps_number": "singular",
            "steps_weights": "trained", "steps_cut": "4", "steps_at": "7", "steps_unit": "2", "steps_shown": "c 1 1",
            "steps_weight": "W_in", "steps_from": "2", "steps_to": "1", "steps_epsilon": "0.01",
        },
    ),
    "sentence": (
        {**LSTM, "task": "agreement-varying", "length": "14", "steps": "30"},
        {
            "sentence_network": None,
            "sentence_noun": "king", "sentence_adverbs": "3", "sentence_clause": "12", "sentence_attractors": "2",
            "sentence_relation": "same", "sentence_again": "4", "sentence_typed": "the dogs, which saw my cat,",
            "sentence_step": "10", "sentence_part": "c", "sentence_off": "1,4", "sentence_word": "3", "sentence_width": "all",
        },
    ),
    "vanishing": (
        SMALL,
        {
            "vanishing_factor": "1.3", "vanishing_words": "29", "vanishing_step": "10", "vanishing_length": "30",
            "vanishing_gain": "2.0", "vanishing_snapshot": "5",
        },
    ),
    "exploding": (
        {},
        {
            "exploding_run": "grows",
            "exploding_gain": "1.9", "exploding_lr": "0.9", "exploding_threshold": "0.5", "exploding_seed": "8",
            "exploding_network": "1", "exploding_step": None, "exploding_rewound": "0", "exploding_w": "5.1",
            "exploding_b": "-2.0", "exploding_rate": "0.3", "exploding_clip": "1.0", "exploding_place": "end",
            "exploding_turn": "1.5", "exploding_tilt": "0.9",
        },
    ),
    "remedies": ({}, {"remedies_panel": list(PANELS)[1], "remedies_order": "steps", "remedies_open": None}),
    "compare": (
        {**LSTM, "task": "words"},
        {
            "lab_step": "12", "lab_losses": "all", "lab_state": "h", "lab_measure": "norm", "lab_network": "2",
            "compare_when": "before training",
        },
    ),
    "how_far": (
        SMALL,
        {
            "how_far_rows": "live", "how_far_networks": "16", "how_far_map": "own",
            "how_far_runs": "name=small&hidden=4&batch=4&steps=20,name=GRU&cell=gru&hidden=4&batch=4&steps=20",
            "how_far_lengths": "10,30",
        },
    ),
    "papers": ({}, {"papers_name": "hochreiter-1997"}),
    "your_network": (
        {},
        {
            "your_network_layer": None, "your_network_direction": None, "your_network_part": "h", "your_network_step": "40",
        },
    ),
    "stories": ({}, {"stories_cell": "lstm", "stories_remedy": "omega"}),
    "glossary": ({}, {"glossary_word": "chrono"}),
    "corpus": (
        {**LSTM, "task": "corpus"},
        {"lab_step": "12", "lab_losses": None, "lab_state": "h", "lab_measure": "norm", "lab_network": "2"},
    ),
    "language": (
        {**LSTM, "task": "words", "steps": "4"},
        {
            "lab_step": "2", "lab_losses": "all", "lab_state": "h", "lab_measure": "norm", "lab_network": "2",
            "language_prompt": "the <b>cat", "language_temperature": "1.2",
            "language_n": "20", "language_seed": "5", "language_pairs": None,
        },
    ),
    "series": (
        {**LSTM, "task": "sine", "steps": "4"},
        {
            "lab_step": "2", "lab_losses": "all", "lab_state": "h", "lab_measure": "norm", "lab_network": "2",
            "series_horizon": "50",
        },
    ),
}  # fmt: skip


def test_every_declared_setting_is_tried_here():
    assert CASES.keys() == LINKED.keys()
    for name, linked in LINKED.items():
        assert CASES[name][1].keys() == linked.keys(), name


def test_settings_have_names_of_their_own():
    keys = {key: page for page, linked in LINKED.items() for key in linked}
    assert not keys.keys() & (FIELDS.keys() | {"v", "present", "hide", "lock", "tour", "page"})
    assert all(key.startswith((f"{page}_", "lab_")) for key, page in keys.items())


def tours_pages(name):
    """A page, or another one for a while."""
    import streamlit as st

    import dashboard

    dashboard.show(st.session_state.get("elsewhere", name))


@pytest.fixture
def opened(app):
    """opened(page, query) -> the page, whose visitor can go elsewhere."""
    from streamlit.testing.v1 import AppTest

    def open_(name, query=()):
        at = AppTest.from_function(tours_pages, args=(name,), default_timeout=60)
        at.query_params.update(dict(query))
        return at.run()

    return open_


def address(at):
    return {k: v[0] if isinstance(v, list) else v for k, v in at.query_params.items()}


def own(at, name):
    return {key: text for key, text in address(at).items() if key in LINKED[name]}


def away_and_back(at):
    at.session_state["elsewhere"] = "start"
    at.run()
    assert not at.exception and not own(at, "steps")
    del at.session_state["elsewhere"]
    return at.run()


def values(at, name):
    """What stands in the widgets; places are not among them."""
    return {key: w.value for key in LINKED[name] if key not in PLACES and (w := widget(at, key)) is not None}


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][1].keys() - PLACES])
def test_what_is_set_is_in_the_link_which_opens_it_and_stays_when_the_page_is_left(opened, pool, name):
    query, wanted = CASES[name]
    at, expected = opened(name, query), {}
    for key, text in wanted.items():
        if key in PLACES or text is None or (name == "language" and key.startswith("language")):
            continue
        found = until(at, lambda at, key=key: (w := widget(at, key)) is not None and not w.disabled) and widget(at, key)
        found.set_value(LINKED[name][key].parse(text)).run()
        expected[key] = text
        until(at, lambda at: own(at, name) | {"lab_step": ""} == expected | {"lab_step": ""})
    shown = values(at, name)
    away_and_back(at)
    until(at, lambda at: own(at, name) | {"lab_step": ""} == expected | {"lab_step": ""} and values(at, name) == shown)
    again = until(opened(name, address(at)), lambda again: values(again, name) == shown)
    assert own(again, name) == own(at, name) and not any("In the link" in w.value for w in again.warning)
    assert not at.exception and not again.exception


@pytest.mark.parametrize("name", CASES)
def test_a_link_with_every_setting_of_a_page_gives_and_keeps_them(opened, pool, name):
    query, wanted = CASES[name]
    wanted = {key: text for key, text in wanted.items() if text is not None}
    at = opened(name, {**query, **wanted})
    for _ in range(2):
        until(at, lambda at: own(at, name) == wanted)
        assert not [w.value for w in at.warning if "In the link" in w.value] and not at.exception
        away_and_back(at)


HOSTILE = ["", "nan", "inf", "-1", "1e400", "9" * 5000, "<script>", "../..", "\x00", "1,1", "1" + ",1" * 4000, "٣", "x" * 9000]


@pytest.mark.parametrize("name", LINKED)
@pytest.mark.parametrize("shift", [0, 4, 9])
def test_what_is_not_valid_is_named_and_left_at_its_default(opened, pool, name, shift):
    """Each setting has another text; that every kind refuses every text is tested below, without a page."""
    texts = itertools.cycle(HOSTILE[shift:] + HOSTILE[:shift])
    bad = {key: text for key, text in zip(LINKED[name], texts, strict=False) if not _valid(LINKED[name][key], text)}
    plain = list(itertools.takewhile(lambda key: sum(len(bad[k]) for k in bad if k <= key) < 9000, sorted(bad)))
    at = opened(name, {**CASES[name][0], **{key: bad[key] for key in plain}})
    assert not at.exception
    said = " ".join(w.value for w in at.warning)
    assert len(said) < 6000 and (not plain or f"{plain[0].replace('_', chr(92) + '_')}" in said or plain[0] in said)
    assert set(own(at, name)) & set(plain) <= BY_THE_PLAIN_PAGE


def _valid(kind, text):
    try:
        kind.parse(text)
    except (ValueError, OverflowError):
        return False
    return True


KINDS = [Choice(("a", 2, 0.5)), Number(0, 9), Number(0.5, 2.0), Text(20), Digest(), Several(Number(0, 9), 3)]


@given(some.sampled_from(KINDS), some.text() | some.sampled_from(HOSTILE) | some.integers().map(str) | some.floats().map(str))
def test_a_text_is_a_valid_value_that_is_written_and_read_again_or_a_plain_error(kind, text):
    if _valid(kind, text):
        value = kind.parse(text)
        assert kind.holds(value) and kind.parse(kind.show(value)) == value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, {}, [], [[]], "x" * 21, -1, object(), [1, 1], [0, 1, 2, 3], [None]])
def test_what_a_drawing_tells_is_checked(kind, value):
    assert kind.holds(value) == (isinstance(kind, Several) and value == [])


def test_a_setting_that_a_lesson_keeps_is_not_changed_by_a_click_elsewhere(opened, pool):
    at = opened("sentence", {**SMALL, "hidden": "4", "lock": "sentence_off", "sentence_off": "1"})
    until(at, lambda at: any(b.key == "sentence_best" for b in at.button))
    at.button(key="sentence_best").click().run()
    assert own(at, "sentence") == {"sentence_off": "1"}


PAIRS = b"".join(
    b'{"one_prefix_prefix": "the %s of house %d", "one_prefix_word_good": "%s", "one_prefix_word_bad": "%s"}\n' % words
    for n in range(60)
    for words in ((b"cat", n, b"was", b"were"), (b"dogs", n, b"were", b"was"))
)


def test_pairs_of_a_file_stand_in_the_link(opened, pool, nothing_given):
    corpus = read_corpus(PAIRS, "a.jsonl")
    digest = uploads.store().put(corpus, 100, "somebody")
    at = opened("language", {**CASES["language"][0], "language_pairs": digest})
    until(at, lambda at: any("does not fit the other settings" in w.value for w in at.warning))
    uploads.store().uploads[digest].shared = True
    at = opened("language", {**CASES["language"][0], "language_pairs": digest})
    until(at, lambda at: any("a.jsonl" in c.value for c in at.caption))
    assert own(at, "language") == {"language_pairs": digest}


def test_what_the_browser_tells_a_page_that_is_gone_is_left_alone(monkeypatch):
    """Back and Forward in quick succession: Streamlit had let go of the frame, and the page was a traceback."""
    import streamlit

    from pages.state import session, url, viewer_state
    from pages.state.viewer_state import ViewerState

    assert "rnnkit_frame" not in streamlit.session_state
    mine = ViewerState()
    monkeypatch.setattr(viewer_state, "current", lambda: mine)
    url._go_back()
    session.bring_back()
    assert not mine.tab_answered
