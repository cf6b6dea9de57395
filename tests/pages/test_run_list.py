"""The runs of a run list: what came out, all their records, their charts, and how a viewer's list fills and changes."""

import io
from dataclasses import replace
from types import SimpleNamespace

import altair as alt
import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
from run_lists import ENTRIES, FILE, FULL, PLAIN, RUNS

from pages.state.run_list import RunList
from rnnkit.charts.run_list import COLOURS, DASHES, MAX_POINTS, profile_chart, profile_table, training_chart, training_table
from rnnkit.charts.style import HIGH, LOW
from rnnkit.engine.history import History
from rnnkit.engine.record import ABSENT, Record
from rnnkit.export.run_list import MAX_DRAWN, MAX_RUNS, default_name, load, outcome, outcome_text, records, to_csv, to_parquet

# ---- what came out ----


def history(e, rows, accuracy=(), dead=(), grad=None):
    """A History with so many rows; accuracy: row -> one value a network; dead: networks that are NaN from the first row on."""
    h, R = History(e), e.replicas
    parts = len(h.parts)
    diverged = np.where(np.isin(np.arange(R), list(dead)), 0, -1)
    for i in range(rows):
        right = np.array(dict(accuracy).get(i, [np.nan] * R), float)
        norms = np.ones((parts, e.length, R)) if grad is None else np.broadcast_to(grad[None, :, None], (parts, e.length, R))
        loss = np.where(diverged >= 0, np.nan, 0.5 + np.arange(R))
        ones = np.ones(R)
        h.append(Record(int(h.steps[i]), loss, right, norms.astype(np.float32), ones, ones, ones, diverged, ("W",) * R))
    return h


def test_an_outcome_in_words():
    h = history(PLAIN, 21, {0: [0.5, 0.5], 10: [1.0, 0.6], 20: [0.7, 0.6]})
    o = outcome(h, 21)
    assert (o.n_solved, o.n_forgot, o.median_step, o.n_diverged, o.step) == (1, 1, 10, 0, 20) and o.accuracy == pytest.approx(
        0.65
    )
    assert (
        outcome_text(o)
        == "1 of 2 solved, median at training step 10; 1 lost it again; accuracy 65 % at the end; gradient left: 1"
    )
    assert "by training step 10 of 20" in outcome_text(outcome(h, 11)) and "0 of 2 solved; accuracy" in outcome_text(
        outcome(h, 1)
    )
    dead = history(PLAIN, 5, dead=(1,))
    assert "NaN: 1 of 2" in outcome_text(outcome(dead, 5)) and "no accuracy by training step 4 of 20" in outcome_text(
        outcome(dead, 5)
    )


def test_what_is_left_of_a_gradient_that_was_cut_or_is_none():
    cut = history(replace(PLAIN, fixes=("truncate:4",)), 2, grad=np.array([0.0] * 6 + [1.0] * 4))
    assert outcome_text(outcome(cut, 2)).endswith("; gradient left: exactly 0 (cut)")
    assert outcome_text(outcome(history(PLAIN, 2, grad=np.zeros(10)), 2)).endswith("; gradient left: none")
    assert outcome_text(outcome(history(PLAIN, 2, grad=np.array([0.0] * 6 + [1.0] * 4)), 2)).endswith(
        "gradient left: below 1e-38"
    )


def test_where_no_sequence_had_begun_the_table_has_no_norm():
    norms = np.array([ABSENT] * 3 + [0.5] * 7)
    rows = records([("padded", history(PLAIN, 2, grad=norms))]).to_pandas()
    wide = rows[[f"dh_{t}" for t in range(10)]].to_numpy()
    assert np.isnan(wide[:, :3]).all() and (wide[:, 3:] == 0.5).all()


def test_an_outcome_of_sentences_that_were_forgotten():
    e = replace(PLAIN, task="corpus", data="0123456789abcdef", length=20)
    assert outcome_text(outcome(history(e, 3, {2: [0.5, 0.5]}), 3)) == "0 of 2 solved; accuracy 50 % by training step 2 of 20"


# ---- all records ----


def test_the_joint_table_holds_runs_of_any_length_and_cell():
    runs = [("tanh", history(RUNS[0], 3)), ("=1+1", history(RUNS[2], 2))]
    table = records(runs).to_pandas()
    assert list(table["run"]) == ["tanh"] * 6 + ["=1+1"] * 4 and len(table.columns) == 13 + 10 + 8
    of = table[table["run"] == "tanh"]
    assert of["dc_0"].isna().all() and not of["dh_9"].isna().any()
    of = table[table["run"] == "=1+1"]
    assert of["dh_9"].isna().all() and not of["dc_7"].isna().any()
    assert parquet.read_table(io.BytesIO(to_parquet(runs))).to_pandas().equals(table)
    read = pd.read_csv(io.BytesIO(to_csv(runs)))
    assert list(read["run"].unique()) == ["tanh", "'=1+1"], "no formula for a spreadsheet"
    assert list(read["loss"]) == list(table["loss"])
    assert records([]).num_rows == 0 and records([("none yet", History(PLAIN))]).num_rows == 0


