"""Sentence: what is built, typed, pinned and switched off reaches the reader and the studies."""

from dataclasses import replace

import drawn
import numpy as np
import pytest
from apptest import linked, until, widget

from pages import sentence
from pages.ui import chart_view, sentence_units
from rnnkit import Experiment
from rnnkit.charts.agreement import RULES
from rnnkit.engine.cells import CELLS
from rnnkit.engine.record import ABSENT
from rnnkit.results.ablation import Ablation
from rnnkit.results.generalization import Generalization
from rnnkit.serving.limits import Limits
from rnnkit.stories.presets import PRESETS
from rnnkit.stories.sentence_pair import SENTENCE_PAIR
from rnnkit.studies import STUDIES
from rnnkit.tasks import TASKS
from rnnkit.tasks.agreement import Agreement

LINK = {"length": "10", "steps": "30", "hidden": "6"}


@pytest.fixture
def shown(monkeypatch):
    """The rows that the reader was given, and its other arguments, newest last."""
    seen = []
    monkeypatch.setattr(sentence, "reader", lambda rows, **options: seen.append((rows, options)))
    return seen


@pytest.fixture
def charts(monkeypatch):
    """The tables that were drawn, by the chart's key."""
    return drawn.tables(monkeypatch)


def rows(shown):
    return shown[-1][0]


def words(shown):
    return [" ".join(row.words) for row in rows(shown)]


def read(at, shown):
    """Once the network has answered."""
    return until(at, lambda at: (rows(shown)[0].norms != ABSENT).all() and not at.get("progress"))


def opened(app, shown, **query):
    return read(app(LINK, page="sentence", **query), shown)


# ---- without a browser ----


def test_the_sidebar_says_that_other_networks_read_until_a_setting_is_changed(app, shown):
    notes = lambda at: [box.value for box in at.sidebar.info]  # noqa: E731
    at = app(page="sentence")
    assert len(rows(shown)) == 4 and "two networks of its own, **LSTM, chrono initialization** and **tanh**" in notes(at)[0]
    at.sidebar.number_input(key="c_length").set_value(12).run()
    assert len(rows(shown)) == 2 and notes(at) == []
    assert notes(app(LINK, page="sentence")) == notes(app(page="vanishing")) == []


def test_both_versions_of_the_sentence_are_read_by_the_trained_network(app, shown, charts):
    at = opened(app, shown)
    assert not at.exception and not at.error and not at.warning
    one, many = rows(shown)
    assert (one.words[:4], many.words[:4]) == (["the", "cat", ",", "which"], ["the", "cats", ",", "which"])
    assert one.words[4:] == many.words[4:] and len(one.words) == 10
    assert (one.right, many.right, list(one.numbers[:2]), list(many.numbers[:2])) == (0, 1, [-1, 0], [-1, 1])
    assert one.values.shape == (6, 10) and sorted(one.units) == list(range(6)) and one.off == []
    apart = np.abs(one.values[:, -1] - many.values[:, -1])
    assert (np.diff(apart) <= 0).all(), "what tells them apart comes first"
    assert shown[-1][1]["part"] == "h" and shown[-1][1]["bound"] == 1 and "by subject: cat 0." in shown[-1][1]["summary"]
    assert any("the unit that differs most differs by" in m.value for m in at.markdown)
    assert set(charts) == {"units", "by_distance", "reach", "by_attractors"}
    assert charts["by_distance"].x.max() == 17 and len(charts["units"]) == 6


@pytest.mark.parametrize(
    ("length", "words"),
    [(60, "at the subject and by more than float32 holds at the end."), (500, "**No answer**: on the way")],
)
def test_an_answer_that_is_no_number_is_none(length, words):
    """100 times the identity: after 60 words the states are beyond float32, after 500 beyond double precision."""
    e = Experiment(length=length, cell="relu", init="identity", gain=100.0, input_scale=1.0, seed=1, replicas=1)
    task = TASKS[e.task]
    x = sentence.sentences.build(task, length, 1, np.random.default_rng(0), adverbs=0, attractors=0).x[:, 0]
    both = sentence.sentences.versions(x)
    *_, found = STUDIES["word_by_word"](e, step=0, sentences=both.T.tolist())
    said = sentence._result(both, found)
    assert words in said and "NaN" not in said
    assert np.isfinite(found.plural[:, -1]).all() == (length == 60)


