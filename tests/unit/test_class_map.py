"""The map of a class and the grid that a lecturer deals out, without Streamlit."""

from dataclasses import replace

import numpy as np
import pytest
from histories import E as SHORT
from histories import gradient, history

from pages.room import grid
from rnnkit.charts.class_map import AXES, COLUMNS, LANES, LOOKS, NOT_TRAINED, Dot, class_map, counts, map_table, row_name, run_id
from rnnkit.engine.fixes import ClipNorm
from rnnkit.experiment import Experiment
from rnnkit.serving.limits import Limits
from rnnkit.serving.room import MAX_DEALT
from rnnkit.stories.remedies import Outcome, result

E = Experiment()
LSTM = replace(E, cell="lstm", fixes=())


def dots(n, e=E):
    return [Dot(replace(e, seed=seed), "learnt", 1) for seed in range(n)]


@pytest.mark.parametrize(
    "e, axis, row",
    [
        (E, "cell", "tanh, clipping by norm 1"),
        (LSTM, "cell", "LSTM"),
        (replace(E, init="orthogonal", gain=1.2), "init", "Orthogonal × 1.2"),
    ],
)
def test_rows_are_in_words(e, axis, row):
    assert row_name(e, axis) == row


def test_every_outcome_has_a_colour_and_words():
    assert set(LOOKS) == {str(outcome) for outcome in Outcome if outcome is not Outcome.OPEN} | {NOT_TRAINED}
    assert len(set(LOOKS.values())) == len(LOOKS) == len({shape for _, shape in LOOKS.values()})


@pytest.mark.parametrize("axis", AXES)
def test_the_chart_is_valid_and_its_dots_are_the_runs(axis):
    spec = class_map(3, 1000, AXES[axis], 2).to_dict()  # validates
    names = {encoding["field"] for layer in spec["layer"] for encoding in layer["encoding"].values() if "field" in encoding}
    table = map_table([Dot(E, "NaN", 2), Dot(replace(LSTM, length=50), "learnt", 1)], axis)
    assert names <= set(table.columns) and spec["params"][0]["select"]["fields"] == ["id"]
    found = table.set_index("id").loc[run_id(E)]
    assert (found.x, found.lane, found.outcome, found.members) == (E.length, 0, "NaN", 2)


def test_dots_of_one_place_do_not_cover_each_other():
    table = map_table(dots(LANES * COLUMNS), "cell")
    assert len(set(zip(table.x, table.lane, strict=True))) == LANES * COLUMNS
    assert np.log(table.x).mean() == pytest.approx(np.log(E.length)) and table.lane.abs().max() < 1
    assert len(map_table(dots(100), "cell")) == 100 and len(map_table([], "cell")) == 0


def test_counts():
    assert counts([Dot(E, "NaN", 1), Dot(LSTM, "learnt", 1), *dots(2)]) == {"learnt": 3, "NaN": 1}


@pytest.mark.parametrize(
    "accuracy, diverged, n, outcome",
    [
        (1.0, -1, None, Outcome.LEARNT),
        (0.5, -1, None, Outcome.GUESSES),
        (1.0, 2, None, Outcome.BROKEN),
        (1.0, -1, 1, Outcome.OPEN),
    ],
)
def test_what_came_out_of_a_run(accuracy, diverged, n, outcome):
    e = SHORT
    rows = len(e.recorded_steps)
    h = history([gradient(1, e=e)] * rows, e, np.full((rows, e.replicas), accuracy), np.full(e.replicas, diverged), ("",) * rows)
    assert result(h, n or h.n).outcome is outcome


# ---- the grid ----


def test_a_grid_has_every_pair_once():
    found, said = grid.experiments(E, ("length", [10, 20, 10]), ("cell", ["tanh", "lstm"]), Limits())
    assert said == [] and [(e.length, e.cell) for e in found] == [(10, "tanh"), (10, "lstm"), (20, "tanh"), (20, "lstm")]
    assert all(e.fixes == (ClipNorm(1.0),) and e.replicas == E.replicas for e in found)


def test_what_a_cell_has_not_is_left_out():
    e = replace(E, cell="lstm", bias="chrono", fixes=())
    found, said = grid.experiments(e, ("cell", ["lstm", "tanh", "esn"]), ("seed", [3]), Limits())
    assert said == [] and [(e.cell, e.seed) for e in found] == [("lstm", 3), ("tanh", 3), ("esn", 3)]
    assert found[0].bias == "chrono" and found[1].bias == E.bias


def test_what_cannot_be_trained_is_left_out_with_the_reason():
    found, said = grid.experiments(E, ("length", [10, 2000]), ("replicas", [1, 4000]), Limits())
    assert [(e.length, e.replicas) for e in found] == [(10, 1)]
    assert any("length may be at most 1000" in text for text in said) and any("replicas" in text for text in said)


def test_a_grid_is_bounded():
    found, said = grid.experiments(E, ("seed", range(20)), ("length", range(10, 20)), Limits())
    assert len(found) == MAX_DEALT and "200 experiments, at most" in said[0]
    assert grid.experiments(E, ("seed", []), ("length", [10]), Limits()) == ([], [])


@pytest.mark.parametrize("text, values", [("10, 20,,10 ", [10, 20]), ("", []), (" , ", [])])
def test_values_are_read(text, values):
    assert grid.parse("length", text) == values


@pytest.mark.parametrize("text", ["ten", "1.5", "1" * 900, "10;20", "<b>", "nan"])
def test_values_that_are_none(text):
    with pytest.raises(ValueError, match="length"):
        grid.parse("length", text)


def test_many_values_are_cut():
    assert len(grid.parse("seed", ",".join(map(str, range(300))))) == grid.MAX_VALUES