def test_a_table_that_would_be_too_large_goes_without_the_gradients(monkeypatch):
    monkeypatch.setattr("rnnkit.export.run_list.MAX_NORMS", 10)
    assert not [name for name in records([("tanh", history(PLAIN, 3))]).column_names if name.startswith("dh_")]


# ---- the charts ----

HISTORIES = {0: ("a", history(PLAIN, 21, {0: [0.5, 0.7], 20: [1, 0.9]})), 5: ("b <b>", history(RUNS[2], 10))}
CHARTS = [
    (training_chart, training_table(HISTORIES, "accuracy"), ("accuracy", 20, (("chance", 0.5),))),
    (training_chart, training_table(HISTORIES, "loss"), ("loss", 20, (("guesser", 0.69),), 1.4)),
    (profile_chart, profile_table(HISTORIES), (10,)),
]


@pytest.mark.parametrize(("chart", "table", "args"), CHARTS)
def test_a_chart_with_and_without_its_table(chart, table, args):
    spec = chart(table, *args).to_dict()
    assert isinstance(alt.Chart.from_dict(spec), alt.TopLevelMixin)
    live = chart(None, *args).to_dict()
    assert live == chart(None, *args).to_dict() and {"name": "rows"} in [part.get("data") for part in [live, *live["layer"]]]
    assert len(COLOURS) == len(DASHES) == MAX_DRAWN == len(set(COLOURS)) == len(set(DASHES))
    empty = chart(table.iloc[:0], *args).to_dict()
    assert isinstance(alt.Chart.from_dict(empty), alt.TopLevelMixin)


def test_the_median_and_the_range_of_every_run():
    rows = training_table(HISTORIES, "accuracy")
    assert rows.to_dict("list") == {
        "place": [0, 0],
        "name": ["a", "a"],
        "x": [0, 20],
        "value": pytest.approx([0.6, 0.95]),
        "low": [0.5, 0.9],
        "high": [0.7, 1.0],
    }
    assert set(training_table(HISTORIES, "loss")["place"]) == {0, 5}
    assert len(training_table({}, "loss")) == 0 == len(profile_table({}))
    long = {1: ("long", history(replace(PLAIN, steps=300), 301))}
    thinned = training_table(long, "loss")
    assert len(thinned) == MAX_POINTS and list(thinned["x"].iloc[[0, -1]]) == [0, 300]
    blown = training_table({0: ("nan", history(PLAIN, 3, dead=(0, 1)))}, "loss")
    assert len(blown) == 0 and list(blown.columns) == ["place", "name", "x", "value", "low", "high"]


def test_a_profile_ends_at_the_edge_where_it_leaves_the_scale():
    fades = np.array([0, 1e-30, 1e-20, 1e-10, 1e-5, 1e-3, 1e-2, 0.1, 0.5, 2.0])
    rows = profile_table({2: ("fades", history(PLAIN, 2, grad=fades))})
    assert list(rows["x"]) == list(range(-9, 1)) and rows["shown"].iloc[-1] == 1
    edge = rows[rows["edge"] == "below"]
    assert list(edge["x"]) == [-7] and list(edge["shown"]) == [LOW]
    assert rows["shown"].isna().tolist() == 2 * [True] + 8 * [False] and rows["text"].iloc[0] == "below 1e-38"
    assert rows["shown"].dropna().between(LOW, HIGH).all() and rows["piece"].iloc[2:].nunique() == 1, "nothing is left to clip"
    grows = profile_table({2: ("grows", history(PLAIN, 2, grad=np.logspace(9, 0, 10)))})
    assert grows[grows["edge"] == "above"]["shown"].tolist() == [HIGH]
    cut = replace(PLAIN, fixes=("truncate:4",))
    gone = profile_table({0: ("cut", history(cut, 2, grad=np.array([0.0] * 6 + [1.0] * 4)))})
    assert gone[gone["edge"] == "below"]["text"].tolist() == ["exactly 0: cut by truncation"]
    assert len(profile_table({0: ("nan", history(PLAIN, 2, grad=np.full(10, np.nan)))})) == 0