def test_untrained_and_trained(app, shown, charts):
    at = opened(app, shown)
    trained = rows(shown)[0]
    assert [option.content for option in widget(at, "sentence_step").proto.options] == ["0, untrained", "10", "25", "30"]
    widget(at, "sentence_step").set_value(0).run()
    until(at, lambda at: (rows(shown)[0].norms != ABSENT).all() and (rows(shown)[0].answers != trained.answers).all())
    untrained = rows(shown)[0]
    early = sentence._early(
        sentence_units.one(linked(at)), np.array([[sentence.sentences.WORDS.index(w) for w in r.words] for r in rows(shown)]).T
    )
    np.testing.assert_allclose(untrained.answers, early.plural[0], atol=1e-6)  # what is drawn before the answer comes


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_and_every_part_of_it(app, shown, charts, cell):
    at = opened(app, shown, cell=cell, **({"bias": "chrono"} if CELLS[cell].forget_gate is not None else {}))
    names = [*CELLS[cell].parts, *(name for name, _ in CELLS[cell].equations if name not in CELLS[cell].parts)]
    assert rows(shown)[0].parts == CELLS[cell].parts and rows(shown)[0].norms.shape == (len(CELLS[cell].parts), 10)
    assert shown[-1][1]["scores"] == CELLS[cell].reservoir
    for name in names[1:]:
        before = rows(shown)[0].values
        widget(at, "sentence_part").set_value(name).run()
        assert shown[-1][1]["part"] == name and (rows(shown)[0].values != before).any()
    assert not at.exception and not at.error


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("lstm", ["hidden state h", "cell state c", "gate i", "gate f", "candidate g", "gate o"]),
        ("slstm", "hidden state h,state m,state n,cell state c,log_f,gate i,gate f,candidate z,gate o".split(",")),
        ("gated-linear-signed", ["hidden state h", "gate lam"]),
        ("minlstm", ["hidden state h", "gate f", "gate i", "gate f_norm"]),
        ("attention", ["hidden state h", "state r", "state n", "w"]),
    ],
)
def test_what_an_activation_is(app, shown, charts, cell, labels):
    at = opened(app, shown, cell=cell)
    assert [option.content for option in widget(at, "sentence_part").proto.options] == labels


def test_shares_in_words_are_not_rounded_up_past_what_was_measured():
    lost = np.array([0.9, 0.796])
    found = Ablation(np.full((2, 4), 0.5), 0.95, 0.95, np.array([0, 1]), lost, 500, ["h", "z"])
    assert sentence_units._shared(found).endswith("is right in at least 79.6 %.")


def test_build_with_attractors_adverbs_and_beyond_the_trained_length(app, shown, charts):
    at = opened(app, shown, task="agreement-varying", length="20")
    assert "place" in {key.removeprefix("by_") for key in charts}
    widget(at, "sentence_adverbs").set_value(3).run()
    widget(at, "sentence_clause").set_value(40).run()
    widget(at, "sentence_attractors").set_value(2).run()
    widget(at, "sentence_noun").set_value("king").run()
    read(at, shown)
    one, many = rows(shown)
    assert len(one.words) == 48 and (one.words[4], many.words[4]) == ("king", "kings")
    assert sorted(one.numbers) == [-1] * 45 + [0, 1, 1] and sorted(many.numbers) == [-1] * 45 + [0, 0, 1]
    widget(at, "sentence_relation").set_value("same").run()
    read(at, shown)
    assert sorted(rows(shown)[0].numbers) == [-1] * 45 + [0] * 3
    before = words(shown)
    at.button(key="sentence_other").click().run()
    read(at, shown)
    assert words(shown) != before
    widget(at, "sentence_clause").set_value(2).run()
    read(at, shown)
    assert sum(n >= 0 for n in rows(shown)[0].numbers) == 2
    assert any("has room for 1 here" in caption.value for caption in at.caption)


def test_type_a_sentence(app, shown, charts):
    at = opened(app, shown)
    widget(at, "sentence_typed").set_value("The kings, which saw my dog near rice, were.").run()
    read(at, shown)
    assert words(shown) == ["the king , which saw my dog near rice ,", "the kings , which saw my dog near rice ,"]
    assert not at.warning and not at.error
    widget(at, "sentence_typed").set_value("dogs saw milk").run()
    read(at, shown)
    assert words(shown) == ["dog saw milk", "dogs saw milk"]
    assert "never seen such a sentence: before the subject, only adverbs" in at.warning[0].value
    widget(at, "sentence_typed").set_value("the cats, which saw zebras and milk, were").run()
    read(at, shown)
    assert words(shown)[1] == "the cats , which saw and milk ,"
    assert at.warning[0].value.startswith("Left out: “zebras” is not in the vocabulary") and not at.error
    widget(at, "sentence_typed").set_value("").run()
    read(at, shown)
    built = words(shown)
    for typed, said in [
        ("the catz, which saw zebras,", "Not read: “catz” is not in the vocabulary; near to it are cat, cats"),
        ("near my milk", "there is no subject"),
        ("cat " * 1001, "Not read: at most 1000 words on this server, got 1001."),
    ]:
        widget(at, "sentence_typed").set_value(typed).run()
        read(at, shown)
        assert said in at.error[0].value and not at.exception
        assert at.error[0].value.endswith("Below is the sentence that is built above.") and words(shown) == built
        assert widget(at, "sentence_off") is not None, "the rest of the page stays"
    widget(at, "sentence_typed").set_value("").run()
    assert words(read(at, shown) and shown) == built and not at.error


@pytest.mark.parametrize("verb", ["was", "were"])
def test_the_sentence_of_the_lecture_is_read_up_to_its_verb(app, shown, charts, verb):
    at = opened(app, shown, sentence_typed=f"The cat, which already ate ..., {verb} full.")
    assert words(shown) == ["the cat , which already ate ,", "the cats , which already ate ,"]
    assert not at.error and any(f"Read up to “{verb}”. The rest, “full”" in c.value for c in at.caption)
    assert "by subject: cat 0." in shown[-1][1]["summary"]


def test_units_are_switched_off_by_hand_and_best_first(app, shown, charts):
    at = opened(app, shown)
    whole = rows(shown)[0].answers
    best = until(at, lambda at: any(b.key == "sentence_best" for b in at.button)).button(key="sentence_best")
    first = int(best.label.removeprefix("Switch off unit "))
    assert charts["units"].unit.iloc[0] == f"unit {first}"
    best.click().run()
    read(at, shown)
    assert rows(shown)[0].off == [first] and widget(at, "sentence_off").value == [first]
    assert (rows(shown)[0].answers != whole).any()
    assert (rows(shown)[0].values[list(rows(shown)[0].units).index(first)] == 0).all()
    until(at, lambda at: charts["units"].off.sum() == 1)
    widget(at, "sentence_off").set_value([0, 1, 2, 3, 4, 5]).run()
    read(at, shown)
    metrics = {m.label: m.value for m in until(at, lambda at: len(at.metric) == 2 and "6" in at.metric[1].label).metric}
    assert float(metrics["Accuracy with 6 switched off"].rstrip("%")) == pytest.approx(50, abs=8), "nothing reaches the readout"
    assert np.ptp(rows(shown)[0].answers) < 1e-6
    assert at.button(key="sentence_best").disabled
    at.button(key="sentence_all_on").click().run()
    read(at, shown)
    np.testing.assert_array_equal(rows(shown)[0].answers, whole)


def test_fewer_units_keep_those_switched_off_that_there_are(app, shown, charts):
    at = opened(app, shown)
    widget(at, "sentence_off").set_value([1, 5]).run()
    hidden = next(n for n in at.sidebar.number_input if n.key.startswith("c_hidden"))
    hidden.set_value(4).run()
    read(at, shown)
    assert rows(shown)[0].off == [1] and not at.exception


def test_a_pinned_network_reads_the_same_words(app, shown, charts):
    pinned = {"pin.length": "14", "pin.cell": "lstm", "pin.bias": "chrono", "pin.steps": "15", "pin.hidden": "4"}
    at = opened(app, shown, **pinned)
    names = [row.network for row in rows(shown)]
    assert [name.split(":")[0] for name in names] == ["now", "now", "pinned", "pinned"] and "LSTM" in names[2]
    assert words(shown)[:2] == words(shown)[2:]
    assert [len(row.norms) for row in rows(shown)] == [1, 1, 2, 2]
    widget(at, "sentence_off").set_value([1]).run()
    read(at, shown)
    assert [list(row.off) for row in rows(shown)] == [[1], [1], [], []]


def test_a_pinned_network_of_another_task_is_named(app, shown, charts):
    at = opened(app, shown, **{"pin.task": "adding", "pin.length": "12", "pin.steps": "10"})
    assert len(rows(shown)) == 2
    assert any("another task" in caption.value for caption in at.caption)


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if not isinstance(task, Agreement)][:3])
def test_another_task_is_one_click_away_from_sentences(app, shown, charts, task):
    at = app({"task": task, "length": str(max(30, TASKS[task].min_length)), "steps": "10"}, page="sentence")
    assert not at.exception and TASKS[task].title in at.info[0].value
    assert not shown
    at.button(key="sentence_open").click().run()
    assert linked(at) == PRESETS["remembers"].experiment and not at.info
    read(at, shown)


def test_stories_are_read_here_or_opened_in_the_lab(app, shown, charts):
    at = opened(app, shown)
    for name in sentence.TRY:
        assert not at.button(key=f"sentence_try_{name}").disabled and not at.button(key=f"sentence_lab_{name}").disabled
    at.button(key="sentence_try_misled").click().run()
    assert linked(at) == PRESETS["misled"].experiment and not at.exception