# ---- a viewer's run list ----


def run(e, rows=5):
    return SimpleNamespace(experiment=e, history=history(e, rows))


def names(run_list):
    return [entry.name for entry in run_list.entries]


def test_runs_come_by_themselves_once():
    run_list = RunList()
    for e in (RUNS[0], RUNS[1], RUNS[0]):
        run_list.seen(run(e))
    assert names(run_list) == ["tanh: agreement, 10 time steps", "cell GRU"] and [e.place for e in run_list.entries] == [0, 1]
    assert run_list.outcomes[RUNS[1].key].step == 4


def test_a_run_that_was_removed_comes_again_when_it_is_looked_at_anew():
    run_list = RunList()
    run_list.seen(run(RUNS[0]))
    run_list.remove(RUNS[0].key)
    run_list.seen(run(RUNS[0]))
    assert not run_list.entries and not run_list.outcomes
    run_list.seen(run(RUNS[1]))
    run_list.seen(run(RUNS[0]))
    assert [entry.experiment for entry in run_list.entries] == [RUNS[1], RUNS[0]]


def test_the_oldest_run_without_a_given_name_goes_first_and_named_ones_never():
    run_list = RunList()
    for entry in FULL[:MAX_RUNS]:
        assert run_list.put(entry.experiment)
    run_list.rename(FULL[0].key, "keep me")
    assert run_list.put(FULL[MAX_RUNS].experiment) and len(run_list.entries) == MAX_RUNS
    assert FULL[0].experiment in run_list and FULL[1].experiment not in run_list
    for entry in run_list.entries:
        run_list.rename(entry.key, f"mine {entry.key}")
    assert not run_list.put(FULL[MAX_RUNS + 1].experiment) and run_list.crowded and len(run_list.entries) == MAX_RUNS
    run_list.remove(FULL[0].key)
    assert not run_list.crowded and run_list.put(FULL[MAX_RUNS + 1].experiment)
    assert len(run_list.drawn()) <= MAX_DRAWN


def test_renaming():
    run_list = RunList()
    for e in RUNS[:3]:
        run_list.put(e)
    run_list.rename(RUNS[1].key, " my\n\x00 run ")
    run_list.rename(RUNS[2].key, "my run")
    assert names(run_list)[1:] == ["my run", "my run (2)"] and run_list.entries[1].custom_name
    run_list.rename(RUNS[1].key, " \n")
    assert names(run_list)[1] == "cell GRU" and not run_list.entries[1].custom_name
    run_list.rename("no such run", "x")


def test_at_most_eight_are_drawn_and_each_keeps_its_line():
    run_list = RunList()
    for entry in FULL[: MAX_DRAWN + 2]:
        run_list.put(entry.experiment)
    assert [entry.place for entry in run_list.entries] == [*range(MAX_DRAWN), None, None]
    run_list.draw(FULL[3].key, False)
    run_list.draw(FULL[MAX_DRAWN].key, True)
    run_list.draw(FULL[MAX_DRAWN + 1].key, True)
    assert [entry.place for entry in run_list.entries] == [0, 1, 2, None, 4, 5, 6, 7, 3, None]


def test_a_file_comes_to_a_shelf_that_keeps_what_it_has():
    run_list = RunList()
    for e in (RUNS[4], RUNS[1]):
        run_list.put(e)
    assert run_list.merge(load(FILE)[0]) == []
    assert names(run_list) == [*(entry.name for entry in ENTRIES), default_name(RUNS[4], None)]
    assert [entry.place for entry in run_list.entries] == [0, 3, None, None, 1], "the file's lines; what was drawn still is"
    run_list.rename(RUNS[0].key, "my own name")
    assert run_list.merge(load(FILE)[0]) == ["'tanh' is in the run list already and keeps its name, 'my own name'"]
    assert names(run_list)[0] == "my own name" and len(run_list.entries) == 5
    full = RunList([replace(entry, custom_name=True) for entry in FULL[:MAX_RUNS]])
    said = full.merge(ENTRIES[1:3])
    assert len(full.entries) == MAX_RUNS and len(said) == 2 and "was left out: the run list holds 24 runs and is full" in said[0]


def test_when_all_lines_are_taken_the_files_are_drawn():
    run_list = RunList()
    for entry in FULL[:MAX_DRAWN]:
        run_list.put(entry.experiment)
    said = run_list.merge([replace(ENTRIES[1], place=3)])
    assert run_list.find(RUNS[1].key).place == 3 and run_list.find(FULL[3].key).place is None
    assert said == [f"8 runs are drawn already: {run_list.find(FULL[3].key).name!r} is not"]