def test_a_network_that_became_nan_is_said_to_be(app, shown, charts):
    query = {"cell": "relu", "init": "identity", "gain": "2", "length": "30", "fixes": "", "optimizer": "sgd", "lr": "0.1"}
    at = opened(app, shown, **query)
    assert any("became NaN at training step" in box.value for box in at.warning)


def test_a_small_server_refuses_long_sentences_in_words(app, shown, charts, monkeypatch, pool):
    monkeypatch.setattr(pool, "limits", Limits(max_length=12))
    at = opened(app, shown)
    widget(at, "sentence_clause").set_value(7).run()
    read(at, shown)
    assert len(rows(shown)[0].words) == 12
    widget(at, "sentence_typed").set_value("the cat, which saw milk near rice near rice near rice,").run()
    assert at.error[0].value.startswith("Not read: at most 12 words on this server, got 13.")


def test_a_chart_is_drawn_once_it_has_a_point(monkeypatch):
    """An axis without a point has no domain: Vega warns on the console."""
    drawn = []
    monkeypatch.setattr(chart_view, "draw", lambda spec, text, key, data: drawn.append((key, len(data["rows"]))))
    monkeypatch.setattr(chart_view, "spec", lambda *args: {"height": 300})
    one = Generalization(
        kind=["distance"],
        x=np.array([7]),
        relation=[""],
        length=np.array([10]),
        right=np.array([250]),
        sentences=np.array([500]),
        rules=list(RULES),
        rules_right=np.full((len(RULES), 1), 250),
        reach=np.array([np.nan]),
    )
    sentence_units._curves(Experiment(length=10), [one], False)
    assert drawn == [("sentence_by_distance", 5)]
    sentence_units._curves(Experiment(length=10), [replace(one, reach=np.array([0.5]))], True)
    assert drawn[1:] == [("sentence_by_distance", 5), ("sentence_reach", 1)]


# ---- which networks read ----


def networks(shown):
    return [row.network for row in rows(shown)[::2]]


def test_the_plain_page_reads_twenty_words_with_one_that_holds_and_one_that_does_not(app, shown, charts):
    at = read(app(page="sentence"), shown)
    assert not at.exception and not at.error and not at.warning
    assert networks(shown) == list(SENTENCE_PAIR) and linked(at) == Experiment()
    assert [line.split()[:6] for line in words(shown)[:2]] == [
        f"the {noun} , which already ate".split() for noun in ("cat", "cats")
    ]
    assert len(rows(shown)[0].words) == 20
    lstm, _, tanh, _ = rows(shown)
    assert lstm.outcome == "the number is there: both verbs are right" and tanh.outcome.startswith("the number is lost")
    assert lstm.outcome in shown[-1][1]["summary"] and tanh.outcome in shown[-1][1]["summary"]
    assert at.query_params["sentence_network"] in ("pair", ["pair"])


@pytest.mark.parametrize(
    ("query", "name", "length"),
    [
        ({"length": "10", "steps": "30"}, "tanh: agreement, 10 time steps", 10),
        ({"length": "100"}, "tanh: agreement, 100 time steps", 100),  # the default, but named
        ({"sentence_step": "10"}, "tanh: agreement, 100 time steps", 100),  # a link from before there was a pair
        ({"sentence_network": "own"}, "tanh: agreement, 100 time steps", 100),
    ],
)
def test_a_link_that_names_anything_reads_with_the_viewers_network(app, shown, charts, query, name, length):
    at = app(query, page="sentence")
    assert networks(shown) == [name] and len(rows(shown)[0].words) == length and not at.exception


def test_a_link_can_name_the_pair_beside_a_length(app, shown, charts):
    app({"length": "10", "sentence_network": "pair"}, page="sentence")
    assert networks(shown) == list(SENTENCE_PAIR)


def test_the_sidebar_rules_and_the_choice_can_be_made_by_hand(app, shown, charts):
    at = app(page="sentence")
    length = next(n for n in at.sidebar.number_input if n.key.startswith("c_length"))
    length.set_value(12).run()
    assert networks(shown) == ["tanh: agreement, 12 time steps"] and len(rows(shown)[0].words) == 12
    widget(at, "sentence_network").set_value("pair").run()
    assert networks(shown) == list(SENTENCE_PAIR) and linked(at).length == 12
    widget(at, "sentence_network").set_value("own").run()
    assert networks(shown) == ["tanh: agreement, 12 time steps"]


def test_a_server_that_cannot_train_the_pair_reads_with_the_viewers_network(app, shown, charts, monkeypatch, pool):
    monkeypatch.setattr(pool, "limits", Limits(max_length=12))
    app(page="sentence")
    assert len(rows(shown)) == 2 and len(rows(shown)[0].words) <= 12
